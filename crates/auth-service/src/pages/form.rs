//! Forms: `application/x-www-form-urlencoded`, read strictly.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::App;
use crate::http::failure::Failure;
use crate::http::json::{FORM, require_type};

/// A form. A field that is given twice, and another type of body, are refused; a field that the form does not have is passed
/// over, since browser extensions add some. In the place of what is not UTF-8 stands U+FFFD, which no name, address or password
/// may hold: the form comes back with the field named, and what was typed in the others.
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        require_type(request.headers(), FORM)?;
        let body = Bytes::from_request(request, app)
            .await
            .map_err(|_| Failure::TooLarge(app.auth.settings().limits.body))?;
        serde_urlencoded::from_bytes(&body)
            .map(Self)
            .map_err(|error| Failure::Malformed(format!("The form cannot be read: {error}.")))
    }
}

#[cfg(test)]
mod tests {
    use domain::{DisplayName, Email, Password};
    use proptest::prelude::*;

    type Fields = std::collections::BTreeMap<String, String>;

    proptest! {
        #[test]
        fn class_21_any_bytes_are_a_form_or_none(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let read: Result<Vec<(String, String)>, _> = serde_urlencoded::from_bytes(&body);
            let length = read.iter().flatten().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            prop_assert!(length <= body.len() * char::REPLACEMENT_CHARACTER.len_utf8());
        }

        #[test]
        fn class_21_what_a_browser_sends_is_read_as_it_was_typed(fields in proptest::collection::btree_map(".{1,10}", ".{0,30}", 0..6)) {
            let body = serde_urlencoded::to_string(&fields).unwrap();
            prop_assert_eq!(serde_urlencoded::from_bytes::<Fields>(body.as_bytes()).unwrap(), fields);
        }
    }

    /// What was no text is never taken for text that somebody typed.
    #[test]
    fn what_is_not_utf8_has_a_sign_in_its_place_that_nothing_may_hold() {
        for value in ["%FF", "a%C3", "%C3%28b", "%ED%A0%80"] {
            let fields: Fields = serde_urlencoded::from_bytes(format!("a={value}").as_bytes()).unwrap();
            let read = &fields["a"];
            assert!(read.contains(char::REPLACEMENT_CHARACTER), "{value}");
            assert!(Password::parse(&format!("{read} and fifteen more")).is_err(), "{value}");
            assert!(DisplayName::parse(read).is_err(), "{value}");
            assert!(Email::parse(&format!("{read}@example.com")).is_err(), "{value}");
            assert!(Email::parse(&format!("a@{read}.example.com")).is_err(), "{value}");
        }
    }
}
