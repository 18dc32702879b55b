//! Forms: `application/x-www-form-urlencoded`, read strictly.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::App;
use crate::http::failure::Failure;
use crate::http::json::is_of_type;

/// A form. A field that is given twice, one that is not UTF-8, and another type of body are refused; a field that the form
/// does not have is passed over, since browser extensions add some.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        if !is_of_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(Failure::UnsupportedMediaType);
        }
        let body = Bytes::from_request(request, app)
            .await
            .map_err(|_| Failure::TooLarge(app.auth.settings().limits.body))?;
        if !is_utf8(&body) {
            return Err(Failure::Malformed("The form holds text that is not UTF-8.".into()));
        }
        serde_urlencoded::from_bytes(&body)
            .map(Self)
            .map_err(|error| Failure::Malformed(format!("The form cannot be read: {error}.")))
    }
}

/// Whether the text stays text when its percent signs are read: `serde_urlencoded` would put replacement characters.
fn is_utf8(body: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        if let (b'%', Some(byte)) = (first, hex) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_seen_through_its_percent_signs() {
        for text in ["", "a=b", "a=%C3%A4", "a=%", "a=%zz", "a=100%"] {
            assert!(is_utf8(text.as_bytes()), "{text}");
        }
        for text in ["a=%FF", "a=%C3", "a=%C3%28"] {
            assert!(!is_utf8(text.as_bytes()), "{text}");
        }
        assert!(!is_utf8(b"a=\xff"));
    }
}
