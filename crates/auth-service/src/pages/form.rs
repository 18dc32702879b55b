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
    use proptest::prelude::*;

    use super::*;

    type Fields = std::collections::BTreeMap<String, String>;

    proptest! {
        #[test]
        fn class_21_any_bytes_are_a_form_or_none(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            if is_utf8(&body) {
                let read: Result<Vec<(String, String)>, _> = serde_urlencoded::from_bytes(&body);
                let length = read.iter().flatten().map(|(name, value)| name.len() + value.len()).sum::<usize>();
                prop_assert!(length <= body.len());
            }
        }

        /// What reads as text has nothing put in the place of what was no text.
        #[test]
        fn class_21_no_letter_comes_in_that_was_not_sent(body in "([a-z&=+]|%[0-9a-fA-F]{0,2}){0,60}") {
            let read: Vec<(String, String)> = serde_urlencoded::from_bytes(body.as_bytes()).unwrap_or_default();
            let replaced = read.iter().any(|(name, value)| (name.clone() + value).contains('\u{fffd}'));
            let sent = body.to_ascii_lowercase().contains("%ef%bf%bd");
            prop_assert!(!replaced || sent || !is_utf8(body.as_bytes()), "{:?}", read);
        }

        #[test]
        fn class_21_what_a_browser_sends_is_read_as_it_was_typed(fields in proptest::collection::btree_map(".{1,10}", ".{0,30}", 0..6)) {
            let body = serde_urlencoded::to_string(&fields).unwrap();
            prop_assert!(is_utf8(body.as_bytes()));
            prop_assert_eq!(serde_urlencoded::from_bytes::<Fields>(body.as_bytes()).unwrap(), fields);
        }
    }

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
