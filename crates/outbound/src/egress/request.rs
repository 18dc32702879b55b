//! A request and its answer, in plain types.

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::EgressError;

/// A request to be sent by [`EgressClient`](super::EgressClient). What is wrong with it is told when it is sent.
#[derive(Debug)]
pub struct EgressRequest {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    pub(super) mistake: Option<EgressError>,
}

impl EgressRequest {
    /// A GET of `url`.
    pub fn get(url: &str) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST to `url`.
    pub fn post(url: &str) -> Self {
        Self::new(Method::POST, url)
    }

    fn new(method: Method, url: &str) -> Self {
        Self { method, url: url.to_owned(), headers: HeaderMap::new(), body: None, mistake: None }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.insert(name, value, false)
    }

    /// Sets a header that no debug output shows, and that HTTP/2 does not keep in its tables.
    #[must_use]
    pub fn secret_header(self, name: &str, value: &SecretString) -> Self {
        self.insert(name, value.expose_secret(), true)
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match serde_json::to_vec(body) {
            Ok(body) => self.body = Some(body),
            Err(error) => self.mistake = Some(EgressError::Request { cause: format!("the body: {error}") }),
        }
        self
    }

    /// Sets a body of any kind.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self.insert("content-type", content_type, false)
    }

    fn insert(mut self, name: &str, value: &str, secret: bool) -> Self {
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(secret);
                self.headers.insert(name, value);
            }
            // The value stays unnamed: it may be a secret.
            _ => {
                self.mistake =
                    Some(EgressError::Request { cause: format!("the header `{}`", name.escape_debug()) });
            }
        }
        self
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct EgressResponse {
    /// The status; never 3xx.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, no larger than the settings allow.
    pub body: Vec<u8>,
}

impl EgressResponse {
    /// The first header of that name (lower case), if it is ASCII text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        std::str::from_utf8(value).ok()
    }
}
