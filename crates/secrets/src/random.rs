//! Randomness, drawn in this one place.

use aws_lc_rs::rand;

/// `N` bytes from the operating system's generator by way of AWS-LC.
///
/// # Panics
/// When the generator fails: there is no safe way to carry on, and a sign-in server that guesses is worse than
/// one that stops.
#[expect(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
#[expect(clippy::expect_used, reason = "without a generator nothing safe is left to do")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system's random generator failed; check /dev/urandom");
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_draws_differ() {
        assert_ne!(super::random_bytes::<32>(), super::random_bytes::<32>());
    }
}
