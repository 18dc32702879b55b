//! The sessions of whoever is signed in.

use auth::{SessionPage, SignIn};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use domain::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::api::account::rfc3339;
use crate::api::sign_in::{SecondStepAnswer, SignedInAnswer, answer, clear_session};
use crate::api::{Done, Fields, Said, said};
use crate::http::asking::SignedIn;
use crate::http::failure::Failure;
use crate::http::json::Json;
use crate::http::typed::Typed;
use crate::locale::Locale;
use crate::pages::sessions::ListQuery;
use crate::views::Device;

#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// Its id: the `sid` of its tokens.
    id: Uuid,
    /// Whether it is the one asking.
    current: bool,
    /// The browser, as a person would call it; may be empty.
    device: String,
    /// The network it began from.
    network: String,
    /// What was proved (RFC 8176).
    amr: Vec<&'static str>,
    /// When it began (RFC 3339).
    created_at: String,
    /// When it was last used (RFC 3339), to the minute.
    used_at: String,
    /// When it ends at the latest (RFC 3339).
    expires_at: String,
}

/// List the sessions
///
/// A hundred at once, last used first. If there are more, the header `Link` (RFC 8288) leads to the next, as `rel="next"`.
#[utoipa::path(get, path = "/api/v1/account/sessions", tag = "Sessions", security(("session" = [])),
    params(("after" = Option<String>, Query, description = "Where the page begins, as `Link` of the one before says.")),
    responses((status = 200, body = Vec<SessionAnswer>, description = "The sessions."),
              (status = 400, body = crate::http::failure::Problem, content_type = "application/problem+json", description = "`after` is not of a `Link`.")))]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Failure> {
    let SessionPage { sessions, next } =
        app.auth.sessions(&signed_in.current, ListQuery::read(query)?).await?;
    let answers: Vec<_> = sessions
        .into_iter()
        .map(|session| SessionAnswer {
            id: session.id,
            current: session.id == signed_in.current.id.0,
            amr: domain::Proofs::parse(&session.proofs).names(),
            device: Device::from_stored(&session.device).text(Locale::English.texts()),
            network: session.network,
            created_at: rfc3339(session.created_at),
            used_at: rfc3339(session.used_at),
            expires_at: rfc3339(session.expires_at),
        })
        .collect();
    let mut response = axum::Json(answers).into_response();
    if let Some(next) = next {
        let link = format!("</api/v1/account/sessions?after={next}>; rel=\"next\"");
        response.headers_mut().extend(HeaderValue::from_str(&link).map(|link| (LINK, link)));
    }
    Ok(response)
}

/// End all other sessions
#[utoipa::path(delete, path = "/api/v1/account/sessions", tag = "Sessions", security(("session" = [])),
    responses((status = 200, body = Said, description = "Ended.")))]
pub(crate) async fn end_others(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let done = Done::ok("All other sessions have ended.");
    app.auth.end_other_sessions(&signed_in.current, &done.kept(&signed_in.asking)).await?;
    Ok(done.into_response())
}

/// End one session
///
/// Its tokens are worthless at once.
#[utoipa::path(delete, path = "/api/v1/account/sessions/{id}", tag = "Sessions", security(("session" = [])),
    params(("id" = Uuid, Path, description = "The session.")),
    responses((status = 200, body = Said, description = "Ended."),
              (status = 404, body = crate::http::failure::Problem, content_type = "application/problem+json", description = "No such session of this account.")))]
pub(crate) async fn end(
    State(app): State<App>,
    signed_in: SignedIn,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    // An id that is not even text is none.
    let Path(id) = id.map_err(|_| Failure::NotFound)?;
    let id: SessionId = id.parse().map_err(|_| Failure::NotFound)?;
    if !app.auth.end_session(&signed_in.current, id, &signed_in.asking.context).await? {
        return Err(Failure::NotFound);
    }
    let mut response = said("The session has ended.");
    if id == signed_in.current.id {
        clear_session(&app, &mut response);
    }
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmBody {
    /// The password.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    password: Typed,
}

/// Prove again who this is
///
/// Sensitive acts need a proof of at most ten minutes ago. The session gets a new id; a second step that is on is due here
/// too.
#[utoipa::path(post, path = "/api/v1/account/confirm", tag = "Sessions", request_body = ConfirmBody, security(("session" = [])),
    responses(
        (status = 200, body = SignedInAnswer, description = "Proved."),
        (status = 202, body = SecondStepAnswer, description = "The password is right; now the code from the mail.")))]
pub(crate) async fn confirm(
    State(app): State<App>,
    signed_in: SignedIn,
    Json(body): Json<ConfirmBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let Some(password) = fields.password("password", &body.password) else { return Err(fields.refuse()) };
    let SignedIn { asking, current } = signed_in;
    let request =
        SignIn { email: current.email.clone(), password, replaces: Some(current.id), return_to: None };
    Ok(answer(&app, app.auth.sign_in(request, &asking.context).await?))
}

/// Renew the token
///
/// A token lasts ten minutes: this sets the cookie `jwt` anew, as long as the session lives. Nothing is proved by it, so the
/// token says of proofs what the one before said.
#[utoipa::path(post, path = "/api/v1/account/token", tag = "Sessions", security(("session" = [])),
    responses((status = 200, body = Said, description = "The cookie `jwt` is set.")))]
pub(crate) async fn renew(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let token = app.auth.renew_token(&signed_in.current)?;
    let life = app.auth.settings().limits.token_life;
    let mut response = said("The token is renewed.");
    app.cookies.set(&mut response, app.cookies.jwt, secrets::ExposeSecret::expose_secret(&token), life);
    Ok(response)
}
