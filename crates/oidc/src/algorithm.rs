//! `Algorithm`: the three signature algorithms that are spoken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A JWS signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1). All are asymmetric: there is no `none`
/// and no HMAC to confuse a key with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256, signature as `r` and `s` of 32 bytes each.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, a modulus of 2,048 bits or more.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// The name in the `alg` member; compared with case (RFC 7515 section 4.1.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
