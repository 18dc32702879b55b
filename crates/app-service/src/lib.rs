//! A small app behind Keyward, written to be copied: a public page, and one for people who are signed in.
//! It speaks English only: the languages of the sign-in server are a matter of its own pages.

mod pages;
mod shield;

use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use keyward_client::{InvalidSettings, Keyward, RequireSignIn};
use url::Url;

/// What the app has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The public address of this app.
    pub app_url: Url,
    /// The public address of the sign-in server.
    pub auth_url: Url,
    /// Where this app asks the sign-in server, when that is another address than the public one.
    pub internal_auth_url: Option<Url>,
}

impl Settings {
    /// The public page, where a person lands after signing out. The sign-in server must list it in `[apps]`.
    pub fn home_url(&self) -> Url {
        self.page("")
    }

    /// The protected page, where a person lands after signing in. The sign-in server must list it in `[apps]`.
    pub fn protected_url(&self) -> Url {
        self.page("protected")
    }

    fn page(&self, name: &str) -> Url {
        let mut url = self.app_url.clone();
        url.set_path(&format!("/{name}"));
        url
    }
}

/// The app. It answers for the host of `app_url` alone; only `/healthz` answers for any.
pub fn router(settings: &Settings) -> Result<Router, InvalidSettings> {
    let keyward = Keyward::new(keyward_client::Settings {
        internal_url: settings.internal_auth_url.clone(),
        ..keyward_client::Settings::new(settings.auth_url.clone())
    })?;
    let links = Arc::new(pages::Links::new(&keyward, settings));
    let require =
        RequireSignIn::new(keyward, &settings.protected_url()).unavailable_page(pages::unavailable());
    Ok(Router::new()
        .route("/", get(pages::home))
        .route("/protected", get(pages::protected).layer(require))
        .route("/static/app.css", get(pages::stylesheet))
        .fallback(pages::not_found)
        .with_state(links)
        .layer(middleware::from_fn_with_state(Arc::new(shield::Shield::new(settings)), shield::shield))
        .route("/healthz", get(|| async { "ok\n" })))
}
