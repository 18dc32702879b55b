//! A person at a browser, on two host names, through the proxy.

use super::docker::Docker;
use super::installation::{APP, AUTH, Installation};
use super::visitor::{app, auth};
use crate::browser::{Browser, Scripts};
use crate::person::ADA;
use crate::tools::Tools;
use crate::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_up_in_to_the_app_and_out_again_through_the_proxy() {
    let Some(tools) = Tools::find() else { return };
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker);
    stack.does(&super::rises::UP);
    stack.believes_its_own_authority();
    let world = stack.address(443).ip();
    let browser = Browser::start_in_a_world(
        &tools,
        Scripts::On,
        &[
            &format!("--host-resolver-rules=MAP {AUTH} {world}, MAP {APP} {world}"),
            // The authority is Caddy's own, which no browser knows; what it signs is proved by `headers.rs`.
            "--ignore-certificate-errors",
        ],
    )
    .await;
    let page = |text: String| text.parse::<url::Url>().unwrap();
    let (sign_in, sign_up) = (page(auth("/sign-in")), page(auth("/sign-up")));
    let protected = page(app("/protected"));

    browser.open(&page(app("/"))).await;
    browser.follow("/protected").await;
    browser.arrives_at(&[&sign_in]).await;
    browser.follow("/sign-up").await;
    browser.arrives_at(&[&sign_up]).await;
    browser.fill(&[("name", ADA.name), ("email", ADA.email), ("password", ADA.password)]).await;
    browser.submit("/sign-up").await;
    browser.open(&protected).await;
    browser.arrives_at(&[&sign_in]).await;
    browser.fill(&[("email", ADA.email), ("password", ADA.password)]).await;
    browser.submit("/sign-in").await;
    browser.arrives_at(&[&protected]).await;
    let text = browser.text().await;
    assert!(text.contains("You are signed in") && text.contains(ADA.name), "{text}");

    browser.open(&protected).await;
    browser.submit("/auth/sign-out").await;
    browser.arrives_at(&[&page(app("/"))]).await;
    browser.open(&protected).await;
    browser.arrives_at(&[&sign_in]).await;
    browser.open(&page(auth("/account"))).await;
    browser.arrives_at(&[&sign_in]).await;

    // Signed out where people sign in, and not in the app: it is told, at its public name, behind a certificate of the house.
    browser.open(&protected).await;
    browser.arrives_at(&[&sign_in]).await;
    browser.fill(&[("email", ADA.email), ("password", ADA.password)]).await;
    browser.submit("/sign-in").await;
    browser.arrives_at(&[&protected]).await;
    browser.open(&page(auth("/sign-out"))).await;
    browser.submit("/sign-out").await;
    until("the app has heard of the sign-out", async || {
        browser.open(&protected).await;
        (browser.address().await.path() == sign_in.path()).then_some(())
    })
    .await;
    browser.quit().await;
}
