//! The `OpenAPI` document: what every operation can answer besides its own, said once.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// What any operation may answer.
const ALWAYS: &[(&str, &str)] = &[
    ("405", "The route does not take this method."),
    ("500", "Something went wrong here."),
    ("503", "Too much to do, or the database is away. `Retry-After` says when to come back."),
];

/// What an operation with a body may answer.
const WITH_BODY: &[(&str, &str)] = &[
    ("400", "The body cannot be read."),
    ("408", "The body came too slowly."),
    ("413", "The body is larger than this server takes: 64 KiB by default."),
    ("415", "The body is not `application/json`."),
    ("422", "Some fields are not right; `errors` points to them."),
    ("429", "Too many tries. `Retry-After` says when to come back."),
];

/// What an operation that changes something may answer.
const UNSAFE: &[(&str, &str)] = &[
    ("401", "Nobody is signed in, or a password or code is not right."),
    ("403", "Sent by a page of another site, or it is too long since a proof of who this is."),
    ("410", "The code or link has been used or has expired."),
];

/// Completes the document.
pub(crate) fn finish(document: &mut OpenApi, session_cookie: &str) {
    if let Some(components) = &mut document.components {
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            session_cookie,
            "The session: set by signing in, `HttpOnly`, for this server alone.",
        ));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
        let jwt = ApiKey::Cookie(ApiKeyValue::with_description(
            "jwt",
            "A token of ten minutes that projects the session: set with it, for apps to check at `/verify-token`.",
        ));
        components.add_security_scheme("jwt", SecurityScheme::ApiKey(jwt));
    }
    for (path, item) in &mut document.paths.paths {
        let family = !path.starts_with("/api/");
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                // Unique, as OpenAPI wants it; the names of our functions are not.
                operation.operation_id = Some(name(method, path));
                complete(operation, method != "get", family);
            }
        }
    }
}

/// `post_account_email` for `POST /api/v1/account/email`.
fn name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path).replace(['{', '}'], "");
    format!("{method}{}", path.replace(['/', '-'], "_"))
}

fn complete(operation: &mut Operation, is_unsafe: bool, family: bool) {
    let body = if operation.request_body.is_some() { WITH_BODY } else { &[] };
    let changes = if is_unsafe { UNSAFE } else { &UNSAFE[..1] };
    for (status, description) in ALWAYS.iter().chain(body).chain(changes) {
        operation
            .responses
            .responses
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(failure(description, family)));
    }
}

fn failure(description: &str, family: bool) -> Response {
    let (content_type, schema) =
        if family { ("application/json", "FamilyError") } else { ("application/problem+json", "Problem") };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    ResponseBuilder::new().description(description).content(content_type, content).build()
}
