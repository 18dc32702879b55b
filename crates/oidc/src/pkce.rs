//! PKCE with S256 (RFC 7636): whoever redeems a code is who asked for it. `plain` is not spoken (RFC 9700 section 2.1.1).

use std::fmt;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{OAuthError, Secret, text_form::text_form};

/// The one `code_challenge_method`.
pub const CODE_CHALLENGE_METHOD: &str = "S256";

/// What a client sends with the authorization request: the SHA-256 of its verifier (RFC 7636 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads 43 letters of base64url.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            OAuthError::invalid_request(
                "The code_challenge is malformed: the SHA-256 of the code_verifier in base64url without padding, \
                 43 characters (RFC 7636 section 4.2).",
            )
        })
    }

    /// Whether this is the challenge of `verifier`; compared in constant time (RFC 7636 section 4.6).
    pub fn is_of(&self, verifier: &CodeVerifier) -> bool {
        verify_slices_are_equal(&self.0, &verifier.challenge().0).is_ok()
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

text_form!(CodeChallenge);

/// What a client sends with the code: the secret behind the challenge.
#[derive(Clone, Debug)]
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    /// Reads 43 to 128 unreserved characters (RFC 7636 section 4.1).
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            return Ok(Self(Secret::new(text)));
        }
        Err(OAuthError::invalid_request(
            "The code_verifier is malformed: 43 to 128 letters, digits, '-', '.', '_' or '~' (RFC 7636 section 4.1).",
        ))
    }

    /// From 32 random bytes, as RFC 7636 section 4.1 recommends.
    pub fn from_random(random: &[u8; 32]) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random)))
    }

    /// The challenge to send with the authorization request.
    pub fn challenge(&self) -> CodeChallenge {
        let mut challenge = [0; 32];
        challenge.copy_from_slice(digest(&SHA256, self.expose().as_bytes()).as_ref());
        CodeChallenge(challenge)
    }

    /// The verifier itself, to send to the token endpoint.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}
