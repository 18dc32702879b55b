//! The apps that a person has let in.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::App;
use crate::http::asking::SignedIn;
use crate::http::failure::Failure;
use crate::pages::{Form, lead_with, own_frame, page};
use crate::views::{self, AppRow, Notice};

pub(crate) async fn show(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let apps = app.auth.apps(signed_in.current.user).await?;
    let rows: Vec<_> = apps
        .iter()
        .map(|app| AppRow {
            id: &app.id,
            name: &app.name,
            scopes: app.scopes.iter().collect(),
            resources: &app.resources,
            since: app.since.micros(),
        })
        .collect();
    Ok(page(views::Apps { apps: &rows }.render(&own_frame(&app, &signed_in, "/account/apps"))))
}

#[derive(Deserialize)]
pub(crate) struct WithdrawForm {
    #[serde(default)]
    id: String,
}

pub(crate) async fn withdraw(
    State(app): State<App>,
    signed_in: SignedIn,
    Form(form): Form<WithdrawForm>,
) -> Result<Response, Failure> {
    let SignedIn { asking, current } = signed_in;
    if !app.auth.withdraw_consent(&current, &form.id, &asking.context).await? {
        return Err(Failure::NotFound);
    }
    Ok(lead_with(&app, "/account/apps", Notice::AppWithdrawn))
}
