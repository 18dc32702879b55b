//! Two apps on two hosts behind one server: no cookie is shared, and everybody hears of a sign-out.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::{Method, StatusCode};
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::browser::{Browser, Scripts};
use crate::person::ADA;
use crate::service::{Service, binary};
use crate::tools::{Tools, free_port};
use crate::wait::until;

/// `app-service` as a program of its own, at 127.0.0.1, which to a browser is another site than localhost.
struct SecondApp {
    url: Url,
    child: Child,
}

impl Drop for SecondApp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl SecondApp {
    /// Registers it by the command, beside the running server, and starts it.
    async fn start(service: &Service, data: &TempDir) -> Self {
        let url: Url = format!("http://127.0.0.1:{}/", free_port()).parse().unwrap();
        let at = |path: &str| url.join(path).unwrap().to_string();
        let added = Command::new(binary())
            .args([
                "client",
                "add",
                "second-app",
                "--name",
                "Second app",
                "--first-party",
                "--refresh",
                "--json",
            ])
            .args(["--redirect-uri", &at("/auth/callback"), "--post-logout-redirect-uri", &at("/")])
            .args(["--backchannel-logout-uri", &at("/auth/backchannel-logout"), "--data"])
            .arg(data.path().join("keyward-data"))
            .output()
            .unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let added: Value = serde_json::from_slice(&added.stdout).unwrap();
        let place = |name: &str| data.path().join(name);
        fs::write(place("client-secret"), added["client_secret"].as_str().unwrap()).unwrap();
        fs::write(place("session-key"), generate_key_text().expose_secret()).unwrap();
        let child = Command::new(app_binary())
            .env("APP_URL", url.as_str())
            .env("ISSUER_URL", service.auth.as_str().trim_end_matches('/'))
            .env("CLIENT_ID", "second-app")
            .env("CLIENT_SECRET", format!("file:{}", place("client-secret").display()))
            .env("SESSION_KEY", format!("file:{}", place("session-key").display()))
            .env("APP_LISTEN", format!("127.0.0.1:{}", url.port().unwrap()))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let app = Self { url, child };
        until("the second app to answer", async || {
            let answer = service.try_as_a_stranger(Method::GET, &app.url).await?;
            (answer.status() == StatusCode::OK).then_some(())
        })
        .await;
        app
    }

    fn protected(&self) -> Url {
        self.url.join("/protected").unwrap()
    }
}

/// Built with `keyward`, and so beside it.
fn app_binary() -> PathBuf {
    binary().with_file_name("app-service")
}

#[tokio::test]
async fn somebody_signs_in_to_two_apps_once_and_out_of_both_at_once() {
    let Some(tools) = Tools::find() else { return };
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let second = SecondApp::start(&service, &data).await;
    let browser = Browser::start(&tools, Scripts::On).await;

    browser.open(&service.page("/sign-up")).await;
    let mail = ADA.signs_up(&browser, &service).await;
    browser.open(&mail.link("/verify")).await;
    browser.submit("/verify").await;
    browser.arrives_at(&[&service.page("/sign-in")]).await;

    browser.open(&second.url).await;
    browser.follow("/protected").await;
    browser.arrives_at(&[&service.page("/sign-in")]).await;
    ADA.signs_in(&browser, &service).await;
    browser.arrives_at(&[&second.protected()]).await;
    let text = browser.text().await;
    assert!(text.contains(ADA.name) && text.contains(ADA.email), "{text}");
    assert!(browser.cookie("second-app-session").await.is_some());
    assert!(browser.cookie("keyward-session").await.is_none(), "the server's cookie never gets here");

    // The first app lets the same person in without a question.
    browser.open(&service.app_page("/protected")).await;
    browser.arrives_at(&[&service.app_page("/protected")]).await;
    assert!(browser.text().await.contains(ADA.name));

    // Signing out of the second leads back to it, and the first is told.
    browser.open(&second.protected()).await;
    browser.submit("/auth/sign-out").await;
    browser.arrives_at(&[&second.url]).await;
    let refused = service.page("/sign-in");
    until("the first app to hear of the sign-out", async || {
        browser.open(&service.app_page("/protected")).await;
        (browser.address().await.path() == refused.path()).then_some(())
    })
    .await;
    browser.open(&second.protected()).await;
    browser.arrives_at(&[&refused]).await;

    // And the other way round: in again, and out at the server.
    ADA.signs_in(&browser, &service).await;
    browser.arrives_at(&[&second.protected()]).await;
    browser.open(&service.page("/sign-out")).await;
    browser.submit("/sign-out").await;
    until("the second app to hear of the sign-out", async || {
        browser.open(&second.protected()).await;
        (browser.address().await.path() == refused.path()).then_some(())
    })
    .await;
    browser.quit().await;
    service.stop().await;
}
