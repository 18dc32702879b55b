//! Checks that are answered from memory alone: of a token that was checked before, whose session, grant and app are known to live. They
//! are what is asked most by far, and go before everything that an answer may need that fails: support id, span, routes.
//!
//! Each gives nothing where memory does not suffice, or where the answer would be a refusal; then the request goes the long way, as
//! if nobody had looked. What it gives is what the long way gives, header by header.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request};
use axum::response::Response;
use oidc::{ClientAuthentication, Parameters, bearer_token};
use serde::Serialize;

use crate::App;
use crate::contract::{TokenAnswer, TokenBody};
use crate::http::headers::Choice;
use crate::http::{asking, guard, headers, json};
use crate::protocol::answer;

/// Longer than most such answers: bytes to begin with.
const LENGTH: usize = 512;

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

/// Whether memory may have the answer once the body is read.
pub(crate) fn is_of_a_body<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && matches!(request.uri().path(), "/verify-token" | "/introspect")
}

/// The answer to a request whose body was read, if memory has it.
pub(crate) async fn answer(
    app: &App,
    head: &Parts,
    body: &Bytes,
    peer: Option<SocketAddr>,
) -> Option<Response> {
    match head.uri.path() {
        "/verify-token" => check_token(app, head, body),
        "/introspect" => introspect(app, head, body, peer).await,
        _ => None,
    }
}

fn check_token(app: &App, head: &Parts, body: &Bytes) -> Option<Response> {
    guard::check_origin(app, head).ok()?;
    let asked: TokenBody = json::read(&head.headers, body)?;
    let checked = app.auth.known_token(&asked.token)?;
    respond(&app.warm_headers.family, &TokenAnswer::of(&checked))
}

/// What is known of whose token was shown, by a `GET` without a body.
pub(crate) fn userinfo<B>(app: &App, request: &Request<B>) -> Option<Response> {
    // What stands in the query may be a mistake that has to be told.
    if request.uri().path() != "/userinfo" || request.uri().query().is_some() {
        return None;
    }
    let token =
        bearer_token(answer::authorization(request.headers()), None, &Parameters::default()).ok()??;
    respond(&app.warm_headers.open, &app.auth.known_userinfo(&token)?)
}

async fn introspect(app: &App, head: &Parts, body: &Bytes, peer: Option<SocketAddr>) -> Option<Response> {
    guard::check_origin(app, head).ok()?;
    let form = answer::form(&head.headers, body).ok()?;
    let shown = ClientAuthentication::read(answer::authorization(&head.headers), &form).ok()?;
    let token = form.get("token")?;
    let network = asking::network(&head.headers, peer, app);
    let told = app.auth.known_introspection(&shown, token, network).await?;
    respond(&app.warm_headers.protocol, &told)
}

fn respond(headers: &HeaderMap, body: &impl Serialize) -> Option<Response> {
    let mut json = Vec::with_capacity(LENGTH);
    serde_json::to_writer(&mut json, body).ok()?;
    let mut response = Response::new(Body::from(json));
    *response.headers_mut() = headers.clone();
    Some(response)
}
