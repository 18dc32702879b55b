//! `Attempt`: a sign-in that is on its way, kept in the browser that began it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc::{CodeVerifier, Secret};
use serde::{Deserialize, Serialize};

use crate::return_path::ReturnPath;
use crate::{Moment, secret_text};

/// Letters of `state` by which a browser with two tabs tells its attempts apart.
pub(crate) const LABEL: usize = 8;

/// What is known again when the person comes back (RFC 9700 section 2.1): sealed, in a cookie of its own for each attempt,
/// so that two tabs do not take each other's.
#[derive(Deserialize, Serialize)]
pub(crate) struct Attempt {
    #[serde(rename = "s")]
    pub(crate) state: String,
    #[serde(rename = "n")]
    pub(crate) nonce: String,
    #[serde(rename = "v", with = "secret_text")]
    verifier: Option<Secret>,
    #[serde(rename = "r")]
    pub(crate) return_to: String,
    #[serde(rename = "b")]
    pub(crate) begun_at: Moment,
}

impl Attempt {
    pub(crate) fn begin(return_to: &ReturnPath, now: Moment) -> Self {
        let verifier = CodeVerifier::from_random(&secrets::random_bytes());
        Self {
            state: random_text(),
            nonce: random_text(),
            verifier: Some(Secret::new(verifier.expose())),
            return_to: return_to.as_str().to_owned(),
            begun_at: now,
        }
    }

    /// What shows to the server that whoever redeems the code began the attempt (RFC 7636).
    pub(crate) fn verifier(&self) -> Option<CodeVerifier> {
        CodeVerifier::parse(self.verifier.as_ref()?.expose()).ok()
    }

    /// Which attempt of its browser it is.
    pub(crate) fn label(&self) -> &str {
        label(&self.state).unwrap_or_default()
    }
}

/// Of which attempt a `state` is. Letters of base64url only, since a cookie's name is made of them.
pub(crate) fn label(state: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    state.get(..LABEL).filter(|label| label.bytes().all(allowed))
}

/// 256 random bits, as text.
pub(crate) fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(secrets::random_bytes::<32>())
}
