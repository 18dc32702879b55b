//! Class 15: a route without authentication. "Public" is declared here; the rest asks who is there.

use insta::assert_snapshot;

use crate::classes::inventory::{empty, every, filled};
use crate::support::TestApp;

const NOBODY: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

#[tokio::test]
async fn every_route_that_is_not_declared_public_asks_who_is_there() {
    let app = TestApp::start().await;
    let (mut public, mut count) = (Vec::new(), 0);
    for (method, path) in every() {
        let (content_type, body) = empty(&path);
        let answer = app.browser().raw(&method, &filled(&path, NOBODY), content_type, body).await;
        let asks = answer.status == 401 && answer.body.contains("Nobody is signed in")
            || answer.status == 303 && answer.location().starts_with("/sign-in?return_to=/account");
        if asks {
            count += 1;
            assert!(!answer.opens_session());
        } else {
            public.push(format!("{method} {path}"));
        }
    }
    public.sort();
    assert!(count > 25, "{count}");
    assert_snapshot!(public.join("\n"), @"
    GET /
    GET /.well-known/change-password
    GET /.well-known/jwks.json
    GET /.well-known/oauth-authorization-server
    GET /.well-known/openid-configuration
    GET /account/email/confirm
    GET /authorize
    GET /authorize/continue
    GET /docs
    GET /end-session
    GET /openapi.json
    GET /reset
    GET /reset/code
    GET /reset/new
    GET /sign-in
    GET /sign-in/code
    GET /sign-out
    GET /sign-up
    GET /signed-out
    GET /static/style.css
    GET /userinfo
    GET /verify
    POST /account/email/confirm
    POST /api/v1/account/email/confirm
    POST /api/v1/reset
    POST /api/v1/reset/complete
    POST /api/v1/sign-in
    POST /api/v1/sign-in/code
    POST /api/v1/sign-in/code/resend
    POST /api/v1/sign-out
    POST /api/v1/sign-up
    POST /api/v1/sign-up/proof
    POST /api/v1/sign-up/proof/resend
    POST /authorize
    POST /end-session
    POST /introspect
    POST /language
    POST /login
    POST /logout
    POST /reset
    POST /reset/code
    POST /reset/new
    POST /revoke
    POST /sign-in
    POST /sign-in/code
    POST /sign-in/code/resend
    POST /sign-out
    POST /sign-up
    POST /signup
    POST /token
    POST /userinfo
    POST /verify
    POST /verify-2fa
    POST /verify-token
    POST /verify/resend
    ");
}

/// A cookie that is none of ours is nobody's.
#[tokio::test]
async fn a_made_up_session_is_nobody() {
    let app = TestApp::start().await;
    let jwt = app.member("ana@example.com").await.jar["jwt"].clone();
    for value in ["", "x", "null", "00000000-0000-0000-0000-000000000000", &"A".repeat(43), &jwt] {
        let mut browser = app.browser();
        browser.jar.insert("__Host-keyward-session".to_owned(), value.to_owned());
        assert_eq!(browser.get("/api/v1/account").await.status, 401, "{value}");
    }
    let session = app.signed_in("ana@example.com").await.jar["__Host-keyward-session"].clone();
    for name in ["keyward-session", "__Secure-keyward-session", "__host-keyward-session", "session"] {
        let mut browser = app.browser();
        browser.jar.insert(name.to_owned(), session.clone());
        assert_eq!(browser.get("/api/v1/account").await.status, 401, "{name}");
    }
}

#[tokio::test]
async fn outside_development_there_is_no_mailbox() {
    let app = TestApp::start().await;
    for path in ["/dev/mailbox", "/dev/mailbox.json", "/dev", "/dev/"] {
        assert_eq!(app.browser().get(path).await.status, 404, "{path}");
    }
    let app = TestApp::with(|setup| {
        setup.public_url = "http://localhost:3000/";
        setup.mailbox = Some(auth_service::mailbox::Mailbox::default());
    })
    .await;
    for path in ["/dev/mailbox", "/dev/mailbox.json"] {
        assert_eq!(app.browser().get(path).await.status, 200, "{path}");
    }
}
