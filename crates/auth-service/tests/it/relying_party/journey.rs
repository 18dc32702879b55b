//! There and back.

use serde_json::json;

use super::{ANA, APP, SESSION, World, is_let_in, script};
use crate::support::{Browser, PASSWORD, form, redact};

#[tokio::test]
async fn somebody_signs_in_across_two_hosts_and_out_again() {
    let world = World::start().await;
    world.provider.account(ANA, true).await;
    let (mut visitor, mut person) = (world.visitor(), world.provider.browser());

    let answer = visitor.get("/protected?page=2").await;
    insta::assert_snapshot!(redact(&answer.location().replace(&world.issuer, "http://auth.example")), @"http://auth.example/authorize?response_type=code&client_id=wiki&redirect_uri=http%3A%2F%2Fapp.localhost%3A8000%2Fauth%2Fcallback&scope=openid+profile+email&state=[token]&nonce=[token]&code_challenge=[token]&code_challenge_method=S256");
    let cookie = answer.cookies()[0];
    assert!(
        cookie.starts_with("wiki-sign-in-")
            && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let to = answer.location().strip_prefix(&world.issuer).unwrap().to_owned();
    let to = person.get(&to).await.location().to_owned();
    let return_to = person.get(&to).await.hidden("return_to");
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", return_to.as_str())];
    let to = person.post("/sign-in", &fields).await.location().to_owned();
    let (id, code) = (to.split("id=").nth(1).unwrap().to_owned(), world.provider.letter(ANA).await.code);
    let to = person.post("/sign-in/code", &[("id", &id), ("code", &code)]).await.location().to_owned();
    let back = person.get(&to).await.location().to_owned();
    let answer = visitor.get(back.strip_prefix(APP).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/protected?page=2"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let set = answer.cookies();
    assert!(set[0].starts_with("wiki-session=") && set[1].starts_with("wiki-sign-in-"), "{set:?}");
    assert!(set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"), "{}", set[0]);
    assert!(set[1].ends_with("=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"), "{}", set[1]);
    assert!(set[0].len() < 2000, "{} bytes", set[0].len());
    assert_eq!(
        visitor.jar.keys().collect::<Vec<_>>(),
        [SESSION],
        "no cookie of the other host, and no attempt"
    );

    let page = visitor.get("/protected").await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
    let shown = page.json();
    assert_eq!(
        (&shown["email"], &shown["verified"], &shown["amr"], &shown["acr"]),
        (&json!(ANA), &json!(true), &json!(["pwd", "otp", "mfa"]), &json!("2"))
    );

    let answer = world.sign_out(&mut visitor).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (303, "no-store"));
    let to = answer.location().strip_prefix(&world.issuer).unwrap().to_owned();
    assert!(to.starts_with("/end-session?client_id=wiki&post_logout_redirect_uri=http%3A%2F%2Fapp.localhost%3A8000%2F&id_token_hint=eyJ"), "{to}");
    let answer = person.get(&to).await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (303, "http://app.localhost:8000/"),
        "without a question"
    );
    assert!(!person.is_signed_in().await);
    assert!(!is_let_in(&mut visitor).await);
}

#[tokio::test]
async fn a_second_app_signs_the_same_person_in_silently_and_each_has_its_own_session() {
    let world = World::start().await;
    let (mut visitor, mut person) = world.member().await;
    let mut elsewhere = world.visitor();
    world.sign_in(&mut elsewhere, &mut person).await;
    let subjects =
        [visitor.get("/protected").await.text("subject"), elsewhere.get("/protected").await.text("subject")];
    assert_eq!(subjects[0], subjects[1]);
    assert_ne!(visitor.jar, elsewhere.jar);
}

#[tokio::test]
async fn a_form_or_a_script_is_not_redirected() {
    let world = World::start().await;
    let mut visitor = world.visitor();
    let form = visitor.post("/protected", &[("note", "hello")]).await;
    insta::assert_snapshot!(form.shown(), @"
    401 Unauthorized
    content-type: text/plain; charset=utf-8
    connection: close
    You are not signed in. Sign in, then try again.
    ");
    assert_eq!(visitor.send(script("/protected")).await.status, 401);
    assert_eq!(visitor.head("/protected").await.status, 303);
    assert_eq!(visitor.get("/deep/page?x=1").await.status, 303);
}

#[tokio::test]
async fn a_page_for_everybody_knows_who_asks() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    assert_eq!(world.visitor().get("/public").await.body, "Hello stranger");
    assert_eq!(visitor.get("/public").await.body, format!("Hello {ANA}"));
    world.provider.turn(super::MINUTE * 6);
    let answer = visitor.get("/public").await;
    assert_eq!((answer.cookies().len(), answer.header("cache-control")), (1, "no-store"));
    world.watch.becomes(super::Mood::Away);
    world.provider.turn(super::MINUTE * 11);
    let answer = visitor.get("/public").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "Hello stranger"));
    assert!(visitor.jar.contains_key(SESSION));
}

/// A layer that was forgotten lets nobody in.
#[tokio::test]
async fn class_15_a_page_without_its_layer_is_for_nobody() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    assert_eq!(visitor.get("/unguarded").await.status, 500);
}

/// Class 2 of the security notes: nobody is led out of the app.
#[tokio::test]
async fn class_02_a_sign_in_leads_back_to_a_page_of_the_app_or_to_its_start() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    for (asked, landed) in [
        ("/protected", "/protected"),
        ("/deep/page?x=%2F", "/deep/page?x=%2F"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/../..//evil.example", "/"),
        ("/auth/sign-out", "/"),
        ("", "/"),
    ] {
        let mut visitor = world.visitor();
        let begin = format!("/auth/sign-in?{}", serde_urlencoded::to_string([("return_to", asked)]).unwrap());
        let callback = world.to_provider(&mut visitor, &mut person, &begin).await;
        assert_eq!(visitor.get(&callback).await.location(), landed, "{asked}");
        let twice = format!("/auth/sign-in?return_to=/protected&return_to={asked}");
        if !asked.contains('\\') {
            let callback = world.to_provider(&mut world.visitor(), &mut person, &twice).await;
            assert!(callback.starts_with("/auth/callback?"), "{asked}");
        }
    }
}

/// Class 9 of the security notes: what was in the browser before is of no use afterwards.
#[tokio::test]
async fn class_09_a_sign_in_makes_a_session_of_its_own() {
    let world = World::start().await;
    let (visitor, mut person) = world.member().await;
    let before = visitor.jar[SESSION].clone();
    let mut eve = world.provider.member("eve@example.com").await;
    let mut planted = world.visitor();
    planted.jar.insert(SESSION.to_owned(), before.clone());
    let callback = world.to_provider(&mut planted, &mut eve, "/auth/sign-in?return_to=/protected").await;
    assert_eq!(planted.get(&callback).await.status, 303);
    assert_ne!(planted.jar[SESSION], before);
    assert_eq!(planted.get("/protected").await.text("email"), "eve@example.com");
    assert!(person.is_signed_in().await);
}

/// A cookie that was made up, cut, changed, or sealed for something else.
#[tokio::test]
async fn class_09_a_session_that_this_app_did_not_seal_is_none() {
    let world = World::start().await;
    let (mut visitor, mut person) = world.member().await;
    world.to_provider(&mut visitor, &mut person, "/auth/sign-in?return_to=/").await;
    let session = visitor.jar[SESSION].clone();
    let attempt = visitor.jar.iter().find(|(name, _)| name.starts_with("wiki-sign-in-")).unwrap().1.clone();
    let other_key = world.process(|settings| settings.session_key = secrets::sealing::generate_key_text());
    let mut stranger = super::visitor(&other_key);
    stranger.jar.insert(SESSION.to_owned(), session.clone());
    assert!(!is_let_in(&mut stranger).await, "sealed under another key");
    let (half, _) = session.split_at(session.len() / 2);
    let mut forged = vec![
        attempt,
        half.to_owned(),
        String::new(),
        "x".to_owned(),
        format!("{session}A"),
        session.to_uppercase(),
    ];
    for index in (0..session.len()).step_by(37) {
        let mut changed = session.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(changed).unwrap());
    }
    for value in forged.into_iter().filter(|value| *value != session) {
        let mut visitor = world.visitor();
        visitor.jar.insert(SESSION.to_owned(), value.clone());
        assert!(!is_let_in(&mut visitor).await, "{value}");
    }
    let both = format!("{SESSION}={session}; {SESSION}={session}");
    let mut request = script("/protected");
    request.headers_mut().insert("cookie", both.parse().unwrap());
    assert_eq!(world.visitor().send(request).await.status, 401, "two of a name");
    assert!(is_let_in(&mut visitor).await);
}

#[tokio::test]
async fn a_key_is_exchanged_without_anybody_noticing() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    let older = world.session_key.clone();
    let process = world.process(|settings| {
        settings.session_key = secrets::sealing::generate_key_text();
        settings.older_session_keys = vec![older];
    });
    let mut moved = super::visitor(&process);
    moved.jar = visitor.jar.clone();
    assert!(is_let_in(&mut moved).await);
    assert!(is_let_in(&mut visitor).await);
}

#[tokio::test]
async fn a_sign_out_is_not_another_sites_to_send() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    for (site, origin, status) in [
        (Some("cross-site"), Some("https://evil.example"), 403),
        (Some("cross-site"), Some(APP), 403),
        (Some("same-site"), Some("http://evil.localhost:8000"), 403),
        (Some("none"), None, 403),
        (None, Some("https://evil.example"), 403),
        (None, Some("null"), 403),
        (Some("same-origin"), Some("null"), 200),
        (None, Some(APP), 200),
        (None, None, 200),
    ] {
        let mut sender = Browser::new(world.app.clone(), "app.localhost:8000".to_owned(), None);
        sender.jar = visitor.jar.clone();
        let mut request = form("/auth/sign-out", &[]);
        for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
        }
        let answer = sender.send(request).await;
        assert_eq!(answer.status, status, "{site:?} {origin:?}");
        assert_eq!(answer.cookies().is_empty(), status == 403, "{site:?} {origin:?}");
    }
    assert_eq!(visitor.get("/auth/sign-out").await.status, 405, "no link signs anybody out");
    let nobody = world.visitor().post("/auth/sign-out", &[]).await;
    assert_eq!((nobody.status.as_u16(), nobody.location()), (303, "/"));
    let nobody = world.visitor().get("/auth/signed-out").await;
    assert_eq!((nobody.status.as_u16(), nobody.location()), (303, "/"));
}

/// With a key of its own in the place of a secret, and with nothing at all.
#[tokio::test]
async fn an_app_shows_who_it_is_in_its_own_way() {
    let key = oidc::SigningKey::generate(oidc::Algorithm::EdDsa).unwrap();
    let jwks = json!({ "keys": [serde_json::to_value(key.public_jwk()).unwrap()] });
    let mut key = Some(key);
    for changes in [
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks }),
        json!({ "token_endpoint_auth_method": "none" }),
    ] {
        let world = World::with(changes).await;
        let process = world.process(|settings| {
            settings.authentication =
                key.take().map_or(keyward_client::ClientAuthentication::Public, |key| {
                    keyward_client::ClientAuthentication::PrivateKey(Box::new(key))
                });
        });
        let mut person = world.provider.member(ANA).await;
        let mut visitor = super::visitor(&process);
        world.sign_in(&mut visitor, &mut person).await;
        world.provider.turn(super::MINUTE * 6);
        assert!(is_let_in(&mut visitor).await, "and refreshes so");
    }
}
