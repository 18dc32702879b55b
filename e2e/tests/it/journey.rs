//! The product's main job: sign up, prove the address, sign in, be let in, sign out, be refused.

use reqwest::{Method, StatusCode};
use thirtyfour::By;

use crate::browser::{Browser, Scripts};
use crate::person::ADA;
use crate::service::Service;
use crate::tools::Tools;
use crate::wait::until;

#[tokio::test]
async fn the_journey_with_scripts() {
    journey(Scripts::On).await;
}

#[tokio::test]
async fn the_journey_without_scripts() {
    journey(Scripts::Off).await;
}

async fn journey(scripts: Scripts) {
    let Some(tools) = Tools::find() else { return };
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let browser = Browser::start(&tools, scripts).await;

    assert_eq!(browser.runs_scripts().await, scripts == Scripts::On, "{scripts:?} is what the browser does");
    signs_up(&browser, &service, scripts).await;
    let token = is_let_in(&browser, &service).await;
    signs_out(&browser, &service).await;
    is_refused(&browser, &service, &token).await;
    comes_back(&browser, &service).await;

    service.stop().await;
    let service = Service::start(&data).await;
    assert_eq!(service.verify_token(&token).await, StatusCode::UNAUTHORIZED, "a sign-out outlives a restart");
    browser.driver.delete_all_cookies().await.unwrap();
    browser.open(&service.page("/sign-in")).await;
    ADA.signs_in(&browser, &service).await;
    browser.arrives_at(&[&service.page("/account")]).await;
    assert!(browser.text().await.contains(ADA.name));
    browser.quit().await;
    service.stop().await;
}

/// From the app to a proved account.
async fn signs_up(browser: &Browser, service: &Service, scripts: Scripts) {
    browser.open(&service.app).await;
    browser.follow("/protected").await;
    let sign_in = browser.arrives_at(&[&service.page("/sign-in")]).await;
    assert_eq!(sign_in.host_str(), Some("localhost"));
    browser.follow("/sign-up").await;
    browser.arrives_at(&[&service.page("/sign-up")]).await;
    is_rated(browser, scripts).await;
    let mail = ADA.signs_up(browser, service).await;

    let link = mail.link("/verify");
    // A scanner that opens every link before the person does uses nothing up.
    for method in [Method::GET, Method::HEAD, Method::GET] {
        assert_eq!(service.as_a_stranger(method, &link).await.status(), StatusCode::OK);
    }
    browser.open(&link).await;
    assert!(!browser.has("main [type=password]").await, "in the browser that signed up one button does it");
    browser.submit("/verify").await;
    browser.arrives_at(&[&service.page("/sign-in")]).await;
}

/// What scripts add to the page is there with them alone: how easy a password is to guess.
async fn is_rated(browser: &Browser, scripts: Scripts) {
    browser.fill(&[("password", "qwertyuiop"), ("name", ADA.name)]).await;
    let said = async || browser.driver.find(By::Css(".strength")).await.ok()?.text().await.ok();
    if scripts == Scripts::On {
        until("a hint at how strong the password is", async || said().await.filter(|said| !said.is_empty()))
            .await;
    } else {
        assert_eq!(said().await.as_deref(), Some(""), "no script says how strong it is");
    }
}

/// From the sign-in page to the app; the token that the browser holds then.
async fn is_let_in(browser: &Browser, service: &Service) -> String {
    ADA.signs_in(browser, service).await;
    let protected = service.app_page("/protected");
    if browser.arrives_at(&[&protected, &service.page("/account")]).await != protected {
        browser.open(&protected).await;
        browser.arrives_at(&[&protected]).await;
    }
    let text = browser.text().await;
    assert!(text.contains("You are signed in") && text.contains("password, then one-time code"), "{text}");
    assert!(text.contains(ADA.name) && text.contains(ADA.email), "{text}");
    let token = browser.cookie("jwt").await.unwrap();
    assert_eq!(service.verify_token(&token).await, StatusCode::OK);
    token
}

async fn signs_out(browser: &Browser, service: &Service) {
    browser.submit("/auth/sign-out").await;
    browser.arrives_at(&[&service.app]).await;
    // The back button shows nothing of what was there.
    browser.driver.back().await.unwrap();
    browser.arrives_at(&[&service.page("/sign-in")]).await;
    browser.open(&service.page("/account")).await;
    browser.arrives_at(&[&service.page("/sign-in")]).await;
}

/// The app refuses the browser, and the server the token that somebody kept.
async fn is_refused(browser: &Browser, service: &Service, token: &str) {
    browser.open(&service.app_page("/protected")).await;
    browser.arrives_at(&[&service.page("/sign-in")]).await;
    assert!(!browser.text().await.contains("You are signed in"));
    assert_eq!(service.verify_token(token).await, StatusCode::UNAUTHORIZED);
}

/// Signs in again on the way to a page of the app, and lands on that very page.
async fn comes_back(browser: &Browser, service: &Service) {
    ADA.signs_in(browser, service).await;
    browser.arrives_at(&[&service.app_page("/protected")]).await;
    assert!(browser.text().await.contains("You are signed in"));
}
