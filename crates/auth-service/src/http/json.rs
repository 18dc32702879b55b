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
        if !is_of_type(request.headers(), "application/json") {
            return Err(Failure::UnsupportedMediaType);
        }
        let body = Bytes::from_request(request, app)
            .await
            .map_err(|_| Failure::TooLarge(app.auth.settings().limits.body))?;
        parse(&body).map(Self)
    }
}

/// Whether the body says that it is of this type, in UTF-8 if it says in what.
pub(crate) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
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

/// Serde tells the place of the object that lacks a key, or has one too many: the key is in its words alone.
fn with_key(place: String, detail: &str) -> String {
    let key = ["missing field `", "duplicate field `", "unknown field `"]
        .iter()
        .find_map(|words| detail.strip_prefix(words))
        .and_then(|rest| rest.split_once('`'))
        .map(|(key, _)| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
    match key {
        Some(key) if !place.ends_with(&key) => place + &key,
        _ => place,
    }
}

/// A person reads fields, not line numbers of a body that a program wrote.
fn without_position(text: &str) -> String {
    text.split(" at line ").next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
