//! Class 7 of the security notes at the app: ID tokens and logout tokens of every kind that is known to be forged.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oidc::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::hostile::{Double, NOW, encode, set};
use super::{SESSION, is_let_in, visitor};
use crate::support::Browser;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const PATH: &str = "/auth/backchannel-logout";

fn logout_claims(double: &Double, jti: &str) -> Value {
    json!({
        "iss": double.issuer, "aud": "wiki", "iat": NOW, "exp": NOW + 120, "jti": jti, "sub": "ada", "sid": "s",
        "events": { EVENT: {} },
    })
}

async fn signed_in(double: &Double) -> Browser {
    let mut browser = visitor(&double.app);
    let answer = double
        .sign_in(&mut browser, |nonce| {
            let claims = double.id_claims(nonce).to_string();
            Double::tokens(&double.signed(&double.header("JWT").to_string(), &claims))
        })
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// The public half of the key in every form in which somebody may hold it for a secret.
fn spellings(key: &SigningKey) -> Vec<Vec<u8>> {
    let pair = Ed25519KeyPair::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
    let der: PublicKeyX509Der<'static> = pair.public_key().as_der().unwrap();
    let der = der.as_ref().to_vec();
    let base64 = STANDARD.encode(&der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----");
    let jwk = serde_json::to_string(key.public_jwk()).unwrap();
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    let texts = [format!("{pem}\n"), pem, base64, jwk, set, key.kid().to_owned(), String::new()];
    let raw = pair.public_key().as_ref().to_vec();
    texts.map(String::into_bytes).into_iter().chain([der, raw]).collect()
}

/// Every forgery of a token of this type with these claims, and what it is.
fn forgeries(double: &Double, typ: &str, claims: &Value) -> Vec<(String, String)> {
    let (header, text) = (double.header(typ), claims.to_string());
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        double.signed(&header.to_string(), &text)
    };
    let good = double.signed(&header.to_string(), &text);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let mut all = Vec::new();
    for name in [
        "none", "None", "NONE", "nOnE", "none ", "", "HS256", "HS512", "RS256", "ES256", "PS256", "eddsa",
        "Ed25519",
    ] {
        let token = with("alg", json!(name));
        all.push((format!("{}.", token.rsplit_once('.').unwrap().0), format!("alg {name:?} unsigned")));
        all.push((token, format!("alg {name:?}")));
    }
    for secret in spellings(&double.key) {
        for algorithm in ["HS256", "EdDSA"] {
            let mut header = header.clone();
            header["alg"] = json!(algorithm);
            let message = format!("{}.{}", encode(header.to_string()), encode(&text));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            all.push((format!("{message}.{}", encode(tag)), format!("HMAC said to be {algorithm}")));
        }
    }
    let own = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let own_jwk = serde_json::to_value(own.public_jwk()).unwrap();
    for (name, value) in [
        ("jwk", own_jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("zip", json!("DEF")),
        ("b64", json!(false)),
    ] {
        all.push((with(name, value), format!("with {name}")));
    }
    let long = "a".repeat(100_000);
    for kid in [
        "../../../../dev/null",
        "file:///dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'key' --",
        "\0",
        "",
        "*",
        &long,
    ] {
        all.push((with("kid", json!(kid)), format!("kid {}", &kid[..kid.len().min(30)])));
    }
    all.push((own.sign(typ, claims).unwrap(), "signed by a key of nobody's".to_owned()));
    let stolen_kid = own.sign(typ, claims).unwrap();
    let (_, rest) = stolen_kid.split_once('.').unwrap();
    all.push((
        format!("{}.{rest}", encode(header.to_string())),
        "signed by another key under this kid".to_owned(),
    ));
    for forged in ["", "AA", &encode([0; 64]), &encode([0xff; 64]), &signature[..signature.len() - 2]] {
        all.push((format!("{message}.{forged}"), format!("signature {forged:?}")));
    }
    for typ in ["at+jwt", "client-authentication+jwt", "secevent+jwt", "JWS"] {
        all.push((with("typ", json!(typ)), format!("typ {typ}")));
    }
    for depth in [20, 1000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let first = |text: &str| text.replacen('{', &format!("{{\"x\":{deep},"), 1);
        all.push((double.signed(&header.to_string(), &first(&text)), format!("claims {depth} deep")));
        all.push((double.signed(&first(&header.to_string()), &text), format!("header {depth} deep")));
    }
    let twice = text.replacen('{', "{\"sub\":\"eve\",", 1);
    all.push((double.signed(&header.to_string(), &twice), "a name twice".to_owned()));
    for claims in ["", "null", "[]", "{}"] {
        all.push((double.signed(&header.to_string(), claims), format!("claims {claims:?}")));
    }
    for other in [
        format!("{good}="),
        format!(" {good}"),
        format!("{good}."),
        message.to_owned(),
        format!("Bearer {good}"),
        good.replacen('.', "..", 1),
    ] {
        all.push((other, "another spelling".to_owned()));
    }
    all
}

#[tokio::test]
async fn class_07_no_forged_id_token_signs_anybody_in() {
    let double = Double::start().await;
    let count = forgeries(&double, "JWT", &double.id_claims("n")).len();
    assert!(count > 70, "{count}");
    for index in 0..count {
        let mut what = String::new();
        let accepted = double
            .accepts(|nonce| {
                let (token, kind) = forgeries(&double, "JWT", &double.id_claims(nonce)).swap_remove(index);
                what = kind;
                token
            })
            .await;
        assert!(!accepted, "{what}");
    }
    let as_logout = |nonce: &str| double.key.sign("logout+jwt", &double.id_claims(nonce)).unwrap();
    assert!(!double.accepts(as_logout).await, "a logout token in its place");
    assert!(double.accepts(|nonce| double.key.sign("JWT", &double.id_claims(nonce)).unwrap()).await);
}

/// A session is proved again after five minutes, by an ID token as well.
#[tokio::test]
async fn class_07_no_forged_id_token_proves_a_session_again() {
    let double = Double::start().await;
    let refreshed = |signed_in_at: i64| {
        let mut claims = double.id_claims("");
        set(&mut claims, "nonce", None);
        claims["auth_time"] = json!(signed_in_at);
        claims
    };
    let renewed = async |token: &dyn Fn(i64) -> String| {
        let (at, mut browser) = (double.now(), signed_in(&double).await);
        let before = browser.jar[SESSION].clone();
        double.turn(360);
        double.answer("/token", &Double::tokens(&token(at)));
        let let_in = is_let_in(&mut browser).await;
        assert_eq!(browser.jar.get(SESSION).is_some_and(|now| *now != before), let_in);
        let_in
    };
    let good = |at: i64| double.signed(&double.header("JWT").to_string(), &refreshed(at).to_string());
    assert!(renewed(&good).await);
    for index in 0..forgeries(&double, "JWT", &refreshed(0)).len() {
        let forged = |at: i64| forgeries(&double, "JWT", &refreshed(at)).swap_remove(index);
        assert!(!renewed(&|at| forged(at).0).await, "{}", forged(0).1);
    }
    for (name, value) in [
        ("sub", json!("eve")),
        ("sid", json!("another")),
        ("auth_time", json!(1)),
        ("nonce", json!("n")),
        ("aud", json!("other")),
        ("iss", json!("https://evil.example")),
    ] {
        let other = |at: i64| {
            let mut claims = refreshed(at);
            claims[name] = value.clone();
            double.signed(&double.header("JWT").to_string(), &claims.to_string())
        };
        assert!(!renewed(&other).await, "{name} {value}");
    }
    assert!(renewed(&good).await);
}

/// A key of another algorithm in the provider's set signs nothing for this app.
#[tokio::test]
async fn class_07_other_keys_of_the_set_sign_nothing_for_this_app() {
    let double = Double::start().await;
    let others =
        [Algorithm::Es256, Algorithm::Rs256].map(|algorithm| SigningKey::generate(algorithm).unwrap());
    let keys: Vec<_> = others.iter().map(SigningKey::public_jwk).chain([double.key.public_jwk()]).collect();
    double.answer("/jwks", &json!({ "keys": keys }));
    let mut browser = signed_in(&double).await;
    for key in &others {
        assert!(!double.accepts(|nonce| key.sign("JWT", &double.id_claims(nonce)).unwrap()).await);
        let token = key.sign("logout+jwt", &logout_claims(&double, "1")).unwrap();
        assert_eq!(browser.post(PATH, &[("logout_token", &token)]).await.status, 400);
    }
    assert!(is_let_in(&mut browser).await);
}

#[tokio::test]
async fn class_07_no_forged_logout_token_ends_a_session() {
    let double = Double::start().await;
    let mut browser = signed_in(&double).await;
    let mut somebody = visitor(&double.app);
    for (token, what) in forgeries(&double, "logout+jwt", &logout_claims(&double, "1")) {
        let answer = somebody.post(PATH, &[("logout_token", &token)]).await;
        assert!(matches!(answer.status.as_u16(), 400 | 413), "{what}: {}", answer.status);
        assert!(answer.status == 413 || answer.header("cache-control") == "no-store", "{what}");
    }
    let id_token = double.signed(&double.header("JWT").to_string(), &double.id_claims("n").to_string());
    let dressed = double.signed(&double.header("logout+jwt").to_string(), &double.id_claims("n").to_string());
    for token in [id_token, dressed] {
        assert_eq!(somebody.post(PATH, &[("logout_token", &token)]).await.status, 400, "an ID token");
    }
    assert!(is_let_in(&mut browser).await);
}

/// Back-Channel Logout section 2.6.
#[tokio::test]
async fn every_claim_of_a_logout_token_counts() {
    let double = Double::start().await;
    let mut browser = signed_in(&double).await;
    let post = async |claims: &Value| {
        let token = double.signed(&double.header("logout+jwt").to_string(), &claims.to_string());
        visitor(&double.app).post(PATH, &[("logout_token", &token)]).await
    };
    for (name, value) in [
        ("iss", Some(json!("https://evil.example"))),
        ("iss", None),
        ("aud", Some(json!("other"))),
        ("aud", Some(json!(["wiki", "other"]))),
        ("aud", None),
        ("iat", Some(json!(NOW + 61))),
        ("iat", None),
        ("exp", Some(json!(NOW - 60))),
        ("exp", None),
        ("jti", Some(json!(""))),
        ("jti", None),
        ("events", Some(json!({}))),
        ("events", Some(json!({ EVENT: true }))),
        ("events", Some(json!({ "http://schemas.openid.net/event/other": {} }))),
        ("events", Some(json!([EVENT]))),
        ("events", None),
        ("nonce", Some(json!("n"))),
        ("nonce", Some(json!(null))),
        ("sid", Some(json!(""))),
        ("sub", Some(json!(7))),
    ] {
        let mut claims = logout_claims(&double, "1");
        set(&mut claims, name, value.clone());
        assert_eq!(post(&claims).await.status, 400, "{name} {value:?}");
    }
    let mut of_nobody = logout_claims(&double, "1");
    set(&mut of_nobody, "sub", None);
    set(&mut of_nobody, "sid", None);
    insta::assert_snapshot!(post(&of_nobody).await.shown(), @r#"
    400 Bad Request
    content-type: application/json
    {"error":"invalid_request","error_description":"The logout token is not accepted."}
    "#);
    let mut of_another = logout_claims(&double, "2");
    set(&mut of_another, "sid", Some(json!("another")));
    assert_eq!(post(&of_another).await.status, 200);
    assert!(is_let_in(&mut browser).await, "none of these was about this session");
    assert_eq!(post(&logout_claims(&double, "3")).await.status, 200);
    assert!(!is_let_in(&mut browser).await);
}

#[tokio::test]
async fn without_a_session_all_of_the_persons_end() {
    let double = Double::start().await;
    let mut browser = signed_in(&double).await;
    let mut claims = logout_claims(&double, "1");
    set(&mut claims, "sid", None);
    let token = double.signed(&double.header("logout+jwt").to_string(), &claims.to_string());
    assert_eq!(visitor(&double.app).post(PATH, &[("logout_token", &token)]).await.status, 200);
    assert!(!is_let_in(&mut browser).await);
}

/// Class 8: what was heard is not heard again.
#[tokio::test]
async fn class_08_a_logout_token_that_is_replayed_is_refused() {
    let double = Double::start().await;
    let mut browser = signed_in(&double).await;
    let token =
        double.signed(&double.header("logout+jwt").to_string(), &logout_claims(&double, "1").to_string());
    let fields = [("logout_token", token.as_str())];
    assert_eq!(browser.post(PATH, &fields).await.status, 200);
    assert_eq!(browser.post(PATH, &fields).await.status, 400);
    assert!(browser.jar.contains_key(SESSION) && !is_let_in(&mut browser).await);
}

#[tokio::test]
async fn class_21_what_is_no_form_or_too_large_is_not_read() {
    let double = Double::start().await;
    let token =
        double.signed(&double.header("logout+jwt").to_string(), &logout_claims(&double, "1").to_string());
    let mut browser = signed_in(&double).await;
    for (kind, body, status) in [
        ("application/json", json!({ "logout_token": token }).to_string(), 400),
        ("text/plain", format!("logout_token={token}"), 400),
        ("", format!("logout_token={token}"), 400),
        ("application/x-www-form-urlencoded", String::new(), 400),
        ("application/x-www-form-urlencoded", format!("logout_token={token}&logout_token={token}"), 400),
        ("application/x-www-form-urlencoded", "logout_token=%zz".to_owned(), 400),
        ("application/x-www-form-urlencoded", format!("logout_token={}", "a".repeat(20_000)), 413),
    ] {
        let answer = browser.raw("POST", PATH, kind, body).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.body);
    }
    assert_eq!(browser.get(&format!("{PATH}?logout_token={token}")).await.status, 405);
    assert!(is_let_in(&mut browser).await);
}
