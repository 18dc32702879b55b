//! `[password.hashing]`, and what its values may be.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use secrets::SecretRef;
use serde::{Deserialize, Serialize};

use super::argon::Argon;

/// `[password.hashing]`: Argon2id at OWASP's minimum.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HasherSettings {
    /// What new hashes are made by.
    pub algorithm: HashingAlgorithm,
    /// Memory of one hash, KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes, which are computed one after the other.
    pub parallelism: u32,
    /// Bytes of a hash.
    pub output_length: u32,
    /// A secret that goes into every hash: 32 bytes, as 64 hex digits or base64. Losing it loses every password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "keyward-secret"))]
    pub pepper: Option<SecretRef>,
    /// Peppers that hashes are verified with and none is made with: those from before, and the next one until every server has it. What
    /// was hashed with them is hashed anew at the next sign-in.
    #[schemars(with = "Vec<String>", extend("items" = { "type": "string", "format": "keyward-secret" }))]
    pub older_peppers: Vec<SecretRef>,
    /// Whether less than OWASP's minimum may be used all the same.
    pub allow_weak: bool,
    /// Hashes at once, at most; without it as many as there are cores, and as half of the memory has room for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// Memory of all hashes together, KiB; without it `max_parallel` times `memory_kib`, but no less than 34 MiB. Hashes from elsewhere that
    /// take more are not brought in, and fewer run at once while there are some that take more than one of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory_kib: Option<u32>,
    /// Whoever would wait longer for a hash to begin is told to come back.
    #[serde(with = "crate::duration")]
    #[schemars(with = "crate::duration::Written")]
    pub longest_wait: Duration,
}

/// What new hashes are made by.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HashingAlgorithm {
    /// Argon2id (RFC 9106).
    #[default]
    Argon2id,
}

impl Default for HasherSettings {
    fn default() -> Self {
        Self {
            algorithm: HashingAlgorithm::Argon2id,
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            output_length: 32,
            pepper: None,
            older_peppers: Vec::new(),
            allow_weak: false,
            max_parallel: None,
            max_memory_kib: None,
            longest_wait: Duration::from_secs(2),
        }
    }
}

/// A setting that is out of bounds: its name in `[password.hashing]`, what it is, and what it may be.
pub type HashingViolation = (&'static str, String, String);

/// Memory (KiB) and iterations that OWASP's Password Storage Cheat Sheet holds to be equally strong, at parallelism 1.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

const MEMORY: RangeInclusive<u32> = 7_168..=1_048_576;
const WEAK_MEMORY: u32 = 64;
const ITERATIONS: RangeInclusive<u32> = 1..=32;
const PARALLELISM: RangeInclusive<u32> = 1..=16;
const OUTPUT: RangeInclusive<u32> = 16..=64;
const PARALLEL: RangeInclusive<u32> = 1..=256;
/// Memory of all hashes together: what is usual elsewhere, scrypt of 32 MiB, comes in on the smallest machine.
const LEAST_SHARED: usize = 34 * 1024;
const MOST_SHARED: u32 = 67_108_864;
const WAIT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

impl HasherSettings {
    /// Everything that is out of bounds, each with the nearest value that is not.
    pub fn violations(&self) -> Vec<HashingViolation> {
        let mut found = Vec::new();
        // Argon2 wants eight blocks a lane; of lanes that are too many themselves as many are counted as there may be.
        let lanes = self.parallelism.min(*PARALLELISM.end());
        let least_memory = if self.allow_weak { WEAK_MEMORY.max(lanes * 8) } else { *MEMORY.start() };
        let numbers = [
            (
                "memory_kib",
                Some(self.memory_kib),
                least_memory..=*MEMORY.end(),
                "less is below every row of OWASP's minimum, and more is what no sign-in can wait for",
            ),
            ("iterations", Some(self.iterations), ITERATIONS, "past the maximum every sign-in waits"),
            ("parallelism", Some(self.parallelism), PARALLELISM, "more lanes make nothing stronger here"),
            (
                "output_length",
                Some(self.output_length),
                OUTPUT,
                "fewer bytes could be met by chance, and more make nothing stronger",
            ),
            ("max_parallel", self.max_parallel, PARALLEL, "each takes memory_kib of memory, and a core"),
            (
                "max_memory_kib",
                self.max_memory_kib,
                self.memory_kib.min(*MEMORY.end())..=MOST_SHARED,
                "one hash takes memory_kib of it",
            ),
        ];
        for (setting, value, range, why) in numbers {
            let Some(value) = value.filter(|value| !range.contains(value)) else { continue };
            let (least, most) = range.into_inner();
            let nearest = value.clamp(least, most);
            let expected =
                format!("it must be {least} to {most}: {why}; the nearest that is allowed is {nearest}");
            found.push((setting, value.to_string(), expected));
        }
        if !WAIT.contains(&self.longest_wait) {
            let nearest = if self.longest_wait < *WAIT.start() { "1s" } else { "30s" };
            let expected = format!(
                "it must be 1s to 30s: who waits longer has gone, and less turns people away that could be served; \
                 the nearest that is allowed is {nearest}"
            );
            found.push(("longest_wait", format!("{:?}", self.longest_wait), expected));
        }
        if found.is_empty() && !self.allow_weak {
            found.extend(self.weakness());
        }
        found
    }

    /// What is below OWASP's minimum, and the nearest that is not. `allow_weak` allows it.
    pub fn weakness(&self) -> Option<HashingViolation> {
        let Self { memory_kib, iterations, .. } = *self;
        if OWASP.iter().any(|(memory, passes)| memory_kib >= *memory && iterations >= *passes) {
            return None;
        }
        // With the memory that was asked for, more passes; with too little for that, more of both.
        let (memory, passes) =
            OWASP.into_iter().find(|(memory, _)| memory_kib >= *memory).unwrap_or((7_168, 5));
        Some((
            "memory_kib",
            format!("{memory_kib} with iterations {iterations}"),
            format!(
                "it must be OWASP's minimum at the least (Password Storage Cheat Sheet: memory_kib 47104 with iterations 1, \
                 19456 with 2, 12288 with 3, 9216 with 4, or 7168 with 5); the nearest that is allowed is memory_kib = {}, \
                 iterations = {passes}; allow_weak = true allows less",
                memory.max(memory_kib),
            ),
        ))
    }

    /// KiB that `parallel` hashes at once, and those from elsewhere, take together at the most.
    pub(super) fn shared_memory(&self, parallel: usize) -> usize {
        let own = parallel.max(1).saturating_mul(self.memory_kib as usize).max(LEAST_SHARED);
        self.max_memory_kib.map_or(own, |most| most as usize)
    }

    /// How new hashes are made.
    pub(super) fn argon(&self, pepper: Option<&str>) -> Argon {
        let HashingAlgorithm::Argon2id = self.algorithm;
        Argon {
            algorithm: argon2::Algorithm::Argon2id,
            version: argon2::Version::V0x13,
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
            pepper: pepper.map(ToOwned::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(memory_kib: u32, iterations: u32, allow_weak: bool) -> Vec<String> {
        let settings = HasherSettings { memory_kib, iterations, allow_weak, ..HasherSettings::default() };
        settings
            .violations()
            .into_iter()
            .map(|(name, found, told)| format!("{name} is {found}: {told}"))
            .collect()
    }

    #[test]
    fn every_row_of_owasp_is_enough_and_a_step_below_is_not() {
        for (memory, passes) in OWASP {
            assert!(violations(memory, passes, false).is_empty(), "{memory} {passes}");
            let below = violations(memory - 1, passes, false);
            assert_eq!(below.len(), 1, "{below:?}");
            assert!(below[0].contains("the nearest that is allowed is"), "{below:?}");
        }
        assert_eq!(violations(19_456, 1, false).len(), 1);
        assert!(violations(19_456, 1, false)[0].contains("memory_kib = 19456, iterations = 2"));
        assert!(violations(1024, 1, true).is_empty());
        assert!(violations(1024, 1, false)[0].contains("the nearest that is allowed is 7168"));
    }

    #[test]
    fn every_bound_is_told_with_its_nearest_value() {
        let told = |change: &dyn Fn(&mut HasherSettings)| {
            let mut settings = HasherSettings::default();
            change(&mut settings);
            let found = settings.violations();
            assert_eq!(found.len(), 1, "{found:?}");
            format!("{}: {}", found[0].0, found[0].2)
        };
        assert!(told(&|s| s.memory_kib = 2_000_000).ends_with("allowed is 1048576"));
        assert!(told(&|s| s.iterations = 0).ends_with("allowed is 1"));
        assert!(told(&|s| s.parallelism = 99).ends_with("allowed is 16"));
        assert!(told(&|s| s.output_length = 8).ends_with("allowed is 16"));
        assert!(told(&|s| s.max_parallel = Some(0)).ends_with("allowed is 1"));
        assert!(told(&|s| s.max_memory_kib = Some(19_455)).ends_with("allowed is 19456"));
        assert!(told(&|s| s.max_memory_kib = Some(u32::MAX)).ends_with("allowed is 67108864"));
        assert!(told(&|s| s.longest_wait = Duration::from_mins(1)).ends_with("allowed is 30s"));
    }

    /// So many lanes that their least memory was more than there may be, or no number any more: it was a panic.
    #[test]
    fn lanes_beyond_all_measure_are_told_of_as_any_are() {
        for parallelism in [17, 131_073, 536_870_912, u32::MAX] {
            let settings =
                HasherSettings { parallelism, memory_kib: 64, allow_weak: true, ..HasherSettings::default() };
            let found = settings.violations();
            assert!(found.iter().any(|(name, ..)| *name == "parallelism"), "{parallelism}: {found:?}");
            assert!(
                found.iter().any(|(name, _, told)| *name == "memory_kib" && told.ends_with("is 128")),
                "{found:?}"
            );
        }
    }
}
