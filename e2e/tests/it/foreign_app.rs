//! An app of somebody else, as browsers take people to it: its callback leads on to another host.

use std::process::Command;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{Html, Redirect};
use axum::routing::get;
use tempfile::TempDir;
use tokio::net::TcpListener;
use url::Url;

use crate::browser::{Browser, Scripts};
use crate::person::ADA;
use crate::service::{Service, binary};
use crate::tools::Tools;
use crate::wait::until;

/// 43 letters: RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A page that signs people in in a window of its own, and the one where that window ends: as oidc-client-ts does it.
const OPENER: &str =
    "<title>nobody</title><script>addEventListener('message', event => document.title = event.data)</script>";
const POPUP: &str =
    "<script>window.opener.postMessage('signed in by ' + location.search, location.origin); close()</script>";

/// At 127.0.0.1, and at localhost too, which to a browser is another origin.
struct ForeignApp {
    url: Url,
    elsewhere: Url,
}

impl ForeignApp {
    /// Registers it by the command, beside the running server, and serves it.
    async fn start(data: &TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url: Url = format!("http://127.0.0.1:{port}/").parse().unwrap();
        let elsewhere: Url = format!("http://localhost:{port}/landed").parse().unwrap();
        let added = Command::new(binary())
            .args(["client", "add", "foreign-app", "--name", "Foreign app", "--first-party"])
            .args(["--redirect-uri", url.join("/callback").unwrap().as_str()])
            .args(["--redirect-uri", url.join("/popup").unwrap().as_str(), "--data"])
            .arg(data.path().join("keyward-data"))
            .output()
            .unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let router = Router::new()
            .route("/callback", get(by_query).post(by_form))
            .route("/landed", get(async || Html("<h1>Landed</h1>")))
            .route("/opener", get(async || Html(OPENER)))
            .route("/popup", get(async || Html(POPUP)))
            .with_state(elsewhere.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, elsewhere }
    }

    /// Where it sends people.
    fn authorize(&self, service: &Service, back_to: &str, mode: &str) -> Url {
        let mut url = service.page("/authorize");
        url.query_pairs_mut().extend_pairs([
            ("client_id", "foreign-app"),
            ("redirect_uri", self.url.join(back_to).unwrap().as_str()),
            ("response_type", "code"),
            ("response_mode", mode),
            ("scope", "openid"),
            ("state", "the state"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        url
    }
}

async fn by_query(State(elsewhere): State<Url>, RawQuery(query): RawQuery) -> Redirect {
    Redirect::to(&format!("{elsewhere}?{}", query.unwrap_or_default()))
}

async fn by_form(State(elsewhere): State<Url>, form: String) -> Redirect {
    Redirect::to(&format!("{elsewhere}?{form}"))
}

#[tokio::test]
async fn an_app_may_lead_on_to_another_host_with_scripts() {
    leads_on(Scripts::On).await;
}

#[tokio::test]
async fn an_app_may_lead_on_to_another_host_without_scripts() {
    leads_on(Scripts::Off).await;
}

/// A page on the way, or a redirect, that cut the window off from its opener left the app waiting for ever.
#[tokio::test]
async fn an_app_may_sign_people_in_in_a_window_of_its_own() {
    let Some(tools) = Tools::find() else { return };
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let app = ForeignApp::start(&data).await;
    let browser = Browser::start(&tools, Scripts::On).await;
    signs_up(&browser, &service).await;
    browser.open(&app.url.join("/opener").unwrap()).await;
    let opener = browser.driver.window().await.unwrap();
    // The second time somebody is signed in, and the window passes redirects alone.
    for again in [false, true] {
        let to = app.authorize(&service, "/popup", "query");
        browser
            .driver
            .execute("document.title = 'nobody'; window.open(arguments[0])", vec![to.as_str().into()])
            .await
            .unwrap();
        if !again {
            let window = until("the window", async || {
                browser.driver.windows().await.unwrap().into_iter().find(|window| *window != opener)
            })
            .await;
            browser.driver.switch_to_window(window).await.unwrap();
            browser.arrives_at(&[&service.page("/sign-in")]).await;
            ADA.signs_in(&browser, &service).await;
            browser.driver.switch_to_window(opener.clone()).await.unwrap();
        }
        until("the opener to hear of it", async || {
            browser.driver.title().await.unwrap().starts_with("signed in by ?code=").then_some(())
        })
        .await;
    }
    browser.quit().await;
    service.stop().await;
}

async fn signs_up(browser: &Browser, service: &Service) {
    browser.open(&service.page("/sign-up")).await;
    let mail = ADA.signs_up(browser, service).await;
    browser.open(&mail.link("/verify")).await;
    browser.submit("/verify").await;
    browser.arrives_at(&[&service.page("/sign-in")]).await;
}

/// Browsers apply `form-action` to every redirect behind a form: the person stayed on the page of the code without a word.
async fn leads_on(scripts: Scripts) {
    let Some(tools) = Tools::find() else { return };
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let app = ForeignApp::start(&data).await;
    let browser = Browser::start(&tools, scripts).await;
    signs_up(&browser, &service).await;
    for mode in ["query", "form_post"] {
        browser.open(&app.authorize(&service, "/callback", mode)).await;
        browser.arrives_at(&[&service.page("/sign-in")]).await;
        ADA.signs_in(&browser, &service).await;
        if mode == "form_post" && scripts == Scripts::Off {
            browser.submit(app.url.join("/callback").unwrap().as_str()).await;
        }
        browser.arrives_at(&[&app.elsewhere]).await;
        let given = browser.address().await;
        let given = |name: &str| given.query_pairs().find(|(given, _)| given == name).unwrap().1.into_owned();
        assert_eq!((given("code").len(), given("state").as_str()), (43, "the state"), "{mode}");
        browser.open(&service.page("/sign-out")).await;
        browser.submit("/sign-out").await;
        browser.arrives_at(&[&service.page("/signed-out")]).await;
    }
    browser.quit().await;
    service.stop().await;
}
