//! Where the account is signed in.

use axum::extract::State;
use axum::response::Response;
use domain::SessionId;
use serde::Deserialize;

use crate::App;
use crate::api::clear_session;
use crate::http::asking::SignedIn;
use crate::http::failure::Failure;
use crate::pages::{Form, lead_to, lead_with, own_frame, page};
use crate::views::{self, Device, Notice, SessionRow};

pub(crate) async fn show(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let mut sessions = app.auth.sessions(&signed_in.current).await?;
    sessions.sort_by_key(|session| session.id != signed_in.current.id.0);
    let ids: Vec<_> = sessions.iter().map(|session| session.id.to_string()).collect();
    let rows: Vec<_> = sessions
        .iter()
        .zip(&ids)
        .map(|(session, id)| SessionRow {
            id,
            device: Device::from_stored(&session.device),
            network: &session.network,
            signed_in_at: session.created_at,
            last_used_at: session.used_at,
            current: session.id == signed_in.current.id.0,
        })
        .collect();
    let view = views::Sessions { sessions: &rows, now: app.auth.now().micros(), next_page: None };
    Ok(page(view.render(&own_frame(&app, &signed_in, "/account/sessions"))))
}

#[derive(Deserialize)]
pub(crate) struct EndForm {
    #[serde(default)]
    id: String,
}

pub(crate) async fn end(
    State(app): State<App>,
    signed_in: SignedIn,
    Form(form): Form<EndForm>,
) -> Result<Response, Failure> {
    let Ok(id) = form.id.parse::<SessionId>() else { return Err(Failure::NotFound) };
    if !app.auth.end_session(&signed_in.current, id, &signed_in.asking.context).await? {
        return Err(Failure::NotFound);
    }
    if id == signed_in.current.id {
        let mut response = lead_to("/signed-out");
        clear_session(&app, &mut response);
        return Ok(response);
    }
    Ok(lead_with(&app, "/account/sessions", Notice::SessionEnded))
}

pub(crate) async fn end_others(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    app.auth.end_other_sessions(&signed_in.current, &signed_in.asking.context).await?;
    Ok(lead_with(&app, "/account/sessions", Notice::OtherSessionsEnded))
}
