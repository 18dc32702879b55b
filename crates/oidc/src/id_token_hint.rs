//! `IdTokenHint`: an ID token of ours that comes back.

use crate::{
    JwsError, KeySet,
    id_token::ID_TOKEN_TYPE,
    jws_claims::{check_issuer, sole_audience, text},
    key_set::HeaderRules,
};

/// Whom, and whose, an ID token of ours was about: the parameter `id_token_hint` of the authorization endpoint (OpenID
/// Connect Core section 3.1.2.1) and of the logout endpoint (RP-Initiated Logout section 2). It says whom a client
/// means, and proves nothing about who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The `sub`.
    pub subject: String,
    /// The `sid`.
    pub session_id: Option<String>,
    /// The client it was issued to.
    pub client_id: String,
}

impl IdTokenHint {
    /// Verifies that we signed it. That it has expired does not count (RP-Initiated Logout section 4); for how long it is
    /// believed is how long `keys` holds the key that signed it.
    pub fn verify(token: &str, keys: &KeySet, issuer: &str) -> Result<Self, JwsError> {
        let claims = keys.open(token, &HeaderRules::exact(&[ID_TOKEN_TYPE]))?.claims;
        check_issuer(&claims, issuer)?;
        let client_id = sole_audience(&claims).ok_or(JwsError::WrongAudience)?;
        let subject = text(&claims, "sub").ok_or(JwsError::Claim("sub"))?;
        Ok(Self {
            subject: subject.to_owned(),
            session_id: text(&claims, "sid").map(str::to_owned),
            client_id: client_id.to_owned(),
        })
    }
}
