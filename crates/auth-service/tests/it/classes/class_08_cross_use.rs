//! Class 8: what was made for one use, used elsewhere, or twice. Everything that the server hands out, at every place that
//! takes something: the diagonal works, nothing else does, and no try uses anything up.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::protocol::{CALLBACK, VERIFIER, Wiki, returned, userinfo};
use crate::support::{Browser, PASSWORD, TestApp, authorized_form};

const ANA: &str = "ana@example.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Artefact {
    Code,
    RefreshToken,
    AccessToken,
    IdToken,
    SessionToken,
    SessionCookie,
    BrowserCookie,
    WaitingRequest,
    ClientSecret,
    ResetLink,
    ProofLink,
    SupportId,
    Subject,
}

use Artefact::*;

/// A place, what it is for, and whether it does what it does for whoever shows that.
const PLACES: [(&str, Artefact); 15] = [
    ("code at /token", Code),
    ("refresh_token at /token", RefreshToken),
    ("client_secret at /token", ClientSecret),
    ("client_secret at /introspect", ClientSecret),
    ("token at /introspect", AccessToken),
    ("bearer at /userinfo", AccessToken),
    ("token at /verify-token", SessionToken),
    ("id_token_hint at /authorize", IdToken),
    ("the session cookie", SessionCookie),
    ("the cookie jwt at /logout", SessionToken),
    ("id at /authorize/consent", WaitingRequest),
    ("id at /authorize/continue", WaitingRequest),
    ("token at /reset/new", ResetLink),
    ("token at /verify", ProofLink),
    ("code_verifier at /token", Subject),
];

struct World {
    app: TestApp,
    wiki: Wiki,
    browser: Browser,
    all: BTreeMap<Artefact, String>,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::with(|setup| setup.limits.network_failures = 1_000_000).await;
        let wiki = Wiki::register(&app, json!({})).await;
        let mut browser = app.member(ANA).await;
        let tokens = wiki.sign_in(&app, &mut browser).await;
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let waiting = browser.get(&wiki.authorize(&[("prompt", "consent")])).await;
        let reset = app.program().json("POST", "/api/v1/reset", &json!({ "email": ANA })).await;
        assert_eq!(reset.status, 202);
        let reset = app.letter(ANA).await.token();
        let new = [("email", "new@example.com"), ("password", PASSWORD)];
        app.browser().post("/sign-up", &new).await;
        let proof = app.letter("new@example.com").await.token();
        let support_id = app.program().get("/api/v1/nothing").await.text("support_id");
        let subject = crate::protocol::claims(&token("id_token"))["sub"].as_str().unwrap().to_owned();
        let all = BTreeMap::from([
            (Code, returned(&browser.get(&wiki.authorize(&[])).await, "code")),
            (RefreshToken, token("refresh_token")),
            (AccessToken, token("access_token")),
            (IdToken, token("id_token")),
            (SessionToken, browser.jar["jwt"].clone()),
            (SessionCookie, browser.jar["__Host-keyward-session"].clone()),
            (BrowserCookie, browser.jar["__Host-keyward-browser"].clone()),
            (WaitingRequest, waiting.location().split("id=").nth(1).unwrap().to_owned()),
            (ClientSecret, wiki.secret.clone().unwrap()),
            (ResetLink, reset),
            (ProofLink, proof),
            (SupportId, support_id),
            (Subject, subject),
        ]);
        Self { app, wiki, browser, all }
    }

    async fn takes(&self, place: &str, shown: &str) -> bool {
        let mut program = self.app.program();
        match place {
            "code at /token" => self.wiki.exchange(&self.app, shown).await.status == 200,
            "refresh_token at /token" => self.wiki.refresh(&self.app, shown).await.status == 200,
            "client_secret at /token" => {
                let basic = format!("Basic {}", STANDARD.encode(format!("wiki:{shown}")));
                let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
                program.send(authorized_form("/token", &basic, &fields)).await.text("error")
                    == "invalid_grant"
            }
            "client_secret at /introspect" => {
                let basic = format!("Basic {}", STANDARD.encode(format!("wiki:{shown}")));
                program.send(authorized_form("/introspect", &basic, &[("token", "x")])).await.status == 200
            }
            "token at /introspect" => self.wiki.is_active(&self.app, shown).await,
            "bearer at /userinfo" => userinfo(&self.app, shown).await.status == 200,
            "token at /verify-token" => {
                program.json("POST", "/verify-token", &json!({ "token": shown })).await.status == 200
            }
            "id_token_hint at /authorize" => {
                let asked = self.wiki.authorize(&[("id_token_hint", shown), ("prompt", "none")]);
                self.browser.clone().get(&asked).await.location().contains("code=")
            }
            "the session cookie" => {
                let mut browser = self.app.browser();
                browser.jar.insert("__Host-keyward-session".to_owned(), shown.to_owned());
                browser.is_signed_in().await
            }
            "the cookie jwt at /logout" => {
                program.jar.insert("jwt".to_owned(), shown.to_owned());
                program.post("/logout", &[]).await.status == 200
            }
            "id at /authorize/consent" => {
                let answer = self.browser.clone().choose("/authorize/consent", shown, "allow").await;
                answer.location().contains("code=")
            }
            "id at /authorize/continue" => {
                let answer = self.browser.clone().get(&format!("/authorize/continue?id={shown}")).await;
                answer.location().starts_with("/authorize/consent")
            }
            "token at /reset/new" => {
                let fields = [("token", shown), ("new_password", "staple of another kind")];
                self.app.browser().post("/reset/new", &fields).await.status == 303
            }
            "token at /verify" => {
                let mut browser = self.app.browser();
                browser.post("/verify", &[("token", shown), ("password", PASSWORD)]).await.status == 303
            }
            // Nothing that was ever handed out is the secret behind a challenge.
            _ => {
                let code = returned(&self.browser.clone().get(&self.wiki.authorize(&[])).await, "code");
                let fields = [
                    ("grant_type", "authorization_code"),
                    ("code", &code),
                    ("redirect_uri", CALLBACK),
                    ("code_verifier", shown),
                ];
                assert_ne!(shown, VERIFIER);
                self.wiki.ask(&self.app, "/token", &fields).await.status == 200
            }
        }
    }
}

#[tokio::test]
async fn class_08_nothing_serves_elsewhere_and_no_try_uses_it_up() {
    let world = World::new().await;
    for (place, of) in PLACES {
        for (artefact, shown) in &world.all {
            if *artefact != of || place == "code_verifier at /token" {
                assert!(!world.takes(place, shown).await, "{artefact:?} as {place}");
            }
        }
    }
    // Each in its own place, those last that end the session which others hang on.
    let order = |place: &str| match place {
        "the cookie jwt at /logout" => 1,
        "token at /reset/new" => 2,
        _ => 0,
    };
    let mut own: Vec<_> = PLACES.into_iter().filter(|(_, of)| *of != Subject).collect();
    // Looked at before it is answered.
    own.sort_by_key(|(place, _)| (order(place), *place == "id at /authorize/consent"));
    for (place, of) in own {
        assert!(world.takes(place, &world.all[&of]).await, "{of:?} as {place}: it was used up meanwhile");
    }
}

/// What is good once is refused the second time, by whatever door.
#[tokio::test]
async fn class_08_what_is_good_once_is_refused_twice() {
    let world = World::new().await;
    for (place, of) in [
        ("code at /token", Code),
        ("id at /authorize/consent", WaitingRequest),
        ("token at /reset/new", ResetLink),
        ("token at /verify", ProofLink),
    ] {
        assert!(world.takes(place, &world.all[&of]).await, "{place}");
        for (again, _) in PLACES.into_iter().filter(|(_, other)| *other == of) {
            assert!(!world.takes(again, &world.all[&of]).await, "{again} after {place}");
        }
    }
}
