//! The API's description, made readable.

mod operation;
mod schema;

use serde_json::Value;

use self::operation::{Content, Operation};
use super::Frame;

/// The methods that a path may have, in the order we show them.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// The operations of one tag.
struct Group {
    /// Empty for what has no tag.
    title: String,
    description: String,
    operations: Vec<Operation>,
}

/// What a program brings to say who is asking.
struct Credential {
    scheme: String,
    place: String,
    name: String,
    description: String,
}

/// A kind of problem that an operation may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// The end of its `type`, and of the id of its section.
    pub code: &'static str,
    /// Its `title`.
    pub title: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// What happened.
    pub meaning: &'static str,
    /// What whoever asked can do.
    pub remedy: &'static str,
}

struct Docs<'a> {
    title: String,
    version: String,
    description: String,
    groups: Vec<Group>,
    credentials: Vec<Credential>,
    failures: Vec<Content>,
    problems: &'a [ProblemKind],
}

page!(Docs<'a>, "docs.html");

/// `/docs`: an `OpenAPI` 3.1 document as a page, and what its problems mean. The words come from the document, which is in
/// English, and are marked as such; what it lacks is left out.
pub fn render(document: &Value, problems: &[ProblemKind], frame: &Frame<'_>) -> String {
    let mut failures: Vec<Content> = Vec::new();
    let mut groups: Vec<Group> = list(&document["tags"])
        .map(|tag| Group {
            title: text(&tag["name"]),
            description: text(&tag["description"]),
            operations: Vec::new(),
        })
        .collect();
    for (path, item) in entries(&document["paths"]) {
        for method in METHODS {
            let Some(found) = item.get(method) else { continue };
            let mut operation = Operation::read(document, path, method, item, found);
            // Each failure has one of two forms. Shown with every answer they made a page of tens of thousands of elements.
            for failure in operation.take_failures() {
                if !failures.iter().any(|known| known.media_type == failure.media_type) {
                    failures.push(failure);
                }
            }
            let tag = text(&found["tags"][0]);
            match groups.iter_mut().find(|group| group.title == tag) {
                Some(group) => group.operations.push(operation),
                None => {
                    groups.push(Group {
                        title: tag,
                        description: String::new(),
                        operations: vec![operation],
                    });
                }
            }
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    for (number, operation) in groups.iter_mut().flat_map(|group| &mut group.operations).enumerate() {
        operation.anchor = format!("operation-{number}");
    }
    let info = &document["info"];
    Docs {
        title: text(&info["title"]),
        version: text(&info["version"]),
        description: text(&info["description"]),
        groups,
        credentials: entries(&document["components"]["securitySchemes"])
            .map(|(scheme, found)| Credential {
                scheme: scheme.clone(),
                place: text(&found["in"]),
                name: text(&found["name"]),
                description: text(&found["description"]),
            })
            .collect(),
        failures,
        problems,
    }
    .render(frame)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
