//! Randomness as a parameter, and the shapes it is drawn in.

use std::fmt;
use std::sync::Arc;

use domain::Timestamp;
use uuid::{Builder, Uuid};

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Where random bytes come from: the system in a server, a seed in a test.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

impl Random {
    /// A source that fills the bytes it is handed.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// The operating system's source.
    pub fn system() -> Self {
        Self::new(|bytes| {
            for chunk in bytes.chunks_mut(32) {
                chunk.copy_from_slice(&secrets::random_bytes::<32>()[..chunk.len()]);
            }
        })
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// 256 random bits: a token nobody guesses.
    pub fn token(&self) -> [u8; 32] {
        self.bytes()
    }

    /// Six digits, each number as likely as the others: what lies past the last whole million is drawn again.
    pub fn code(&self) -> String {
        const LIMIT: u32 = u32::MAX - u32::MAX % 1_000_000;
        loop {
            let number = u32::from_be_bytes(self.bytes());
            if number < LIMIT {
                return format!("{:06}", number % 1_000_000);
            }
        }
    }

    /// A UUIDv7 (RFC 9562): in the order of its making.
    pub fn ordered_id(&self, now: Timestamp) -> Uuid {
        let milliseconds = u64::try_from(now.micros() / 1000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()).into_uuid()
    }

    /// A UUIDv4 (RFC 9562): tells nothing, not even when it was made.
    pub fn opaque_id(&self) -> Uuid {
        Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits_and_ids_their_version() {
        let random = Random::system();
        for _ in 0..1000 {
            let code = random.code();
            assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
        }
        assert_eq!(Random::new(|bytes| bytes.fill(0)).code(), "000000");
        assert_eq!(random.opaque_id().get_version_num(), 4);
        let early = random.ordered_id(Timestamp::from_seconds(1_000));
        assert_eq!(early.get_version_num(), 7);
        assert!(early < random.ordered_id(Timestamp::from_seconds(1_001)));
    }
}
