//! The apps that whoever is signed in has let in.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::api::account::rfc3339;
use crate::api::{Done, Said};
use crate::http::asking::SignedIn;
use crate::http::failure::Failure;

#[derive(Serialize, ToSchema)]
pub(crate) struct AppAnswer {
    /// Its `client_id`.
    client_id: String,
    /// Its name.
    client_name: String,
    /// What it may have, as OAuth scopes with spaces between.
    scope: String,
    /// The resources (RFC 8707) for which it may have tokens in this person's name.
    resources: Vec<String>,
    /// Since when (RFC 3339).
    granted_at: String,
}

/// List the apps that were let in
///
/// At most a hundred.
#[utoipa::path(get, path = "/api/v1/account/apps", tag = "Account", security(("session" = [])),
    responses((status = 200, body = Vec<AppAnswer>, description = "The apps.")))]
pub(crate) async fn list(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let apps = app.auth.apps(signed_in.current.user).await?;
    let answers: Vec<_> = apps
        .into_iter()
        .map(|app| AppAnswer {
            scope: app.scopes.to_string(),
            resources: app.resources,
            granted_at: rfc3339(app.since.micros()),
            client_id: app.id,
            client_name: app.name,
        })
        .collect();
    Ok(axum::Json(answers).into_response())
}

/// Let an app in no more
///
/// Its tokens are worthless at once.
#[utoipa::path(delete, path = "/api/v1/account/apps/{client_id}", tag = "Account", security(("session" = [])),
    params(("client_id" = String, Path, description = "The app.")),
    responses((status = 200, body = Said, description = "Withdrawn."),
              (status = 404, body = crate::http::failure::Problem, content_type = "application/problem+json", description = "No such app that this account has let in.")))]
pub(crate) async fn withdraw(
    State(app): State<App>,
    signed_in: SignedIn,
    client_id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    // An id that is not even text is none.
    let Path(client_id) = client_id.map_err(|_| Failure::NotFound)?;
    let done = Done::ok("The app may no longer sign you in.");
    if !app.auth.withdraw_consent(&signed_in.current, &client_id, &done.kept(&signed_in.asking)).await? {
        return Err(Failure::NotFound);
    }
    Ok(done.into_response())
}
