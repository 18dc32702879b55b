//! By what tokens that were checked are known again in the memory of this process.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::random::Random;

/// Makes fingerprints of tokens: SipHash-2-4 of 128 bits (Aumasson and Bernstein, 2012), a MAC by a key that each process makes for itself
/// and that leaves it no more than a fingerprint does. Whoever has not the key cannot make a token that is taken for another.
///
/// A digest would do as well. SHA-256 of a token, of a secret and for the limiter took 18 % of what the server itself spends on an introspection
/// (`perf record`, a processor without instructions for it), and the token is the longest of the three.
pub(crate) struct Fingerprints(SipHasher24);

/// Of one token.
pub(crate) type Fingerprint = u128;

/// What stands in the key is not shown.
impl fmt::Debug for Fingerprints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Fingerprints").finish_non_exhaustive()
    }
}

impl Fingerprints {
    pub(crate) fn new(random: &Random) -> Self {
        Self::by_key(&random.bytes())
    }

    fn by_key(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    pub(crate) fn of(&self, token: &str) -> Fingerprint {
        let mut hasher = self.0;
        hasher.write(token.as_bytes());
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the authors' vectors (`vectors_sip128`) the first two and the last: so many bytes, counted from 0.
    #[test]
    fn the_authors_vectors_hold() {
        let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let fingerprints = Fingerprints::by_key(&key);
        for (length, expected) in [
            (0, 0xa381_7f04_ba25_a8e6_6df6_7214_c755_0293_u128),
            (1, 0xda87_c1d8_6b99_af44_3476_5911_9b22_fc45),
            (63, 0x5150_d177_2f50_834a_503e_069a_973f_bd7c),
        ] {
            let text = String::from_utf8((0..length).collect()).unwrap();
            assert_eq!(fingerprints.of(&text).to_le_bytes(), expected.to_be_bytes(), "{length}");
        }
    }

    #[test]
    fn each_process_has_fingerprints_of_its_own() {
        let (one, other) = (Fingerprints::new(&Random::system()), Fingerprints::new(&Random::system()));
        assert_eq!(one.of("token"), one.of("token"));
        assert_ne!(one.of("token"), one.of("tokem"));
        assert_ne!(one.of("token"), other.of("token"));
        assert_eq!(format!("{one:?}"), "Fingerprints { .. }");
    }
}
