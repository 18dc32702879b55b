//! Apps that show who they are.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use insta::assert_snapshot;
use oidc::{Algorithm, JwkSet, SigningKey};
use serde_json::json;

use super::{Wiki, ask_by_key, userinfo};
use crate::support::{TestApp, authorized_form};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_app_are_answered_alike() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let mut answers = Vec::new();
    for authorization in [basic("wiki", "wrong"), basic("nobody", "wrong")] {
        let answer = app.program().send(authorized_form("/token", &authorization, &fields)).await;
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
        answers.push(answer.shown());
    }
    assert_eq!(answers[0], answers[1]);
    assert_snapshot!(answers[0], @r#"
    401 Unauthorized
    content-type: application/json
    {"error":"invalid_client","error_description":"Client authentication by client_secret_basic failed; check client_id, secret, and the client's token_endpoint_auth_method. (support id [support-id])"}
    "#);
    for path in ["/token", "/introspect", "/revoke"] {
        let nobody = app.program().post(path, &[("token", "x"), ("grant_type", "refresh_token")]).await;
        assert_eq!(
            (nobody.status.as_u16(), nobody.text("error").as_str()),
            (401, "invalid_client"),
            "{path}"
        );
        let secret = wiki.secret.clone().unwrap();
        let twice = [("client_id", "wiki"), ("client_secret", secret.as_str()), ("token", "x")];
        let twice = app.program().send(authorized_form(path, &wiki.basic(), &twice)).await;
        assert_eq!(twice.text("error"), "invalid_request", "{path}: two ways at once");
        let json = app.program().json("POST", path, &json!({})).await;
        assert_eq!(json.text("error"), "invalid_request", "{path}");
    }
}

/// Who guesses at an app's secret, or has an old one, is stopped; everybody else on the network goes on. They shared a
/// budget: one app with an old secret kept all the people of its network from signing in.
#[tokio::test]
async fn class_12_failures_of_an_app_are_its_own() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let blog = Wiki::register(&app, json!({ "client_id": "blog" })).await;
    let page =
        Wiki::register(&app, json!({ "client_id": "page", "token_endpoint_auth_method": "none" })).await;
    app.account(ANA, false).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
    let paths = ["/token", "/introspect", "/revoke"];
    for id in ["wiki", "nobody", "page"] {
        let guess = Wiki { id: id.to_owned(), secret: Some("a guess".to_owned()) };
        for path in paths.into_iter().cycle().take(100) {
            assert_eq!(guess.ask(&app, path, &fields).await.status, 401, "{id} at {path}");
        }
        for path in paths {
            let refused = guess.ask(&app, path, &fields).await;
            assert_eq!(refused.status, 429, "{id} at {path}");
            assert_eq!(refused.text("error"), "temporarily_unavailable");
            assert!(!refused.header("retry-after").is_empty());
        }
    }
    assert_eq!(
        wiki.ask(&app, "/token", &fields).await.status,
        429,
        "the right secret is not looked at either"
    );
    for other in [&blog, &page] {
        assert_eq!(other.ask(&app, "/token", &fields).await.text("error"), "invalid_grant", "{}", other.id);
    }
    assert!(app.signed_in(ANA).await.is_signed_in().await);
    app.turn(std::time::Duration::from_mins(15));
    assert_eq!(wiki.ask(&app, "/token", &fields).await.text("error"), "invalid_grant");
}

/// While an app was being checked it held a try: more at a time than tries were let through were refused.
#[tokio::test]
async fn an_app_that_asks_for_much_at_once_is_not_taken_for_one_that_fails() {
    let app = Arc::new(TestApp::with(|setup| setup.limits.network_failures = 2).await);
    let key = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
    let jwks = serde_json::to_value(JwkSet { keys: vec![key.public_jwk().clone()] }).unwrap();
    let changes = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks });
    Wiki::register(&app, changes).await;
    let asking: Vec<_> = (0..30)
        .map(|number| {
            let (app, key) = (app.clone(), key.clone());
            tokio::spawn(async move { ask_by_key(&app, "wiki", &key, &number.to_string()).await })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), "invalid_grant", "it is the app; the token is none");
    }
    // Nor do many that fail at once slip through together.
    let strange = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
    let failing: Vec<_> = (100..130)
        .map(|number| {
            let (app, key) = (app.clone(), strange.clone());
            tokio::spawn(async move { ask_by_key(&app, "wiki", &key, &number.to_string()).await })
        })
        .collect();
    let mut failed = 0;
    for asked in failing {
        failed += usize::from(asked.await.unwrap() == "invalid_client");
    }
    assert_eq!(failed, 2);
}

#[tokio::test]
async fn an_app_gets_a_token_for_itself() {
    let app = TestApp::start().await;
    let changes = json!({
        "client_id": "robot", "grant_types": ["client_credentials"], "redirect_uris": [], "post_logout_redirect_uris": [],
        "scope": "invoices:read invoices:write", "default_scope": "invoices:read",
        "resources": ["https://api.example.com/"],
    });
    let robot = Wiki::register(&app, changes).await;
    let own = robot.ask(&app, "/token", &[("grant_type", "client_credentials")]).await.json();
    assert_eq!(own["scope"], "invoices:read");
    assert!(own["id_token"].is_null() && own["refresh_token"].is_null());
    let token = own["access_token"].as_str().unwrap();
    assert!(robot.is_active(&app, token).await);
    assert_eq!(userinfo(&app, token).await.status, 401, "it is nobody");
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", "invoices:write"),
        ("resource", "https://api.example.com/"),
    ];
    let tokens = robot.ask(&app, "/token", &fields).await.json();
    assert_eq!(super::claims(tokens["access_token"].as_str().unwrap())["aud"], "https://api.example.com/");
    for scope in ["openid", "admin"] {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        assert_eq!(robot.ask(&app, "/token", &fields).await.text("error"), "invalid_scope", "{scope}");
    }
    app.app.auth.clients().remove("robot", app.app.auth.now()).await.unwrap();
    app.turn(std::time::Duration::from_secs(2));
    assert_eq!(robot.ask(&app, "/introspect", &[("token", token)]).await.status, 401);
    let wiki = Wiki::register(&app, json!({})).await;
    assert!(!wiki.is_active(&app, token).await);
}

#[tokio::test]
async fn two_secrets_are_good_while_an_app_changes_over() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let auth = &app.app.auth;
    let day = std::time::Duration::from_hours(24);
    let secret = auth.clients().rotate_secret("wiki", day, auth.now()).await.unwrap();
    let next =
        Wiki { id: "wiki".into(), secret: Some(secrets::ExposeSecret::expose_secret(&secret).to_owned()) };
    app.turn(std::time::Duration::from_secs(2));
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    for app_with in [&wiki, &next] {
        assert_eq!(app_with.ask(&app, "/token", &fields).await.text("error"), "invalid_grant");
    }
    app.turn(day);
    assert_eq!(
        wiki.ask(&app, "/token", &fields).await.text("error"),
        "invalid_client",
        "the old one has run out"
    );
    assert_eq!(next.ask(&app, "/token", &fields).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn a_token_opens_userinfo_in_one_way() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({ "resources": ["https://api.example.com/"] })).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    let access = tokens["access_token"].as_str().unwrap();
    let by_form = app.program().post("/userinfo", &[("access_token", access)]).await;
    assert_eq!(by_form.status, 200, "{}", by_form.body);
    let nothing = app.program().get("/userinfo").await;
    assert_eq!((nothing.status.as_u16(), nothing.body.as_str()), (401, ""), "no error is named");
    assert_eq!(nothing.header("www-authenticate"), "Bearer realm=\"https://auth.example.com\"");
    let in_query = app.program().get(&format!("/userinfo?access_token={access}")).await;
    assert_eq!(in_query.text("error"), "invalid_request");
    let jwt = browser.jar["jwt"].clone();
    let id_token = tokens["id_token"].as_str().unwrap();
    for other in ["x", id_token, &jwt, tokens["refresh_token"].as_str().unwrap()] {
        let answer = userinfo(&app, other).await;
        assert_eq!((answer.status.as_u16(), answer.text("error").as_str()), (401, "invalid_token"));
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
        assert!(!wiki.is_active(&app, other).await);
    }
    let for_another = browser.get(&wiki.authorize(&[("resource", "https://api.example.com/")])).await;
    let for_another = wiki.exchange(&app, &super::returned(&for_another, "code")).await.json();
    let for_another = for_another["access_token"].as_str().unwrap();
    assert!(wiki.is_active(&app, for_another).await);
    assert_eq!(userinfo(&app, for_another).await.status, 401, "it is for another resource");
    assert_eq!(
        app.program().json("POST", "/verify-token", &json!({ "token": access })).await.status,
        401,
        "an access token is no session"
    );
}

/// RFC 9068 section 4: RS256 is what every resource can verify, whatever we like best.
#[tokio::test]
async fn access_tokens_are_signed_by_what_the_app_was_registered_with() {
    let all = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
    let app = TestApp::with(|setup| setup.algorithms = all.to_vec()).await;
    let mut browser = app.member(ANA).await;
    for algorithm in all {
        let changes = json!({
            "client_id": algorithm.name(), "access_token_signed_response_alg": algorithm,
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "scope": "openid profile email offline_access read",
        });
        let wiki = Wiki::register(&app, changes).await;
        let tokens = wiki.sign_in(&app, &mut browser).await;
        let refreshed = wiki.refresh(&app, tokens["refresh_token"].as_str().unwrap()).await.json();
        let asked = [("grant_type", "client_credentials"), ("scope", "read")];
        let own = wiki.ask(&app, "/token", &asked).await.json();
        for (what, answer) in [("code", tokens), ("refresh", refreshed), ("client", own)] {
            let token = answer["access_token"].as_str().unwrap();
            assert_eq!(algorithm_of(token), algorithm.name(), "{what}");
            assert!(wiki.is_active(&app, token).await, "{what} by {algorithm}");
            assert_eq!(userinfo(&app, token).await.status == 200, what != "client", "{what} by {algorithm}");
        }
    }
}

fn algorithm_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["alg"].as_str().unwrap().to_owned()
}

/// The apps of a configuration, as a server makes them known at its start.
#[tokio::test]
async fn an_app_that_asks_from_now_on_asks_everybody() {
    let app = TestApp::start().await;
    let wiki = Wiki::declare(&app, &[]).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    let name = ("client_name", json!("Wiki of the team"));
    Wiki::declare(&app, std::slice::from_ref(&name)).await;
    let refreshed = wiki.refresh(&app, tokens["refresh_token"].as_str().unwrap()).await.json();
    Wiki::declare(&app, &[name, ("first_party", json!(false))]).await;
    let refused = wiki.refresh(&app, refreshed["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused.text("error"), "invalid_grant", "what nobody was asked is taken back");
    assert_eq!(userinfo(&app, refreshed["access_token"].as_str().unwrap()).await.status, 401);
    let answer = browser.get(&wiki.authorize(&[])).await;
    assert!(answer.location().starts_with("/authorize/consent?id="), "{}", answer.location());
}

/// A secret that leaked and was exchanged in the configuration was good for a day more, whatever the operator did.
#[tokio::test]
async fn a_leaked_secret_of_the_configuration_can_be_ended_at_the_next_start() {
    let app = TestApp::start().await;
    let start = async |secret: &str, overlap: std::time::Duration| {
        let client = json!({
            "client_id": "wiki", "client_name": "Team wiki", "redirect_uris": [super::CALLBACK], "scope": "openid",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        let declared = auth::DeclaredClient {
            client: serde_json::from_value(client).unwrap(),
            secret: Some(secret.into()),
            secret_overlap: overlap,
        };
        app.app.auth.clients().declare(&[declared], app.app.auth.now()).await.unwrap();
        // By then every process has heard of it.
        app.turn(std::time::Duration::from_secs(1));
    };
    let is_good = async |secret: &str| {
        let wiki = Wiki { id: "wiki".into(), secret: Some(secret.into()) };
        wiki.refresh(&app, "x").await.text("error") == "invalid_grant"
    };
    let (day, hour) = (auth::DeclaredClient::SECRET_OVERLAP, std::time::Duration::from_hours(1));
    start("the leaked secret", day).await;
    start("the second secret", day).await;
    assert!(is_good("the leaked secret").await && is_good("the second secret").await);
    start("the second secret", day).await;
    app.turn(hour);
    assert!(is_good("the leaked secret").await, "nothing was asked");
    start("the second secret", hour).await;
    assert!(is_good("the leaked secret").await);
    app.turn(hour);
    assert!(!is_good("the leaked secret").await, "an hour after it was asked for, not a day");
    start("the third secret", day).await;
    assert!(is_good("the second secret").await);
    start("the third secret", std::time::Duration::ZERO).await;
    assert!(!is_good("the second secret").await, "it was exchanged before, and ends all the same");
    start("the fourth secret", std::time::Duration::ZERO).await;
    assert!(!is_good("the third secret").await && is_good("the fourth secret").await);
    start("the fourth secret", day).await;
    for ended in ["the leaked secret", "the second secret", "the third secret"] {
        assert!(!is_good(ended).await, "{ended} comes back by nothing");
    }
}

/// A command in another process removes an app or exchanges its secret. Between two looks at the register this process
/// used to fail on the rows that were gone (503), and believed the old secret for two seconds.
#[tokio::test]
async fn what_a_command_does_to_an_app_is_felt_at_once_or_within_half_a_second() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    wiki.sign_in(&app, &mut browser).await;
    let elsewhere = app.another_process().await;
    let (clients, now) = (elsewhere.app.auth.clients(), elsewhere.app.auth.now());
    clients.rotate_secret("wiki", std::time::Duration::ZERO, now).await.unwrap();
    let half_a_second = std::time::Duration::from_millis(500);
    app.turn(half_a_second);
    assert_eq!(wiki.refresh(&app, "x").await.text("error"), "invalid_client", "the old secret");
    clients.remove("wiki", now).await.unwrap();
    for mut asks in [browser, app.browser()] {
        let refused = asks.get(&wiki.authorize(&[])).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        assert!(refused.body.contains("is not known"), "{}", refused.body);
    }
}
