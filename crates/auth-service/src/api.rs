//! The JSON API under `/api/v1`: the same use cases as the pages. Errors are problem details (RFC 9457).

mod account;
mod apps;
mod document;
mod recover;
mod session;
mod sign_in;
mod sign_up;

pub(crate) use document::finish;
pub(crate) use sign_in::{clear_session, set_session};

use auth::Context;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use domain::{DisplayName, Email, Password};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::App;
use crate::http::asking::Asking;
use crate::http::failure::{Failure, FieldError, Problem};
use crate::http::idempotency;
use crate::http::typed::Typed;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Keyward",
        description = "Sign-in: accounts, sessions, a second step. Browsers and programs speak the same use cases here \
                       as people do on the pages. Errors are problem details (RFC 9457)."
    ),
    components(schemas(Problem, FieldError))
)]
pub(crate) struct Document;

/// The routes of the API, but for those that take an `Idempotency-Key`.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_up::sign_up))
        .routes(routes!(sign_up::prove))
        .routes(routes!(sign_up::resend))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::second_step))
        .routes(routes!(sign_in::resend))
        .routes(routes!(sign_in::sign_out))
        .routes(routes!(recover::request))
        .routes(routes!(recover::reset))
        .routes(routes!(account::show, account::delete))
        .routes(routes!(account::change_password))
        .routes(routes!(account::change_second_step))
        .routes(routes!(account::show_email_change))
        .routes(routes!(account::confirm_email_change))
        .routes(routes!(apps::list))
        .routes(routes!(session::list))
        .routes(routes!(session::end))
        .routes(routes!(session::confirm))
        .routes(routes!(session::renew))
}

/// Those that take one: each changes something for whoever is signed in, in one transaction, and is answered by [`Done`], in which no
/// credential is. A proxy may send a request to them again (`deploy/Caddyfile`).
///
/// `once` is put around each method, and around nothing else of its path: one that a path has not is answered 405 whatever its key.
pub(crate) fn idempotent(once: impl Fn(MethodRouter<App>) -> MethodRouter<App>) -> OpenApiRouter<App> {
    let mut routes = OpenApiRouter::new()
        .routes(routes!(account::change).map(&once))
        .routes(routes!(account::request_email_change, account::cancel_email_change).map(&once))
        .routes(routes!(apps::withdraw).map(&once))
        .routes(routes!(session::end_others).map(&once));
    document::take_keys(routes.get_openapi_mut());
    routes
}

/// What is answered once something is done, and known before: under an `Idempotency-Key` it is kept in the transaction that does it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    status: StatusCode,
    message: &'static str,
}

impl Done {
    pub(crate) const fn ok(message: &'static str) -> Self {
        Self { status: StatusCode::OK, message }
    }

    pub(crate) const fn accepted(message: &'static str) -> Self {
        Self { status: StatusCode::ACCEPTED, message }
    }

    /// What the use case that does it is told of the request.
    pub(crate) fn kept(self, asking: &Asking) -> Context {
        let once = asking.idempotent.as_ref();
        let once = once.map(|request| request.answered(self.status.as_u16(), self.body()));
        Context { once, ..asking.context.clone() }
    }

    fn body(self) -> String {
        serde_json::to_string(&Said { message: self.message }).unwrap_or_default()
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        idempotency::answered(self.status, self.body())
    }
}

/// An answer that only says what happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Said {
    /// What happened, for a person.
    message: &'static str,
}

pub(crate) fn said(message: &'static str) -> Response {
    axum::Json(Said { message }).into_response()
}

/// Collects what is wrong with the fields of a body, so that all of it is said at once.
#[derive(Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    pub(crate) fn email(&mut self, name: &str, text: &str) -> Option<Email> {
        self.take(name, Email::parse(text))
    }

    pub(crate) fn password(&mut self, name: &str, typed: &Typed) -> Option<Password> {
        self.take(name, Password::parse(typed.expose()))
    }

    pub(crate) fn name(&mut self, name: &str, text: &str) -> Option<DisplayName> {
        self.take(name, DisplayName::parse(text))
    }

    /// Whether a new password will do, where the request is refused for something else: all that is wrong is said at once. `email`
    /// goes with it, if it can be read. Of a request that is not refused its use case says it.
    pub(crate) fn policy(
        &mut self,
        app: &App,
        name: &str,
        password: Option<&Password>,
        email: Option<&Email>,
        second_step: bool,
    ) {
        let Some(password) = password else { return };
        if let Err(weakness) = app.auth.settings().check_password(password, email, second_step) {
            self.add(name, "weak", &weakness);
        }
    }

    pub(crate) fn add(&mut self, name: &str, code: &'static str, detail: &impl ToString) {
        self.0.push(FieldError { pointer: format!("/{name}"), code, detail: detail.to_string() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take<T, E: ToString>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.add(name, "invalid", &error)).ok()
    }

    pub(crate) fn refuse(self) -> Failure {
        Failure::Invalid(self.0)
    }
}
