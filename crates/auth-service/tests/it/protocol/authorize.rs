//! The authorization endpoint.

use insta::assert_snapshot;
use serde_json::json;

use super::{CALLBACK, Wiki, claims, returned, try_returned};
use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

/// Class 1: whoever cannot be sent back safely is told, and sent nowhere.
#[tokio::test]
async fn class_01_nobody_is_sent_to_an_address_that_is_not_registered() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    for uri in [
        "https://evil.example/callback",
        "https://wiki.example.com/callback/",
        "https://wiki.example.com/callback?x=1",
        "https://wiki.example.com/callback#x",
        "https://wiki.example.com/Callback",
        "https://wiki.example.com:443/callback",
        "https://wiki.example.com/x/../callback",
        "https://wiki.example.com\\@evil.example/callback",
        "https://wiki.example.com@evil.example/callback",
        "http://wiki.example.com/callback",
        "//wiki.example.com/callback",
        "javascript:alert(1)",
        "",
    ] {
        let answer = browser.get(&wiki.authorize(&[("redirect_uri", uri)])).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{uri}");
        assert!(answer.body.contains("redirect_uri"), "the person can tell whoever looks after the app");
        assert!(!answer.body.contains("href=\"javascript"));
    }
    for id in ["", "nobody", "WIKI", "wiki "] {
        let answer = browser.get(&wiki.authorize(&[("client_id", id)])).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{id:?}");
    }
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", wiki.authorize(&[]));
    assert_eq!(browser.get(&twice).await.status, 400);
}

#[tokio::test]
async fn what_is_wrong_otherwise_is_told_to_the_app() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "openid admin", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("request", "eyJ", "request_not_supported"),
        ("request_uri", "https://evil.example", "request_uri_not_supported"),
        ("resource", "https://api.example.com", "invalid_target"),
        ("id_token_hint", "eyJ.eyJ.x", "invalid_request"),
    ] {
        let answer = browser.get(&wiki.authorize(&[(name, value)])).await;
        assert_eq!(returned(&answer, "error"), error, "{name}={value}");
        assert_eq!(returned(&answer, "state"), "the state", "{name}");
        assert_eq!(returned(&answer, "iss"), "https://auth.example.com", "{name}");
        assert!(!returned(&answer, "error_description").is_empty());
        assert!(try_returned(&answer, "code").is_none());
    }
}

#[tokio::test]
async fn prompt_none_shows_nothing() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let theirs = Wiki::register(&app, json!({ "client_id": "theirs", "first_party": false })).await;
    let answer = app.browser().get(&wiki.authorize(&[("prompt", "none")])).await;
    assert_eq!(returned(&answer, "error"), "login_required");
    let mut browser = app.member(ANA).await;
    let answer = browser.get(&wiki.authorize(&[("prompt", "none")])).await;
    assert!(try_returned(&answer, "code").is_some());
    let answer = browser.get(&theirs.authorize(&[("prompt", "none")])).await;
    assert_eq!(returned(&answer, "error"), "consent_required");
    app.turn(std::time::Duration::from_mins(5));
    let answer = browser.get(&wiki.authorize(&[("prompt", "none"), ("max_age", "60")])).await;
    assert_eq!(returned(&answer, "error"), "login_required");
}

#[tokio::test]
async fn an_app_may_have_somebody_prove_again_who_they_are() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    for parameter in [("prompt", "login"), ("max_age", "0"), ("max_age", "60")] {
        app.turn(std::time::Duration::from_mins(5));
        let answer = browser.get(&wiki.authorize(&[parameter])).await;
        let to = answer.location().to_owned();
        assert!(
            to.starts_with("/account/confirm?next=%2Fauthorize%2Fcontinue%3Fid%3D"),
            "{parameter:?}: {to}"
        );
        let next = browser.get(&to).await.hidden("next");
        let again = browser.get(&next).await;
        assert!(
            again.location().starts_with("/account/confirm"),
            "going on without it leads back: {parameter:?}"
        );
        let answer = browser.post("/account/confirm", &[("password", PASSWORD), ("next", &next)]).await;
        assert_eq!(answer.location(), next);
        let answer = browser.get(&next).await;
        let tokens = wiki.exchange(&app, &returned(&answer, "code")).await.json();
        let id_token = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(id_token["auth_time"], id_token["iat"], "{parameter:?}");
    }
}

#[tokio::test]
async fn a_person_is_asked_whether_an_app_of_somebody_else_may() {
    let app = TestApp::start().await;
    let theirs = Wiki::register(&app, json!({ "client_id": "theirs", "first_party": false })).await;
    let mut browser = app.member(ANA).await;
    let ask = theirs.authorize(&[("scope", "openid email")]);
    let to = browser.get(&ask).await.location().to_owned();
    let page = browser.get(&to).await;
    assert!(
        page.body.contains("Team wiki") && page.body.contains("see your e-mail address"),
        "{}",
        page.body
    );
    assert!(page.header("content-security-policy").contains("form-action 'self' https://wiki.example.com;"));
    let id = page.hidden("id");
    assert_eq!(
        app.member("eve@example.com").await.choose("/authorize/consent", &id, "allow").await.status,
        410
    );
    let answer = browser.choose("/authorize/consent", &id, "deny").await;
    assert_eq!(returned(&answer, "error"), "access_denied");
    // By the back button, which fetches the page anew: it was an error, with no way to the app.
    let again = browser.get(&format!("/authorize/consent?id={id}")).await;
    assert_eq!(again.leads(), "/account notice-already-done");
    let again = browser.choose("/authorize/consent", &id, "allow").await;
    assert_eq!(again.leads(), "/account notice-already-done");
    let again = browser.get(&format!("/authorize/continue?id={id}")).await;
    assert_eq!(again.leads(), "/account notice-already-done");
    let to = browser.get(&ask).await.location().to_owned();
    let id = browser.get(&to).await.hidden("id");
    let answer = browser.choose("/authorize/consent", &id, "allow").await;
    let tokens = theirs.exchange(&app, &returned(&answer, "code")).await.json();
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    assert!(try_returned(&browser.get(&ask).await, "code").is_some(), "asked once");
    let more = browser.get(&theirs.authorize(&[("scope", "openid email profile")])).await;
    assert!(more.location().starts_with("/authorize/consent?id="), "asked again for more");
    let page = browser.get("/account/apps").await;
    assert!(page.body.contains("Team wiki"), "{}", page.body);
    assert!(theirs.is_active(&app, &access).await);
    let listed = browser.get("/api/v1/account/apps").await.json();
    assert_eq!(listed[0]["client_id"], "theirs");
    assert_eq!(
        (&listed[0]["client_name"], &listed[0]["scope"]),
        (&json!("Team wiki"), &json!("openid email"))
    );
    let mut eve = app.signed_in("eve@example.com").await;
    assert_eq!(eve.get("/api/v1/account/apps").await.json(), json!([]));
    for own in ["/api/v1/account/apps/theirs", "/api/v1/account/apps/none", "/api/v1/account/apps/%ff"] {
        assert_eq!(eve.json("DELETE", own, &json!({})).await.status, 404, "{own}");
    }
    assert!(theirs.is_active(&app, &access).await, "nobody withdraws what another has let in");
    let answer = browser.post("/account/apps/withdraw", &[("id", "theirs")]).await;
    assert_eq!(answer.leads(), "/account/apps notice-app-withdrawn");
    assert!(!theirs.is_active(&app, &access).await, "withdrawn is withdrawn at once");
    assert!(browser.get(&ask).await.location().starts_with("/authorize/consent?id="));
    let again = browser.post("/account/apps/withdraw", &[("id", "theirs")]).await;
    assert_eq!(again.leads(), "/account/apps notice-already-done");
    let to = browser.get(&ask).await.location().to_owned();
    let id = browser.get(&to).await.hidden("id");
    let answer = browser.choose("/authorize/consent", &id, "allow").await;
    let tokens = theirs.exchange(&app, &returned(&answer, "code")).await.json();
    let path = "/api/v1/account/apps/theirs";
    assert_eq!(browser.json("DELETE", path, &json!({})).await.status, 200);
    assert!(!theirs.is_active(&app, tokens["access_token"].as_str().unwrap()).await, "nor by the API");
    assert_eq!(browser.json("DELETE", path, &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_person_chooses_an_account() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let ask = wiki.authorize(&[("prompt", "select_account")]);
    let to = browser.get(&ask).await.location().to_owned();
    let id = browser.get(&to).await.hidden("id");
    let answer = browser.choose("/authorize/account", &id, "continue").await;
    assert!(try_returned(&answer, "code").is_some());
    let to = browser.get(&ask).await.location().to_owned();
    let id = browser.get(&to).await.hidden("id");
    let answer = browser.choose("/authorize/account", &id, "other").await;
    assert_eq!(answer.location(), format!("/sign-in?return_to=%2Fauthorize%2Fcontinue%3Fid%3D{id}"));
    assert!(!browser.is_signed_in().await);
    app.account("ben@example.com", false).await;
    let next = format!("/authorize/continue?id={id}");
    let fields = [("email", "ben@example.com"), ("password", PASSWORD), ("return_to", next.as_str())];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), next);
    assert!(try_returned(&browser.get(&next).await, "code").is_some());
}

/// `ui_locales`: a wish, for the pages on the way, where the person chose nothing else.
#[tokio::test]
async fn pages_on_the_way_speak_the_language_that_an_app_wishes() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.browser();
    let answer = browser.get(&wiki.authorize(&[("ui_locales", "fr-CA de-CH en")])).await;
    let cookie = answer.cookies().iter().find(|cookie| cookie.contains("language")).unwrap().to_string();
    assert!(cookie.contains("=de;") && cookie.contains("Max-Age=3600"), "{cookie}");
    assert_eq!(browser.get(answer.location()).await.language(), "de");
    let mut chosen = app.browser();
    chosen.post("/language", &[("language", "en"), ("next", "/")]).await;
    let answer = chosen.get(&wiki.authorize(&[("ui_locales", "de")])).await;
    assert!(!answer.cookies().iter().any(|cookie| cookie.contains("language")));
    assert_eq!(chosen.get(answer.location()).await.language(), "en");
    for unknown in ["fr", "xx de1 ..", "%", "e n"] {
        let answer = app.browser().get(&wiki.authorize(&[("ui_locales", unknown)])).await;
        assert_eq!(answer.status, 303, "{unknown}");
        assert!(!answer.cookies().iter().any(|cookie| cookie.contains("language")), "{unknown}");
    }
    let mut member = app.member(ANA).await;
    let asked = member.get("/end-session?client_id=wiki&ui_locales=de").await;
    assert_eq!((asked.status.as_u16(), asked.language()), (200, "de"));
    assert_eq!(member.post("/sign-out", &[]).await.location(), "/signed-out");
    assert_eq!(member.get("/signed-out").await.language(), "de");
}

/// Whoever looks after an app finds what they are told in the server's log.
#[tokio::test]
async fn an_error_names_a_support_id() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let answer = app.browser().get(&wiki.authorize(&[("prompt", "none")])).await;
    assert_snapshot!(crate::support::redact(&returned(&answer, "error_description")),
        @"The person has to sign in, and prompt=none forbids to ask; send them again without it. (support id [support-id])");
    let answer = app.browser().get(&wiki.authorize(&[("scope", "admin")])).await;
    assert_snapshot!(crate::support::redact(&returned(&answer, "error_description")),
        @"The scope 'admin' is not one that the client 'wiki' may ask for; leave it out, or add it to the client. (support id [support-id])");
    let shown = app.browser().get(&wiki.authorize(&[("client_id", "nobody")])).await;
    assert!(shown.body.contains("The client &#39;nobody&#39; is not known"), "{}", shown.body);
    assert!(shown.body.contains("class=\"support\""), "{}", shown.body);
}

/// Browsers apply `form-action` to every redirect behind a form, so also to where the app's callback leads on to: each page
/// whose form may end at the app lets it, also when it is shown again, and no other page does.
#[tokio::test]
async fn every_form_on_the_way_may_end_at_the_app_and_where_that_is_said_to_lead() {
    let app = TestApp::start().await;
    let changes = json!({ "first_party": false, "onward_origins": ["https://*.example.net"] });
    let wiki = Wiki::register(&app, changes).await;
    app.account(ANA, true).await;
    let ends = |answer: &crate::support::Answer, place: &str| {
        let policy = answer.header("content-security-policy");
        let named = "form-action 'self' https://wiki.example.com https://*.example.net;";
        assert!(policy.contains(named), "{place}: {policy}");
    };
    let mut browser = app.browser();
    let to = browser.get(&wiki.authorize(&[])).await.location().to_owned();
    let page = browser.get(&to).await;
    ends(&page, "/sign-in");
    let return_to = page.hidden("return_to");
    for password in ["", "wrong"] {
        let fields = [("email", ANA), ("password", password), ("return_to", &return_to)];
        ends(&browser.post("/sign-in", &fields).await, "/sign-in, again");
    }
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", return_to.as_str())];
    let step = browser.post("/sign-in", &fields).await.location().to_owned();
    ends(&browser.get(&step).await, "/sign-in/code");
    let (id, code) = (step.split("id=").nth(1).unwrap(), app.letter(ANA).await.code);
    let wrong = if code == "000000" { "111111" } else { "000000" };
    ends(&browser.post("/sign-in/code", &[("id", id), ("code", wrong)]).await, "/sign-in/code, again");
    let to = browser.post("/sign-in/code", &[("id", id), ("code", &code)]).await.location().to_owned();
    let to = browser.get(&to).await.location().to_owned();
    ends(&browser.get(&to).await, "/authorize/consent");
    for (prompt, page) in [("select_account", "/authorize/account"), ("login", "/account/confirm")] {
        let to = browser.get(&wiki.authorize(&[("prompt", prompt)])).await.location().to_owned();
        assert!(to.starts_with(page), "{to}");
        ends(&browser.get(&to).await, page);
    }
    let to = browser.get(&wiki.authorize(&[("prompt", "login")])).await.location().to_owned();
    let next = browser.get(&to).await.hidden("next");
    let again = browser.post("/account/confirm", &[("password", "wrong"), ("next", &next)]).await;
    ends(&again, "/account/confirm, again");
    let asked = [("client_id", "wiki"), ("post_logout_redirect_uri", "https://wiki.example.com/")];
    let asked = serde_urlencoded::to_string(asked).unwrap();
    ends(&browser.get(&format!("/end-session?{asked}")).await, "/end-session");
    // Another browser's request opens no page to the app.
    let mut other = app.browser();
    let page =
        other.get(&format!("/sign-in?return_to={}", return_to.replace('?', "%3F").replace('=', "%3D"))).await;
    assert!(page.header("content-security-policy").contains("form-action 'self';"));
}

/// RFC 6749: what nobody knows is passed over (section 3.1), and of what is malformed the app is told, if it is certain which
/// it is (section 4.1.2.1). The person was shown both, who can do nothing about it.
#[tokio::test]
async fn an_app_is_told_of_what_is_malformed_in_its_request_and_what_is_unknown_is_passed_over() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let long = "x".repeat(9_000);
    let many = (0..300).map(|number| format!("&u{number}=1")).collect::<Vec<_>>().concat();
    for passed_over in [format!("&{long}=1"), format!("&x={long}"), many, "&x=%C3%A4&=1&x2".to_owned()] {
        let answer = browser.get(&format!("{}{passed_over}", wiki.authorize(&[]))).await;
        assert!(try_returned(&answer, "code").is_some(), "{:.40}: {}", passed_over, answer.body);
    }
    let resources = "&resource=https://api.example.com/".repeat(51);
    for malformed in ["&x=%", "&%=x", "&x=%FF", "&nonce=%zz", &format!("&request={long}"), &resources] {
        let answer = browser.get(&format!("{}{malformed}", wiki.authorize(&[]))).await;
        assert_eq!(returned(&answer, "error"), "invalid_request", "{malformed:.40}");
        assert_eq!(returned(&answer, "state"), "the state", "{malformed:.40}");
        let first =
            browser.get(&wiki.authorize(&[]).replacen('?', &format!("?{}&", &malformed[1..]), 1)).await;
        assert_eq!(returned(&first, "error"), "invalid_request", "{malformed:.40}, first");
    }
    let answer = browser.get(&format!("{}&state=%", wiki.authorize(&[("state", "")]))).await;
    assert_eq!(
        (returned(&answer, "error"), try_returned(&answer, "state")),
        ("invalid_request".into(), None)
    );
    // Which app it is, and where it is, has to be certain.
    for uncertain in ["&redirect_uri=%", "&client_id=%", "&redirect%5Furi=%FF", "&client_id=wiki&x=%"] {
        let shown = browser.get(&format!("{}{uncertain}", wiki.authorize(&[]))).await;
        assert_eq!((shown.status.as_u16(), shown.location()), (400, ""), "{uncertain}");
    }
    for name in ["redirect_uri", "client_id"] {
        let shown = browser.get(&format!("{}&{name}=%", wiki.authorize(&[(name, "")]))).await;
        assert_eq!((shown.status.as_u16(), shown.location()), (400, ""), "{name}");
    }
}

/// An app's own form: the browser leaves our cookies out, and is sent on by GET, which carries them.
#[tokio::test]
async fn a_request_by_post_goes_on_by_get() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let query = wiki.authorize(&[]).split_once('?').unwrap().1.to_owned();
    let mut stranger = app.browser();
    let mut request =
        axum::http::Request::post("/authorize").body(axum::body::Body::from(query.clone())).unwrap();
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    request.headers_mut().insert("origin", "https://wiki.example.com".parse().unwrap());
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let answer = stranger.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("/authorize?{query}").as_str()));
    assert!(answer.cookies().is_empty(), "no new browser token in the place of the one it kept to itself");
    let mut browser = app.member(ANA).await;
    assert!(answer.location().contains("code_challenge"));
    assert!(try_returned(&browser.get(answer.location()).await, "code").is_some());
    assert!(CALLBACK.starts_with("https://wiki.example.com/"));
}

/// All of it stood in the address that the browser was sent on to, which no server reads.
#[tokio::test]
async fn a_form_with_much_in_it_that_nobody_reads_goes_on_by_a_short_address() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let query = wiki.authorize(&[]).split_once('?').unwrap().1.to_owned();
    let claims = format!("claims={}", "%7B%22a%22%3A1%7D".repeat(60 * 1024 / 17));
    let mut browser = app.member(ANA).await;
    let answer =
        app.program().raw("POST", "/authorize", FORM, format!("{claims}&{query}&display=page")).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("/authorize?{query}").as_str()));
    assert!(try_returned(&browser.get(answer.location()).await, "code").is_some());
    // What is said twice, or cannot be read, is refused as if it had been asked for by GET.
    for wrong in ["&nonce=other", "&max_age=%", "&%=x", "&request=x"] {
        let answer = app.program().raw("POST", "/authorize", FORM, format!("{claims}&{query}{wrong}")).await;
        let (by_post, by_get) =
            (browser.get(answer.location()).await, browser.get(&format!("/authorize?{query}{wrong}")).await);
        let code = |answer: &crate::support::Answer| returned(answer, "error");
        assert!(!code(&by_get).is_empty(), "{wrong}");
        assert_eq!(code(&by_post), code(&by_get), "{wrong}");
    }
}

/// Both say so of a form (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2); any text was taken for one.
#[tokio::test]
async fn what_is_posted_and_is_no_form_is_refused() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let query = wiki.authorize(&[]).split_once('?').unwrap().1.to_owned();
    let leaving = "client_id=wiki&state=the+state&ui_locales=de".to_owned();
    for (path, query) in [("/authorize", query), ("/end-session", leaving)] {
        for good in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"]
        {
            let answer = app.program().raw("POST", path, good, query.clone()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.location()),
                (303, format!("{path}?{query}").as_str())
            );
        }
        for other in ["", "text/plain", "application/json", "multipart/form-data; boundary=x", "x"] {
            let answer = app.program().raw("POST", path, other, query.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.location()), (415, ""), "{path} {other:?}");
            // To whom it is of use: it said that the form had come damaged, and meant the person.
            let told = "Send the body as application/x-www-form-urlencoded, in UTF-8.";
            assert!(answer.body.contains(told), "{path} {other:?}: {}", answer.body);
            assert!(answer.body.contains("This app cannot sign you"), "{path} {other:?}: {}", answer.body);
        }
    }
}

/// RFC 8252 section 8.6: any app on a device can send somebody in the name of a public one, and be answered in its place.
/// Who was signed in let it in without a word.
#[tokio::test]
async fn an_app_on_a_device_is_let_in_by_a_word_of_the_person_each_time() {
    let app = TestApp::start().await;
    let uris =
        ["http://127.0.0.1/native", "http://[::1]/native", "http://localhost:8080/", "com.example.app:/cb"];
    let changes = |id: &str, method: &str| {
        json!({
            "client_id": id, "token_endpoint_auth_method": method,
            "redirect_uris": uris.iter().copied().chain([CALLBACK]).collect::<Vec<_>>(),
        })
    };
    let native = Wiki::register(&app, changes("native", "none")).await;
    let confidential = Wiki::register(&app, changes("confidential", "client_secret_basic")).await;
    let mut browser = app.member(ANA).await;
    for uri in ["http://127.0.0.1:53000/native", "http://[::1]:53000/native", uris[2], uris[3]] {
        for _ in 0..2 {
            let silent = [("redirect_uri", uri), ("prompt", "none")];
            let silent = browser.get(&native.authorize(&silent)).await;
            assert!(silent.location().contains("error=consent_required"), "{uri}: {}", silent.location());
            let asked = browser.get(&native.authorize(&[("redirect_uri", uri)])).await;
            assert!(asked.location().starts_with("/authorize/consent?id="), "{uri}: {}", asked.location());
            let page = browser.get(asked.location()).await;
            let policy = page.header("content-security-policy");
            let ends = oidc::form_action_sources(uri, &[]).unwrap();
            assert!(policy.contains(&format!("form-action 'self' {ends};")), "{uri}: {policy}");
            let answer = browser.choose("/authorize/consent", &page.hidden("id"), "allow").await;
            assert!(answer.location().starts_with(uri) && answer.location().contains("code="), "{uri}");
        }
        let answer = browser.get(&confidential.authorize(&[("redirect_uri", uri), ("prompt", "none")])).await;
        assert!(
            answer.location().contains("code="),
            "{uri}: an app that proves itself, {}",
            answer.location()
        );
    }
    // On the web the address is the app's own.
    assert!(try_returned(&browser.get(&native.authorize(&[("prompt", "none")])).await, "code").is_some());
}

/// The request still waits; whoever had signed out in another tab, or whose session had ended, came to their account and not to the app.
#[tokio::test]
async fn what_waits_goes_on_when_a_session_ends_while_the_page_is_open() {
    let app = TestApp::start().await;
    let theirs = Wiki::register(&app, json!({ "client_id": "theirs", "first_party": false })).await;
    for prompt in ["consent", "select_account"] {
        let email = format!("{prompt}@example.com");
        let mut browser = app.member(&email).await;
        let to = browser.get(&theirs.authorize(&[("prompt", prompt)])).await.location().to_owned();
        let page = browser.get(&to).await;
        let (path, id) = to.split_once("?id=").unwrap();
        assert_eq!(page.hidden("next"), to, "the language switch comes back to it");
        browser.jar.remove("__Host-keyward-session");
        let expected = format!("/sign-in?return_to=%2Fauthorize%2Fcontinue%3Fid%3D{id}");
        for answer in [
            browser.get(&to).await,
            browser.post(path, &[("id", id), ("choice", "allow")]).await,
            browser.post(path, &[("id", id), ("choice", "continue")]).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.location()), (303, &*expected), "{path}");
        }
        let on = format!("/authorize/continue?id={id}");
        let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", on.as_str())];
        assert_eq!(browser.post("/sign-in", &fields).await.location(), on);
        assert_eq!(browser.get(&on).await.location(), format!("/authorize/consent?id={id}"), "{prompt}");
        let answer = browser.choose("/authorize/consent", id, "allow").await;
        assert!(!returned(&answer, "code").is_empty(), "{prompt}");
    }
}
