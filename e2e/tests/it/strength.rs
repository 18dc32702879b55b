//! How easy a new password is to guess is said as one types, by the page alone.

use thirtyfour::prelude::*;

use crate::browser::{Browser, Scripts};
use crate::service::Service;
use crate::tools::Tools;
use crate::wait::until;

/// Everything that the page has asked for since it was loaded, itself apart. The icon is asked for by the browser, which takes its
/// time: in the middle of what is typed it was once taken for what typing asks.
async fn asked(browser: &Browser) -> Vec<String> {
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
    let asked: Vec<String> = browser.driver.execute(script, Vec::new()).await.unwrap().convert().unwrap();
    asked.into_iter().filter(|name| !name.contains("/favicon")).collect()
}

async fn says(browser: &Browser, wanted: &str) {
    until(&format!("the page to say {wanted:?} of the password"), async || {
        let said = browser.driver.find(By::Css(".strength")).await.ok()?.text().await.ok()?;
        (said == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_typed_is_rated_without_a_request_and_kept_from_nobody() {
    let Some(tools) = Tools::find() else { return };
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let browser = Browser::start(&tools, Scripts::On).await;
    let sign_up = service.page("/sign-up");
    browser.open(&sign_up).await;
    let before = asked(&browser).await;
    assert!(before.len() >= 4, "the stylesheets and the scripts: {before:?}");
    says(&browser, "").await;
    browser.fill(&[("name", "Ada Lovelace"), ("email", "ada@example.com")]).await;
    for (typed, said) in [
        ("qwertyuiop", "Easy to guess. It is like a password that many people have."),
        ("aaaaaaaaaaaaaaa", "Easy to guess. The same over and over is tried first."),
        ("19840612", "Easy to guess. Dates and years are tried first."),
        ("Lovelace", "Easy to guess. It has to do with you or with this service."),
        ("note G computes Bernoulli numbers", "Hard to guess."),
    ] {
        browser.fill(&[("password", typed)]).await;
        says(&browser, said).await;
    }
    browser.is_accessible(&tools, "a password that is rated").await;
    browser.fill(&[("password", "qwertyuiop")]).await;
    says(&browser, "Easy to guess. It is like a password that many people have.").await;
    browser.is_accessible(&tools, "a password that is easy to guess").await;
    assert_eq!(asked(&browser).await, before, "typing asks nobody");

    // It keeps nobody from sending: the server says what is wrong.
    browser.submit("/sign-up").await;
    assert_eq!(browser.status().await, 422);
    browser.press("footer button[value=de]").await;
    browser.open(&sign_up).await;
    browser.fill(&[("password", "abcdefghijkl")]).await;
    says(&browser, "Leicht zu erraten. Zeichen, die aufeinander folgen, werden zuerst probiert.").await;
    browser.quit().await;
    service.stop().await;
}
