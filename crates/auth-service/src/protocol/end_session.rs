//! Signing out, asked for by an app (OpenID Connect RP-Initiated Logout).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use oidc::{Parameters, form_action_source};

use crate::App;
use crate::http::asking::{self, Asking};
use crate::http::failure::Failure;
use crate::http::headers;
use crate::pages::{frame, lead_to, page};
use crate::views;

/// A request by POST (section 2).
pub(super) async fn by_form(body: Bytes) -> Result<Response, Failure> {
    super::authorize::to_get("/end-session", &body)
}

/// Asks the person, unless the app has shown an ID token of whoever is signed in: a link on another site must not sign
/// anybody out. Whoever is not signed in goes straight on.
pub(super) async fn show(
    State(app): State<App>,
    asking: Asking,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let parameters = Parameters::parse(query.as_deref().unwrap_or_default()).map_err(Failure::AppRequest)?;
    let request = app.auth.read_logout(&parameters).await?.map_err(Failure::AppRequest)?;
    let current = asking::find_current(&app, &asking).await?;
    let own = current.as_ref().is_some_and(|current| request.subject == Some(current.user.to_string()));
    let then = request.then.as_deref();
    match current {
        Some(current) if own => {
            app.auth.sign_out(&current, &asking.context).await?;
            let mut response = lead_to(then.unwrap_or("/signed-out"));
            crate::api::clear_session(&app, &mut response);
            Ok(response)
        }
        None => Ok(lead_to(then.unwrap_or("/signed-out"))),
        Some(_) => {
            let view = views::SignOut { return_to: "", request: query.as_deref().unwrap_or_default() };
            let mut response = page(view.render(&frame(&app, &asking, "/sign-out")));
            let source = request.post_logout_redirect_uri.as_deref().and_then(form_action_source);
            if let Some(source) = source {
                headers::allow_form_to_end_at(&mut response, &source);
            }
            Ok(response)
        }
    }
}
