//! Class 2: open redirect at a sign-out that an app asks for. `post_logout_redirect_uri` is one of the app's own to the
//! letter, or the person is told, and stays.

use serde_json::json;

use crate::classes::spellings;
use crate::protocol::Wiki;
use crate::support::{Answer, TestApp};

const HOME: &str = "https://wiki.example.com/goodbye?a=1";

fn query(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

fn assert_shown(answer: &Answer, text: &str) {
    assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{text:?}");
    assert!(answer.header("content-security-policy").contains("form-action 'self';"), "{text:?}");
}

#[tokio::test]
async fn class_02_no_other_spelling_is_followed_after_a_sign_out() {
    let app = TestApp::start().await;
    let changes = json!({ "post_logout_redirect_uris": [HOME, "http://127.0.0.1/native"] });
    let wiki = Wiki::register(&app, changes).await;
    let mut member = app.member("ana@example.com").await;
    let tokens = wiki.sign_in(&app, &mut member).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let mut nobody = app.browser();
    let good = query(&[("client_id", "wiki"), ("post_logout_redirect_uri", HOME), ("state", "s")]);
    let answer = nobody.get(&format!("/end-session?{good}")).await;
    assert_eq!(answer.location(), format!("{HOME}&state=s"));
    // Of a port nothing is said here (RP-Initiated Logout section 3), so that it is no exception.
    let ported = ["http://127.0.0.1:8000/native".to_owned(), "http://127.0.0.1:1/native".to_owned()];
    for other in spellings::of(HOME).into_iter().chain(ported) {
        let asked = query(&[("client_id", "wiki"), ("post_logout_redirect_uri", &other)]);
        assert_shown(&nobody.get(&format!("/end-session?{asked}")).await, &other);
        let meant = query(&[("id_token_hint", hint), ("post_logout_redirect_uri", &other)]);
        assert_shown(&member.get(&format!("/end-session?{meant}")).await, &other);
    }
    assert!(member.is_signed_in().await, "nobody was signed out by it");
    for other in spellings::of(HOME).into_iter().step_by(17) {
        let asked = query(&[("client_id", "wiki"), ("post_logout_redirect_uri", &other)]);
        let form =
            nobody.raw("POST", "/end-session", "application/x-www-form-urlencoded", asked.clone()).await;
        assert_eq!(form.location(), format!("/end-session?{asked}"), "on by GET, where it is looked at");
        assert_shown(&nobody.post("/sign-out", &[("request", &asked)]).await, &other);
    }
}

/// Whose address it is has to be certain.
#[tokio::test]
async fn class_02_an_address_of_another_app_is_not_followed() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({ "post_logout_redirect_uris": [HOME] })).await;
    let changes = json!({ "client_id": "blog", "post_logout_redirect_uris": ["https://blog.example.com/"] });
    Wiki::register(&app, changes).await;
    let mut member = app.member("ana@example.com").await;
    let tokens = wiki.sign_in(&app, &mut member).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let blog = "https://blog.example.com/";
    for fields in [
        vec![("post_logout_redirect_uri", HOME)],
        vec![("client_id", "nobody"), ("post_logout_redirect_uri", HOME)],
        vec![("client_id", "wiki"), ("post_logout_redirect_uri", blog)],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", blog)],
        vec![("id_token_hint", hint), ("client_id", "blog"), ("post_logout_redirect_uri", blog)],
        vec![("id_token_hint", "nonsense"), ("post_logout_redirect_uri", HOME)],
        vec![("client_id", "wiki"), ("post_logout_redirect_uri", HOME), ("post_logout_redirect_uri", blog)],
        vec![("client_id", "wiki"), ("client_id", "blog"), ("post_logout_redirect_uri", blog)],
    ] {
        assert_shown(&member.get(&format!("/end-session?{}", query(&fields))).await, &format!("{fields:?}"));
        assert!(member.is_signed_in().await, "{fields:?}");
    }
}
