//! `SignInRequest`: an app sends a person to the provider, and redeems the code that comes back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    CLIENT_ASSERTION_TYPE, CODE_CHALLENGE_METHOD, CodeChallenge, CodeVerifier, Scopes, Secret,
    form::{append_query, encode_form},
};

/// An authorization request of ours (OpenID Connect Core section 3.1.2.1). `state`, `nonce` and the verifier behind the
/// challenge are fresh random values, kept for this browser until the answer is back (RFC 9700 section 2.1).
#[derive(Clone, Copy, Debug)]
pub struct SignInRequest<'a> {
    /// Our id.
    pub client_id: &'a str,
    /// Where we want the answer, letter by letter as registered.
    pub redirect_uri: &'a str,
    /// What we ask for; `openid` among it for an ID token.
    pub scopes: &'a Scopes,
    /// Given back unchanged.
    pub state: &'a str,
    /// Found again in the ID token.
    pub nonce: &'a str,
    /// Binds the code to us.
    pub code_challenge: &'a CodeChallenge,
    /// Further parameters, such as `prompt`, `max_age`, `login_hint`, `ui_locales`, `resource` or `id_token_hint`.
    pub further: &'a [(&'a str, &'a str)],
}

impl SignInRequest<'_> {
    /// Where to send the person's browser.
    pub fn url(&self, authorization_endpoint: &str) -> String {
        let (scope, code_challenge) = (self.scopes.to_string(), self.code_challenge.to_string());
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", &scope),
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge", &code_challenge),
            ("code_challenge_method", CODE_CHALLENGE_METHOD),
        ];
        parameters.extend_from_slice(self.further);
        append_query(authorization_endpoint, &parameters)
    }
}

/// The form that redeems a code at the token endpoint (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
pub fn code_exchange_form(code: &Secret, redirect_uri: &str, verifier: &CodeVerifier) -> Secret {
    form(&[
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier.expose()),
    ])
}

/// The form that rotates a refresh token (RFC 6749 section 6).
pub fn refresh_form(refresh_token: &Secret) -> Secret {
    form(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())])
}

/// The `Authorization` header of `client_secret_basic`: each part form-encoded first (RFC 6749 section 2.3.1).
pub fn basic_authorization(client_id: &str, client_secret: &Secret) -> Secret {
    let both = Zeroizing::new(format!("{}:{}", encode_form(client_id), encode_form(client_secret.expose())));
    Secret::new(format!("Basic {}", STANDARD.encode(both.as_bytes())))
}

/// A form of ours with a client assertion (RFC 7521 section 4.2), or with the bare id of a public client.
pub fn assertion_form(form: &Secret, client_id: &str, assertion: Option<&Secret>) -> Secret {
    let mut fields = vec![("client_id", client_id)];
    if let Some(assertion) = assertion {
        fields.push(("client_assertion_type", CLIENT_ASSERTION_TYPE));
        fields.push(("client_assertion", assertion.expose()));
    }
    let more = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Secret::new(format!("{}&{more}", form.expose()))
}

/// Where to send a person who signs out (RP-Initiated Logout section 2): the ID token says whom we mean, so that they are
/// not asked.
pub fn end_session_url(
    end_session_endpoint: &str,
    client_id: &str,
    id_token: Option<&Secret>,
    return_to: &str,
) -> String {
    let mut parameters = vec![("client_id", client_id), ("post_logout_redirect_uri", return_to)];
    parameters.extend(id_token.map(|token| ("id_token_hint", token.expose())));
    append_query(end_session_endpoint, &parameters)
}

fn form(parameters: &[(&str, &str)]) -> Secret {
    Secret::new(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
}
