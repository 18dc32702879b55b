//! The checks of the authorization endpoint, as one table.

use crate::{
    CODE_CHALLENGE_METHOD, Client, ErrorCode, GrantType, OAuthError, OFFLINE_ACCESS, Parameters,
    ResponseMode, Scopes, scope::STANDARD,
};

type Check = fn(&Parameters, &Client) -> Result<(), OAuthError>;

/// In this order, each once, for every request.
const CHECKS: [Check; 9] = [
    every_parameter_is_certain,
    no_request_object,
    no_registration,
    response_type_is_code,
    client_may_sign_people_in,
    response_mode_is_registered,
    texts_can_be_sent_back,
    code_challenge_method_is_s256,
    hints_are_short,
];

pub(crate) fn check(parameters: &Parameters, client: &Client) -> Result<(), OAuthError> {
    CHECKS.iter().try_for_each(|check| check(parameters, client))
}

/// RFC 6749 sections 3.1 and 4.1.2.1.
fn every_parameter_is_certain(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    parameters.refuse_uncertain()
}

/// OpenID Connect Core section 6.
fn no_request_object(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    absent(parameters, "request", ErrorCode::RequestNotSupported)?;
    absent(parameters, "request_uri", ErrorCode::RequestUriNotSupported)
}

/// OpenID Connect Core section 7.2.1.
fn no_registration(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    absent(parameters, "registration", ErrorCode::RegistrationNotSupported)
}

/// RFC 6749 section 3.1.1; the implicit and hybrid types are not spoken (RFC 9700 section 2.1.2).
fn response_type_is_code(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    match parameters.require("response_type")? {
        "code" => Ok(()),
        other => Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            format!("The response_type '{other}' is not supported; 'code' is."),
        )),
    }
}

fn client_may_sign_people_in(_: &Parameters, client: &Client) -> Result<(), OAuthError> {
    if client.may_use(GrantType::AuthorizationCode) {
        return Ok(());
    }
    Err(OAuthError::new(
        ErrorCode::UnauthorizedClient,
        format!(
            "The client '{}' may not sign people in; add authorization_code to its grant_types.",
            client.client_id
        ),
    ))
}

fn response_mode_is_registered(parameters: &Parameters, client: &Client) -> Result<(), OAuthError> {
    let Some(wished) = parameters.get("response_mode") else { return Ok(()) };
    match ResponseMode::ALL.into_iter().find(|mode| mode.name() == wished) {
        None => Err(OAuthError::invalid_request(format!(
            "The response_mode '{wished}' is not supported; query and form_post are."
        ))),
        Some(mode) if !client.response_modes.contains(&mode) => Err(OAuthError::invalid_request(format!(
            "The response_mode '{wished}' is not among the response_modes of the client '{}'; add it.",
            client.client_id
        ))),
        Some(_) => Ok(()),
    }
}

/// What is given back unchanged has to be printable (RFC 6749 appendix A.5).
fn texts_can_be_sent_back(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    for name in ["state", "nonce"] {
        if parameters.get(name).is_some_and(|text| !is_sendable(text)) {
            return Err(OAuthError::invalid_request(format!(
                "The parameter '{name}' is longer than {MAXIMUM_SENT_BACK_BYTES} bytes or has control characters; send a \
                 short printable one."
            )));
        }
    }
    Ok(())
}

/// RFC 7636 section 4.3; without a method, `plain` were meant. Required of every client (RFC 9700 section 2.1.1,
/// class 16).
fn code_challenge_method_is_s256(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    if parameters.get("code_challenge").is_none() {
        return Err(OAuthError::invalid_request(
            "The parameter 'code_challenge' is missing; PKCE with S256 is required of every client (RFC 7636).",
        ));
    }
    match parameters.get("code_challenge_method") {
        Some(CODE_CHALLENGE_METHOD) => Ok(()),
        _ => Err(OAuthError::invalid_request(
            "The parameter 'code_challenge_method' is not 'S256'; it has to be, and to be sent (RFC 7636 section 4.3).",
        )),
    }
}

fn hints_are_short(parameters: &Parameters, _: &Client) -> Result<(), OAuthError> {
    for name in ["login_hint", "acr_values", "ui_locales"] {
        if parameters.get(name).is_some_and(|text| text.len() > MAXIMUM_HINT_BYTES) {
            return Err(OAuthError::invalid_request(format!(
                "The parameter '{name}' is longer than {MAXIMUM_HINT_BYTES} bytes; send a shorter one."
            )));
        }
    }
    Ok(())
}

/// Some clients keep a whole page's address in `state`.
const MAXIMUM_SENT_BACK_BYTES: usize = 4096;
const MAXIMUM_HINT_BYTES: usize = 1024;

pub(crate) fn is_sendable(text: &str) -> bool {
    text.len() <= MAXIMUM_SENT_BACK_BYTES && !text.chars().any(char::is_control)
}

fn absent(parameters: &Parameters, name: &str, code: ErrorCode) -> Result<(), OAuthError> {
    match parameters.get(name) {
        None => Ok(()),
        Some(_) => Err(OAuthError::new(
            code,
            format!(
                "The parameter '{name}' is not supported; send what it holds as parameters of their own."
            ),
        )),
    }
}

/// Digits only (OpenID Connect Core section 3.1.2.1).
pub(crate) fn number(parameters: &Parameters, name: &str) -> Result<Option<u32>, OAuthError> {
    let Some(text) = parameters.get(name) else { return Ok(None) };
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.map(Some).ok_or_else(|| {
        OAuthError::invalid_request(format!(
            "The parameter '{name}' is not a whole number of seconds, such as 3600."
        ))
    })
}

pub(crate) fn words(parameters: &Parameters, name: &str) -> Vec<String> {
    parameters.get(name).unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

/// RFC 6749 section 3.3. Of OpenID Connect's own scopes those that the client may not have are passed over (OpenID
/// Connect Core section 3.1.2.1), and so is `offline_access` of a client without refresh tokens (section 11); any
/// other foreign scope is an error (class 17).
pub(crate) fn granted_scopes(parameters: &Parameters, client: &Client) -> Result<Scopes, OAuthError> {
    let Some(text) = parameters.get("scope") else {
        return some(client.default_scope.clone(), || {
            format!(
                "The scope is missing, and the client '{}' has no default one; send scope=openid, or what else it may ask for.",
                client.client_id
            )
        });
    };
    let requested = Scopes::parse(text)?;
    let foreign = requested.difference(&client.scope);
    if let Some(scope) = foreign.iter().find(|scope| !STANDARD.contains(scope)) {
        return Err(foreign_scope(scope, client));
    }
    let mut allowed = requested.intersection(&client.scope);
    if !client.may_use(GrantType::RefreshToken) {
        allowed = allowed.without(OFFLINE_ACCESS);
    }
    some(allowed, || {
        format!(
            "Of the scopes that are asked for the client '{}' may have none; ask for openid, or add them to the client.",
            client.client_id
        )
    })
}

/// A person who is asked for nothing could not say no: what would be granted has a name.
fn some(scopes: Scopes, description: impl FnOnce() -> String) -> Result<Scopes, OAuthError> {
    if scopes.is_empty() { Err(OAuthError::new(ErrorCode::InvalidScope, description())) } else { Ok(scopes) }
}

pub(crate) fn foreign_scope(scope: &str, client: &Client) -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidScope,
        format!(
            "The scope '{scope}' is not one that the client '{}' may ask for; leave it out, or add it to the client.",
            client.client_id
        ),
    )
}
