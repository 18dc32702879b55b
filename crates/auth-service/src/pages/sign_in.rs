//! Signing in, the second step, and proving again who one is.

use auth::{NewSession, PendingStep, ReturnTo, SignIn, SignInError, SignedIn as Outcome, StepError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::{ArtefactId, Email};
use serde::Deserialize;

use crate::App;
use crate::api::set_session;
use crate::http::asking::{self, Asking, SignedIn};
use crate::http::failure::Failure;
use crate::http::typed::Typed;
use crate::pages::landing::{Address, read};
use crate::pages::sign_up::ResendForm;
use crate::pages::{
    Form, Onward, Reading, again, already_done, done, ends_at, form_end, frame, later, lead_to, lead_with,
    onward, own_frame, page, refuse_code, return_to,
};
use crate::views::{self, Field, Notice, Problem, Problems};

/// Whoever is signed in already goes straight on, with a fresh token for the app that sent them.
pub(crate) async fn show(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    let to = query.return_to.and_then(|to| return_to(&app, &to));
    if let Some(current) = asking::find_current(&app, &asking).await? {
        let mut response = lead_to(to.as_ref().map_or("/account", |to| to.as_str()));
        let token = app.auth.renew_token(&current)?;
        let life = app.auth.settings().limits.token_life;
        app.cookies.set(&mut response, app.cookies.jwt, secrets::ExposeSecret::expose_secret(&token), life);
        return Ok(response);
    }
    let path = own_address(to.as_ref());
    let to_text = to.as_ref().map_or("", |to| to.as_str());
    let onward = onward(&app, &asking, to.as_ref()).await?;
    let proved = asking.said.as_ref().and_then(|said| said.email.as_ref()).map(Email::address);
    let email = onward.login_hint.as_deref().or(proved).unwrap_or_default();
    let view =
        views::SignIn { return_to: to_text, email, app: onward.app.as_deref(), problems: Problems::NONE };
    let mut response = page(view.render(&frame(&app, &asking, &path)));
    ends_at(&mut response, onward.end.as_deref());
    Ok(response)
}

/// The page's address, which the language switch comes back to.
fn own_address(to: Option<&ReturnTo>) -> String {
    match to {
        Some(to) => format!("/sign-in?return_to={}", super::encode(to.as_str())),
        None => "/sign-in".to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct SignInForm {
    email: String,
    password: Typed,
    return_to: String,
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<SignInForm>,
) -> Result<Response, Failure> {
    let to = return_to(&app, &form.return_to);
    let show = |onward: &Onward, status, problems| {
        let to_text = to.as_ref().map_or("", |to| to.as_str());
        let view =
            views::SignIn { email: &form.email, return_to: to_text, app: onward.app.as_deref(), problems };
        let path = own_address(to.as_ref());
        let mut response = again(status, view.render(&frame(&app, &asking, &path)));
        ends_at(&mut response, onward.end.as_deref());
        Ok(response)
    };
    let onward = match onward(&app, &asking, to.as_ref()).await {
        Ok(onward) => onward,
        Err(failure) => return later(failure, |status, problems| show(&Onward::default(), status, problems)),
    };
    let show_again = |status, problems| show(&onward, status, problems);
    let mut reading = Reading::default();
    let email = reading.email(Field::Email, &form.email);
    let password = reading.password(Field::Password, &form.password);
    let (Some(email), Some(password)) = (email, password) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let to_text = to.as_ref().map(|to| to.as_str().to_owned());
    let replaces = asking::replaced_by(&app, &asking, &email).await?;
    let request = SignIn { email, password, replaces, return_to: to_text.clone() };
    match app.auth.sign_in(request, &asking.context).await {
        Ok(outcome) => Ok(go_on(&app, outcome, to_text.as_deref())),
        Err(SignInError::Incorrect) => {
            show_again(StatusCode::UNAUTHORIZED, Problems::whole(Problem::SignInRefused))
        }
        Err(error) => later(error, show_again),
    }
}

fn go_on(app: &App, outcome: Outcome, to: Option<&str>) -> Response {
    match outcome {
        Outcome::Session(session) => arrive(app, &session, to),
        Outcome::SecondStep { attempt } => lead_to(&format!("/sign-in/code?id={attempt}")),
    }
}

fn arrive(app: &App, session: &NewSession, to: Option<&str>) -> Response {
    let to = to.and_then(|to| return_to(app, to));
    let mut response = lead_to(to.as_ref().map_or("/account", |to| to.as_str()));
    set_session(app, &mut response, session);
    response
}

pub(crate) async fn show_code(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    let Ok(id) = query.id.unwrap_or_default().parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    if let Some(response) = already_done(&app, &asking, &id.to_string()) {
        return Ok(response);
    }
    let Some(pending) = app.auth.pending_step(id, &asking.context).await? else { return Err(Failure::Gone) };
    let path = format!("/sign-in/code?id={id}");
    let end = step_end(&app, &asking, &pending).await?;
    let (id, masked) = (id.to_string(), pending.email.masked());
    let return_to = pending.return_to.as_deref().unwrap_or_default();
    let view = views::SignInCode { id: &id, masked_email: &masked, return_to, ..Default::default() };
    let mut response = page(view.render(&frame(&app, &asking, &path)));
    ends_at(&mut response, end.as_deref());
    Ok(response)
}

/// Where the form that asks for the code may end.
async fn step_end(app: &App, asking: &Asking, pending: &PendingStep) -> Result<Option<String>, Failure> {
    let to = pending.return_to.as_deref().and_then(|to| return_to(app, to));
    form_end(app, asking, to.as_ref()).await
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct CodeForm {
    id: String,
    code: String,
}

pub(crate) async fn second_step(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<CodeForm>,
) -> Result<Response, Failure> {
    let Ok(id) = form.id.parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    if let Some(response) = already_done(&app, &asking, &id.to_string()) {
        return Ok(response);
    }
    let Some(pending) = app.auth.pending_step(id, &asking.context).await? else {
        // A code for an attempt that is not there is a failure that counts.
        let stepped = app.auth.second_step(id, &form.code, None, &asking.context).await?;
        return Ok(arrive(&app, &stepped.session, stepped.return_to.as_deref()));
    };
    let end = step_end(&app, &asking, &pending).await?;
    let show_again = |status, problems| {
        let mut response = code_again(&app, &asking, (id, &form.code), &pending, status, problems);
        ends_at(&mut response, end.as_deref());
        Ok(response)
    };
    let mut reading = Reading::default();
    let Some(code) = reading.code(Field::Code, &form.code) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.second_step(id, &code, None, &asking.context).await {
        Ok(stepped) => {
            let response = arrive(&app, &stepped.session, stepped.return_to.as_deref());
            Ok(done(&app, response, &id.to_string()))
        }
        Err(StepError::Evidence(error)) => refuse_code(error, Field::Code, show_again),
        Err(error) => later(error, show_again),
    }
}

/// The page that asks for the code of an attempt, again, with what was typed.
fn code_again(
    app: &App,
    asking: &Asking,
    (id, code): (ArtefactId, &str),
    pending: &PendingStep,
    status: StatusCode,
    problems: Problems,
) -> Response {
    let path = format!("/sign-in/code?id={id}");
    let (id, masked) = (id.to_string(), pending.email.masked());
    let return_to = pending.return_to.as_deref().unwrap_or_default();
    let view = views::SignInCode { id: &id, masked_email: &masked, return_to, code, problems };
    again(status, view.render(&frame(app, asking, &path)))
}

pub(crate) async fn resend(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<ResendForm>,
) -> Result<Response, Failure> {
    let Ok(id) = form.id.parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    let Some(pending) = app.auth.pending_step(id, &asking.context).await? else { return Err(Failure::Gone) };
    let end = step_end(&app, &asking, &pending).await?;
    match app.auth.resend_code(id, &asking.context).await {
        Ok(()) => Ok(lead_with(&app, &format!("/sign-in/code?id={id}"), Notice::CodeSent)),
        Err(error) => later(error, |status, problems| {
            let mut response = code_again(&app, &asking, (id, ""), &pending, status, problems);
            ends_at(&mut response, end.as_deref());
            Ok(response)
        }),
    }
}

pub(crate) async fn show_confirm(
    State(app): State<App>,
    signed_in: SignedIn,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    let to = own_page(&app, query.next.as_deref().unwrap_or_default());
    let next = to.as_ref().map_or("/account", |to| to.as_str()).to_owned();
    let view = views::ConfirmIdentity {
        email: signed_in.current.email.address(),
        next: &next,
        problems: Problems::NONE,
    };
    let mut response = page(view.render(&own_frame(&app, &signed_in, "/account/confirm")));
    ends_at(&mut response, form_end(&app, &signed_in.asking, to.as_ref()).await?.as_deref());
    Ok(response)
}

/// A page of ours to go on to.
fn own_page(app: &App, text: &str) -> Option<ReturnTo> {
    return_to(app, text).filter(|to| !to.is_app())
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ConfirmForm {
    password: Typed,
    next: String,
}

/// The same use case as signing in, so the same limits and the same second step.
pub(crate) async fn confirm(
    State(app): State<App>,
    signed_in: SignedIn,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Failure> {
    let to = own_page(&app, &form.next);
    let next = to.as_ref().map_or("/account", |to| to.as_str()).to_owned();
    let end = form_end(&app, &signed_in.asking, to.as_ref()).await?;
    let email = &signed_in.current.email;
    let show_again = |status, problems| {
        let view = views::ConfirmIdentity { email: email.address(), next: &next, problems };
        let mut response = again(status, view.render(&own_frame(&app, &signed_in, "/account/confirm")));
        ends_at(&mut response, end.as_deref());
        Ok(response)
    };
    let mut reading = Reading::default();
    let Some(password) = reading.password(Field::Password, &form.password) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let request = SignIn {
        email: email.clone(),
        password,
        replaces: Some(signed_in.current.id),
        return_to: Some(next.clone()),
    };
    match app.auth.sign_in(request, &signed_in.asking.context).await {
        Ok(outcome) => Ok(go_on(&app, outcome, Some(&next))),
        Err(SignInError::Incorrect) => {
            show_again(StatusCode::UNAUTHORIZED, Problems::of(Field::Password, Problem::PasswordWrong))
        }
        Err(error) => later(error, show_again),
    }
}
