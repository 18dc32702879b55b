//! Signing in and out.

use auth::{NewSession, SignIn, SignInError, SignedIn, StepError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ArtefactId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::api::{Fields, Said, said};
use crate::http::asking::{self, Asking};
use crate::http::failure::Failure;
use crate::http::json::Json;
use crate::http::typed::Typed;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    /// The address.
    #[schema(max_length = 254)]
    email: String,
    /// The password.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    password: Typed,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInAnswer {
    /// The account.
    user_id: Uuid,
    /// The session.
    session_id: Uuid,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SecondStepAnswer {
    /// Which attempt the code from the mail is for.
    attempt_id: Uuid,
    /// What happens next, for a person.
    message: &'static str,
}

/// Sign in
///
/// Sets the session cookie and the cookie `jwt`, unless a second step is due.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "Signing in", request_body = SignInBody,
    responses(
        (status = 200, body = SignedInAnswer, description = "Signed in."),
        (status = 202, body = SecondStepAnswer, description = "The password is right; now the code from the mail.")))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<SignInBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let email = fields.email("email", &body.email);
    let password = fields.password("password", &body.password);
    let (Some(email), Some(password)) = (email, password) else { return Err(fields.refuse()) };
    let replaces = asking::replaced_by(&app, &asking, &email).await?;
    let signed_in =
        app.auth.sign_in(SignIn { email, password, replaces, return_to: None }, &asking.context).await?;
    Ok(answer(&app, signed_in))
}

/// What signing in, or proving again who one is, is answered with.
pub(crate) fn answer(app: &App, signed_in: SignedIn) -> Response {
    match signed_in {
        SignedIn::Session(session) => opened(app, &session),
        SignedIn::SecondStep { attempt } => {
            let message = "A code is on its way by mail.";
            let answer = SecondStepAnswer { attempt_id: attempt.0, message };
            (StatusCode::ACCEPTED, axum::Json(answer)).into_response()
        }
    }
}

fn opened(app: &App, session: &NewSession) -> Response {
    let answer = SignedInAnswer { user_id: session.user.0, session_id: session.id.0 };
    let mut response = axum::Json(answer).into_response();
    set_session(app, &mut response, session);
    response
}

/// Sets both cookies of a session that was just opened.
pub(crate) fn set_session(app: &App, response: &mut Response, session: &NewSession) {
    let limits = &app.auth.settings().limits;
    let life = session.expires_at.since(app.auth.now());
    app.cookies.set(response, app.cookies.session, session.expose_token(), life);
    app.cookies.set(response, app.cookies.jwt, session.expose_jwt(), limits.token_life);
}

/// Takes both cookies back.
pub(crate) fn clear_session(app: &App, response: &mut Response) {
    app.cookies.clear(response, app.cookies.session);
    app.cookies.clear(response, app.cookies.jwt);
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondStepBody {
    /// Which attempt, as sign-in answered.
    attempt_id: Uuid,
    /// The code from the mail.
    #[schema(pattern = "^[0-9]{6}$")]
    code: String,
}

/// Take the second step
///
/// Sets the session cookie and the cookie `jwt`.
#[utoipa::path(post, path = "/api/v1/sign-in/code", tag = "Signing in", request_body = SecondStepBody,
    responses((status = 200, body = SignedInAnswer, description = "Signed in.")))]
pub(crate) async fn second_step(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<SecondStepBody>,
) -> Result<Response, Failure> {
    let stepped =
        app.auth.second_step(ArtefactId(body.attempt_id), &body.code, None, &asking.context).await?;
    Ok(opened(&app, &stepped.session))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendCodeBody {
    /// Which attempt, as sign-in answered.
    attempt_id: Uuid,
}

/// Send a new code
///
/// For the same attempt; the code before is worthless.
#[utoipa::path(post, path = "/api/v1/sign-in/code/resend", tag = "Signing in", request_body = ResendCodeBody,
    responses((status = 200, body = Said, description = "A new code is on its way.")))]
pub(crate) async fn resend(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<ResendCodeBody>,
) -> Result<Response, Failure> {
    app.auth.resend_code(ArtefactId(body.attempt_id), &asking.context).await?;
    Ok(said("A new code is on its way."))
}

/// Sign out
///
/// Ends the session of the session cookie, or of the cookie `jwt` where that is all there is, and clears both. Without
/// either there is nothing to end, and that is fine.
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "Signing in",
    responses((status = 200, body = Said, description = "Signed out.")))]
pub(crate) async fn sign_out(State(app): State<App>, asking: Asking) -> Result<Response, Failure> {
    asking::sign_out(&app, &asking).await?;
    let mut response = said("Signed out.");
    clear_session(&app, &mut response);
    Ok(response)
}

impl From<SignInError> for Failure {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Incorrect => Self::Incorrect(
                "the e-mail address or the password is not right, or the address is not confirmed yet: \
                 after a sign-up, enter the code from the mail first, or sign up again",
            ),
            SignInError::TooMany(too_many) => too_many.into(),
            SignInError::Fault(fault) => fault.into(),
        }
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Evidence(error) => error.into(),
            StepError::TooMany(too_many) => too_many.into(),
            StepError::Fault(fault) => fault.into(),
        }
    }
}
