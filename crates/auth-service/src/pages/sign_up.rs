//! Signing up, and proving the address.

use auth::{Credential, Evidence, EvidenceError, PendingProof, ProveError, SignUp, SignUpError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::{ArtefactId, Email};
use serde::Deserialize;

use crate::App;
use crate::http::asking::{Asking, Said};
use crate::http::failure::Failure;
use crate::http::typed::Typed;
use crate::pages::landing::{Address, read};
use crate::pages::{
    Form, Reading, again, already_done, done, frame, later, lead_on_saying, lead_to, lead_with, minimum,
    page, refuse_code, return_to, weakness,
};
use crate::views::{self, Field, Notice, Problem, Problems};

pub(crate) async fn show(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    let to = query.return_to.and_then(|to| return_to(&app, &to));
    let to = to.as_ref().map_or("", |to| to.as_str());
    let view = views::SignUp {
        return_to: to,
        minimum: minimum(&app, false),
        minimum_with_second_step: minimum(&app, true),
        ..Default::default()
    };
    Ok(page(view.render(&frame(&app, &asking, "/sign-up"))))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct SignUpForm {
    name: String,
    email: String,
    password: Typed,
    second_step: Option<String>,
    return_to: String,
}

pub(crate) async fn sign_up(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<SignUpForm>,
) -> Result<Response, Failure> {
    let show_again = |status, problems| {
        let view = views::SignUp {
            name: &form.name,
            email: &form.email,
            second_step: form.second_step.is_some(),
            return_to: return_to(&app, &form.return_to).map_or("", |_| &form.return_to),
            minimum: minimum(&app, false),
            minimum_with_second_step: minimum(&app, true),
            problems,
        };
        Ok(again(status, view.render(&frame(&app, &asking, "/sign-up"))))
    };
    let mut reading = Reading::default();
    let name = reading.name(&form.name);
    let email = reading.email(Field::Email, &form.email);
    let password = reading.password(Field::Password, &form.password);
    let second_step = form.second_step.is_some();
    if let (None, Some(password)) = (&email, &password) {
        reading.policy(&app, Field::Password, password, second_step);
    }
    let (Some(name), Some(email), Some(password)) = (name, email, password) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let to = return_to(&app, &form.return_to).map(|to| to.as_str().to_owned());
    let request = SignUp { email, password, name, second_step, return_to: to, takes_code: true };
    match app.auth.sign_up(request, &asking.context).await {
        Ok(signed_up) => Ok(lead_to(&format!("/verify?id={}", signed_up.proof))),
        Err(SignUpError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::Password, weakness(weak)))
        }
        Err(SignUpError::TooMany(too_many)) => later(too_many, show_again),
        Err(SignUpError::Fault(fault)) => later(fault, show_again),
    }
}

pub(crate) async fn show_proof(
    State(app): State<App>,
    asking: Asking,
    address: Address,
) -> Result<Response, Failure> {
    let query = read(address)?;
    let shown = query.token.as_deref().or(query.id.as_deref()).unwrap_or_default();
    if let Some(response) = already_done(&app, &asking, shown) {
        return Ok(response);
    }
    if let Some(token) = query.token {
        let pending = app.auth.pending_proof_by_link(&token, &asking.context).await?;
        let html = link_page(&app, &asking, &token, pending.same_browser, Problems::NONE);
        return Ok(page(html));
    }
    let id = query.id.unwrap_or_default();
    let Ok(proof) = id.parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    let pending = app.auth.pending_proof(proof, &asking.context).await?;
    // Does this tell a stranger who has an account? They know an id only of a sign-up of their own, and that of an address
    // with an account (a decoy) is open as long as that of one without. One that ends early was used, or its owner proved
    // the address by another mail: it says that there was no account when the stranger asked, and that somebody who reads
    // that mailbox has made one since. An id that stays open says nothing. The form has always said as much: a code for an
    // id that has ended is answered otherwise than a wrong one.
    if pending.is_none() && !app.auth.is_proof_open(proof).await? {
        return Err(Failure::Gone);
    }
    let email = pending.as_ref().map(|pending| pending.email.address());
    let return_to = pending.as_ref().and_then(|pending| pending.return_to.as_deref()).unwrap_or_default();
    let path = format!("/verify?id={proof}");
    let view = views::CheckMail { id: &proof.to_string(), email, return_to, ..Default::default() };
    Ok(page(view.render(&frame(&app, &asking, &path))))
}

fn link_page(app: &App, asking: &Asking, token: &str, same_browser: bool, problems: Problems) -> String {
    // The language switch comes back to where the browser is.
    let path = format!("/verify?token={}", super::encode(token));
    let frame = frame(app, asking, &path);
    if same_browser {
        views::ProveHere { token, problems }.render(&frame)
    } else {
        let minimum = minimum(app, false);
        views::ProveElsewhere { token, minimum, problems, ..Default::default() }.render(&frame)
    }
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ProofForm {
    id: String,
    code: String,
    token: String,
    password: Option<Typed>,
    new_password: Option<Typed>,
}

impl ProofForm {
    /// What names the sign-up: the token of its link, else its id.
    fn evidence(&self) -> &str {
        if self.token.is_empty() { &self.id } else { &self.token }
    }
}

pub(crate) async fn prove(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<ProofForm>,
) -> Result<Response, Failure> {
    if let Some(response) = already_done(&app, &asking, form.evidence()) {
        return Ok(response);
    }
    if form.token.is_empty() {
        by_code(&app, &asking, &form).await
    } else {
        by_link(&app, &asking, &form).await
    }
}

async fn by_code(app: &App, asking: &Asking, form: &ProofForm) -> Result<Response, Failure> {
    let Ok(id) = form.id.parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    let pending = match app.auth.pending_proof(id, &asking.context).await {
        Ok(pending) => pending,
        Err(fault) => {
            return later(fault, |status, problems| {
                Ok(check_mail_again(app, asking, (id, &form.code), None, status, problems))
            });
        }
    };
    let show_again = |status, problems| {
        Ok(check_mail_again(app, asking, (id, &form.code), pending.as_ref(), status, problems))
    };
    let mut reading = Reading::default();
    let Some(code) = reading.code(Field::Code, &form.code) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let credential = password_of(&mut reading, form);
    let asks_password = credential.is_some() || !reading.0.is_empty();
    let elsewhere = |status, problems| Ok(again(status, elsewhere_page(app, asking, id, &code, problems)));
    if !reading.0.is_empty() {
        return elsewhere(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    }
    let show = |status, problems| {
        if asks_password { elsewhere(status, problems) } else { show_again(status, problems) }
    };
    let evidence = Evidence::Code { id, code: code.clone() };
    let credential = credential.unwrap_or(Credential::Browser);
    match app.auth.prove_address(&evidence, &credential, &asking.context).await {
        Ok((email, to)) => Ok(done(app, proved(app, email, to.as_deref()), form.evidence())),
        // The code is right; whose it is, a password says, as it does where a link is opened elsewhere.
        Err(ProveError::OtherBrowser) => elsewhere(StatusCode::OK, Problems::NONE),
        Err(ProveError::WrongPassword) => {
            elsewhere(StatusCode::UNAUTHORIZED, Problems::of(Field::Password, Problem::PasswordWrong))
        }
        Err(ProveError::Weak(weak)) => {
            elsewhere(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(ProveError::Evidence(error)) => match error {
            EvidenceError::Gone | EvidenceError::WrongCode { .. } => {
                refuse_code(error, Field::Code, show_again)
            }
            EvidenceError::TooMany(_) | EvidenceError::Fault(_) => later(error, show),
        },
        Err(ProveError::TooMany(too_many)) => later(too_many, show),
        Err(ProveError::Fault(fault)) => later(fault, show),
    }
}

/// The password that was typed in one of the two forms of the page that asks for one.
fn password_of(reading: &mut Reading, form: &ProofForm) -> Option<Credential> {
    match (&form.password, &form.new_password) {
        (Some(text), _) => reading.password(Field::Password, text).map(Credential::Password),
        (None, Some(text)) => reading.password(Field::NewPassword, text).map(Credential::NewPassword),
        (None, None) => None,
    }
}

/// The page that asks for a password besides the code, in a browser that did not sign up.
fn elsewhere_page(app: &App, asking: &Asking, id: ArtefactId, code: &str, problems: Problems) -> String {
    let id = id.to_string();
    let minimum = minimum(app, false);
    // The code must not be in an address, and without it there is nothing to go back to but where it is typed.
    let path = format!("/verify?id={id}");
    let view = views::ProveElsewhere { id: &id, code, minimum, problems, ..Default::default() };
    view.render(&frame(app, asking, &path))
}

/// The page that asks for the code of a sign-up, again, with what was typed.
fn check_mail_again(
    app: &App,
    asking: &Asking,
    (id, code): (ArtefactId, &str),
    pending: Option<&PendingProof>,
    status: StatusCode,
    problems: Problems,
) -> Response {
    let path = format!("/verify?id={id}");
    let email = pending.map(|pending| pending.email.address());
    let return_to = pending.and_then(|pending| pending.return_to.as_deref()).unwrap_or_default();
    let view = views::CheckMail { id: &id.to_string(), email, return_to, code, problems };
    again(status, view.render(&frame(app, asking, &path)))
}

async fn by_link(app: &App, asking: &Asking, form: &ProofForm) -> Result<Response, Failure> {
    let page = |same_browser, status, problems| {
        Ok(again(status, link_page(app, asking, &form.token, same_browser, problems)))
    };
    // Until the link can be looked at, what was sent says which page it came from.
    let no_password = form.password.is_none() && form.new_password.is_none();
    let pending = match app.auth.pending_proof_by_link(&form.token, &asking.context).await {
        Ok(pending) => pending,
        Err(error) => return later(error, |status, problems| page(no_password, status, problems)),
    };
    let show_again = |status, problems| page(pending.same_browser, status, problems);
    let mut reading = Reading::default();
    let mut credential = password_of(&mut reading, form);
    if no_password && pending.same_browser {
        credential = Some(Credential::Browser);
    } else if no_password {
        reading.0.add(Field::Password, Problem::PasswordMissing);
    }
    let Some(credential) = credential else { return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0) };
    let evidence = Evidence::Link { token: form.token.clone() };
    match app.auth.prove_address(&evidence, &credential, &asking.context).await {
        Ok((email, to)) => Ok(done(app, proved(app, email, to.as_deref()), form.evidence())),
        Err(ProveError::OtherBrowser | ProveError::WrongPassword) => {
            show_again(StatusCode::UNAUTHORIZED, Problems::of(Field::Password, Problem::PasswordWrong))
        }
        Err(ProveError::Weak(weak)) => {
            show_again(StatusCode::UNPROCESSABLE_ENTITY, Problems::of(Field::NewPassword, weakness(weak)))
        }
        Err(ProveError::Evidence(error)) => later(error, show_again),
        Err(ProveError::TooMany(too_many)) => later(too_many, show_again),
        Err(ProveError::Fault(fault)) => later(fault, show_again),
    }
}

/// Leads to sign-in, whose form begins with the address.
fn proved(app: &App, email: Email, to: Option<&str>) -> Response {
    let path = match to {
        Some(to) => format!("/sign-in?return_to={}", super::encode(to)),
        None => "/sign-in".to_owned(),
    };
    lead_on_saying(app, &path, &Said { notice: Notice::AddressProved, email: Some(email) })
}

#[derive(Deserialize)]
pub(crate) struct ResendForm {
    pub(crate) id: String,
}

pub(crate) async fn resend(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<ResendForm>,
) -> Result<Response, Failure> {
    let Ok(id) = form.id.parse::<ArtefactId>() else { return Err(Failure::NotFound) };
    let pending = app.auth.pending_proof(id, &asking.context).await?;
    let show_again =
        |status, problems| Ok(check_mail_again(&app, &asking, (id, ""), pending.as_ref(), status, problems));
    match app.auth.resend_proof(id, &asking.context).await {
        Ok(()) => Ok(lead_with(&app, &format!("/verify?id={id}"), Notice::CodeSent)),
        Err(ProveError::Evidence(error)) => later(error, show_again),
        Err(ProveError::TooMany(too_many)) => later(too_many, show_again),
        Err(ProveError::Fault(fault)) => later(fault, show_again),
        Err(_) => Err(Failure::Internal),
    }
}
