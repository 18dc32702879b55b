//! `Secret`: a text that is a credential.

use std::fmt;

use zeroize::Zeroizing;

/// A text whose bearer is believed: a client's secret, a code, a token, a code verifier. Wiped when dropped, never
/// printed, and without `==`: compare in constant time, or compare hashes.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Whoever calls this sees to it that it is neither logged nor kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}
