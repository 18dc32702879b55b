//! OpenID Connect and OAuth 2 over HTTP: a handler reads, calls one use case, and answers as the RFCs say.

pub(crate) mod authorize;
pub(crate) mod end_session;

pub(crate) mod answer;
pub(crate) mod metadata;
pub(crate) use metadata::ready_made;
mod token;
mod userinfo;

use axum::Router;
use axum::routing::{get, post};

use crate::App;

/// What programs ask. None of it reads a cookie, so pages of other origins may ask too (the WHATWG's CORS protocol); only
/// introspection is asked by servers alone.
pub(crate) fn programs() -> Router<App> {
    Router::new()
        .route("/token", post(token::exchange).options(answer::preflight))
        .route("/revoke", post(token::revoke).options(answer::preflight))
        .route("/userinfo", get(userinfo::show).post(userinfo::show).options(answer::preflight))
        .route("/.well-known/openid-configuration", get(metadata::show).options(answer::preflight))
        .route("/.well-known/oauth-authorization-server", get(metadata::show).options(answer::preflight))
        .route("/.well-known/jwks.json", get(metadata::show).options(answer::preflight))
        .route("/introspect", post(token::introspect))
}

/// Where apps send people by a form of their own. The browser leaves our cookies out of such a request (`SameSite=Lax`),
/// so it is sent on to the same address by GET, which carries them.
pub(crate) fn arrivals() -> Router<App> {
    Router::new()
        .route("/authorize", post(authorize::by_form))
        .route("/end-session", post(end_session::by_form))
}

/// Pages on the way from an app and back.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route("/authorize", get(authorize::begin))
        .route("/authorize/continue", get(authorize::go_on))
        .route("/authorize/account", get(authorize::show_account).post(authorize::choose_account))
        .route("/authorize/consent", get(authorize::show_consent).post(authorize::consent))
        .route("/end-session", get(end_session::show))
}

/// What any page may read the answer of: nothing of it depends on a cookie.
pub(crate) fn any_page_may_read(path: &str) -> bool {
    matches!(
        path,
        "/token"
            | "/revoke"
            | "/userinfo"
            | "/.well-known/openid-configuration"
            | "/.well-known/oauth-authorization-server"
            | "/.well-known/jwks.json"
    )
}

/// What apps send to from pages of their own: not refused for their origin.
pub(crate) fn is_open_to_other_origins(path: &str) -> bool {
    matches!(path, "/token" | "/revoke" | "/userinfo" | "/introspect" | "/authorize" | "/end-session")
}
