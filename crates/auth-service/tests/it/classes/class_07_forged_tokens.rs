//! Class 7: forged tokens, at every endpoint that reads one. Each forgery is tried as it comes over the wire; those that
//! only somebody with the very key could make are made with it, so that nothing but the check itself stands in the way.

mod forge;
mod public_key;

use std::pin::Pin;

use oidc::{Algorithm, ClientAssertion, JwkSet, LogoutEvent, LogoutToken, SigningKey};
use serde_json::{Value, json};

use crate::protocol::{Wiki, claims, try_returned, userinfo};
use crate::support::{Answer, Browser, TestApp, authorized_form};
use forge::Forge;

const ANA: &str = "ana@example.com";
const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
const ISSUER: &str = "https://auth.example.com";

/// A server with everything in it that a token could be shown to.
struct World {
    app: TestApp,
    wiki: Wiki,
    /// Authenticates by a key, and has one for each of [`ALGORITHMS`].
    robot: [SigningKey; 3],
    browser: Browser,
    tokens: Value,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::with(|setup| {
            setup.algorithms = ALGORITHMS.to_vec();
            // Every forged assertion is a failure of this network.
            setup.limits.network_failures = 1_000_000;
        })
        .await;
        let wiki = Wiki::register(&app, json!({})).await;
        let robot = ALGORITHMS.map(|algorithm| SigningKey::generate(algorithm).unwrap());
        let changes = json!({
            "client_id": "robot", "token_endpoint_auth_method": "private_key_jwt",
            "jwks": JwkSet { keys: robot.iter().map(|key| key.public_jwk().clone()).collect() },
        });
        Wiki::register(&app, changes).await;
        let mut browser = app.member(ANA).await;
        let tokens = wiki.sign_in(&app, &mut browser).await;
        Self { app, wiki, robot, browser, tokens }
    }

    fn token(&self, name: &str) -> String {
        self.tokens[name].as_str().unwrap().to_owned()
    }

    async fn ask_as_robot(&self, path: &str, assertion: &str) -> Answer {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("token", "x"),
            ("client_assertion_type", oidc::CLIENT_ASSERTION_TYPE),
            ("client_assertion", assertion),
        ];
        self.app.program().post(path, &fields).await
    }
}

type Found<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;

/// An endpoint, the kind of token it reads, and whether it takes this one for good.
struct Place {
    name: &'static str,
    reads: Kind,
    accepts: for<'a> fn(&'a World, &'a str) -> Found<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Access,
    Id,
    Session,
    Assertion,
    Logout,
}

const KINDS: [Kind; 5] = [Kind::Access, Kind::Id, Kind::Session, Kind::Assertion, Kind::Logout];

const PLACES: [Place; 13] = [
    Place {
        name: "userinfo, in the header",
        reads: Kind::Access,
        accepts: |world, token| {
            Box::pin(async move { header_safe(token) && userinfo(&world.app, token).await.status == 200 })
        },
    },
    Place {
        name: "userinfo, in the form",
        reads: Kind::Access,
        accepts: |world, token| {
            Box::pin(async move {
                world.app.program().post("/userinfo", &[("access_token", token)]).await.status == 200
            })
        },
    },
    Place {
        name: "introspection",
        reads: Kind::Access,
        accepts: |world, token| {
            Box::pin(async move {
                let answer = world.wiki.ask(&world.app, "/introspect", &[("token", token)]).await;
                answer.status == 200 && answer.json()["active"] == true
            })
        },
    },
    Place {
        name: "revocation",
        reads: Kind::Access,
        // It answers all alike: a token was taken for good if the true one of that id is worthless afterwards.
        accepts: |world, token| {
            Box::pin(async move {
                world.wiki.ask(&world.app, "/revoke", &[("token", token)]).await;
                !world.wiki.is_active(&world.app, &world.token("access_token")).await
            })
        },
    },
    Place {
        name: "verify-token",
        reads: Kind::Session,
        accepts: |world, token| {
            Box::pin(async move {
                let body = json!({ "token": token });
                world.app.program().json("POST", "/verify-token", &body).await.status == 200
            })
        },
    },
    Place {
        name: "the cookie jwt at /logout",
        reads: Kind::Session,
        accepts: |world, token| Box::pin(by_cookie(world, token, "/logout")),
    },
    Place {
        name: "the cookie jwt at /sign-out",
        reads: Kind::Session,
        accepts: |world, token| Box::pin(by_cookie(world, token, "/sign-out")),
    },
    Place {
        name: "the session cookie",
        reads: Kind::Logout,
        // It is no token of this kind at all, so that it takes none.
        accepts: |world, token| {
            Box::pin(async move {
                let mut browser = world.app.browser();
                browser.jar.insert("__Host-keyward-session".to_owned(), token.to_owned());
                header_safe(token) && browser.is_signed_in().await
            })
        },
    },
    Place {
        name: "id_token_hint at the authorization endpoint",
        reads: Kind::Id,
        accepts: |world, token| {
            Box::pin(async move {
                let asked = world.wiki.authorize(&[("id_token_hint", token), ("prompt", "none")]);
                let answer = world.browser.clone().get(&asked).await;
                answer.status == 303 && try_returned(&answer, "code").is_some()
            })
        },
    },
    Place {
        name: "id_token_hint at the logout endpoint",
        reads: Kind::Id,
        accepts: |world, token| {
            Box::pin(async move {
                let asked = serde_urlencoded::to_string([("id_token_hint", token)]).unwrap();
                let mut browser = world.browser.clone();
                browser.get(&format!("/end-session?{asked}")).await;
                !world.browser.clone().is_signed_in().await
            })
        },
    },
    Place {
        name: "client_assertion at the token endpoint",
        reads: Kind::Assertion,
        accepts: |world, token| {
            Box::pin(
                async move { world.ask_as_robot("/token", token).await.text("error") == "invalid_grant" },
            )
        },
    },
    Place {
        name: "client_assertion at introspection",
        reads: Kind::Assertion,
        accepts: |world, token| {
            Box::pin(async move { world.ask_as_robot("/introspect", token).await.status == 200 })
        },
    },
    Place {
        name: "client_assertion at revocation",
        reads: Kind::Assertion,
        accepts: |world, token| {
            Box::pin(async move { world.ask_as_robot("/revoke", token).await.status == 200 })
        },
    },
];

/// What cannot stand in a header is not there.
fn header_safe(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic()) && !token.contains(';')
}

/// A sign-out by the token alone: it was taken for good if the session has ended.
async fn by_cookie(world: &World, token: &str, path: &str) -> bool {
    if !header_safe(token) {
        return false;
    }
    let mut request = authorized_form(path, "none", &[]);
    request.headers_mut().remove("authorization");
    request.headers_mut().insert("cookie", format!("jwt={token}").parse().unwrap());
    world.app.program().send(request).await;
    !world.browser.clone().is_signed_in().await
}

impl Kind {
    /// The `typ` of such a token.
    fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Id => "JWT",
            Self::Session => "keyward-session+jwt",
            Self::Assertion => "client-authentication+jwt",
            Self::Logout => "logout+jwt",
        }
    }

    /// The claims of one that is good just now.
    fn claims(self, world: &World) -> Value {
        let now = world.app.app.auth.now().seconds();
        match self {
            Self::Access => claims(&world.token("access_token")),
            Self::Id => claims(&world.token("id_token")),
            Self::Session => claims(&world.browser.jar["jwt"]),
            Self::Assertion => serde_json::to_value(ClientAssertion {
                iss: "robot".to_owned(),
                sub: "robot".to_owned(),
                aud: ISSUER.to_owned(),
                jti: uuid::Uuid::from_u128(rand(world)).to_string(),
                iat: now,
                exp: now + 60,
            })
            .unwrap(),
            Self::Logout => serde_json::to_value(LogoutToken {
                iss: ISSUER.to_owned(),
                aud: "wiki".to_owned(),
                iat: now,
                exp: now + 120,
                jti: "1".to_owned(),
                sub: claims(&world.token("id_token"))["sub"].as_str().unwrap().to_owned(),
                sid: claims(&world.token("id_token"))["sid"].as_str().map(str::to_owned),
                events: LogoutEvent,
            })
            .unwrap(),
        }
    }

    /// Whoever can make one: the server, or the client for its assertions.
    async fn forge(self, world: &World) -> Forge {
        if self == Self::Assertion {
            let [own, es256, rs256] = &world.robot;
            return Forge::new(own, es256, rs256);
        }
        let own = world.app.private_key(Algorithm::EdDsa).await;
        let es256 = world.app.private_key(Algorithm::Es256).await;
        Forge::new(&own, &es256, &world.app.private_key(Algorithm::Rs256).await)
    }
}

/// An id that was not used before.
fn rand(world: &World) -> u128 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    assert!(!world.wiki.id.is_empty());
    NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst).into()
}

#[tokio::test]
async fn class_07_no_endpoint_takes_a_forged_token() {
    let world = World::new().await;
    let mut tried = 0;
    for place in &PLACES {
        let forge = place.reads.forge(&world).await;
        for (name, token) in forge.forgeries(place.reads.typ(), &place.reads.claims(&world)) {
            let shown: String = token.chars().take(200).collect();
            assert!(!(place.accepts)(&world, &token).await, "{}: {name}: {shown}", place.name);
            tried += 1;
        }
    }
    assert!(tried > 5_000, "{tried}");
    // The true ones work to the end, so nothing of it was by chance.
    assert!(world.browser.clone().is_signed_in().await);
    assert!(world.wiki.is_active(&world.app, &world.token("access_token")).await);
}

/// What one endpoint takes, no other does, properly signed as it is.
#[tokio::test]
async fn class_07_no_endpoint_takes_a_token_of_another_kind() {
    let world = World::new().await;
    for place in &PLACES {
        for kind in KINDS.into_iter().filter(|kind| *kind != place.reads) {
            let forge = kind.forge(&world).await;
            let theirs = forge.good(kind.typ(), &kind.claims(&world));
            assert!(!(place.accepts)(&world, &theirs).await, "{} takes {kind:?}", place.name);
            // With the claims that would do here, and only the type of another. An older client's assertion says `JWT`.
            let own = place.reads.forge(&world).await;
            let relabelled = own.good(kind.typ(), &place.reads.claims(&world));
            let older = place.reads == Kind::Assertion && kind == Kind::Id;
            assert_eq!(
                (place.accepts)(&world, &relabelled).await,
                older,
                "{} takes {kind:?}'s type",
                place.name
            );
        }
    }
}

/// What an app or an attacker may say of time, issuer and audience, signed with the very key.
#[tokio::test]
async fn class_07_no_endpoint_takes_claims_that_are_not_for_it() {
    let world = World::new().await;
    let now = world.app.app.auth.now().seconds();
    for place in &PLACES {
        let forge = place.reads.forge(&world).await;
        let mut wrong = vec![
            ("iss", json!("https://evil.example")),
            ("iss", json!("https://auth.example.com/")),
            ("iss", json!(["https://auth.example.com"])),
            ("iss", Value::Null),
            ("aud", json!("https://evil.example")),
            ("aud", json!(["https://evil.example", ISSUER, "wiki"])),
            ("aud", json!([])),
            ("aud", Value::Null),
            ("sub", Value::Null),
            ("sub", json!(1)),
        ];
        // An ID token that comes back may have expired (RP-Initiated Logout section 4).
        if place.reads != Kind::Id {
            wrong.extend([
                ("exp", json!(now - 3600)),
                ("exp", json!("9999999999")),
                ("exp", Value::Null),
                ("exp", json!(1e300)),
                ("nbf", json!(now + 3600)),
                ("iat", json!(now + 3600)),
            ]);
        }
        for (name, value) in wrong {
            // Of an access token introspection and revocation ask no audience: they are told of any of ours.
            let any_audience = place.name == "introspection" || place.name == "revocation";
            if name == "aud" && any_audience && value.is_string() {
                continue;
            }
            let mut claims = place.reads.claims(&world);
            claims[name] = value.clone();
            let token = forge.good(place.reads.typ(), &claims);
            assert!(!(place.accepts)(&world, &token).await, "{}: {name} {value}", place.name);
        }
    }
}

/// The forge is good: what it makes without forging anything is taken, so what is refused is refused for what it is.
#[tokio::test]
async fn class_07_every_endpoint_takes_what_the_forge_makes_properly() {
    for place in &PLACES {
        if place.reads == Kind::Logout {
            continue;
        }
        let world = World::new().await;
        let forge = place.reads.forge(&world).await;
        let token = forge.good(place.reads.typ(), &place.reads.claims(&world));
        assert!((place.accepts)(&world, &token).await, "{}", place.name);
    }
}
