//! A small app behind Keyward, written to be copied: a public page, and one for people who are signed in.
//! It speaks English only: the languages of the sign-in server are a matter of its own pages.

pub mod build;
pub mod entrance;
pub mod health;
pub mod log;
pub mod metrics;

mod pages;
mod shield;

use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use keyward_client::{
    BACKCHANNEL_LOGOUT_PATH, CALLBACK_PATH, ClientAuthentication, InvalidSettings, Keyward, RequireSignIn,
};
use secrets::SecretString;
use url::Url;

/// What the app has to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The public address of this app.
    pub app_url: Url,
    /// The sign-in server, as it calls itself.
    pub issuer: String,
    /// Where this app asks the sign-in server, when that is another address than the public one.
    pub internal_auth_url: Option<Url>,
    /// The id that this app is registered by.
    pub client_id: String,
    /// The secret that it was given.
    pub client_secret: SecretString,
    /// Seals its sessions.
    pub session_key: SecretString,
}

impl Settings {
    /// Where people come back from signing in: `redirect_uris`.
    pub fn redirect_uri(&self) -> Url {
        self.page(CALLBACK_PATH)
    }

    /// Where they land after signing out: `post_logout_redirect_uris`.
    pub fn home_url(&self) -> Url {
        self.page("/")
    }

    /// Where the sign-in server tells of sign-outs: `backchannel_logout_uri`.
    pub fn backchannel_logout_uri(&self) -> Url {
        self.page(BACKCHANNEL_LOGOUT_PATH)
    }

    /// The page for those who are signed in.
    pub fn protected_url(&self) -> Url {
        self.page("/protected")
    }

    fn page(&self, path: &str) -> Url {
        let mut url = self.app_url.clone();
        url.set_path(path);
        url
    }
}

/// The app. It answers for the host of `app_url` alone; only `/healthz` answers for any.
pub fn router(settings: &Settings) -> Result<Router, InvalidSettings> {
    Ok(routes(settings)?.0)
}

/// The same, and what signs people in to it, for whoever watches that.
pub fn routes(settings: &Settings) -> Result<(Router, Keyward), InvalidSettings> {
    let keyward = Keyward::new(keyward_client::Settings {
        internal_url: settings.internal_auth_url.clone(),
        notice_page: pages::notice,
        ..keyward_client::Settings::new(
            settings.issuer.clone(),
            settings.app_url.clone(),
            settings.client_id.clone(),
            ClientAuthentication::Secret(settings.client_secret.clone()),
            settings.session_key.clone(),
        )
    })?;
    let shield = Arc::new(shield::Shield::new(settings));
    let router = Router::new()
        .route("/protected", get(pages::protected))
        .route_layer(RequireSignIn::new(&keyward))
        .route("/", get(pages::home))
        .route("/static/app.css", get(pages::stylesheet))
        .fallback(pages::not_found)
        .merge(keyward.routes())
        .method_not_allowed_fallback(pages::wrong_method)
        .with_state(keyward.clone())
        .layer(middleware::from_fn_with_state(shield, shield::shield))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(middleware::from_fn(shield::close_behind_a_body));
    Ok((router, keyward))
}
