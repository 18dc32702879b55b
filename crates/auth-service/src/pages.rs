//! The hosted pages: a handler reads a form, calls one use case, and shows a page or leads on.

pub(crate) mod account;
pub(crate) mod apps;
pub(crate) mod credentials;
pub(crate) mod email;
pub(crate) mod error;
pub(crate) mod landing;
pub(crate) mod recover;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod sign_up;

mod again;
mod form;
mod kept;
mod repeated;

pub(crate) use again::{again, later, later_or_by_link, refuse_code};
pub(crate) use form::Form;
pub(crate) use kept::{given_back, keep, kept};
pub(crate) use repeated::{already_done, done};

use std::time::Duration;

use auth::ReturnTo;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use domain::{DisplayName, DisplayNameError, Email, EmailError, Password, PasswordError, Weakness};

use crate::App;
use crate::http::asking::{Asking, Said, SignedIn};
use crate::http::conditional::is_known;
use crate::http::failure::Failure;
use crate::http::headers;
use crate::http::typed::Typed;
use crate::views::{self, Field, Frame, Notice, Problem, Problems, assets};

/// The frame of a page that nobody has to be signed in for.
pub(crate) fn frame<'a>(app: &'a App, asking: &'a Asking, path: &'a str) -> Frame<'a> {
    Frame {
        signed_in: asking.signed_in.as_deref(),
        notice: asking.said.as_ref().map(|said| said.notice),
        support_id: Some(&asking.context.support_id),
        ..Frame::new(asking.locale, &app.branding, path)
    }
}

/// The frame of a page of whoever is signed in.
pub(crate) fn own_frame<'a>(app: &'a App, signed_in: &'a SignedIn, path: &'a str) -> Frame<'a> {
    frame(app, &signed_in.asking, path)
}

/// A page that was asked for and is shown.
pub(crate) fn page(html: String) -> Response {
    Html(html).into_response()
}

/// Leads on with GET. `location` is ours, or one of the apps' that was matched exactly.
pub(crate) fn lead_to(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// A page that was led to is asked for by then.
const NOTICE_LIFE: Duration = Duration::from_mins(1);

/// Leads on to a page of ours, which says what was done.
pub(crate) fn lead_with(app: &App, path: &str, notice: Notice) -> Response {
    lead_on_saying(app, path, &Said { notice, email: None })
}

/// The same, about an address.
pub(crate) fn lead_on_saying(app: &App, path: &str, said: &Said) -> Response {
    let mut response = lead_to(path);
    app.cookies.set(&mut response, app.cookies.notice, &said.written(), NOTICE_LIFE);
    response
}

/// The place a request names, if it is one that people may be sent to.
pub(crate) fn return_to(app: &App, text: &str) -> Option<ReturnTo> {
    ReturnTo::parse(text, &app.auth.settings().return_to)
}

/// What a form leads on to.
#[derive(Default)]
pub(crate) struct Onward {
    /// Where it may end: at the app that waits there, or at one that is known beforehand. As `form-action` of a content
    /// security policy has it.
    pub(crate) end: Option<String>,
    /// The app that waits there, by the name it is registered under: nothing that a request says is shown.
    pub(crate) app: Option<String>,
    /// The address that the app gave.
    pub(crate) login_hint: Option<String>,
}

/// What waits at `to`, if it began in this browser.
pub(crate) async fn onward(app: &App, asking: &Asking, to: Option<&ReturnTo>) -> Result<Onward, Failure> {
    let Some(to) = to else { return Ok(Onward::default()) };
    let Some(request) = to.waiting_request() else {
        let end = to.is_app().then(|| oidc::form_action_sources(to.as_str(), &[])).flatten();
        return Ok(Onward { end, ..Onward::default() });
    };
    let pending = app.auth.pending_authorization(asking.tickets.of(request)).await?;
    Ok(pending.map_or_else(Onward::default, |pending| Onward {
        end: pending.ends_at,
        app: Some(pending.client_name),
        login_hint: pending.login_hint,
    }))
}

/// Where a form that leads to `to` may end.
pub(crate) async fn form_end(
    app: &App,
    asking: &Asking,
    to: Option<&ReturnTo>,
) -> Result<Option<String>, Failure> {
    Ok(onward(app, asking, to).await?.end)
}

/// Lets the page's form end there.
pub(crate) fn ends_at(response: &mut Response, end: Option<&str>) {
    if let Some(end) = end {
        headers::allow_form_to_end_at(response, end);
    }
}

/// Whole seconds, rounded up.
pub(crate) fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

/// Reads the fields of a form, collecting what is wrong.
#[derive(Default)]
pub(crate) struct Reading(pub(crate) Problems);

impl Reading {
    pub(crate) fn email(&mut self, field: Field, text: &str) -> Option<Email> {
        Email::parse(text)
            .map_err(|error| {
                let problem = match error {
                    EmailError::Empty => Problem::EmailMissing,
                    EmailError::TooLong => Problem::EmailTooLong,
                    EmailError::LocalNotAscii => Problem::EmailLocalNotAscii,
                    EmailError::Malformed => Problem::EmailMalformed,
                };
                self.0.add(field, problem);
            })
            .ok()
    }

    pub(crate) fn password(&mut self, field: Field, typed: &Typed) -> Option<Password> {
        Password::parse(typed.expose())
            .map_err(|error| {
                let problem = match error {
                    PasswordError::Empty => match field {
                        Field::CurrentPassword => Problem::CurrentPasswordMissing,
                        Field::NewPassword => Problem::NewPasswordMissing,
                        _ => Problem::PasswordMissing,
                    },
                    PasswordError::TooLong => Problem::PasswordTooLong(512),
                    PasswordError::NotText => Problem::PasswordNotText,
                };
                self.0.add(field, problem);
            })
            .ok()
    }

    /// Whether a new password will do, where the form comes back for something else: it names all that is wrong at once. `email`
    /// goes with it, if it can be read. Of a form that does not come back the use case says it.
    pub(crate) fn policy(
        &mut self,
        app: &App,
        field: Field,
        password: Option<&Password>,
        email: Option<&Email>,
        second_step: bool,
    ) {
        let Some(password) = password else { return };
        if let Err(weak) = app.auth.settings().check_password(password, email, second_step) {
            self.0.add(field, weakness(weak));
        }
    }

    pub(crate) fn name(&mut self, text: &str) -> Option<DisplayName> {
        DisplayName::parse(text)
            .map_err(|error| {
                let problem = match error {
                    DisplayNameError::TooLong => Problem::NameTooLong(100),
                    DisplayNameError::Unprintable => Problem::NameMalformed,
                };
                self.0.add(Field::Name, problem);
            })
            .ok()
    }

    pub(crate) fn code(&mut self, field: Field, text: &str) -> Option<String> {
        let code: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let problem = if code.is_empty() {
            Problem::CodeMissing
        } else if code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()) {
            return Some(code);
        } else {
            Problem::CodeMalformed
        };
        self.0.add(field, problem);
        None
    }
}

/// Why a password is too weak, in a person's words.
pub(crate) fn weakness(weakness: Weakness) -> Problem {
    match weakness {
        Weakness::TooShort { minimum } => {
            Problem::PasswordTooShort(u32::try_from(minimum).unwrap_or(u32::MAX))
        }
        Weakness::TooLong { maximum } => Problem::PasswordTooLong(u32::try_from(maximum).unwrap_or(u32::MAX)),
        Weakness::Contextual => Problem::PasswordContextual,
        Weakness::Unchanged => Problem::PasswordUnchanged,
        Weakness::Breached => Problem::PasswordBreached,
        Weakness::Common => Problem::PasswordCommon,
        Weakness::Pattern => Problem::PasswordPattern,
    }
}

/// The fewest characters of a password, with or without a second step.
pub(crate) fn minimum(app: &App, second_step: bool) -> u32 {
    let limits = &app.auth.settings().limits;
    if second_step { limits.password_minimum_with_second_step } else { limits.password_minimum }
}

/// Files that pages refer to. Their address changes with their content, so they are kept for ever.
pub(crate) async fn asset(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let Path(path) = path.map_err(|_| Failure::NotFound)?;
    let brand;
    let (content_type, bytes, hash) = if path == "brand.css" {
        brand = views::brand_stylesheet(&app.branding);
        ("text/css; charset=utf-8", brand.as_bytes().to_vec(), assets::hash(brand.as_bytes()))
    } else if let Some(logo) = app.branding.logo.as_ref().filter(|logo| logo.name() == path) {
        (logo.content_type(), logo.bytes().to_vec(), logo.hash())
    } else {
        let asset = assets::find(&format!("/static/{path}")).ok_or(Failure::NotFound)?;
        (asset.content_type, asset.bytes.to_vec(), asset.hash)
    };
    let tag = format!("\"{hash:016x}\"");
    let cache = "public, max-age=31536000, immutable";
    if is_known(&asked, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(CACHE_CONTROL, cache), (ETAG, &tag)]).into_response());
    }
    let mut response =
        ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, cache), (ETAG, &tag)], bytes).into_response();
    if content_type == "image/svg+xml" {
        headers::for_picture(&mut response);
    }
    Ok(response)
}

/// Text as a value in a query (RFC 3986 section 2.3 leaves the rest as it is).
pub(crate) fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
