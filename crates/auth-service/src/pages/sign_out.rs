//! Signing out.

use axum::extract::State;
use axum::response::Response;
use oidc::Parameters;
use serde::Deserialize;

use crate::api::clear_session;
use crate::http::asking::{self, Asking};
use crate::http::failure::Failure;
use crate::pages::landing::{Address, read};
use crate::pages::{Form, ends_at, form_end, frame, given_back, lead_to, page, return_to};
use crate::{App, views};

/// Asks first: a link on another site must not sign anybody out.
pub(crate) async fn show(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    // A token that is left has a session to end; while the database is away nobody is told that theirs has ended.
    if asking::find_current(&app, &asking).await?.is_none() && asking.jwt.is_none() {
        return Ok(page(views::SignedOut.render(&frame(&app, &asking, "/signed-out"))));
    }
    let to = query.return_to.and_then(|to| return_to(&app, &to));
    let to_text = to.as_ref().map_or("", |to| to.as_str());
    let mut response =
        page(views::SignOut { return_to: to_text, request: "" }.render(&frame(&app, &asking, "/sign-out")));
    ends_at(&mut response, form_end(&app, &asking, to.as_ref()).await?.as_deref());
    Ok(response)
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct SignOutForm {
    return_to: String,
    /// How an app asked for it: read and checked anew, whatever the page made of it.
    request: String,
}

pub(crate) async fn sign_out(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<SignOutForm>,
) -> Result<Response, Failure> {
    asking::sign_out(&app, &asking).await?;
    let to = return_to(&app, &form.return_to);
    let parameters = Parameters::parse(&form.request).map_err(Failure::AppRequest)?;
    let leaving = app.auth.read_logout(&parameters, None).await?;
    let then = leaving.then.as_deref().or(to.as_ref().map(auth::ReturnTo::as_str));
    let mut response = lead_to(then.unwrap_or("/signed-out"));
    clear_session(&app, &mut response);
    Ok(given_back(&app, asking.typed.as_ref(), response))
}

pub(crate) async fn done(State(app): State<App>, asking: Asking) -> Response {
    // Somebody who is signed in was led astray.
    if asking.signed_in.is_some() {
        return lead_to("/account");
    }
    page(views::SignedOut.render(&frame(&app, &asking, "/signed-out")))
}
