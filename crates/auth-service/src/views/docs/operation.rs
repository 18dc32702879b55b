//! One operation: what it takes and what it answers.

use serde_json::Value;

use super::schema::{self, Row};
use super::{entries, list, text};

/// A method of a path.
pub(super) struct Operation {
    /// The id that the table of contents links to.
    pub(super) anchor: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) deprecated: bool,
    pub(super) credentials: Vec<String>,
    pub(super) parameters: Vec<Row>,
    pub(super) body: Option<Content>,
    pub(super) responses: Vec<Response>,
}

/// What a body holds.
pub(super) struct Content {
    pub(super) media_type: String,
    pub(super) fields: Vec<Row>,
}

/// One answer.
pub(super) struct Response {
    pub(super) status: String,
    pub(super) description: String,
    pub(super) content: Option<Content>,
}

impl Operation {
    pub(super) fn read(document: &Value, path: &str, method: &str, item: &Value, found: &Value) -> Self {
        let parameters = list(&item["parameters"]).chain(list(&found["parameters"]));
        Self {
            anchor: String::new(),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(&found["summary"]),
            description: text(&found["description"]),
            deprecated: found["deprecated"].as_bool().unwrap_or_default(),
            credentials: list(&found["security"])
                .flat_map(entries)
                .map(|(scheme, _)| scheme.clone())
                .collect(),
            parameters: parameters.map(|found| parameter(document, found)).collect(),
            body: content(document, &schema::resolve(document, &found["requestBody"])["content"]),
            responses: entries(&found["responses"])
                .map(|(status, found)| {
                    let found = schema::resolve(document, found);
                    Response {
                        status: status.clone(),
                        description: text(&found["description"]),
                        content: content(document, &found["content"]),
                    }
                })
                .collect(),
        }
    }
}

impl Operation {
    /// The forms of its failures, which are the same everywhere.
    pub(super) fn take_failures(&mut self) -> impl Iterator<Item = Content> + '_ {
        let failing = |response: &&mut Response| response.status.as_str() >= "400";
        self.responses.iter_mut().filter(failing).filter_map(|response| response.content.take())
    }
}

fn parameter(document: &Value, found: &Value) -> Row {
    let found = schema::resolve(document, found);
    let place = found["in"].as_str().unwrap_or_default();
    Row {
        name: text(&found["name"]),
        kind: format!("{} ({place})", schema::kind(document, &found["schema"])),
        required: found["required"].as_bool().unwrap_or_default(),
        meaning: text(&found["description"]),
    }
}

/// The first form of a body; an API of ours has one.
fn content(document: &Value, found: &Value) -> Option<Content> {
    let (media_type, found) = entries(found).next()?;
    Some(Content { media_type: media_type.clone(), fields: schema::fields(document, &found["schema"]) })
}
