//! OAuth 2 and OpenID Connect as pure functions: no I/O, no clock, no randomness. Times are Unix seconds and come in.
//!
//! Signatures: JWK, JWKS and JWS. Requests: [`Parameters`], and errors as they are answered: [`OAuthError`].
//! Clients: [`Client`], [`RedirectUri`], [`Scopes`], [`CodeChallenge`].
//! Authorization endpoint: [`AuthorizationRequest`], [`decide`], [`AuthorizationResponse`].
//! Token endpoint: [`ClientAuthentication`], [`TokenRequest`], [`audience`], [`TokenResponse`].
//! Tokens: [`IdToken`], [`AccessToken`], [`PersonClaims`], [`LogoutToken`]. Reading them: [`bearer_token`], [`UserInfo`],
//! [`TokenReference`], [`Introspection`], [`IdTokenHint`], [`LogoutRequest`]. Discovery: [`ProviderMetadata`].
//!
//! The relying party: [`Discovered`], [`SignInRequest`], [`CallbackRules`], [`TokenAnswer`], [`IdTokenRules`],
//! [`read_user_info`], [`LogoutTokenRules`], [`end_session_url`].

mod access_token;
mod algorithm;
mod authorization_checks;
mod authorization_request;
mod authorization_response;
mod bearer;
mod callback;
mod claims;
mod client;
mod client_assertion;
mod client_authentication;
mod client_error;
mod decision;
mod description;
mod discovered;
mod error;
mod error_code;
mod form;
mod form_action;
mod id_token;
mod id_token_hint;
mod id_token_rules;
mod introspection;
mod jwk;
mod jwk_set;
mod jws_claims;
mod jws_error;
mod jws_header;
mod key_set;
mod logout_request;
mod logout_token;
mod metadata;
mod parameters;
mod pkce;
mod prompt;
mod redirect_uri;
mod request_fault;
mod resource;
mod return_address;
mod rsa_public_key;
mod scope;
mod secret;
mod sign_in_request;
mod signing_key;
mod strict_json;
mod text_form;
mod token_answer;
mod token_reference;
mod token_request;
mod token_response;
mod user_info;
mod user_info_answer;
mod verifying_key;
#[cfg(test)]
mod wycheproof;

pub use access_token::{AccessToken, invalid_token};
pub use algorithm::Algorithm;
pub use authorization_request::AuthorizationRequest;
pub use authorization_response::AuthorizationResponse;
pub use bearer::bearer_token;
pub use callback::{CallbackError, CallbackRules};
pub use claims::PersonClaims;
pub use client::{Client, ClientAuthenticationMethod, GrantType, ResponseMode};
pub use client_assertion::{AssertionId, AssertionRules, CLIENT_ASSERTION_TYPE, ClientAssertion};
pub use client_authentication::{ClientAuthentication, ClientProof};
pub use client_error::ClientError;
pub use decision::{Known, KnownConsent, KnownSession, SignInReason, Step, decide};
pub use description::Description;
pub use discovered::{Discovered, DiscoveryError, discovery_url};
pub use error::{OAuthError, Realm};
pub use error_code::ErrorCode;
pub use form_action::{OnwardOrigin, OnwardOriginError, form_action_sources};
pub use id_token::{IdToken, at_hash};
pub use id_token_hint::IdTokenHint;
pub use id_token_rules::{IdTokenRules, SignInKept, SignedIn};
pub use introspection::Introspection;
pub use jwk::{Jwk, JwkError};
pub use jwk_set::JwkSet;
pub use jws_claims::Expected;
pub use jws_error::JwsError;
pub use key_set::{KeySet, MAXIMUM_TOKEN_BYTES, Verified};
pub use logout_request::{LogoutRequest, logout_needs_confirmation};
pub use logout_token::{LoggedOut, LogoutEvent, LogoutToken, LogoutTokenRules};
pub use metadata::{Endpoints, ProviderMetadata, ProviderSettings};
pub use parameters::Parameters;
pub use pkce::{CODE_CHALLENGE_METHOD, CodeChallenge, CodeVerifier};
pub use prompt::Prompt;
pub use redirect_uri::{RedirectUri, RedirectUriError, is_this_machine};
pub use request_fault::RequestFault;
pub use resource::audience;
pub use return_address::ReturnAddress;
pub use scope::{EMAIL, OFFLINE_ACCESS, OPENID, PROFILE, Scopes};
pub use secret::Secret;
pub use sign_in_request::{
    SignInRequest, assertion_form, basic_authorization, code_exchange_form, end_session_url, refresh_form,
};
pub use signing_key::{SignError, SigningKey, SigningKeyError};
pub use strict_json::{StrictJsonError, parse_strict_json};
pub use token_answer::{TokenAnswer, TokenAnswerError};
pub use token_reference::{TokenReference, TokenTypeHint};
pub use token_request::{
    ClientCredentialsRequest, CodeExchange, CodeProof, RefreshExchange, TokenRequest, invalid_or_expired,
};
pub use token_response::{TokenResponse, TokenType};
pub use user_info::UserInfo;
pub use user_info_answer::{UserInfoError, read_user_info};
pub use verifying_key::VerifyingKey;
