//! The example app's pages that need no sign-in server, or miss it.

use axum::Router;
use secrets::sealing::generate_key_text;
use tokio::net::TcpListener;
use url::Url;

use crate::browser::{Browser, Scripts};
use crate::tools::{Tools, free_port};

#[tokio::test]
async fn the_app_is_accessible_without_its_server() {
    let Some(tools) = Tools::find() else { return };
    let app = start().await;
    let browser = Browser::start(&tools, Scripts::On).await;
    for (page, path, words) in [
        ("app-home", "/", "Example app"),
        ("app-unavailable", "/protected", "Sign-in cannot be checked just now"),
        ("app-not-expected", "/auth/callback?state=of-nobody&code=x", "This sign-in cannot go on here"),
        ("app-not-found", "/nowhere", "There is no such page"),
    ] {
        browser.open(&app.join(path).unwrap()).await;
        assert!(browser.text().await.contains(words), "{path}");
        browser.inspect(&tools, page).await;
    }
    browser.quit().await;
}

/// The app, in front of nobody.
async fn start() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app_url: Url =
        format!("http://localhost:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
    let settings = app_service::Settings {
        app_url: app_url.clone(),
        issuer: format!("http://localhost:{}", free_port()),
        internal_auth_url: None,
        client_id: "example-app".to_owned(),
        client_secret: generate_key_text(),
        session_key: generate_key_text(),
    };
    let router: Router = app_service::router(&settings).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    app_url
}
