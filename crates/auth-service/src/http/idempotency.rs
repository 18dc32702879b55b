//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07), on the routes that [declare](crate::api::idempotent) it: a
//! request that is sent again is answered as before. On every other route the header means nothing.

use auth::{Begun, IdempotencyError, KeptAnswer};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::IdempotencyKey;

use crate::App;
use crate::http::asking::{self, Asking};
use crate::http::failure::Failure;

const KEY: &str = "idempotency-key";
/// Says that an answer is one from before.
const REPLAYED: &str = "idempotency-replayed";

/// Lets a request through to its route once.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    match key(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => answer(&app, &key, request, next).await.unwrap_or_else(IntoResponse::into_response),
        Err(failure) => failure.into_response(),
    }
}

fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Failure> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Failure::Malformed("Send one Idempotency-Key with a request, not several.".into()));
    }
    let key = IdempotencyKey::parse(value.as_bytes());
    key.map(Some).map_err(|error| Failure::Malformed(format!("Of the Idempotency-Key: {error}.")))
}

async fn answer(app: &App, key: &IdempotencyKey, request: Request, next: Next) -> Result<Response, Failure> {
    let asking = Asking::of(&request, app);
    let current = asking::find_current(app, &asking).await?.ok_or(Failure::Unauthenticated)?;
    let (head, body) = request.into_parts();
    let most = app.auth.settings().limits.body;
    let body = to_bytes(body, most as usize).await.map_err(|_| Failure::TooLarge(most))?;
    let first = match app.auth.begin_idempotent(&current, key, fingerprint(&head, &body)).await? {
        Begun::First(first) => first,
        Begun::Repeated(answer) => return Ok(replay(answer)),
    };
    let mut request = Request::from_parts(head, Body::from(body));
    request.extensions_mut().insert(first.clone());
    let response = next.run(request).await;
    // Another process was at the same, and was done first.
    if matches!(response.extensions().get::<Failure>(), Some(Failure::KeyInUse))
        && let Some(answer) = app.auth.kept_answer(&first).await?
    {
        return Ok(replay(answer));
    }
    Ok(response)
}

/// What tells a request from others: what it does, to what, and with which body. Neither a method nor a path has blanks.
fn fingerprint(head: &Parts, body: &[u8]) -> [u8; 32] {
    let path = head.uri.path_and_query().map_or("", PathAndQuery::as_str);
    secrets::sha256(&[head.method.as_str().as_bytes(), b" ", path.as_bytes(), b"\n", body].concat())
}

fn replay(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = answered(status, answer.body);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// An answer in JSON, the first time and any other.
pub(crate) fn answered(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

impl From<IdempotencyError> for Failure {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::UnderWay => Self::KeyInUse,
            IdempotencyError::AnotherRequest => Self::KeyReused,
            IdempotencyError::TooMany { retry_after } => Self::TooManyKeys(retry_after),
            IdempotencyError::Fault(fault) => fault.into(),
        }
    }
}
