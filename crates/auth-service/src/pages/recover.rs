//! A forgotten password.

use auth::{Evidence, RecoverError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ArtefactId;
use serde::Deserialize;

use crate::App;
use crate::http::asking::Asking;
use crate::http::failure::Failure;
use crate::http::typed::Typed;
use crate::pages::landing::{Address, read};
use crate::pages::{
    Form, Reading, again, already_done, done, encode, frame, later, lead_to, lead_with, minimum, page,
    refuse_code, weakness,
};
use crate::views::{self, Field, Notice, Problems};

pub(crate) async fn show(State(app): State<App>, asking: Asking) -> Response {
    page(views::Reset::default().render(&frame(&app, &asking, "/reset")))
}

#[derive(Deserialize)]
pub(crate) struct ResetForm {
    #[serde(default)]
    email: String,
}

pub(crate) async fn request(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<ResetForm>,
) -> Result<Response, Failure> {
    let show_again = |status, problems| {
        let view = views::Reset { email: &form.email, problems };
        Ok(again(status, view.render(&frame(&app, &asking, "/reset"))))
    };
    let mut reading = Reading::default();
    let Some(email) = reading.email(Field::Email, &form.email) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.request_reset(&email, &asking.context).await {
        Ok(reset) => Ok(lead_to(&format!("/reset/code?id={reset}"))),
        Err(error) => later(error, show_again),
    }
}

pub(crate) async fn show_code(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let Ok(id) = read(address)?.id.unwrap_or_default().parse::<ArtefactId>() else {
        return Err(Failure::NotFound);
    };
    let path = format!("/reset/code?id={id}");
    let id = id.to_string();
    let view = views::ResetCode { id: &id, minimum: minimum(&app, false), ..Default::default() };
    Ok(page(view.render(&frame(&app, &asking, &path))))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct CodeForm {
    id: String,
    code: String,
    new_password: Typed,
}

pub(crate) async fn by_code(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<CodeForm>,
) -> Result<Response, Failure> {
    let Ok(id) = form.id.parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    if let Some(response) = already_done(&app, &asking, &form.id) {
        return Ok(response);
    }
    let path = format!("/reset/code?id={id}");
    let show_again = |status, problems| {
        let id = id.to_string();
        let minimum = minimum(&app, false);
        let view = views::ResetCode { id: &id, email: None, minimum, code: &form.code, problems };
        Ok(again(status, view.render(&frame(&app, &asking, &path))))
    };
    let mut reading = Reading::default();
    let code = reading.code(Field::Code, &form.code);
    let password = reading.password(Field::NewPassword, &form.new_password);
    let (Some(code), Some(password)) = (code, password) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.reset_password(&Evidence::Code { id, code }, &password, &asking.context).await {
        Ok(()) => Ok(done(&app, lead_with(&app, "/sign-in", Notice::PasswordReset), &form.id)),
        Err(RecoverError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(RecoverError::Evidence(error)) => refuse_code(error, Field::Code, show_again),
        Err(error) => later(error, show_again),
    }
}

pub(crate) async fn show_link(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let Some(token) = read(address)?.token else { return Err(Failure::NotFound) };
    if let Some(response) = already_done(&app, &asking, &token) {
        return Ok(response);
    }
    app.auth.pending_reset(&token, &asking.context).await?;
    let view = views::ResetNew { token: &token, minimum: minimum(&app, false), problems: Problems::NONE };
    Ok(page(view.render(&frame(&app, &asking, &link_address(&token)))))
}

/// Where the link leads, which the language switch comes back to: it is where the browser is.
fn link_address(token: &str) -> String {
    format!("/reset/new?token={}", encode(token))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct LinkForm {
    token: String,
    new_password: Typed,
}

pub(crate) async fn by_link(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<LinkForm>,
) -> Result<Response, Failure> {
    if let Some(response) = already_done(&app, &asking, &form.token) {
        return Ok(response);
    }
    let show_again = |status, problems| {
        let view = views::ResetNew { token: &form.token, minimum: minimum(&app, false), problems };
        Ok(again(status, view.render(&frame(&app, &asking, &link_address(&form.token)))))
    };
    let mut reading = Reading::default();
    let Some(password) = reading.password(Field::NewPassword, &form.new_password) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let evidence = Evidence::Link { token: form.token.clone() };
    match app.auth.reset_password(&evidence, &password, &asking.context).await {
        Ok(()) => Ok(done(&app, lead_with(&app, "/sign-in", Notice::PasswordReset), &form.token)),
        Err(RecoverError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(error) => later(error, show_again),
    }
}
