//! JSON bodies: read strictly, refused with the place of what is wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::App;
use crate::http::failure::{Failure, FieldError};

/// A JSON body. Unknown and duplicate keys are refused if `T` refuses them, which every body of ours does.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        require_type(request.headers(), "application/json")?;
        let body = Bytes::from_request(request, app)
            .await
            .map_err(|_| Failure::TooLarge(app.auth.settings().limits.body))?;
        parse(&body).map(Self)
    }
}

/// A body that is as it should be; nothing of any other, without a word on what is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Option<T> {
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    if is_object && is_of_type(headers, "application/json") {
        serde_json::from_slice(body).ok()
    } else {
        None
    }
}

/// What forms are.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Refuses a body that does not say that it is of this type, with what it has to be.
pub(crate) fn require_type(headers: &HeaderMap, taken: &'static str) -> Result<(), Failure> {
    if is_of_type(headers, taken) { Ok(()) } else { Err(Failure::UnsupportedMediaType(taken)) }
}

/// Whether the body says that it is of this type, in UTF-8 if it says in what.
fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|named| named.eq_ignore_ascii_case(expected))
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            let value = value.trim_matches('"');
            !name.eq_ignore_ascii_case("charset")
                || ["utf-8", "utf8"].iter().any(|utf8| value.eq_ignore_ascii_case(utf8))
        })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // Serde would read an array as the fields in their order, which is documented nowhere, and of anything else it would
    // say which Rust type it is not.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
    {
        return Err(Failure::Invalid(vec![FieldError {
            pointer: String::new(),
            code: "not_as_documented",
            detail: "the body must be a JSON object: {…}".to_owned(),
        }]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let place = pointer(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                let detail = without_position(&inner.to_string());
                let pointer = with_key(place, &detail);
                Failure::Invalid(vec![FieldError { pointer, code: "not_as_documented", detail }])
            }
            _ => Failure::Malformed(format!("The body is not valid JSON: {inner}.")),
        }
    })?;
    deserializer
        .end()
        .map_err(|error| Failure::Malformed(format!("The body is not valid JSON: {error}.")))?;
    Ok(value)
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Seq { index } => format!("/{index}"),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// Serde tells the place of the object that lacks a key, or has one twice: the key is in its words alone. One that is unknown is in
/// the place.
fn with_key(place: String, detail: &str) -> String {
    let key = ["missing field `", "duplicate field `"]
        .iter()
        .find_map(|words| detail.strip_prefix(words))
        .and_then(|rest| rest.split_once('`'))
        .map(|(key, _)| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    match key {
        Some(key) => place + &key,
        None => place,
    }
}

/// A person reads fields, not line numbers of a body that a program wrote.
fn without_position(text: &str) -> String {
    text.rsplit_once(" at line ").map_or(text, |(words, _)| words).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it is read is looked at")]
    struct Body {
        email: String,
        #[serde(default)]
        second_step: bool,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it is read is looked at")]
    struct Inner {
        number: u8,
    }

    /// Whatever comes is read or refused, and what is said of it is in proportion to what came: a letter is written in ten at the most.
    fn reads_or_refuses(body: &[u8]) {
        let most = 10 * body.len() + 300;
        match parse::<Body>(body) {
            Ok(_) => (),
            Err(Failure::Malformed(detail)) => assert!(detail.len() <= most, "{detail}"),
            Err(Failure::Invalid(errors)) => {
                assert_eq!(errors.len(), 1);
                assert!(errors[0].detail.len() <= most && errors[0].pointer.len() <= most, "{errors:?}");
                assert!(errors[0].pointer.is_empty() || errors[0].pointer.starts_with('/'), "{errors:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,20}".prop_map(Into::into),
        ];
        leaf.prop_recursive(6, 40, 6, |inner| {
            let key = prop_oneof!["email", "second_step", "inner", "number", ".{0,10}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::vec((key, inner), 0..6)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn class_21_any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            reads_or_refuses(&body);
        }

        #[test]
        fn class_21_any_text_like_json_is_read_or_refused(body in r#"\{?[\[\]{}",:0-9a-z\\ .eE+\-]{0,300}"#) {
            reads_or_refuses(body.as_bytes());
        }

        #[test]
        fn class_21_any_json_is_read_or_refused(body in any_value(), cut in 0usize..400) {
            let body = body.to_string();
            reads_or_refuses(body.as_bytes());
            reads_or_refuses(&body.as_bytes()[..cut.min(body.len())]);
        }

        /// The pointer leads back to the key, whatever it is called (RFC 6901 section 4).
        #[test]
        fn class_21_a_key_that_is_unknown_is_pointed_at(key in ".{0,30}") {
            prop_assume!(!["email", "second_step", "inner"].contains(&key.as_str()));
            let mut body = serde_json::Map::from_iter([("email".to_owned(), "a".into())]);
            body.insert(key.clone(), 1.into());
            let body = serde_json::Value::Object(body);
            let Err(Failure::Invalid(errors)) = parse::<Body>(body.to_string().as_bytes()) else { panic!("{body}") };
            prop_assert_eq!(body.pointer(&errors[0].pointer), Some(&body[&key]), "{:?}", errors);
            let within = serde_json::json!({ "email": "a", "inner": [{ "number": 1, key.clone(): 1 }] });
            prop_assume!(key != "number");
            let Err(Failure::Invalid(errors)) = parse::<Body>(within.to_string().as_bytes()) else { panic!("{within}") };
            let found = within.pointer(&errors[0].pointer);
            prop_assert_eq!(found, Some(&within["inner"][0][&key]), "{:?}", errors);
        }
    }

    /// What is nested as deep as a body is long is refused before the stack ends.
    #[test]
    fn class_21_what_is_nested_deep_is_refused() {
        for open in ["[", "{\"inner\":", "{\"inner\":["] {
            reads_or_refuses(open.repeat(64 * 1024 / open.len()).as_bytes());
        }
    }

    #[test]
    fn a_body_is_of_its_type_and_of_utf8() {
        let is_json = |value: &str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]);
            is_of_type(&headers, "application/json")
        };
        for taken in
            ["application/json", "Application/JSON ; charset=UTF-8", "application/json;charset=\"utf-8\";a=b"]
        {
            assert!(is_json(taken), "{taken}");
        }
        for refused in
            ["", "text/json", "application/json; charset=utf-16", "application/json;x=y;Charset=\"latin1\""]
        {
            assert!(!is_json(refused), "{refused}");
        }
        assert!(!is_of_type(&HeaderMap::new(), "application/json"));
    }
}
