//! Chance that can be repeated: `SplitMix64` (Steele, Lea, Flood 2014). Orders and names are drawn from it, and no secret that outlives a rehearsal.

use std::hash::{BuildHasher as _, RandomState};

/// A stream of numbers, the same for the same seed.
#[derive(Debug)]
pub(crate) struct Draw(u64);

/// A seed nobody chose.
pub(crate) fn any_seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`. The bias of the remainder is below 2^-40 for any bound in use here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.number() >> 63 == 1
    }

    /// A secret for a server that lives as long as a rehearsal, on loopback: 32 bytes in hexadecimal digits.
    pub(crate) fn secret(&mut self) -> String {
        let [a, b, c, d] = std::array::from_fn(|_| self.number());
        format!("{a:016x}{b:016x}{c:016x}{d:016x}")
    }

    /// An address nobody else has. All are of one length, so that length tells nothing either.
    pub(crate) fn address(&mut self) -> String {
        format!("person-{:016x}@example.com", self.number())
    }
}
