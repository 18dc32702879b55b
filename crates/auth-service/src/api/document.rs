//! The `OpenAPI` document: what every operation can answer besides its own, said once.

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder, Type,
};

/// What any operation may answer.
const ALWAYS: &[(&str, &str)] = &[
    ("500", "Something went wrong here."),
    ("503", "Too much to do, or the database is away. `Retry-After` says when to come back."),
];

/// What `keyward dev`, which answers to its own name only, may answer.
const MISDIRECTED: (&str, &str) =
    ("421", "The request is for another host: use the address that this server was set up with.");

/// What an operation with a body may answer.
const WITH_BODY: &[(&str, &str)] = &[
    ("408", "The body came too slowly."),
    ("413", "The body is larger than this server takes: 64 KiB by default."),
    ("415", "The body is not `application/json`."),
    ("422", "Some fields are not right; `errors` points to them."),
];

/// The same, where the contract of the family does not say 422 for it.
const UNREADABLE: (&str, &str) = ("400", "The body cannot be read.");

/// What an operation that changes something may answer.
const FOREIGN: (&str, &str) = ("403", "Sent by a page of another site.");

/// The same, where somebody has to have proved a moment ago who they are.
const FOREIGN_OR_NOT_FRESH: (&str, &str) =
    ("403", "Sent by a page of another site, or it is too long since a proof of who this is.");

/// What an operation for whoever is signed in may answer.
const NOBODY: (&str, &str) = ("401", "Nobody is signed in.");

/// What an operation may answer that takes a password or a code.
const WRONG: (&str, &str) = ("401", "The password or the code is not right.");

/// The same, for whoever is signed in.
const NOBODY_OR_WRONG: (&str, &str) = ("401", "Nobody is signed in, or a password or code is not right.");

/// What an operation may answer that takes what is good once.
const GONE: (&str, &str) = ("410", "The code or link has been used or has expired.");

/// What an operation may answer that is done so often and no more.
const LIMITED: (&str, &str) = ("429", "Too many tries. `Retry-After` says when to come back.");

/// What an operation may answer that takes an `Idempotency-Key`.
const WITH_KEY: &[(&str, &str)] = &[
    ("400", "The `Idempotency-Key` is none, or the body cannot be read."),
    (
        "409",
        "The request that came first with this `Idempotency-Key` is under way. `Retry-After` says when to come back.",
    ),
    (
        "422",
        "Some fields are not right, and `errors` points to them; or another request came with this `Idempotency-Key` before.",
    ),
    (
        "429",
        "1,000 requests of the account are remembered by their `Idempotency-Key`. `Retry-After` says when to come back.",
    ),
];

/// The header by which such an operation is known.
const KEY: &str = "Idempotency-Key";

/// What operations may answer because of what they do, which their shape does not tell.
const ACTS: &[(&str, &[(&str, &str)])] = &[
    ("post_sign_up", &[LIMITED]),
    ("post_sign_up_proof", &[WRONG, GONE, LIMITED]),
    ("post_sign_up_proof_resend", &[GONE, LIMITED]),
    ("post_sign_in", &[WRONG, LIMITED]),
    ("post_sign_in_code", &[WRONG, GONE, LIMITED]),
    ("post_sign_in_code_resend", &[GONE, LIMITED]),
    ("post_reset", &[LIMITED]),
    ("post_reset_complete", &[WRONG, GONE, LIMITED]),
    ("delete_account", &[NOBODY_OR_WRONG, FOREIGN_OR_NOT_FRESH, LIMITED]),
    ("put_account_password", &[NOBODY_OR_WRONG, FOREIGN_OR_NOT_FRESH, LIMITED]),
    ("put_account_second_step", &[NOBODY_OR_WRONG, FOREIGN_OR_NOT_FRESH, LIMITED]),
    ("post_account_email", &[FOREIGN_OR_NOT_FRESH, LIMITED]),
    ("post_account_email_confirm", &[NOBODY_OR_WRONG, GONE, LIMITED]),
    ("post_account_confirm", &[NOBODY_OR_WRONG, LIMITED]),
    ("post_signup", &[LIMITED]),
    ("post_login", &[WRONG, LIMITED]),
    ("post_verify_2fa", &[WRONG, LIMITED]),
];

/// Completes the document.
pub(crate) fn finish(document: &mut OpenApi, session_cookie: &str, development: bool) {
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
                let name = name(method, path);
                complete(operation, &name, family, development);
                operation.operation_id = Some(name);
            }
        }
    }
}

/// Adds the header to each operation.
pub(crate) fn take_keys(document: &mut OpenApi) {
    let schema =
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255)).build();
    let parameter = ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Made up anew for each request, a UUID for instance. If the request is sent again with it within 24 hours, it is not done \
             again, and is answered as before, with `Idempotency-Replayed: true`.",
        ))
        .schema(Some(schema))
        .build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.parameters.get_or_insert_default().push(RefOr::T(parameter.clone()));
        }
    }
}

fn takes_key(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == KEY))
}

/// `post_account_email` for `POST /api/v1/account/email`.
fn name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path).replace(['{', '}'], "");
    format!("{method}{}", path.replace(['/', '-'], "_"))
}

fn complete(operation: &mut Operation, name: &str, family: bool, development: bool) {
    let acts = ACTS.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, acts)| acts);
    let mut known: Vec<_> = acts.iter().chain(ALWAYS).collect();
    if development {
        known.push(&MISDIRECTED);
    }
    if takes_key(operation) {
        known.extend(WITH_KEY);
    }
    if operation.request_body.is_some() {
        known.extend(WITH_BODY);
        if !family {
            known.push(&UNREADABLE);
        }
    }
    if !name.starts_with("get_") {
        known.push(&FOREIGN);
    }
    if operation.security.is_some() && !family {
        known.push(&NOBODY);
    }
    // The first to say something of a status is the one that knows most of the operation.
    for (status, description) in known {
        let responses = &mut operation.responses.responses;
        responses.entry((*status).to_owned()).or_insert_with(|| RefOr::T(failure(description, family)));
    }
}

fn failure(description: &str, family: bool) -> Response {
    let (content_type, schema) =
        if family { ("application/json", "FamilyError") } else { ("application/problem+json", "Problem") };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    ResponseBuilder::new().description(description).content(content_type, content).build()
}
