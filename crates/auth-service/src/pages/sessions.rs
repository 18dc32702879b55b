//! Where the account is signed in.

use auth::{SessionCursor, SessionPage};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use domain::SessionId;
use serde::Deserialize;

use crate::App;
use crate::api::clear_session;
use crate::http::asking::SignedIn;
use crate::http::failure::Failure;
use crate::pages::{Form, lead_to, lead_with, own_frame, page};
use crate::views::{self, Device, Notice, SessionRow};

/// What follows `?` on the address of the list.
#[derive(Deserialize)]
pub(crate) struct ListQuery {
    /// The session behind which the page begins.
    #[serde(default)]
    after: Option<String>,
}

shows_its_name_only!(ListQuery);

impl ListQuery {
    /// Where the page begins; an error if that is no place.
    pub(crate) fn read(query: Result<Query<Self>, QueryRejection>) -> Result<Option<SessionCursor>, Failure> {
        let Query(query) = query.map_err(|error| Failure::Malformed(error.body_text()))?;
        let wrong =
            |()| Failure::Malformed("`after` names no place in the list: begin at its first page.".into());
        query.after.as_deref().map(|after| after.parse().map_err(wrong)).transpose()
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Failure> {
    let SessionPage { mut sessions, next } =
        app.auth.sessions(&signed_in.current, ListQuery::read(query)?).await?;
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
    let next = next.map(|next| format!("/account/sessions?after={next}"));
    let view = views::Sessions { sessions: &rows, now: app.auth.now().micros(), next_page: next.as_deref() };
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
    // Ended in another tab, or by itself.
    if !app.auth.end_session(&signed_in.current, id, &signed_in.asking.context).await? {
        return Ok(lead_with(&app, "/account/sessions", Notice::AlreadyDone));
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
