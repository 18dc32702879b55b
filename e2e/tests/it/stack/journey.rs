//! A person at a browser, on two host names, through the proxy; and their mail, from the stack to a mail server outside of it.

use std::process::Command;

use serde_json::Value;
use url::Url;

use super::docker::{Docker, success};
use super::installation::{APP, AUTH, Installation, MAIL_FROM};
use super::mail_server::{MailServer, Received};
use super::rises::UP;
use super::visitor::{app, auth};
use crate::browser::{Browser, Scripts};
use crate::person::{ADA, Person};
use crate::service::binary;
use crate::tools::Tools;
use crate::wait::until;

const CHARLES: Person = Person {
    name: "Charles Babbage",
    email: "charles@example.com",
    password: "carry the tens before they are counted",
};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_up_by_a_mailed_code_in_to_the_app_and_out_again_through_the_proxy() {
    let Some(tools) = Tools::find() else { return };
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker);
    let mut mail_server = stack.with_mail_server().await;
    stack.does(&UP);
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

    browser.open(&page(&app("/"))).await;
    browser.follow("/protected").await;
    browser.arrives_at(&[&page(&auth("/sign-in"))]).await;
    browser.follow("/sign-up").await;
    let told = signs_up(&ADA, &browser).await;
    let received = mail_server.mail_to(ADA.email).await;
    left_the_stack_encrypted_and_signed_in(&received);
    browser.fill(&[("code", received.read().code())]).await;
    browser.submit("/verify").await;
    browser.arrives_at(&[&page(&auth("/sign-in"))]).await;
    is_told_as_sent(&stack).await;
    signs_in_to_the_app_and_out_of_it(&browser).await;
    signs_in_to_the_app_and_out_at_the_server(&browser).await;
    waits_for_a_mail_server_that_is_away(&stack, &mut mail_server, &browser, &told).await;
    browser.quit().await;
}

fn page(text: &str) -> Url {
    text.parse().unwrap()
}

/// From the page to sign up at to the one that asks for the code; what that says, to whomever.
async fn signs_up(person: &Person, browser: &Browser) -> String {
    browser.arrives_at(&[&page(&auth("/sign-up"))]).await;
    browser.fill(&[("name", person.name), ("email", person.email), ("password", person.password)]).await;
    browser.submit("/sign-up").await;
    browser.arrives_at(&[&page(&auth("/verify"))]).await;
    let told = browser.text().await;
    assert!(told.contains(person.email), "{told}");
    told.replace(person.email, "")
}

/// Nothing in clear text but that they go on encrypted; then who we are, and only then whom the mail is from and to. What is in it leads to
/// the public name.
fn left_the_stack_encrypted_and_signed_in(received: &Received) {
    let verbs = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(verbs(&received.clear), ["EHLO", "STARTTLS"]);
    assert_eq!(verbs(&received.encrypted), ["EHLO", "AUTH", "MAIL", "RCPT"]);
    let sender = format!("MAIL FROM:<{MAIL_FROM}>");
    assert!(received.encrypted[2].starts_with(&sender), "{}", received.encrypted[2]);
    assert_eq!(received.header("From"), format!("Keyward <{MAIL_FROM}>"));
    let mail = received.read();
    assert_eq!(mail.to, ADA.email);
    for link in &mail.links {
        let link: Url = link.parse().unwrap();
        assert_eq!((link.scheme(), link.host_str(), link.port()), ("https", Some(AUTH), None), "{link}");
    }
    assert!(mail.link("/verify").query().is_some_and(|query| query.starts_with("token=")));
}

/// By the command on the host, and to whoever watches.
async fn is_told_as_sent(stack: &Installation) {
    until("the one mail to be told as sent", async || {
        let mails = mails(stack);
        let [mail] = &mails[..] else { panic!("{mails:?}") };
        assert_eq!(mail["kind"], "prove_address");
        (mail["state"] == "sent" && mail["attempts"] == 1 && mail["to"].is_null()).then_some(())
    })
    .await;
    is_counted(stack, "sent", 1, "0.0").await;
}

async fn signs_in_to_the_app_and_out_of_it(browser: &Browser) {
    signs_in_to_the_app(browser).await;
    browser.submit("/auth/sign-out").await;
    browser.arrives_at(&[&page(&app("/"))]).await;
    for closed in [app("/protected"), auth("/account")] {
        browser.open(&page(&closed)).await;
        browser.arrives_at(&[&page(&auth("/sign-in"))]).await;
    }
}

/// The app is told of it, at its public name, behind a certificate of the house.
async fn signs_in_to_the_app_and_out_at_the_server(browser: &Browser) {
    signs_in_to_the_app(browser).await;
    browser.open(&page(&auth("/sign-out"))).await;
    browser.submit("/sign-out").await;
    until("the app has heard of the sign-out", async || {
        browser.open(&page(&app("/protected"))).await;
        (browser.address().await.path() == "/sign-in").then_some(())
    })
    .await;
}

/// By the page of the app that wants it.
async fn signs_in_to_the_app(browser: &Browser) {
    let protected = page(&app("/protected"));
    browser.open(&protected).await;
    browser.arrives_at(&[&page(&auth("/sign-in"))]).await;
    browser.fill(&[("email", ADA.email), ("password", ADA.password)]).await;
    browser.submit("/sign-in").await;
    browser.arrives_at(&[&protected]).await;
    let text = browser.text().await;
    assert!(text.contains("You are signed in") && text.contains(ADA.name), "{text}");
}

/// Whoever signs up meanwhile is told what everybody is; their mail is tried until it is taken.
async fn waits_for_a_mail_server_that_is_away(
    stack: &Installation,
    mail_server: &mut MailServer,
    browser: &Browser,
    told: &str,
) {
    mail_server.goes_away().await;
    browser.open(&page(&auth("/sign-up"))).await;
    assert_eq!(signs_up(&CHARLES, browser).await, told);
    let newest = || mails(stack).into_iter().next().unwrap();
    until("the mail to be put off", async || {
        let mail = newest();
        assert_eq!(mail["state"], "queued", "{mail}");
        let why = mail["last_error"].as_str()?;
        assert!(why.contains("could not be reached") || why.contains("could not be used"), "{mail}");
        let to = mail["to"].as_str().unwrap();
        assert!(to.ends_with("@example.com") && to != CHARLES.email, "{mail}");
        Some(())
    })
    .await;
    is_counted(stack, "put_off", 1, "1.0").await;

    mail_server.comes_back().await;
    let received = mail_server.mail_to(CHARLES.email).await;
    until("the mail to be told as sent", async || {
        let mail = newest();
        (mail["state"] == "sent" && mail["attempts"].as_i64().unwrap() >= 2).then_some(())
    })
    .await;
    is_counted(stack, "sent", 2, "0.0").await;
    browser.fill(&[("code", received.read().code())]).await;
    browser.submit("/verify").await;
    browser.arrives_at(&[&page(&auth("/sign-in"))]).await;
}

/// What became of each mail, the newest first, as the command on the host tells it.
fn mails(stack: &Installation) -> Vec<Value> {
    let mut list = Command::new(binary());
    list.args(["mail", "list", "--json", "--socket"]).arg(stack.folder.join("run"));
    let told = success(&list.output().unwrap());
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What each slot tells of a metric.
fn told_by_slots(stack: &Installation, metric: &str) -> [String; 2] {
    ["auth-service-blue-1", "auth-service-blue-2"].map(|slot| {
        let page = format!("http://{slot}:3001/metrics");
        let metrics = stack.does(&["exec", "-T", "caddy", "wget", "-q", "-O", "-", &page]);
        let value = metrics.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{slot} tells nothing of {metric}: {metrics}")).to_owned()
    })
}

/// At least so many tries to send a mail ended so, of both slots together, which is counted once that is written down; and as many mails wait.
async fn is_counted(stack: &Installation, outcome: &str, least: u64, waiting: &str) {
    let metric = format!("keyward_mails_total{{outcome=\"{outcome}\"}}");
    until(&format!("{least} tries to be counted as {outcome}"), async || {
        let counts = told_by_slots(stack, &metric);
        let sum: u64 = counts.iter().map(|count| count.parse::<u64>().unwrap()).sum();
        (sum >= least).then_some(())
    })
    .await;
    assert_eq!(told_by_slots(stack, "keyward_outbox_waiting"), [waiting, waiting]);
}
