//! Moving the account to another address.

use auth::{ChangeState, EmailChangeError, Evidence, Progress, Side};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::api::set_session;
use crate::http::asking::{Asking, Fresh, SignedIn};
use crate::http::failure::Failure;
use crate::pages::landing::{Address, read};
use crate::pages::{
    Form, Reading, again, already_done, done, encode, frame, given_back, keep, kept, later, lead_to,
    lead_with, own_frame, page, refuse_code,
};
use crate::views::{self, Field, Notice, PendingEmail, Problem, Problems};

pub(crate) async fn show(State(app): State<App>, Fresh(signed_in): Fresh) -> Result<Response, Failure> {
    let change = app.auth.email_change(&signed_in.current).await?;
    let typed: Option<RequestForm> = kept(&signed_in.asking, "/account/email");
    let email = typed.as_ref().map_or("", |typed| &typed.email);
    let entered = Entered { email, ..Entered::default() };
    let html = render(&app, &signed_in, change.as_ref(), entered, Problems::NONE);
    Ok(given_back(&app, typed.as_ref(), page(html)))
}

/// What is in the form already.
#[derive(Clone, Copy, Default)]
struct Entered<'a> {
    email: &'a str,
    code: &'a str,
}

fn render(
    app: &App,
    signed_in: &SignedIn,
    change: Option<&ChangeState>,
    typed: Entered<'_>,
    problems: Problems,
) -> String {
    let pending = change.map(|change| PendingEmail {
        email: change.address.address(),
        old_proved: change.old_proved,
        new_proved: change.new_proved,
    });
    let current = signed_in.current.email.address();
    let view = views::ChangeEmail { current, new_email: typed.email, pending, code: typed.code, problems };
    view.render(&own_frame(app, signed_in, "/account/email"))
}

#[derive(Default, Deserialize, Serialize)]
pub(crate) struct RequestForm {
    #[serde(default)]
    email: String,
}

pub(crate) async fn request(
    State(app): State<App>,
    fresh: Result<Fresh, Failure>,
    Form(form): Form<RequestForm>,
) -> Result<Response, Failure> {
    let Fresh(signed_in) = match fresh {
        Ok(fresh) => fresh,
        Err(failure) => return Ok(keep(&app, failure, "/account/email", &form)),
    };
    let change = app.auth.email_change(&signed_in.current).await?;
    let show_again = |status, problems| {
        let typed = Entered { email: &form.email, ..Entered::default() };
        Ok(again(status, render(&app, &signed_in, change.as_ref(), typed, problems)))
    };
    let mut reading = Reading::default();
    let Some(email) = reading.email(Field::NewEmail, &form.email) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    match app.auth.request_email_change(&signed_in.current, &email, &signed_in.asking.context).await {
        // The page looks as it did before: it says what was done.
        Ok(()) if change.as_ref().is_some_and(|change| change.address.normalized() == email.normalized()) => {
            Ok(lead_with(&app, "/account/email", Notice::CodeSent))
        }
        Ok(()) => Ok(lead_to("/account/email")),
        Err(EmailChangeError::Same) => show_again(
            StatusCode::UNPROCESSABLE_ENTITY,
            Problems::of(Field::NewEmail, Problem::EmailUnchanged),
        ),
        Err(error) => later(error, show_again),
    }
}

pub(crate) async fn show_link(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    let (Some(token), Some(side)) = (query.token, query.side.as_deref().and_then(read_side)) else {
        return Err(Failure::NotFound);
    };
    if let Some(response) = already_done(&app, &asking, &token) {
        return Ok(response);
    }
    app.auth.pending_email_change(side, &token, &asking.context).await?;
    let view = views::ConfirmEmail { token: &token, side: side_name(side), problems: Problems::NONE };
    Ok(page(view.render(&frame(&app, &asking, &link_address(&token, side)))))
}

/// Where the link leads, which the language switch comes back to: it is where the browser is.
fn link_address(token: &str, side: Side) -> String {
    format!("/account/email/confirm?token={}&side={}", encode(token), side_name(side))
}

fn read_side(text: &str) -> Option<Side> {
    match text {
        "old" => Some(Side::Old),
        "new" => Some(Side::New),
        _ => None,
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Old => "old",
        Side::New => "new",
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ConfirmForm {
    side: String,
    code: String,
    token: String,
}

/// By the link (from any browser: it was mailed to the address that agrees), or by the code, signed in.
pub(crate) async fn confirm(
    State(app): State<App>,
    asking: Asking,
    signed_in: Result<SignedIn, Failure>,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Failure> {
    let Some(side) = read_side(&form.side) else { return Err(Failure::NotFound) };
    if form.token.is_empty() {
        return by_code(&app, &signed_in?, side, &form.code).await;
    }
    if let Some(response) = already_done(&app, &asking, &form.token) {
        return Ok(response);
    }
    let evidence = Evidence::Link { token: form.token.clone() };
    let current = signed_in.as_ref().ok().map(|signed_in| &signed_in.current);
    match app.auth.confirm_email_change(side, &evidence, current, &asking.context).await {
        // Whoever is not signed in here has no account page to go to.
        Ok(progress) => {
            let path = if current.is_some() { "/account" } else { "/sign-in" };
            Ok(done(&app, lead_on(&app, path, &progress), &form.token))
        }
        Err(error) => later(error, |status, problems| {
            let view = views::ConfirmEmail { token: &form.token, side: side_name(side), problems };
            Ok(again(status, view.render(&frame(&app, &asking, &link_address(&form.token, side)))))
        }),
    }
}

/// Says how far the change is. A move made a new session where somebody was signed in.
fn lead_on(app: &App, path: &str, progress: &Progress) -> Response {
    let mut response = lead_with(app, path, notice_of(progress));
    if let Progress::Done { session: Some(session), .. } = progress {
        set_session(app, &mut response, session);
    }
    response
}

async fn by_code(app: &App, signed_in: &SignedIn, side: Side, text: &str) -> Result<Response, Failure> {
    let field = match side {
        Side::Old => Field::CodeOld,
        Side::New => Field::CodeNew,
    };
    let change = app.auth.email_change(&signed_in.current).await?;
    let show_again = |status, problems| {
        let typed = Entered { code: text, ..Entered::default() };
        Ok(again(status, render(app, signed_in, change.as_ref(), typed, problems)))
    };
    let mut reading = Reading::default();
    let Some(code) = reading.code(field, text) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let evidence = format!("{}:{code}", side_name(side));
    if let Some(response) = already_done(app, &signed_in.asking, &evidence) {
        return Ok(response);
    }
    let context = &signed_in.asking.context;
    match app.auth.confirm_email_change_by_code(&signed_in.current, side, &code, context).await {
        Ok(progress) => {
            let path = match progress {
                Progress::Waiting => "/account/email",
                Progress::Done { .. } => "/account",
            };
            Ok(done(app, lead_on(app, path, &progress), &evidence))
        }
        Err(EmailChangeError::Evidence(error)) => refuse_code(error, field, show_again),
        Err(error) => later(error, show_again),
    }
}

fn notice_of(progress: &Progress) -> Notice {
    match progress {
        Progress::Waiting => Notice::AddressHalfProved,
        Progress::Done { .. } => Notice::AddressChanged,
    }
}

pub(crate) async fn cancel(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    app.auth.cancel_email_change(&signed_in.current, &signed_in.asking.context).await?;
    Ok(lead_with(&app, "/account", Notice::AddressChangeCancelled))
}
