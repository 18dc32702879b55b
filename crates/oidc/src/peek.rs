//! What a token claims, before anything of it is believed: to find out by what it is to be checked.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Audience, MAXIMUM_TOKEN_BYTES};

pub(crate) fn peek<T: DeserializeOwned>(token: &str) -> Option<T> {
    if token.len() > MAXIMUM_TOKEN_BYTES {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

/// When a token says it was issued (`iat`, Unix seconds). An `id_token_hint` may have expired (OpenID Connect Core
/// section 3.1.2.1): checked as of then, all else of it is.
pub fn issued_at(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        iat: i64,
    }
    peek::<Claims>(token).map(|claims| claims.iat)
}

/// For whom a token says it is, if that is one: the client of an `id_token_hint` that comes without `client_id`.
pub fn audience_of(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        aud: Audience,
    }
    match peek::<Claims>(token)?.aud {
        Audience::One(one) => Some(one),
        Audience::Many(mut many) if many.len() == 1 => many.pop(),
        Audience::Many(_) => None,
    }
}
