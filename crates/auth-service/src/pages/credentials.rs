//! Password, second step, and the end of the account.

use auth::{DeleteError, PasswordChangeError, SecondStepError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::App;
use crate::api::{clear_session, set_session};
use crate::http::asking::{Fresh, SignedIn};
use crate::http::failure::Failure;
use crate::http::typed::Typed;
use crate::pages::{Form, Reading, again, later, lead_with, minimum, own_frame, page, weakness};
use crate::views::{self, Field, Notice, Problem, Problems};

const WRONG: (StatusCode, Problem) = (StatusCode::UNAUTHORIZED, Problem::PasswordWrong);

/// Behind a second step the page asks for a fresh proof, since the password alone is not one.
pub(crate) async fn show_password(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    if signed_in.current.second_step && !app.auth.is_fresh(&signed_in.current) {
        return Err(Failure::NotFresh);
    }
    Ok(page(render_password(&app, &signed_in, Problems::NONE)))
}

fn render_password(app: &App, signed_in: &SignedIn, problems: Problems) -> String {
    let current = &signed_in.current;
    let minimum = minimum(app, current.second_step);
    let view = views::ChangePassword { email: current.email.address(), minimum, problems };
    view.render(&own_frame(app, signed_in, "/account/password"))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct PasswordForm {
    current_password: Typed,
    new_password: Typed,
}

pub(crate) async fn change_password(
    State(app): State<App>,
    signed_in: SignedIn,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Failure> {
    let show_again = |status, problems| Ok(again(status, render_password(&app, &signed_in, problems)));
    let mut reading = Reading::default();
    let present = reading.password(Field::CurrentPassword, &form.current_password);
    let new = reading.password(Field::NewPassword, &form.new_password);
    if !reading.0.is_empty() {
        let current = &signed_in.current;
        let email = Some(&current.email);
        reading.policy(&app, Field::NewPassword, new.as_ref(), email, current.second_step);
    }
    let (Some(present), Some(new)) = (present, new) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.change_password(&signed_in.current, &present, &new, &signed_in.asking.context).await {
        Ok(session) => {
            let mut response = lead_with(&app, "/account", Notice::PasswordChanged);
            set_session(&app, &mut response, &session);
            Ok(response)
        }
        Err(PasswordChangeError::WrongPassword) => {
            show_again(WRONG.0, Problems::of(Field::CurrentPassword, WRONG.1))
        }
        Err(PasswordChangeError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(error) => later(error, show_again),
    }
}

pub(crate) async fn show_second_step(State(app): State<App>, Fresh(signed_in): Fresh) -> Response {
    page(render_second_step(&app, &signed_in, false, Problems::NONE))
}

fn render_second_step(app: &App, signed_in: &SignedIn, needs_password: bool, problems: Problems) -> String {
    let current = &signed_in.current;
    let view = views::SecondStep {
        email: current.email.address(),
        on: current.second_step,
        needs_password,
        minimum: minimum(app, false),
        problems,
    };
    view.render(&own_frame(app, signed_in, "/account/second-step"))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct SecondStepForm {
    second_step: String,
    current_password: Typed,
    new_password: Option<Typed>,
}

pub(crate) async fn set_second_step(
    State(app): State<App>,
    Fresh(signed_in): Fresh,
    Form(form): Form<SecondStepForm>,
) -> Result<Response, Failure> {
    let context = &signed_in.asking.context;
    let needs_password = form.new_password.is_some();
    let show_again = |status, needs_password, problems| {
        Ok(again(status, render_second_step(&app, &signed_in, needs_password, problems)))
    };
    match form.second_step.as_str() {
        "on" => {
            return match app.auth.enable_second_step(&signed_in.current, context).await {
                Ok(session) => {
                    let mut response = lead_with(&app, "/account", Notice::SecondStepOn);
                    set_session(&app, &mut response, &session);
                    Ok(response)
                }
                Err(error) => later(error, |status, problems| show_again(status, needs_password, problems)),
            };
        }
        "off" => {}
        _ => {
            let problems = Problems::of(Field::SecondStep, Problem::ChoiceUnknown);
            return show_again(StatusCode::UNPROCESSABLE_ENTITY, needs_password, problems);
        }
    }
    let mut reading = Reading::default();
    let present = reading.password(Field::CurrentPassword, &form.current_password);
    let new = form.new_password.as_ref().and_then(|text| reading.password(Field::NewPassword, text));
    if !reading.0.is_empty() {
        let email = Some(&signed_in.current.email);
        reading.policy(&app, Field::NewPassword, new.as_ref(), email, false);
    }
    let (Some(present), true) = (present, reading.0.is_empty()) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, needs_password, reading.0);
    };
    match app.auth.disable_second_step(&signed_in.current, &present, new.as_ref(), context).await {
        Ok(session) => {
            let mut response = lead_with(&app, "/account", Notice::SecondStepOff);
            set_session(&app, &mut response, &session);
            Ok(response)
        }
        Err(SecondStepError::WrongPassword) => {
            show_again(WRONG.0, needs_password, Problems::of(Field::CurrentPassword, WRONG.1))
        }
        // The password is too short to stand alone: a new one is asked for with it.
        Err(SecondStepError::Weak(weak)) => {
            let problems = Problems::of(Field::NewPassword, weakness(weak));
            show_again(StatusCode::UNPROCESSABLE_ENTITY, true, problems)
        }
        Err(error) => later(error, |status, problems| show_again(status, needs_password, problems)),
    }
}

pub(crate) async fn show_delete(State(app): State<App>, Fresh(signed_in): Fresh) -> Response {
    page(render_delete(&app, &signed_in, Problems::NONE))
}

fn render_delete(app: &App, signed_in: &SignedIn, problems: Problems) -> String {
    let view = views::DeleteAccount { email: signed_in.current.email.address(), problems };
    view.render(&own_frame(app, signed_in, "/account/delete"))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct DeleteForm {
    password: Typed,
    confirm: Option<String>,
}

pub(crate) async fn delete(
    State(app): State<App>,
    Fresh(signed_in): Fresh,
    Form(form): Form<DeleteForm>,
) -> Result<Response, Failure> {
    let show_again = |status, problems| Ok(again(status, render_delete(&app, &signed_in, problems)));
    let mut reading = Reading::default();
    let password = reading.password(Field::Password, &form.password);
    if form.confirm.is_none() {
        reading.0.add(Field::Confirm, Problem::ConfirmationMissing);
    }
    let (Some(password), true) = (password, reading.0.is_empty()) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.delete_account(&signed_in.current, &password, &signed_in.asking.context).await {
        Ok(()) => {
            let mut response = lead_with(&app, "/signed-out", Notice::AccountDeleted);
            clear_session(&app, &mut response);
            Ok(response)
        }
        Err(DeleteError::WrongPassword) => show_again(WRONG.0, Problems::of(Field::Password, WRONG.1)),
        Err(error) => later(error, show_again),
    }
}
