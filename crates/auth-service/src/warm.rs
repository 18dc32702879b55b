//! Checks that are answered from memory alone: of a token that was checked before, whose session, grant and app are known to live. They
//! are what is asked most by far, and go before everything that an answer may need that fails: support id, span, routes.
//!
//! Each gives nothing where memory does not suffice, or where the answer would be a refusal; then the request goes the long way, as
//! if nobody had looked. What it gives is what the long way gives, header by header.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use oidc::{ClientAuthentication, Parameters, TokenReference, bearer_token};
use serde::Serialize;

use crate::App;
use crate::contract::{TokenAnswer, TokenBody};
use crate::http::headers::Choice;
use crate::http::{asking, guard, headers, json};
use crate::protocol::answer;

/// The headers of such answers, ready made.
#[derive(Debug)]
pub(crate) struct WarmHeaders {
    /// To an app of the family.
    family: HeaderMap,
    /// To a server.
    protocol: HeaderMap,
    /// To any page.
    open: HeaderMap,
}

impl WarmHeaders {
    pub(crate) fn new(https: bool) -> Self {
        let json = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let with = |mut map: HeaderMap, any_page_may_read| {
            headers::add(https, Choice { any_page_may_read, ..Choice::default() }, &mut map);
            map
        };
        let protocol = answer::headers();
        Self {
            family: with(json, false),
            protocol: with(protocol.clone(), false),
            open: with(protocol, true),
        }
    }
}

/// The answer to a request that was read, if memory has it.
pub(crate) async fn answer(app: &App, head: &Parts, body: &Bytes) -> Option<Response> {
    match head.uri.path() {
        "/verify-token" if head.method == Method::POST => check_token(app, head, body),
        "/userinfo" if head.method == Method::GET => userinfo(app, head),
        "/introspect" if head.method == Method::POST => introspect(app, head, body).await,
        _ => None,
    }
}

fn check_token(app: &App, head: &Parts, body: &Bytes) -> Option<Response> {
    guard::check_origin(app, head).ok()?;
    let asked: TokenBody = json::read(&head.headers, body)?;
    let checked = app.auth.known_token(&asked.token)?;
    respond(&app.warm_headers.family, &TokenAnswer::of(&checked))
}

fn userinfo(app: &App, head: &Parts) -> Option<Response> {
    // What stands in the query may be a mistake that has to be told.
    if head.uri.query().is_some() {
        return None;
    }
    let token = bearer_token(answer::authorization(&head.headers), None, &Parameters::default()).ok()??;
    respond(&app.warm_headers.open, &app.auth.known_userinfo(&token)?)
}

async fn introspect(app: &App, head: &Parts, body: &Bytes) -> Option<Response> {
    guard::check_origin(app, head).ok()?;
    let form = answer::form(&head.headers, body).ok()?;
    let shown = ClientAuthentication::read(answer::authorization(&head.headers), &form).ok()?;
    let reference = TokenReference::parse(&form).ok()?;
    let network = asking::network(&head.headers, &head.extensions, app);
    let told = app.auth.known_introspection(&shown, &reference.token, network).await?;
    respond(&app.warm_headers.protocol, &told)
}

fn respond(headers: &HeaderMap, body: &impl Serialize) -> Option<Response> {
    let mut response = Response::new(Body::from(serde_json::to_vec(body).ok()?));
    *response.headers_mut() = headers.clone();
    Some(response)
}
