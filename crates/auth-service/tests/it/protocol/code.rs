//! The code, and what it is exchanged for.

use insta::assert_snapshot;
use serde_json::json;

use super::{Wiki, claims, returned, try_returned, userinfo};
use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn somebody_signs_in_to_an_app() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let answer = browser.get(&wiki.authorize(&[("login_hint", ANA)])).await;
    assert_eq!(answer.status, 303);
    let form = browser.get(answer.location()).await;
    assert!(form.body.contains(&format!("value=\"{ANA}\"")), "the hint is in the field");
    assert!(form.header("content-security-policy").contains("form-action 'self' https://wiki.example.com;"));
    let to = form.hidden("return_to");
    let answer =
        browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD), ("return_to", &to)]).await;
    let answer = browser.get(answer.location()).await;
    assert_eq!(
        (returned(&answer, "state"), returned(&answer, "iss")),
        ("the state".into(), "https://auth.example.com".into())
    );
    let tokens = wiki.exchange(&app, &returned(&answer, "code")).await;
    assert_eq!((tokens.status.as_u16(), tokens.header("cache-control")), (200, "no-store"));
    assert_eq!(tokens.header("pragma"), "no-cache", "RFC 6749 section 5.1");
    let tokens = tokens.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "openid profile email offline_access");
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&id_token["nonce"], &id_token["aud"]), (&json!("the nonce"), &json!("wiki")));
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("1"), &json!(["pwd"])));
    assert!(id_token["email"].is_null(), "asked for at userinfo");
    let person = userinfo(&app, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!((&person["email"], &person["email_verified"]), (&json!(ANA), &json!(true)));
    assert_eq!(person["sub"], id_token["sub"]);
    // A second app signs the same person in silently.
    let other = Wiki::register(&app, json!({ "client_id": "blog" })).await;
    let answer = browser.get(&other.authorize(&[("prompt", "none")])).await;
    let tokens = other.exchange(&app, &returned(&answer, "code")).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["sub"], id_token["sub"]);
}

#[tokio::test]
async fn a_request_in_flight_survives_a_second_step_and_goes_on_in_its_browser_only() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    let to = browser.get(&wiki.authorize(&[("acr_values", "2")])).await.location().to_owned();
    let to = browser.get(&to).await.hidden("return_to");
    let answer =
        browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD), ("return_to", &to)]).await;
    let id = answer.location().split("id=").nth(1).unwrap().to_owned();
    let code = app.letter(ANA).await.code;
    let answer = browser.post("/sign-in/code", &[("id", &id), ("code", &code)]).await;
    assert_eq!(answer.location(), to);
    let mut eve = app.member("eve@example.com").await;
    assert_eq!(eve.get(&to).await.status, 410, "in no other browser");
    let answer = browser.get(&to).await;
    let tokens = wiki.exchange(&app, &returned(&answer, "code")).await.json();
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("2"), &json!(["pwd", "otp", "mfa"])));
    assert_eq!(browser.get(&to).await.leads(), "/account notice-already-done", "it is answered once");
}

/// Whatever a person was asked when the server stopped, they go on with it after the start.
#[tokio::test]
async fn a_request_in_flight_survives_a_restart_of_the_server() {
    let mut app = TestApp::start().await;
    let theirs = Wiki::register(&app, json!({ "first_party": false })).await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let changes = [("scope", "openid email"), ("state", "kept"), ("nonce", "kept too")];
    let to = browser.get(&theirs.authorize(&changes)).await.location().to_owned();
    let to = browser.get(&to).await.hidden("return_to");
    app = app.restart().await;
    browser.meet(&app);
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", to.as_str())];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), to);
    app = app.restart().await;
    browser.meet(&app);
    let consent = browser.get(&to).await.location().to_owned();
    let id = browser.get(&consent).await.hidden("id");
    app = app.restart().await;
    browser.meet(&app);
    let answer = browser.choose("/authorize/consent", &id, "allow").await;
    assert_eq!(returned(&answer, "state"), "kept");
    app = app.restart().await;
    let tokens = theirs.exchange(&app, &returned(&answer, "code")).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["nonce"], "kept too");
    app = app.restart().await;
    assert_eq!(userinfo(&app, tokens["access_token"].as_str().unwrap()).await.text("email"), ANA);
    let again = theirs.exchange(&app, &returned(&answer, "code")).await;
    assert_eq!(again.text("error"), "invalid_grant", "it is known to be used, too");
    assert_eq!(userinfo(&app, tokens["access_token"].as_str().unwrap()).await.status, 401);
}

#[tokio::test]
async fn class_08_a_code_is_taken_once_and_its_second_use_ends_what_it_had_issued() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let code = returned(&browser.get(&wiki.authorize(&[])).await, "code");
    let tokens = wiki.exchange(&app, &code).await.json();
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    assert!(wiki.is_active(&app, access).await);
    assert_eq!(userinfo(&app, access).await.status, 200);
    let again = wiki.exchange(&app, &code).await;
    assert_snapshot!(again.shown(), @r#"
    400 Bad Request
    content-type: application/json
    {"error":"invalid_grant","error_description":"The code is unknown, has expired, or was used already; let the person sign in again. (support id [support-id])"}
    "#);
    assert!(!wiki.is_active(&app, access).await);
    assert_eq!(userinfo(&app, access).await.status, 401);
    assert_eq!(wiki.refresh(&app, refresh).await.status, 400);
    assert!(browser.is_signed_in().await, "the person's own session is none of the thief's");
}

/// Whoever has a used code and not its verifier, such as a reader of somebody's history, ends what it had issued too; and what
/// is missing from a first use can be mended.
#[tokio::test]
async fn class_08_nothing_that_is_wrong_beside_it_hides_that_a_code_is_used_twice() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    for (name, value) in [
        ("code_verifier", None),
        ("code_verifier", Some("short")),
        ("redirect_uri", None),
        ("resource", Some("no URI")),
        ("resource", Some("https://not-registered.example.com/")),
    ] {
        let code = returned(&browser.get(&wiki.authorize(&[])).await, "code");
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", super::CALLBACK),
            ("code_verifier", super::VERIFIER),
        ];
        fields.retain(|(known, _)| *known != name);
        fields.extend(value.map(|value| (name, value)));
        let error = if name == "resource" { "invalid_target" } else { "invalid_request" };
        assert_eq!(wiki.ask(&app, "/token", &fields).await.text("error"), error, "{name} {value:?}");
        let tokens = wiki.exchange(&app, &code).await.json();
        let access = tokens["access_token"].as_str().unwrap();
        assert!(wiki.is_active(&app, access).await, "{name} {value:?}: nobody had used it");
        assert_eq!(
            wiki.ask(&app, "/token", &fields).await.text("error"),
            "invalid_grant",
            "{name} {value:?}"
        );
        assert!(!wiki.is_active(&app, access).await, "{name} {value:?}");
    }
}

#[tokio::test]
async fn of_many_who_exchange_a_code_at_once_one_gets_tokens() {
    let app = TestApp::start().await;
    let wiki = std::sync::Arc::new(Wiki::register(&app, json!({})).await);
    let mut browser = app.member(ANA).await;
    let code = returned(&browser.get(&wiki.authorize(&[])).await, "code");
    let app = std::sync::Arc::new(app);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (app, wiki, code) = (app.clone(), wiki.clone(), code.clone());
            tokio::spawn(async move { wiki.exchange(&app, &code).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 400)), "{statuses:?}");
}

/// Class 16, and whatever else a code is bound to.
#[tokio::test]
async fn class_16_a_code_is_good_for_its_own_request_only() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let other = Wiki::register(&app, json!({ "client_id": "blog" })).await;
    let mut browser = app.member(ANA).await;
    let good = |code: &str| {
        vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.to_owned()),
            ("redirect_uri".to_owned(), super::CALLBACK.to_owned()),
            ("code_verifier".to_owned(), super::VERIFIER.to_owned()),
        ]
    };
    for (name, value, error) in [
        ("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "invalid_grant"),
        ("code_verifier", "short", "invalid_request"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "https://wiki.example.com/callback/", "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("code", "no code", "invalid_grant"),
        ("code", "", "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "client_credentials", "unauthorized_client"),
    ] {
        let code = returned(&browser.get(&wiki.authorize(&[])).await, "code");
        let mut fields = good(&code);
        fields.iter_mut().find(|(known, _)| known == name).unwrap().1 = value.to_owned();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = wiki.ask(&app, "/token", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.text("error").as_str()), (400, error), "{name}={value}");
        assert!(answer.body.contains("error_description"), "{}", answer.body);
    }
    let code = returned(&browser.get(&wiki.authorize(&[])).await, "code");
    assert_eq!(other.exchange(&app, &code).await.text("error"), "invalid_grant", "another app's");
    assert_eq!(wiki.exchange(&app, &code).await.text("error"), "invalid_grant", "and burnt by the attempt");
    let code = returned(&browser.get(&wiki.authorize(&[])).await, "code");
    app.turn(std::time::Duration::from_mins(1));
    assert_eq!(wiki.exchange(&app, &code).await.text("error"), "invalid_grant", "a minute old");
}

/// Class 6: a person who was disabled, or has signed out, gives no tokens.
#[tokio::test]
async fn class_06_who_is_gone_gives_no_tokens() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let code = returned(&browser.get(&wiki.authorize(&[("scope", "openid")])).await, "code");
    let tokens = wiki.sign_in(&app, &mut browser).await;
    browser.post("/sign-out", &[]).await;
    assert_eq!(wiki.exchange(&app, &code).await.text("error"), "invalid_grant", "signed out meanwhile");
    let access = tokens["access_token"].as_str().unwrap();
    assert!(wiki.is_active(&app, access).await, "offline access outlives the session");
    let body = json!({ "email": ANA });
    let reset = app.program().json("POST", "/api/v1/reset", &body).await;
    assert_eq!(reset.status, 202);
    let token = app.letter(ANA).await.token();
    let body = json!({ "token": token, "new_password": "quite another password" });
    assert_eq!(app.program().json("POST", "/api/v1/reset/complete", &body).await.status, 200);
    assert!(!wiki.is_active(&app, access).await, "a reset ends that too");
}

#[tokio::test]
async fn without_offline_access_an_app_has_what_the_session_has() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let answer = browser.get(&wiki.authorize(&[("scope", "openid email")])).await;
    let tokens = wiki.exchange(&app, &returned(&answer, "code")).await.json();
    let mut refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let access = tokens["access_token"].as_str().unwrap();
    assert!(userinfo(&app, access).await.json()["name"].is_null(), "no profile was asked for");
    // Proving again who one is, and another password, are no sign-out.
    browser.post("/account/confirm", &[("password", PASSWORD), ("next", "/account")]).await;
    assert!(wiki.is_active(&app, access).await);
    browser.post("/account/second-step", &[("second_step", "on")]).await;
    assert!(wiki.is_active(&app, access).await);
    let password = [("current_password", PASSWORD), ("new_password", "quite another password")];
    assert_eq!(
        browser.post("/account/password", &password).await.leads(),
        "/account notice-password-changed"
    );
    assert!(wiki.is_active(&app, access).await);
    // Whoever uses the app uses the session, for as long as that may last.
    for _ in 0..4 {
        app.turn(std::time::Duration::from_hours(6 * 24));
        let tokens = wiki.refresh(&app, &refresh).await.json();
        refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    }
    assert!(browser.is_signed_in().await);
    let access = wiki.refresh(&app, &refresh).await.json();
    let refresh = access["refresh_token"].as_str().unwrap();
    let access = access["access_token"].as_str().unwrap();
    browser.post("/sign-out", &[]).await;
    assert!(!wiki.is_active(&app, access).await);
    assert_eq!(userinfo(&app, access).await.status, 401);
    assert_eq!(wiki.refresh(&app, refresh).await.text("error"), "invalid_grant", "signed out is signed out");
}

/// Without the grant there is nothing to refresh.
#[tokio::test]
async fn an_app_that_may_not_refresh_gets_nothing_to_refresh_by() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({ "grant_types": ["authorization_code"] })).await;
    let mut browser = app.member(ANA).await;
    assert!(wiki.sign_in(&app, &mut browser).await["refresh_token"].is_null());
}

#[tokio::test]
async fn the_answer_can_be_posted() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let answer = browser.get(&wiki.authorize(&[("response_mode", "form_post"), ("state", "<\"&'>")])).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("action=\"https://wiki.example.com/callback\""), "{}", answer.body);
    assert!(answer.body.contains("value=\"&#60;&#34;&#38;&#39;&#62;\""), "{}", answer.body);
    let policy = answer.header("content-security-policy");
    assert_eq!(
        policy,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self' https://wiki.example.com; base-uri 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    assert_eq!(answer.body.matches("<script").count(), 1);
    let script = answer.body.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(answer.body.contains(&format!("<script src=\"{script}\" defer></script>")), "{}", answer.body);
    assert_eq!(browser.get(script).await.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = wiki.exchange(&app, &answer.hidden("code")).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert!(try_returned(&answer, "code").is_none());
}
