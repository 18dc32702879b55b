//! The API's description, made readable.

mod operation;
mod schema;

use serde_json::Value;

use self::operation::Operation;
use super::Frame;

/// The methods that a path may have, in the order we show them.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// The operations of one tag.
struct Group {
    title: String,
    description: String,
    operations: Vec<Operation>,
}

struct Docs {
    title: String,
    version: String,
    description: String,
    groups: Vec<Group>,
}

page!(Docs, "docs.html");

/// `/docs`: an `OpenAPI` 3.1 document as a page. The words come from the document; what it lacks is left out.
pub fn render(document: &Value, frame: &Frame<'_>) -> String {
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
            let operation = Operation::read(document, path, method, item, found);
            let tag = found["tags"][0].as_str().map_or_else(|| frame.t("docs-other"), str::to_owned);
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
