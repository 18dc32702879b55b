//! The account of whoever is signed in. What is sensitive asks for a proof of at most ten minutes ago.

use auth::{DeleteError, EmailChangeError, Evidence, PasswordChangeError, Progress, SecondStepError, Side};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::App;
use crate::api::{Done, Fields, Said, said};
use crate::api::{clear_session, set_session};
use crate::http::asking::{Fresh, SignedIn, Visitor};
use crate::http::failure::Failure;
use crate::http::json::Json;
use crate::http::typed::Typed;
use crate::locale::Locale;

#[derive(Serialize, ToSchema)]
pub(crate) struct AccountAnswer {
    /// Its id: the `sub` of every token.
    id: Uuid,
    /// Its address.
    email: String,
    /// Whether the address was proved.
    email_proved: bool,
    /// Its name; may be empty.
    name: String,
    /// Its language (BCP 47), if one was chosen.
    locale: Option<String>,
    /// Whether a code by mail is asked for after the password.
    second_step: bool,
    /// When it was made (RFC 3339).
    created_at: String,
}

/// Show the account
#[utoipa::path(get, path = "/api/v1/account", tag = "Account", security(("session" = [])),
    responses((status = 200, body = AccountAnswer, description = "The account.")))]
pub(crate) async fn show(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let account = app.auth.account(&signed_in.current).await?.ok_or(Failure::Unauthenticated)?;
    Ok(axum::Json(AccountAnswer {
        id: account.id.0,
        email: account.email.address().to_owned(),
        email_proved: account.proved,
        name: account.name,
        locale: account.locale,
        second_step: account.second_step,
        created_at: rfc3339(account.created_at.micros()),
    })
    .into_response())
}

/// Microseconds since the Unix epoch, as RFC 3339 in UTC.
pub(crate) fn rfc3339(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map(|moment| moment.to_string()).unwrap_or_default()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    /// The name; may be empty. Left out, it stays.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// The language: `en` or `de`; null to go by each request. Left out, it stays.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(en|de)$")]
    locale: Change,
}

/// A member of a merge patch, where `null` is not the same as what was left out (RFC 7396).
#[derive(Default)]
enum Change {
    #[default]
    Keep,
    Remove,
    Set(String),
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Remove, Self::Set))
    }
}

/// Change name and language
#[utoipa::path(patch, path = "/api/v1/account", tag = "Account", request_body = ProfileBody, security(("session" = [])),
    responses((status = 200, body = Said, description = "Changed.")))]
pub(crate) async fn change(
    State(app): State<App>,
    signed_in: SignedIn,
    Json(body): Json<ProfileBody>,
) -> Result<Response, Failure> {
    if body.name.is_none() && matches!(body.locale, Change::Keep) {
        return Ok(said("Nothing to change was given."));
    }
    let mut fields = Fields::default();
    let SignedIn { asking, current } = signed_in;
    let name = fields.name("name", body.name.as_deref().unwrap_or(&current.name));
    let locale = match &body.locale {
        Change::Set(tag) => Locale::from_tag(tag),
        Change::Remove => None,
        Change::Keep => current.locale.as_deref().and_then(Locale::from_tag),
    };
    if matches!(body.locale, Change::Set(_)) && locale.is_none() {
        fields.add("locale", "unknown", &"the languages are en and de");
    }
    let (Some(name), true) = (name, fields.is_empty()) else { return Err(fields.refuse()) };
    let done = Done::ok("Changed.");
    app.auth.change_profile(&current, &name, locale.map(Locale::tag), &done.kept(&asking)).await?;
    Ok(done.into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteBody {
    /// The password.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    password: Typed,
}

/// Delete the account
///
/// At once and for good.
#[utoipa::path(delete, path = "/api/v1/account", tag = "Account", request_body = DeleteBody, security(("session" = [])),
    responses((status = 200, body = Said, description = "Deleted.")))]
pub(crate) async fn delete(
    State(app): State<App>,
    Fresh(signed_in): Fresh,
    Json(body): Json<DeleteBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let Some(password) = fields.password("password", &body.password) else { return Err(fields.refuse()) };
    app.auth.delete_account(&signed_in.current, &password, &signed_in.asking.context).await?;
    let mut response = said("Deleted.");
    clear_session(&app, &mut response);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The present password.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    current_password: Typed,
    /// The new one.
    #[schema(value_type = String, min_length = 1, max_length = 512)]
    new_password: Typed,
}

/// Change the password
///
/// Every other session ends, and this one gets a new id: both cookies are set anew. On an account with a second step the
/// last proof has to be fresh.
#[utoipa::path(put, path = "/api/v1/account/password", tag = "Account", request_body = PasswordBody, security(("session" = [])),
    responses((status = 200, body = Said, description = "Changed.")))]
pub(crate) async fn change_password(
    State(app): State<App>,
    signed_in: SignedIn,
    Json(body): Json<PasswordBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let present = fields.password("current_password", &body.current_password);
    let new = fields.password("new_password", &body.new_password);
    let SignedIn { asking, current } = signed_in;
    if !fields.is_empty() {
        fields.policy(&app, "new_password", new.as_ref(), Some(&current.email), current.second_step);
    }
    let (Some(present), Some(new)) = (present, new) else { return Err(fields.refuse()) };
    let session = app.auth.change_password(&current, &present, &new, &asking.context).await?;
    let mut response = said("Changed.");
    set_session(&app, &mut response, &session);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondStepSwitchBody {
    /// On or off.
    enabled: bool,
    /// The present password; needed to switch it off.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    password: Option<Typed>,
    /// A longer password, needed with switching off if the present one is too short alone: shorter than 15 characters, or what `limits.password_minimum` says.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    new_password: Option<Typed>,
}

/// Switch the second step
#[utoipa::path(put, path = "/api/v1/account/second-step", tag = "Account", request_body = SecondStepSwitchBody, security(("session" = [])),
    responses((status = 200, body = Said, description = "Switched.")))]
pub(crate) async fn change_second_step(
    State(app): State<App>,
    Fresh(signed_in): Fresh,
    Json(body): Json<SecondStepSwitchBody>,
) -> Result<Response, Failure> {
    let SignedIn { asking, current } = signed_in;
    if body.enabled {
        let session = app.auth.enable_second_step(&current, &asking.context).await?;
        let mut response = said("The second step is on.");
        set_session(&app, &mut response, &session);
        return Ok(response);
    }
    let mut fields = Fields::default();
    let present = body.password.and_then(|text| fields.password("password", &text));
    if present.is_none() && fields.is_empty() {
        fields.add("password", "required", &"send the present password to switch it off");
    }
    let new = body.new_password.and_then(|text| fields.password("new_password", &text));
    if !fields.is_empty() {
        fields.policy(&app, "new_password", new.as_ref(), Some(&current.email), false);
    }
    let (Some(present), true) = (present, fields.is_empty()) else { return Err(fields.refuse()) };
    let session = app.auth.disable_second_step(&current, &present, new.as_ref(), &asking.context).await?;
    let mut response = said("The second step is off.");
    set_session(&app, &mut response, &session);
    Ok(response)
}

#[derive(Serialize, ToSchema)]
pub(crate) struct EmailChangeAnswer {
    /// The address the account is to have.
    email: String,
    /// Whether the present address has agreed.
    old_confirmed: bool,
    /// Whether the new address has agreed.
    new_confirmed: bool,
}

/// Show the change of address under way
#[utoipa::path(get, path = "/api/v1/account/email", tag = "Account", security(("session" = [])),
    responses((status = 200, body = EmailChangeAnswer, description = "The change."),
              (status = 404, body = crate::http::failure::Problem, content_type = "application/problem+json", description = "None is under way.")))]
pub(crate) async fn show_email_change(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Response, Failure> {
    let change = app.auth.email_change(&signed_in.current).await?.ok_or(Failure::NotFound)?;
    Ok(axum::Json(EmailChangeAnswer {
        email: change.address.address().to_owned(),
        old_confirmed: change.old_proved,
        new_confirmed: change.new_proved,
    })
    .into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailBody {
    /// The address the account is to have.
    #[schema(max_length = 254)]
    email: String,
}

/// Ask for a change of address
///
/// Both the present and the new address get a mail, and both have to agree.
#[utoipa::path(post, path = "/api/v1/account/email", tag = "Account", request_body = EmailBody, security(("session" = [])),
    responses((status = 202, body = Said, description = "Two mails are on their way.")))]
pub(crate) async fn request_email_change(
    State(app): State<App>,
    Fresh(signed_in): Fresh,
    Json(body): Json<EmailBody>,
) -> Result<Response, Failure> {
    let mut fields = Fields::default();
    let Some(email) = fields.email("email", &body.email) else { return Err(fields.refuse()) };
    let done = Done::accepted("Both addresses have been sent a code: enter both.");
    app.auth.request_email_change(&signed_in.current, &email, &done.kept(&signed_in.asking)).await?;
    Ok(done.into_response())
}

/// Give the change of address up
#[utoipa::path(delete, path = "/api/v1/account/email", tag = "Account", security(("session" = [])),
    responses((status = 200, body = Said, description = "Given up."),
              (status = 404, body = crate::http::failure::Problem, content_type = "application/problem+json", description = "None is under way.")))]
pub(crate) async fn cancel_email_change(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Response, Failure> {
    let done = Done::ok("The address stays as it is.");
    if !app.auth.cancel_email_change(&signed_in.current, &done.kept(&signed_in.asking)).await? {
        return Err(Failure::NotFound);
    }
    Ok(done.into_response())
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SideBody {
    /// The present address.
    Old,
    /// The new address.
    New,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmEmailBody {
    /// Which address the mail was sent to.
    side: SideBody,
    /// The code, of whoever is signed in.
    #[schema(pattern = "^[0-9]{6}$")]
    code: Option<String>,
    /// The secret in the link of the mail, in the place of `code`: nobody has to be signed in.
    #[schema(max_length = 64)]
    token: Option<String>,
}

/// Agree to a change of address
///
/// By the code, as whoever is signed in, or by the secret of the link.
#[utoipa::path(post, path = "/api/v1/account/email/confirm", tag = "Account", request_body = ConfirmEmailBody, security(("session" = []), ()),
    responses((status = 200, body = Said, description = "Agreed.")))]
pub(crate) async fn confirm_email_change(
    State(app): State<App>,
    visitor: Visitor,
    Json(body): Json<ConfirmEmailBody>,
) -> Result<Response, Failure> {
    let Visitor { asking, current } = visitor;
    let side = match body.side {
        SideBody::Old => Side::Old,
        SideBody::New => Side::New,
    };
    let (auth, context) = (&app.auth, &asking.context);
    let progress = match (body.code, body.token) {
        (Some(code), None) => {
            let current = current.ok_or(Failure::Unauthenticated)?;
            auth.confirm_email_change_by_code(&current, side, &code, context).await?
        }
        (None, Some(token)) => {
            auth.confirm_email_change(side, &Evidence::Link { token }, current.as_ref(), context).await?
        }
        _ => return Err(Failure::field("token", "required", &"send either `code` or `token`")),
    };
    Ok(match progress {
        Progress::Waiting => said("Agreed: now the other address."),
        Progress::Done { session, .. } => {
            let mut response = said("The address is changed.");
            if let Some(session) = session {
                set_session(&app, &mut response, &session);
            }
            response
        }
    })
}

const NOT_YOURS: &str = "this is not your password";

impl From<PasswordChangeError> for Failure {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::WrongPassword => Self::Incorrect(NOT_YOURS),
            PasswordChangeError::NotFresh => Self::NotFresh,
            PasswordChangeError::Weak(weakness) => Self::field("new_password", "weak", &weakness),
            PasswordChangeError::TooMany(too_many) => too_many.into(),
            PasswordChangeError::Fault(fault) => fault.into(),
        }
    }
}

impl From<SecondStepError> for Failure {
    fn from(error: SecondStepError) -> Self {
        match error {
            SecondStepError::WrongPassword => Self::Incorrect(NOT_YOURS),
            SecondStepError::Weak(weakness) => Self::field("new_password", "weak", &weakness),
            SecondStepError::TooMany(too_many) => too_many.into(),
            SecondStepError::Fault(fault) => fault.into(),
        }
    }
}

impl From<DeleteError> for Failure {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::WrongPassword => Self::Incorrect(NOT_YOURS),
            DeleteError::TooMany(too_many) => too_many.into(),
            DeleteError::Fault(fault) => fault.into(),
        }
    }
}

impl From<EmailChangeError> for Failure {
    fn from(error: EmailChangeError) -> Self {
        match error {
            EmailChangeError::Same => Self::field("email", "same", &error),
            EmailChangeError::Evidence(error) => error.into(),
            EmailChangeError::TooMany(too_many) => too_many.into(),
            EmailChangeError::Fault(fault) => fault.into(),
        }
    }
}
