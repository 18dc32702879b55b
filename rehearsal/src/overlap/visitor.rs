//! A browser or a program, with the cookies that it was given. It meets now the one server and now the other, as behind a proxy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::side::Side;
use crate::Failure;
use crate::connection::{Answer, Connection, header};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// One that has no cookies yet.
#[derive(Default)]
pub(super) struct Visitor {
    jar: BTreeMap<String, String>,
}

impl Visitor {
    pub(super) async fn get(&mut self, at: &Side, path: &str) -> Result<Answer, Failure> {
        self.ask(at, "GET", path, &[], "").await
    }

    /// Asks with an `Authorization` header.
    pub(super) async fn get_by(&mut self, at: &Side, path: &str, by: &str) -> Result<Answer, Failure> {
        self.ask(at, "GET", path, &[("authorization", by)], "").await
    }

    pub(super) async fn json(&mut self, at: &Side, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.ask(at, "POST", path, &[JSON], &body.to_string()).await
    }

    pub(super) async fn form(
        &mut self,
        at: &Side,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Answer, Failure> {
        self.ask(at, "POST", path, &[FORM], &encoded(fields)).await
    }

    /// Sends a form with an `Authorization` header.
    pub(super) async fn form_by(
        &mut self,
        at: &Side,
        path: &str,
        fields: &[(&str, &str)],
        by: &str,
    ) -> Result<Answer, Failure> {
        self.ask(at, "POST", path, &[FORM, ("authorization", by)], &encoded(fields)).await
    }

    /// The value of a cookie that it was given.
    pub(super) fn cookie(&self, name: &str) -> Result<&str, Failure> {
        let value = self.jar.get(name).ok_or_else(|| format!("there is no cookie {name}"))?;
        Ok(value)
    }

    async fn ask(
        &mut self,
        at: &Side,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, Failure> {
        let cookies: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let mut connection = Connection::open(at.port).await?;
        let request = connection.prepare(method, path, &headers, body);
        let answer = connection.send(&request).await?;
        for cookie in answer.headers.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

/// Where an answer leads.
pub(super) fn location(answer: &Answer) -> Result<&str, Failure> {
    let location = header(&answer.headers, "location");
    Ok(location.ok_or_else(|| format!("it leads nowhere: {}", answer.headers))?)
}

/// RFC 7617 section 2.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The fields of a form, or of a query.
pub(super) fn encoded(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        let _ = write!(text, "{name}=");
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}
