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
        if !is_json(request.headers()) {
            return Err(Failure::UnsupportedMediaType);
        }
        let body = Bytes::from_request(request, app).await.map_err(|_| Failure::TooLarge)?;
        parse(&body).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // Serde would read an array as the fields in their order, which is documented nowhere.
    if body.trim_ascii_start().first() == Some(&b'[') {
        let detail = "the body is an array: send an object".to_owned();
        return Err(Failure::Invalid(vec![FieldError {
            pointer: String::new(),
            code: "not_as_documented",
            detail,
        }]));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => Failure::Invalid(vec![FieldError {
                pointer,
                code: "not_as_documented",
                detail: without_position(&inner.to_string()),
            }]),
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

/// A person reads fields, not line numbers of a body that a program wrote.
fn without_position(text: &str) -> String {
    text.split(" at line ").next().unwrap_or(text).to_owned()
}
