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

use axum::response::{IntoResponse, Response};
use domain::{DisplayName, Email, Password};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::http::failure::{Failure, FieldError, Problem};
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

/// Every route of the API.
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
        .routes(routes!(account::show, account::change, account::delete))
        .routes(routes!(account::change_password))
        .routes(routes!(account::change_second_step))
        .routes(routes!(
            account::show_email_change,
            account::request_email_change,
            account::cancel_email_change
        ))
        .routes(routes!(account::confirm_email_change))
        .routes(routes!(apps::list))
        .routes(routes!(apps::withdraw))
        .routes(routes!(session::list, session::end_others))
        .routes(routes!(session::end))
        .routes(routes!(session::confirm))
        .routes(routes!(session::renew))
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

    /// Whether a new password will do, where the address that goes with it cannot be read: all that is wrong is said at once.
    /// With an address the use case says it, which compares the two besides.
    pub(crate) fn policy(&mut self, app: &App, name: &str, password: &Password, second_step: bool) {
        if let Err(weakness) = app.auth.settings().check_password(password, None, second_step) {
            let detail = weakness.to_string();
            self.0.push(FieldError { pointer: format!("/{name}"), code: "weak", detail });
        }
    }

    fn take<T, E: ToString>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed
            .map_err(|error| {
                self.0.push(FieldError {
                    pointer: format!("/{name}"),
                    code: "invalid",
                    detail: error.to_string(),
                });
            })
            .ok()
    }

    pub(crate) fn refuse(self) -> Failure {
        Failure::Invalid(self.0)
    }
}
