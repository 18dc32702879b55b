//! How a request that cannot be served is answered. A handler says which [`Failure`] it is; one place shows it in the
//! form that the route speaks: a page, problem details (RFC 9457), or the family's `{"error": …}`.

use std::time::Duration;

use auth::{Fault, ReturnTo, TooMany};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use oidc::OAuthError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::http::asking::{Asking, SupportId};
use crate::http::kind::Kind;
use crate::pages;

/// Why a request is not served.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// No such page or route.
    NotFound,
    /// The route does not do this.
    MethodNotAllowed,
    /// The request cannot be read: not the syntax it claims.
    Malformed(String),
    /// The body is not of this type, which is the one that the route takes.
    UnsupportedMediaType(&'static str),
    /// The body is larger than so many bytes.
    TooLarge(u32),
    /// The body did not come in time.
    TooSlow,
    /// Read, and found wanting.
    Invalid(Vec<FieldError>),
    /// It came from a page of somebody else's.
    ForeignOrigin,
    /// It came by a name that is not ours.
    MisdirectedHost,
    /// Nobody is signed in.
    Unauthenticated,
    /// Whoever is signed in has to prove it again.
    NotFresh,
    /// The password, or the pair of address and password, is not right.
    Incorrect(&'static str),
    /// A code or link was used or has expired.
    Gone,
    /// Not the code.
    WrongCode {
        /// How many more guesses it takes.
        tries_left: u32,
    },
    /// Too many tries.
    TooMany(Duration),
    /// More to do than can be done.
    Busy(Duration),
    /// The database is away.
    Unavailable,
    /// The database was lost before it said whether what was asked is done.
    Uncertain,
    /// The request that came first under an `Idempotency-Key` is under way.
    KeyInUse,
    /// Another request came under an `Idempotency-Key` before.
    KeyReused,
    /// Too many keys of an account are remembered.
    TooManyKeys(Duration),
    /// An app asked for something that cannot be done, and cannot be told.
    AppRequest(OAuthError),
    /// Ours.
    Internal,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field, as a JSON pointer (RFC 6901).
    pub(crate) pointer: String,
    /// What is wrong, for a program.
    pub(crate) code: &'static str,
    /// What is wrong and what to do, for a person.
    pub(crate) detail: String,
}

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem, as a path into this server's documentation.
    #[serde(rename = "type")]
    kind: String,
    /// The kind, for a person.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// What to tell support.
    support_id: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Failure {
    /// One field, and what is wrong with it.
    pub(crate) fn field(name: &str, code: &'static str, detail: &impl ToString) -> Self {
        Self::Invalid(vec![FieldError { pointer: format!("/{name}"), code, detail: detail.to_string() }])
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.kind().status()
    }

    /// What kind of problem it is.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::NotFound => Kind::NotFound,
            Self::MethodNotAllowed => Kind::MethodNotAllowed,
            Self::Malformed(_) => Kind::Malformed,
            Self::UnsupportedMediaType(_) => Kind::UnsupportedMediaType,
            Self::TooLarge(_) => Kind::TooLarge,
            Self::TooSlow => Kind::TooSlow,
            Self::Invalid(_) => Kind::Invalid,
            Self::ForeignOrigin => Kind::ForeignOrigin,
            Self::MisdirectedHost => Kind::Misdirected,
            Self::Unauthenticated => Kind::Unauthenticated,
            Self::NotFresh => Kind::NotFresh,
            Self::Incorrect(_) => Kind::Incorrect,
            Self::Gone => Kind::Gone,
            Self::WrongCode { .. } => Kind::WrongCode,
            Self::TooMany(_) => Kind::TooMany,
            Self::Busy(_) => Kind::Busy,
            Self::Unavailable => Kind::Unavailable,
            Self::Uncertain => Kind::Uncertain,
            Self::KeyInUse => Kind::KeyInUse,
            Self::KeyReused => Kind::KeyReused,
            Self::TooManyKeys(_) => Kind::TooManyKeys,
            Self::AppRequest(_) => Kind::AppRequest,
            Self::Internal => Kind::Internal,
        }
    }

    pub(crate) fn detail(&self) -> String {
        match self {
            Self::NotFound => "There is nothing at this address: check it for a slip.".into(),
            Self::MethodNotAllowed => "This address does not take this method.".into(),
            Self::Malformed(detail) => detail.clone(),
            Self::UnsupportedMediaType(taken) => format!("Send the body as {taken}, in UTF-8."),
            Self::TooLarge(most) if most.is_multiple_of(1024) => format!("Send at most {} KiB.", most / 1024),
            Self::TooLarge(most) => format!("Send at most {most} bytes."),
            Self::TooSlow => "The body did not come within 10 seconds: send it again.".into(),
            Self::Invalid(errors) => {
                errors.first().map_or_else(|| "See the fields.".into(), |first| sentence(&first.detail))
            }
            Self::ForeignOrigin => "It was sent by a page of another site, which may not do this.".into(),
            Self::MisdirectedHost => "Use the address this server was set up with.".into(),
            Self::Unauthenticated => "Sign in first.".into(),
            Self::NotFresh => {
                "It is too long since you proved who you are: do so again, then repeat this.".into()
            }
            Self::Incorrect(what) => sentence(what),
            Self::Gone => "This code or link has been used or has expired: ask for a new one.".into(),
            Self::WrongCode { tries_left: 0 } => {
                "This is not the code, and that was the last try: ask for a new one.".into()
            }
            Self::WrongCode { tries_left } => format!("This is not the code: {tries_left} tries left."),
            Self::TooMany(wait) | Self::Busy(wait) => format!("Come back in {} s.", seconds(*wait)),
            Self::KeyInUse => {
                "The request that came first with this Idempotency-Key is under way: send it again in 1 s."
                    .into()
            }
            Self::KeyReused => {
                "Another request came with this Idempotency-Key before: make up a new one for each request."
                    .into()
            }
            Self::TooManyKeys(wait) => format!(
                "1,000 requests of this account are remembered by their Idempotency-Key: come back in {} s, or send it without one.",
                seconds(*wait)
            ),
            Self::AppRequest(error) => error.description.to_string(),
            Self::Unavailable => "Nothing was changed: try again in a moment.".into(),
            Self::Uncertain => {
                "It may have been done, or not: look in a moment, before you try again.".into()
            }
            Self::Internal => "Nothing you did wrong: try again, or tell support the id below.".into(),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany(wait) | Self::TooManyKeys(wait) | Self::Busy(wait) => Some(seconds(*wait)),
            Self::KeyInUse | Self::Unavailable | Self::Uncertain => Some(1),
            _ => None,
        }
    }

    /// Whoever quotes the support id is found in a log at the level that is usual, `info`.
    pub(crate) fn log(&self) {
        let (status, kind) = (self.status().as_u16(), self.kind().entry().code);
        // Whoever asks for what is not there can do so all day: nobody has to be woken. And why the database is away was said where it
        // was met, in the span of the same request, or once for all: no more than a note then, by the id that is shown.
        if status < 500 || matches!(self, Self::Unavailable | Self::Uncertain) {
            tracing::info!(status, kind, "a failure was shown");
        } else if matches!(self, Self::Busy(_)) {
            // That there is too much to do may need somebody, and is no fault.
            tracing::warn!(status, kind, "a failure was shown");
        } else {
            tracing::error!(status, kind, "a failure was shown");
        }
    }

    /// The family's word for it.
    fn family(&self) -> String {
        match self {
            Self::Invalid(_) | Self::Malformed(_) => self.detail(),
            Self::Incorrect(_) | Self::Gone | Self::WrongCode { .. } => "Incorrect credentials".into(),
            _ => self.kind().entry().title.into(),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// Whole seconds, rounded up: a client that waits so long is let through.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Busy { retry_after } => Self::Busy(retry_after),
            Fault::SessionEnded => Self::Unauthenticated,
            Fault::DoneBefore => Self::KeyInUse,
            Fault::Store(error) if error.is_unanswered() => {
                tracing::info!(%error, "the database was lost during a commit");
                Self::Uncertain
            }
            // That the database is lost is said once, and not again by everybody who is turned away meanwhile.
            Fault::Store(error) if error.is_loss() => {
                tracing::debug!(%error, "the database is away");
                Self::Unavailable
            }
            Fault::Store(error) => {
                tracing::error!(%error, "the database did not do what was asked");
                Self::Unavailable
            }
            Fault::Sealed(_)
            | Fault::Corrupt(_)
            | Fault::AnotherAuditKey
            | Fault::MissingPepper { .. }
            | Fault::TooMuchMemory { .. } => {
                tracing::error!(error = %fault, "a fault of ours");
                Self::Internal
            }
        }
    }
}

impl From<TooMany> for Failure {
    fn from(too_many: TooMany) -> Self {
        Self::TooMany(too_many.retry_after)
    }
}

/// A failure is an empty answer that carries itself; [`show`] fills it.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// How the routes under a path speak.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Page,
    Problem,
    Family,
    /// As RFC 6749 section 5.2 says.
    Protocol,
}

/// What is read by programs outside `/api/`.
const DOCUMENTS: [&str; 2] = ["/openapi.json", "/dev/mailbox.json"];

fn form_of(path: &str) -> Form {
    match path {
        "/signup" | "/login" | "/verify-2fa" | "/logout" | "/verify-token" => Form::Family,
        "/token" | "/introspect" | "/revoke" | "/userinfo" => Form::Protocol,
        path if path.starts_with("/api/")
            || path.starts_with("/.well-known/")
            || DOCUMENTS.contains(&path) =>
        {
            Form::Problem
        }
        _ => Form::Page,
    }
}

/// Whether what is at `path` is looked at in a browser.
pub(crate) fn is_for_people(path: &str) -> bool {
    form_of(path) == Form::Page
}

/// To whom a failure would be shown.
pub(crate) enum Shown {
    /// To a person, who looks at the page of this path.
    Person(Box<Asking>, String),
    /// To a program, that is told the support id.
    Program(Form, String),
}

impl Shown {
    /// What has to be known of a request, should it fail; programs are many, and no more is read of what they send than
    /// they are shown.
    pub(crate) fn of(request: &Request, app: &App) -> Self {
        let path = request.uri().path();
        match form_of(path) {
            Form::Page => Self::Person(Box::new(Asking::of(request, app)), path.to_owned()),
            form => {
                let support_id = request.extensions().get::<SupportId>().map(|id| id.0.clone());
                Self::Program(form, support_id.unwrap_or_default())
            }
        }
    }
}

/// Shows failures in the form of the route. Whoever has to sign in, or to prove again who they are, is led there if they
/// were looking at a page.
pub(crate) async fn show(app: &App, shown: Shown, mut response: Response) -> Response {
    let failure = match response.extensions_mut().remove::<Failure>() {
        Some(failure) => failure,
        // What axum itself refuses: an unknown route has a fallback of ours, a wrong method has not.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Failure::MethodNotAllowed,
        None => return response,
    };
    if let Shown::Person(_, path) = &shown
        && let Some(location) = leads_to(&failure, path)
    {
        let mut redirect = StatusCode::SEE_OTHER.into_response();
        if let Ok(location) = HeaderValue::from_str(&location) {
            redirect.headers_mut().insert(LOCATION, location);
        }
        redirect.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for cookie in response.headers().get_all(SET_COOKIE) {
            redirect.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        return redirect;
    }
    failure.log();
    let (content_type, body) = match shown {
        Shown::Person(mut asking, path) => {
            asking.find_language(app).await;
            ("text/html; charset=utf-8", pages::error::render(app, &asking, &failure, &path))
        }
        Shown::Program(Form::Family, _) => {
            ("application/json", serde_json::json!({ "error": failure.family() }).to_string())
        }
        Shown::Program(Form::Protocol, support_id) => ("application/json", protocol(&failure, &support_id)),
        Shown::Program(_, support_id) => ("application/problem+json", problem(&failure, &support_id)),
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(axum::http::header::CONTENT_LENGTH);
    if let Some(wait) = failure.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    *response.status_mut() = failure.status();
    *response.body_mut() = Body::from(body);
    response
}

/// Where a person who has to sign in, or prove again who they are, is led.
fn leads_to(failure: &Failure, path: &str) -> Option<String> {
    let back = page_of(path);
    match failure {
        Failure::Unauthenticated => Some(format!("/sign-in?return_to={back}")),
        Failure::NotFresh => Some(format!("/account/confirm?next={back}")),
        _ => None,
    }
}

/// The page that a form at `path` was on: a form that was sent cannot be sent again by a redirect.
fn page_of(path: &str) -> &str {
    let mut page = path;
    loop {
        if ReturnTo::parse(page, &[]).is_some() {
            return page;
        }
        match page.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() => page = parent,
            _ => return "/account",
        }
    }
}

/// The nearest of the codes that RFC 6749 section 5.2 knows.
fn protocol(failure: &Failure, support_id: &str) -> String {
    let error = match failure.status().as_u16() {
        429 | 503 => "temporarily_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    };
    let detail = oidc::Description::from(failure.detail());
    serde_json::json!({ "error": error, "error_description": detail, "support_id": support_id }).to_string()
}

fn problem(failure: &Failure, support_id: &str) -> String {
    let kind = failure.kind();
    let problem = Problem {
        kind: kind.address(),
        title: kind.entry().title,
        status: failure.status().as_u16(),
        detail: failure.detail(),
        support_id: support_id.to_owned(),
        errors: match failure {
            Failure::Invalid(errors) => errors.clone(),
            _ => Vec::new(),
        },
    };
    serde_json::to_string(&problem).unwrap_or_default()
}
