//! Signing out, asked for by an app (OpenID Connect RP-Initiated Logout).

use auth::LeavingError;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use oidc::{LogoutRequest, Parameters};

use crate::App;
use crate::http::asking::Visitor;
use crate::http::failure::Failure;
use crate::http::headers;
use crate::pages::{frame, given_back, lead_to, page};
use crate::protocol::authorize::{refused, speak, to_get, wished_language};
use crate::views;

/// A request by POST (section 2).
pub(super) async fn by_form(headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    to_get("/end-session", &LogoutRequest::PARAMETERS, &headers, &body)
}

/// Asks the person, unless the app has shown an ID token of whoever is signed in: a link on another site must not sign
/// anybody out. Whoever is not signed in goes straight on.
pub(super) async fn show(
    State(app): State<App>,
    Visitor { mut asking, current }: Visitor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let parameters = Parameters::parse(query.as_deref().unwrap_or_default()).map_err(refused)?;
    let leaving = app.auth.read_logout(&parameters, current.as_ref()).await?;
    let then = leaving.then.as_deref();
    let wished = wished_language(&app, &headers, &parameters);
    if let Some(wished) = wished.filter(|_| current.as_ref().is_none_or(|who| who.locale.is_none())) {
        asking.locale = wished;
    }
    if leaving.needs_confirmation {
        let view = views::SignOut { return_to: "", request: query.as_deref().unwrap_or_default() };
        let mut response = page(view.render(&frame(&app, &asking, "/sign-out")));
        if let Some(sources) = &leaving.ends_at {
            headers::allow_form_to_end_at(&mut response, sources);
        }
        speak(&app, &mut response, wished);
        return Ok(response);
    }
    let mut response = lead_to(then.unwrap_or("/signed-out"));
    speak(&app, &mut response, wished);
    if let Some(current) = current {
        app.auth.sign_out(&current, &asking.context).await?;
        crate::api::clear_session(&app, &mut response);
        response = given_back(&app, asking.typed.as_ref(), response);
    }
    Ok(response)
}

impl From<LeavingError> for Failure {
    fn from(error: LeavingError) -> Self {
        match error {
            LeavingError::Shown(error) => refused(error),
            LeavingError::Fault(fault) => fault.into(),
        }
    }
}
