//! A forgotten password.

use auth::{Evidence, EvidenceError, PendingReset, RecoverError};
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
    Form, Reading, again, already_done, done, encode, frame, later, later_or_by_link, lead_to, lead_with,
    minimum, page, refuse_code, return_to, weakness,
};
use crate::views::{self, Field, Notice, Problems};

pub(crate) async fn show(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let to = read(address)?.return_to.and_then(|to| return_to(&app, &to));
    let view =
        views::Reset { return_to: to.as_ref().map_or("", |to| to.as_str()), ..views::Reset::default() };
    Ok(page(view.render(&frame(&app, &asking, &views::with_return("/reset", view.return_to)))))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ResetForm {
    email: String,
    return_to: String,
}

pub(crate) async fn request(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<ResetForm>,
) -> Result<Response, Failure> {
    let to = return_to(&app, &form.return_to).map(|to| to.as_str().to_owned());
    let show_again = |status, problems| {
        let return_to = to.as_deref().unwrap_or_default();
        let view = views::Reset { email: &form.email, return_to, problems };
        Ok(again(status, view.render(&frame(&app, &asking, &views::with_return("/reset", return_to)))))
    };
    let mut reading = Reading::default();
    let Some(email) = reading.email(Field::Email, &form.email) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.request_reset(&email, to.clone(), &asking.context).await {
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
    let pending = app.auth.pending_reset(id, &asking.context).await?;
    Ok(page(code_page(&app, &asking, id, pending.as_ref(), "", Problems::NONE)))
}

/// The page of a code: with the address, and on the way to where they were, for the browser that asked.
fn code_page(
    app: &App,
    asking: &Asking,
    id: ArtefactId,
    pending: Option<&PendingReset>,
    code: &str,
    problems: Problems,
) -> String {
    let email = pending.map(|pending| pending.email.address());
    let return_to = pending.and_then(|pending| pending.return_to.as_deref()).unwrap_or_default();
    let (path, id) = (format!("/reset/code?id={id}"), id.to_string());
    let view = views::ResetCode { id: &id, email, return_to, minimum: minimum(app, false), code, problems };
    view.render(&frame(app, asking, &path))
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
    let pending = match app.auth.pending_reset(id, &asking.context).await {
        Ok(pending) => pending,
        Err(fault) => {
            return later(fault, |status, problems| {
                Ok(again(status, code_page(&app, &asking, id, None, &form.code, problems)))
            });
        }
    };
    let show_again = |status, problems| {
        Ok(again(status, code_page(&app, &asking, id, pending.as_ref(), &form.code, problems)))
    };
    let mut reading = Reading::default();
    let code = reading.code(Field::Code, &form.code);
    let password = reading.password(Field::NewPassword, &form.new_password);
    let (Some(code), Some(password)) = (code, password) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.reset_password(&Evidence::Code { id, code }, &password, &asking.context).await {
        Ok(to) => Ok(done(&app, to_sign_in(&app, to.as_deref()), &form.id)),
        Err(RecoverError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(RecoverError::Evidence(EvidenceError::TooMany(too_many))) => {
            later_or_by_link(too_many, show_again)
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
    app.auth.pending_reset_by_link(&token, &asking.context).await?;
    let view = views::ResetNew { token: &token, minimum: minimum(&app, false), problems: Problems::NONE };
    Ok(page(view.render(&frame(&app, &asking, &link_address(&token)))))
}

/// The password is set, and opens nothing by itself.
fn to_sign_in(app: &App, to: Option<&str>) -> Response {
    lead_with(app, &views::with_return("/sign-in", to.unwrap_or_default()), Notice::PasswordReset)
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
        Ok(to) => Ok(done(&app, to_sign_in(&app, to.as_deref()), &form.token)),
        Err(RecoverError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(error) => later(error, show_again),
    }
}
