//! The small contract that apps of the auth-service family speak, at the root, JSON only. Errors are `{"error": "…"}`.

use auth::{CheckedToken, SignIn, SignInError, SignUp, SignUpError, SignedIn, StepError, TokenError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{ArtefactId, DisplayName, Email, Password};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::App;
use crate::api::{Said, clear_session, said, set_session};
use crate::http::asking::{self, Asking};
use crate::http::failure::Failure;
use crate::http::json::Json;
use crate::http::typed::Typed;

/// The routes that open and end sessions.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_up))
        .routes(routes!(sign_in))
        .routes(routes!(second_step))
        .routes(routes!(sign_out))
}

/// The one that only looks, and is asked all the time.
pub(crate) fn checks() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check_token))
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct FamilyError {
    /// For a person.
    error: String,
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, axum::Json(FamilyError { error: error.to_owned() })).into_response()
}

fn invalid_credentials() -> Response {
    refuse(StatusCode::BAD_REQUEST, "Invalid credentials")
}

fn incorrect_credentials() -> Response {
    refuse(StatusCode::UNAUTHORIZED, "Incorrect credentials")
}

/// The contract knows one answer for a body it cannot read: 422.
pub(crate) struct Body<T>(T);

impl<T: serde::de::DeserializeOwned> axum::extract::FromRequest<App> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: axum::extract::Request, app: &App) -> Result<Self, Response> {
        match Json::from_request(request, app).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(failure @ (Failure::Malformed(_) | Failure::Invalid(_))) => {
                let pointer = match &failure {
                    Failure::Invalid(errors) => {
                        errors.first().map(|error| error.pointer.clone()).unwrap_or_default()
                    }
                    _ => String::new(),
                };
                let detail = failure.detail();
                let error = if pointer.is_empty() { detail } else { format!("{pointer}: {detail}") };
                Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, &error))
            }
            Err(failure) => Err(failure.into_response()),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignupBody {
    /// The address.
    email: String,
    /// The password.
    #[schema(value_type = String)]
    password: Typed,
    /// Whether a code by mail is asked for after the password.
    #[serde(rename = "requires2FA")]
    requires_2fa: bool,
}

/// Sign up
///
/// By default the answer is the same whether or not the address has an account. With `[api] reveal_accounts = true` it is
/// 409 if it has.
#[utoipa::path(post, path = "/signup", tag = "Contract of the auth-service family", request_body = SignupBody,
    responses(
        (status = 201, body = Said, description = "Signed up."),
        (status = 400, body = FamilyError, description = "\"Invalid credentials\": no address, or a password that will not do."),
        (status = 409, body = FamilyError, description = "\"User already exists\".")))]
pub(crate) async fn sign_up(
    State(app): State<App>,
    asking: Asking,
    Body(body): Body<SignupBody>,
) -> Result<Response, Failure> {
    let (Ok(email), Ok(password)) = (Email::parse(&body.email), Password::parse(body.password.expose()))
    else {
        return Ok(invalid_credentials());
    };
    let name = DisplayName::default();
    let second_step = body.requires_2fa;
    // The contract tells no id: a code would have nowhere to be typed.
    let request = SignUp { email, password, name, second_step, return_to: None, takes_code: false };
    match app.auth.sign_up(request, &asking.context).await {
        Ok(signed_up) if !signed_up.created && app.reveal_accounts => {
            Ok(refuse(StatusCode::CONFLICT, "User already exists"))
        }
        Ok(_) => Ok((StatusCode::CREATED, said("User created successfully!")).into_response()),
        Err(SignUpError::Weak(_)) => Ok(invalid_credentials()),
        Err(SignUpError::TooMany(too_many)) => Err(too_many.into()),
        Err(SignUpError::Fault(fault)) => Err(fault.into()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The address.
    email: String,
    /// The password.
    #[schema(value_type = String)]
    password: Typed,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TwoFactorAnswer {
    /// What is asked for, for a person.
    message: &'static str,
    /// Which attempt the code is for.
    #[serde(rename = "loginAttemptId")]
    login_attempt_id: Uuid,
}

/// Sign in
#[utoipa::path(post, path = "/login", tag = "Contract of the auth-service family", request_body = LoginBody,
    responses(
        (status = 200, body = Said, description = "Signed in; the cookie `jwt` is set."),
        (status = 206, body = TwoFactorAnswer, description = "The password is right; now the code from the mail."),
        (status = 400, body = FamilyError, description = "\"Invalid credentials\": no address, or no password.")))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    asking: Asking,
    Body(body): Body<LoginBody>,
) -> Result<Response, Failure> {
    let (Ok(email), Ok(password)) = (Email::parse(&body.email), Password::parse(body.password.expose()))
    else {
        return Ok(invalid_credentials());
    };
    let replaces = asking::replaced_by(&app, &asking, &email).await?;
    match app.auth.sign_in(SignIn { email, password, replaces, return_to: None }, &asking.context).await {
        Ok(SignedIn::Session(session)) => {
            let mut response = said("Login successful");
            set_session(&app, &mut response, &session);
            Ok(response)
        }
        Ok(SignedIn::SecondStep { attempt }) => {
            let answer = TwoFactorAnswer { message: "2FA required", login_attempt_id: attempt.0 };
            Ok((StatusCode::PARTIAL_CONTENT, axum::Json(answer)).into_response())
        }
        Err(SignInError::Incorrect) => Ok(incorrect_credentials()),
        Err(SignInError::TooMany(too_many)) => Err(too_many.into()),
        Err(SignInError::Fault(fault)) => Err(fault.into()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwoFactorBody {
    /// The address.
    email: String,
    /// Which attempt, as `/login` answered.
    #[serde(rename = "loginAttemptId")]
    login_attempt_id: String,
    /// The code from the mail.
    #[serde(rename = "2FACode")]
    code: String,
}

/// Take the second step
#[utoipa::path(post, path = "/verify-2fa", tag = "Contract of the auth-service family", request_body = TwoFactorBody,
    responses(
        (status = 200, body = Said, description = "Signed in; the cookie `jwt` is set."),
        (status = 400, body = FamilyError, description = "\"Invalid credentials\": no address, attempt or code.")))]
pub(crate) async fn second_step(
    State(app): State<App>,
    asking: Asking,
    Body(body): Body<TwoFactorBody>,
) -> Result<Response, Failure> {
    let is_code = body.code.len() == 6 && body.code.bytes().all(|digit| digit.is_ascii_digit());
    let (Ok(email), Ok(attempt), true) =
        (Email::parse(&body.email), body.login_attempt_id.parse::<ArtefactId>(), is_code)
    else {
        return Ok(invalid_credentials());
    };
    match app.auth.second_step(attempt, &body.code, Some(&email), &asking.context).await {
        Ok(stepped) => {
            let mut response = said("Login successful");
            set_session(&app, &mut response, &stepped.session);
            Ok(response)
        }
        Err(StepError::Evidence(error)) => match Failure::from(error) {
            Failure::Gone | Failure::WrongCode { .. } => Ok(incorrect_credentials()),
            failure => Err(failure),
        },
        Err(error) => Err(error.into()),
    }
}

/// Sign out
///
/// The session cookie is enough: the cookie `jwt` may have run out, or be worthless. Both are cleared, whatever the answer.
#[utoipa::path(post, path = "/logout", tag = "Contract of the auth-service family", security(("jwt" = [])),
    responses(
        (status = 200, body = Said, description = "Signed out; the cookie is cleared."),
        (status = 400, body = FamilyError, description = "\"Missing auth token\"."),
        (status = 401, body = FamilyError, description = "\"Invalid auth token\".")))]
pub(crate) async fn sign_out(State(app): State<App>, asking: Asking) -> Result<Response, Failure> {
    let ended = asking::sign_out(&app, &asking).await?;
    let mut response = match &asking.jwt {
        _ if ended => said("Logout successful"),
        Some(_) => refuse(StatusCode::UNAUTHORIZED, "Invalid auth token"),
        None => refuse(StatusCode::BAD_REQUEST, "Missing auth token"),
    };
    clear_session(&app, &mut response);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    /// The value of the cookie `jwt`.
    pub(crate) token: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// It holds.
    active: bool,
    /// Whose it is.
    sub: Uuid,
    /// The session it projects.
    sid: Uuid,
    /// When it expires, Unix seconds.
    exp: i64,
    /// When its owner last proved who they are, Unix seconds.
    auth_time: i64,
    /// What they proved (RFC 8176).
    amr: Vec<String>,
}

impl TokenAnswer {
    pub(crate) fn of(checked: &CheckedToken) -> Self {
        Self {
            active: true,
            sub: checked.user.0,
            sid: checked.session.0,
            exp: checked.expires_at,
            auth_time: checked.auth_time,
            amr: checked.amr.clone(),
        }
    }
}

/// Check a token
#[utoipa::path(post, path = "/verify-token", tag = "Contract of the auth-service family", request_body = TokenBody,
    responses(
        (status = 200, body = TokenAnswer, description = "It holds."),
        (status = 401, body = FamilyError, description = "\"Invalid auth token\": forged, expired or revoked.")))]
pub(crate) async fn check_token(
    State(app): State<App>,
    Body(body): Body<TokenBody>,
) -> Result<Response, Failure> {
    match app.auth.check_token(&body.token).await {
        Ok(checked) => Ok(axum::Json(TokenAnswer::of(&checked)).into_response()),
        Err(TokenError::Invalid) => Ok(refuse(StatusCode::UNAUTHORIZED, "Invalid auth token")),
        Err(TokenError::Fault(fault)) => Err(fault.into()),
    }
}
