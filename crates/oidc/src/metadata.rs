//! What a provider says of itself (OpenID Connect Discovery section 3, RFC 8414 section 2).

use serde::{Deserialize, Serialize};

/// The document at `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ProviderMetadata {
    /// Who issues tokens.
    pub issuer: String,
    /// Where people are sent to.
    pub authorization_endpoint: String,
    /// Where clients get tokens.
    pub token_endpoint: String,
    /// Where clients read of a person.
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    /// Where the keys are.
    pub jwks_uri: String,
    /// Where clients ask of a token.
    #[serde(default)]
    pub introspection_endpoint: Option<String>,
    /// Where clients give a token up.
    #[serde(default)]
    pub revocation_endpoint: Option<String>,
    /// Where people are sent to sign out.
    #[serde(default)]
    pub end_session_endpoint: Option<String>,
    /// The scopes it knows.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// `code`.
    #[serde(default)]
    pub response_types_supported: Vec<String>,
    /// How it answers.
    #[serde(default)]
    pub response_modes_supported: Vec<String>,
    /// What it gives tokens for.
    #[serde(default)]
    pub grant_types_supported: Vec<String>,
    /// How strongly a person may have proved who they are.
    #[serde(default)]
    pub acr_values_supported: Vec<String>,
    /// `public`.
    #[serde(default)]
    pub subject_types_supported: Vec<String>,
    /// By what ID tokens are signed.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// By what their assertions are signed.
    #[serde(default)]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// The same, at the introspection endpoint.
    #[serde(default)]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The same, at the revocation endpoint.
    #[serde(default)]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// `S256`.
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    /// `normal`.
    #[serde(default)]
    pub claim_types_supported: Vec<String>,
    /// What it says of people.
    #[serde(default)]
    pub claims_supported: Vec<String>,
    /// The languages of its pages.
    #[serde(default)]
    pub ui_locales_supported: Vec<String>,
    /// The parameter `claims` is not spoken.
    #[serde(default)]
    pub claims_parameter_supported: bool,
    /// The parameter `request` is not spoken.
    #[serde(default)]
    pub request_parameter_supported: bool,
    /// The parameter `request_uri` is not spoken.
    #[serde(default)]
    pub request_uri_parameter_supported: bool,
    /// Its answers name it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// It tells clients of sign-outs.
    #[serde(default)]
    pub backchannel_logout_supported: bool,
    /// And of which session ended.
    #[serde(default)]
    pub backchannel_logout_session_supported: bool,
    /// Where its documentation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_documentation: Option<String>,
}

/// How clients may authenticate where they have to.
const CLIENT_AUTHENTICATION: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

impl ProviderMetadata {
    /// What Keyward says of itself. `issuer` is an origin without a slash at its end.
    pub fn of_keyward(issuer: &str, algorithms: &[crate::Algorithm], ui_locales: &[&str]) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let algorithm_names = texts(&algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>());
        let with_none = [CLIENT_AUTHENTICATION.as_slice(), &["none"]].concat();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            userinfo_endpoint: Some(at("/userinfo")),
            jwks_uri: at("/.well-known/jwks.json"),
            introspection_endpoint: Some(at("/introspect")),
            revocation_endpoint: Some(at("/revoke")),
            end_session_endpoint: Some(at("/end-session")),
            scopes_supported: texts(&["openid", "profile", "email", "offline_access"]),
            response_types_supported: texts(&["code"]),
            response_modes_supported: texts(&["query", "form_post"]),
            grant_types_supported: texts(&["authorization_code", "refresh_token", "client_credentials"]),
            acr_values_supported: texts(&["1", "2"]),
            subject_types_supported: texts(&["public"]),
            id_token_signing_alg_values_supported: algorithm_names.clone(),
            token_endpoint_auth_methods_supported: texts(&with_none),
            token_endpoint_auth_signing_alg_values_supported: algorithm_names,
            introspection_endpoint_auth_methods_supported: texts(&CLIENT_AUTHENTICATION),
            revocation_endpoint_auth_methods_supported: texts(&with_none),
            code_challenge_methods_supported: texts(&["S256"]),
            claim_types_supported: texts(&["normal"]),
            claims_supported: texts(&[
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "azp",
                "at_hash",
                "sid",
                "name",
                "locale",
                "updated_at",
                "email",
                "email_verified",
            ]),
            ui_locales_supported: texts(ui_locales),
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            service_documentation: Some(at("/docs")),
        }
    }
}
