//! `ProviderMetadata`: what the provider says of itself.

use serde::Serialize;

use crate::{Algorithm, CODE_CHALLENGE_METHOD, ClientAuthenticationMethod, GrantType, ResponseMode, Scopes};

/// Where the endpoints are: whole addresses, made from the configured public one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the names are those of RFC 8414 section 2 and OpenID Connect RP-Initiated Logout section 2.1"
)]
pub struct Endpoints {
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub userinfo_endpoint: String,
    pub jwks_uri: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    pub end_session_endpoint: String,
}

/// What differs from one installation to another.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The issuer: an https address without query and fragment (RFC 8414 section 2).
    pub issuer: String,
    /// Where the endpoints are.
    pub endpoints: Endpoints,
    /// Every scope that some client may ask for and that is no secret.
    pub scopes: Scopes,
    /// The levels of authentication.
    pub acr_values: Vec<String>,
    /// The claims of a person that are really kept, of [`PersonClaims::NAMES`](crate::PersonClaims::NAMES).
    pub person_claims: Vec<&'static str>,
    /// The languages of the pages.
    pub ui_locales: Vec<String>,
}

/// The document at `/.well-known/openid-configuration` (OpenID Connect Discovery section 3) and at
/// `/.well-known/oauth-authorization-server` (RFC 8414 section 2). It serialises to no more than what is really spoken:
/// the lists come from the types themselves.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the document")]
pub struct ProviderMetadata {
    issuer: String,
    #[serde(flatten)]
    endpoints: Endpoints,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 3],
    prompt_values_supported: [&'static str; 4],
    acr_values_supported: Vec<String>,
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [Algorithm; 3],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [Algorithm; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [Algorithm; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [Algorithm; 3],
    claims_supported: Vec<&'static str>,
    ui_locales_supported: Vec<String>,
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
}

/// RS256 first: it is the one that has to be there (OpenID Connect Discovery section 3).
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// The claims of an ID token that are not the person's.
const TOKEN_CLAIMS: [&str; 11] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];

impl ProviderMetadata {
    /// The document for these settings.
    pub fn new(settings: ProviderSettings) -> Self {
        let methods = ClientAuthenticationMethod::ALL.map(ClientAuthenticationMethod::name);
        let [basic, post, key, _] = methods;
        Self {
            issuer: settings.issuer,
            endpoints: settings.endpoints,
            scopes_supported: settings.scopes.iter().map(str::to_owned).collect(),
            response_types_supported: ["code"],
            response_modes_supported: ResponseMode::ALL.map(ResponseMode::name),
            grant_types_supported: GrantType::ALL.map(GrantType::name),
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            acr_values_supported: settings.acr_values,
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ALGORITHMS,
            token_endpoint_auth_methods_supported: methods,
            token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
            // A public client has no proof that it may ask (RFC 7662 section 2.1).
            introspection_endpoint_auth_methods_supported: [basic, post, key],
            introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
            revocation_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
            claims_supported: TOKEN_CLAIMS.into_iter().chain(settings.person_claims).collect(),
            ui_locales_supported: settings.ui_locales,
            code_challenge_methods_supported: [CODE_CHALLENGE_METHOD],
            authorization_response_iss_parameter_supported: true,
            claims_parameter_supported: false,
            request_parameter_supported: false,
            // True is the default (OpenID Connect Discovery section 3), so it has to be said.
            request_uri_parameter_supported: false,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
        }
    }
}
