//! A forgotten password.

use auth::RecoverError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::api::sign_up::evidence;
use crate::api::{Fields, Said, said};
use crate::http::asking::Asking;
use crate::http::failure::Failure;
use crate::http::json::Json;
use crate::http::typed::Typed;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestBody {
    /// The address.
    #[schema(max_length = 254)]
    email: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RequestAnswer {
    /// Which reset the code from the mail is for.
    reset_id: Uuid,
    /// What happens next, for a person.
    message: &'static str,
}

/// Ask for a password reset
///
/// The answer is the same whether or not the address has an account.
#[utoipa::path(post, path = "/api/v1/reset", tag = "Forgotten password", request_body = RequestBody,
    responses((status = 202, body = RequestAnswer, description = "If there is such an account, a mail is on its way.")))]
pub(crate) async fn request(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<RequestBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let Some(email) = fields.email("email", &body.email) else { return Err(fields.refuse()) };
    let reset = app.auth.request_reset(&email, None, &asking.context).await?;
    let message = "If there is such an account, a mail with a code and a link is on its way.";
    Ok((StatusCode::ACCEPTED, axum::Json(RequestAnswer { reset_id: reset.0, message })).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetBody {
    /// Which reset, as the request was answered. Goes with `code`.
    reset_id: Option<Uuid>,
    /// The code from the mail.
    #[schema(pattern = "^[0-9]{6}$")]
    code: Option<String>,
    /// The secret in the link of the mail, in the place of `reset_id` and `code`.
    #[schema(max_length = 64)]
    token: Option<String>,
    /// The new password.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    new_password: Typed,
}

/// Reset a password
///
/// Ends every session. Signs nobody in, and leaves a second step on.
#[utoipa::path(post, path = "/api/v1/reset/complete", tag = "Forgotten password", request_body = ResetBody,
    responses((status = 200, body = Said, description = "The password is changed: sign in.")))]
pub(crate) async fn reset(
    State(app): State<App>,
    asking: Asking,
    Json(body): Json<ResetBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    // Whether it is good enough depends on the account, which the evidence alone tells.
    let password = fields.password("new_password", &body.new_password);
    let evidence = evidence(&mut fields, body.reset_id, body.code, body.token, "reset_id");
    let (Some(password), Some(evidence)) = (password, evidence) else { return Err(fields.refuse()) };
    app.auth.reset_password(&evidence, &password, &asking.context).await?;
    Ok(said("The password is changed: sign in."))
}

impl From<RecoverError> for Failure {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Evidence(error) => error.into(),
            RecoverError::Weak(weakness) => Self::field("new_password", "weak", &weakness),
            RecoverError::TooMany(too_many) => too_many.into(),
            RecoverError::Fault(fault) => fault.into(),
        }
    }
}
