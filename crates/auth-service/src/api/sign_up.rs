//! Signing up, and proving the address.

use auth::{Credential, Evidence, EvidenceError, ProveError, SignUp, SignUpError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{ArtefactId, Password};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::api::{Fields, Said, said};
use crate::http::asking::Asking;
use crate::http::failure::Failure;
use crate::http::json::Json;
use crate::http::typed::Typed;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUpBody {
    /// The address.
    #[schema(max_length = 254)]
    email: String,
    /// The password: 15 characters or more, 8 with a second step; at most 512 bytes.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    password: Typed,
    /// The name; may be empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    name: String,
    /// Whether a code by mail is asked for after the password.
    #[serde(default)]
    second_step: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SignedUpAnswer {
    /// Which proof the code from the mail is for.
    proof_id: Uuid,
    /// What happens next, for a person.
    message: &'static str,
}

/// Sign up
///
/// The answer is the same whether or not the address has an account; its owner gets a mail that says so.
#[utoipa::path(post, path = "/api/v1/sign-up", tag = "Signing up", request_body = SignUpBody,
    responses((status = 201, body = SignedUpAnswer, description = "A mail with a code and a link is on its way.")))]
pub(crate) async fn sign_up(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<SignUpBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let email = fields.email("email", &body.email);
    let password = fields.password("password", &body.password);
    let name = fields.name("name", &body.name);
    let second_step = body.second_step;
    if let (None, Some(password)) = (&email, &password) {
        fields.policy(&app, "password", password, second_step);
    }
    let (Some(email), Some(password), Some(name)) = (email, password, name) else {
        return Err(fields.refuse());
    };
    let request = SignUp { email, password, name, second_step, return_to: None, takes_code: true };
    let signed_up = app.auth.sign_up(request, &asking.context).await.map_err(|error| match error {
        SignUpError::Weak(weakness) => Failure::field("password", "weak", &weakness),
        SignUpError::TooMany(too_many) => too_many.into(),
        SignUpError::Fault(fault) => fault.into(),
    })?;
    let answer = SignedUpAnswer {
        proof_id: signed_up.proof.0,
        message: "Check your mail: enter the code, or open the link.",
    };
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveBody {
    /// Which proof, as sign-up answered. Goes with `code`.
    proof_id: Option<Uuid>,
    /// The code from the mail.
    #[schema(pattern = "^[0-9]{6}$")]
    code: Option<String>,
    /// The secret in the link of the mail, in the place of `proof_id` and `code`.
    #[schema(max_length = 64)]
    token: Option<String>,
    /// The password chosen at sign-up. Not needed in the browser that signed up.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    password: Option<Typed>,
    /// A new password, in the place of the one chosen at sign-up.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    new_password: Option<Typed>,
}

/// Prove an address
///
/// By the code, or by the secret of the link. Outside the browser that signed up, the password chosen there is needed, or a
/// new one is set.
#[utoipa::path(post, path = "/api/v1/sign-up/proof", tag = "Signing up", request_body = ProveBody,
    responses((status = 200, body = Said, description = "The address is proved: sign in.")))]
pub(crate) async fn prove(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<ProveBody>,
) -> Result<Response, Failure> {
    let evidence = evidence(body.proof_id, body.code, body.token, "proof_id")?;
    let mut fields = Fields::default();
    let mut parse = |name: &str, text: Option<Typed>| -> Result<Option<Password>, Failure> {
        match text {
            Some(text) => {
                fields.password(name, &text).map(Some).ok_or_else(|| std::mem::take(&mut fields).refuse())
            }
            None => Ok(None),
        }
    };
    let credential = match (parse("password", body.password)?, parse("new_password", body.new_password)?) {
        (None, None) => Credential::Browser,
        (Some(password), None) => Credential::Password(password),
        (None, Some(password)) => Credential::NewPassword(password),
        (Some(_), Some(_)) => {
            return Err(Failure::field(
                "new_password",
                "too_much",
                &"send `password` or `new_password`, not both",
            ));
        }
    };
    app.auth.prove_address(&evidence, &credential, &asking.context).await.map_err(|error| match error {
        ProveError::Evidence(error) => error.into(),
        ProveError::OtherBrowser => Failure::field("password", "required", &error),
        ProveError::WrongPassword => Failure::Incorrect("this is not the password chosen at sign-up"),
        ProveError::Weak(weakness) => Failure::field("new_password", "weak", &weakness),
        ProveError::TooMany(too_many) => too_many.into(),
        ProveError::Fault(fault) => fault.into(),
    })?;
    Ok(said("The address is proved: sign in."))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendBody {
    /// Which proof, as sign-up answered.
    proof_id: Uuid,
}

/// Send the mail once more
///
/// With a new code and link; the ones before are worthless.
#[utoipa::path(post, path = "/api/v1/sign-up/proof/resend", tag = "Signing up", request_body = ResendBody,
    responses((status = 200, body = Said, description = "A new mail is on its way.")))]
pub(crate) async fn resend(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<ResendBody>,
) -> Result<Response, Failure> {
    app.auth.resend_proof(ArtefactId(body.proof_id), &asking.context).await.map_err(|error| match error {
        ProveError::Evidence(error) => error.into(),
        ProveError::TooMany(too_many) => too_many.into(),
        ProveError::Fault(fault) => fault.into(),
        _ => Failure::Internal,
    })?;
    Ok(said("A new mail is on its way."))
}

/// Either the id and code, or the token.
pub(crate) fn evidence(
    id: Option<Uuid>,
    code: Option<String>,
    token: Option<String>,
    id_name: &str,
) -> Result<Evidence, Failure> {
    match (id, code, token) {
        (Some(id), Some(code), None) => Ok(Evidence::Code { id: ArtefactId(id), code }),
        (None, None, Some(token)) => Ok(Evidence::Link { token }),
        (Some(_), None, None) => {
            Err(Failure::field("code", "required", &format!("send `code` with `{id_name}`")))
        }
        (None, Some(_), None) => {
            Err(Failure::field(id_name, "required", &format!("send `{id_name}` with `code`")))
        }
        _ => Err(Failure::field(
            "token",
            "required",
            &format!("send either `{id_name}` and `code`, or `token`"),
        )),
    }
}

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Gone => Self::Gone,
            EvidenceError::WrongCode { tries_left } => Self::WrongCode { tries_left },
            EvidenceError::TooMany(too_many) => too_many.into(),
            EvidenceError::Fault(fault) => fault.into(),
        }
    }
}
