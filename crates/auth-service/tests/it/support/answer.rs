//! What a server answered, and how a snapshot shows it.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// The headers that a snapshot shows; the rest is the same on every answer and tested once.
const SHOWN: [&str; 7] =
    ["content-type", "location", "set-cookie", "retry-after", "allow", "connection", "etag"];

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// Where it leads, and what the page there is to say.
    pub(crate) fn leads(&self) -> String {
        let start = "__Host-keyward-notice=";
        let notice = self
            .cookies()
            .into_iter()
            .find_map(|cookie| cookie.strip_prefix(start)?.split(['.', ';']).next());
        format!("{} {}", self.location(), notice.unwrap_or_default())
    }

    pub(crate) fn json(&self) -> Value {
        let mut value: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body));
        value.sort_all_objects();
        value
    }

    /// A text of a JSON body.
    pub(crate) fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.body)).to_owned()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// Whether it opens a session.
    pub(crate) fn opens_session(&self) -> bool {
        self.cookies().iter().any(|cookie| {
            let is_session = cookie.contains("keyward-session=") || cookie.starts_with("jwt=");
            is_session && !cookie.contains("Max-Age=0")
        })
    }

    /// The language that a page says it is in.
    pub(crate) fn language(&self) -> &str {
        let rest =
            self.body.split("<html lang=\"").nth(1).unwrap_or_else(|| panic!("no page: {}", self.body));
        rest.split('"').next().unwrap()
    }

    /// The value of a hidden field of the form that a page holds.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&start).nth(1).unwrap_or_else(|| panic!("no {name}: {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The support id that a page shows.
    pub(crate) fn support_id(&self) -> &str {
        let rest = self.body.split("Support id <code>").nth(1);
        rest.unwrap_or_else(|| panic!("no support id: {}", self.body)).split('<').next().unwrap()
    }

    /// Status, headers and body, with what differs at each run left out.
    pub(crate) fn shown(&self) -> String {
        let mut lines = vec![self.status.to_string()];
        for name in SHOWN {
            for value in self.headers.get_all(name) {
                lines.push(format!("{name}: {}", value.to_str().unwrap()));
            }
        }
        let body = match serde_json::from_str::<Value>(&self.body) {
            Ok(mut value) => {
                // With `preserve_order`, which another crate of the workspace may switch on, keys keep their order.
                value.sort_all_objects();
                value.to_string()
            }
            Err(_) => self.body.clone(),
        };
        lines.push(body);
        redact(lines.join("\n").trim_end())
    }
}

/// Puts a word in the place of each id, token and code, so that two runs read the same.
pub(crate) fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |length| start + length);
        redacted.push_str(&rest[..start]);
        redacted.push_str(name_of(&rest[start..end]));
        rest = &rest[end..];
    }
    redacted + rest
}

fn name_of(word: &str) -> &str {
    let is_hex = word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    match word.len() {
        36 if uuid::Uuid::parse_str(word).is_ok() => "[id]",
        12 if is_hex => "[support-id]",
        43 if !word.contains('.') => "[token]",
        44.. if word.find('.') == Some(43) => "[done]",
        _ if word.starts_with("eyJ") && word.matches('.').count() == 2 => "[jwt]",
        _ => word,
    }
}
