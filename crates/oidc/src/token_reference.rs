//! `TokenReference`: the token that an introspection or revocation request is about.

use crate::{OAuthError, Parameters, Secret};

/// What a client that has authenticated sends to the introspection endpoint (RFC 7662 section 2.1) and to the revocation
/// endpoint (RFC 7009 section 2.1).
///
/// What is not the client's own is not told (see [`Introspection::of`](crate::Introspection::of)): it is answered as a token that
/// nobody knows. Nor is it revoked: that is refused with `invalid_grant` (RFC 7009 section 2.1), and a token that nobody knows with
/// nothing, 200 (section 2.2).
#[derive(Debug)]
pub struct TokenReference {
    /// The token.
    pub token: Secret,
    /// Where to look first. Only a hint: look everywhere.
    pub hint: Option<TokenTypeHint>,
}

/// A `token_type_hint` that is known (RFC 7009 section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
}

impl TokenReference {
    /// Reads the request. A hint that is not known is passed over, as both documents allow.
    pub fn parse(form: &Parameters) -> Result<Self, OAuthError> {
        let hint = match form.get("token_type_hint") {
            Some("access_token") => Some(TokenTypeHint::AccessToken),
            Some("refresh_token") => Some(TokenTypeHint::RefreshToken),
            _ => None,
        };
        Ok(Self { token: form.require_secret("token")?, hint })
    }
}
