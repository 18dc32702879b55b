//! A form that is shown again: something in it is not right, or it cannot be served just now.

use auth::{EvidenceError, TooMany};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{Html, IntoResponse, Response};

use crate::http::failure::Failure;
use crate::pages::seconds;
use crate::views::{Field, Problem, Problems};

/// A form that is shown again because something in it is not right.
pub(crate) fn again(status: StatusCode, html: String) -> Response {
    (status, Html(html)).into_response()
}

/// Shows the form again if all that a person has to do is wait: a page without it would lose what they typed. It is a
/// failure all the same: the log knows it by the support id that the form shows. Any other is shown as failures are.
pub(crate) fn later(
    failure: impl Into<Failure>,
    show_again: impl FnOnce(StatusCode, Problems) -> Result<Response, Failure>,
) -> Result<Response, Failure> {
    let failure = failure.into();
    let problem = match &failure {
        Failure::TooMany(wait) => Problem::TooManyTries(seconds(*wait)),
        Failure::Busy(wait) => Problem::Busy(seconds(*wait)),
        Failure::Unavailable => Problem::Unavailable,
        Failure::Uncertain => Problem::Uncertain,
        _ => return Err(failure),
    };
    wait(&failure, problem, show_again)
}

/// The same of too many codes that were mailed with a link: whoever has the mail need not wait, whoever it was that guessed.
pub(crate) fn later_or_by_link(
    too_many: TooMany,
    show_again: impl FnOnce(StatusCode, Problems) -> Result<Response, Failure>,
) -> Result<Response, Failure> {
    wait(&too_many.into(), Problem::TooManyCodes(seconds(too_many.retry_after)), show_again)
}

fn wait(
    failure: &Failure,
    problem: Problem,
    show_again: impl FnOnce(StatusCode, Problems) -> Result<Response, Failure>,
) -> Result<Response, Failure> {
    let mut response = show_again(failure.status(), Problems::whole(problem))?;
    if let Some(wait) = failure.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, wait.into());
    }
    failure.log();
    Ok(response)
}

/// Shows the form again in which a code was typed.
pub(crate) fn refuse_code(
    error: EvidenceError,
    field: Field,
    show_again: impl FnOnce(StatusCode, Problems) -> Result<Response, Failure>,
) -> Result<Response, Failure> {
    let (status, problem) = match error {
        EvidenceError::Gone | EvidenceError::WrongCode { tries_left: 0 } => {
            Failure::Gone.log();
            (StatusCode::GONE, Problem::CodeOver)
        }
        EvidenceError::WrongCode { tries_left } => (StatusCode::UNAUTHORIZED, Problem::CodeWrong(tries_left)),
        EvidenceError::TooMany(too_many) => return later(too_many, show_again),
        EvidenceError::Fault(fault) => return later(fault, show_again),
    };
    show_again(status, Problems::of(field, problem))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        reason = "what a page hands to `later`"
    )]
    fn form(status: StatusCode, problems: Problems) -> Result<Response, Failure> {
        Ok(again(status, format!("{problems:?}")))
    }

    #[test]
    fn what_waiting_mends_is_shown_in_the_form_with_the_time_to_wait() {
        let half = Duration::from_millis(1_500);
        for (failure, status, wait) in [
            (Failure::TooMany(half), 429, "2"),
            (Failure::Busy(half), 503, "2"),
            (Failure::Unavailable, 503, "1"),
            (Failure::Uncertain, 503, "1"),
        ] {
            let response = later(failure, form).unwrap();
            assert_eq!(
                (response.status().as_u16(), response.headers()[RETRY_AFTER].as_bytes()),
                (status, wait.as_bytes())
            );
        }
    }

    #[test]
    fn what_it_does_not_mend_is_a_failure() {
        for failure in [Failure::Internal, Failure::Gone, Failure::NotFresh, Failure::Unauthenticated] {
            let status = failure.status();
            assert_eq!(later(failure, form).unwrap_err().status(), status);
        }
    }
}
