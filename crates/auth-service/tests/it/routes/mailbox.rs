//! `/dev/mailbox`: mail as it is really written and delivered in development.

use std::time::Duration;

use auth_service::background::{self, Sender, Transport};
use auth_service::branding::Branding;
use auth_service::mailbox::Mailbox;
use serde_json::Value;
use tokio::sync::watch;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_sign_up_is_proved_with_what_the_mailbox_shows() {
    let mailbox = Mailbox::default();
    let app = TestApp::with(|setup| {
        setup.public_url = "http://localhost:3000/";
        setup.mailbox = Some(mailbox.clone());
    })
    .await;
    let (stop, told) = watch::channel(false);
    let sender = Sender { address: "no-reply@example.com".to_owned(), name: "Keyward".to_owned() };
    let transport = Transport::Mailbox(mailbox.clone());
    let work = background::start(&app.app.auth, transport, sender, &Branding::default(), None, &told);

    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let fields = [("email", "ana@example.com"), ("password", PASSWORD)];
    let next = browser.post("/sign-up", &fields).await.location().to_owned();
    let delivered = async {
        while mailbox.messages().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), delivered).await.unwrap();

    let list = browser.get("/dev/mailbox.json").await;
    let mail = list.json()[0].clone();
    let mut names: Vec<_> = mail.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["at", "codes", "html", "links", "subject", "text", "to"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    assert_eq!(text(&mail["to"]), "ana@example.com");
    assert_eq!(text(&mail["subject"]), "Confirm your address for Keyward");
    let (link, code) = (text(&mail["links"][0]), text(&mail["codes"][0]));
    let path = link.strip_prefix("http://localhost:3000").unwrap();
    assert_eq!(browser.get(path).await.status, 200);
    let page = browser.get("/dev/mailbox").await;
    assert!(page.body.contains(&code) && page.body.contains("ana@example.com"));
    let id = next.split("id=").nth(1).unwrap();
    assert_eq!(browser.post("/verify", &[("id", id), ("code", &code)]).await.status, 303);

    stop.send(true).unwrap();
    work.join_all().await;
}
