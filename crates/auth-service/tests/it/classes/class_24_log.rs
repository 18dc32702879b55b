//! Class 24: a secret printed. Every endpoint of the protocol is driven, rightly and wrongly, while everything is logged
//! that can be logged at all (`trace`, of every library); then each secret that was used is looked for in it, as it is and
//! in the forms in which it travels.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use oidc::{Algorithm, JwkSet, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::protocol::{CALLBACK, VERIFIER, Wiki, assertion, returned, userinfo};
use crate::support::{Browser, PASSWORD, TestApp, apps_here, authorized_form};

const ANA: &str = "ana@example.com";
const WRONG_SECRET: &str = "a-secret-that-somebody-mistyped-by-a-letter";

static LOGGING: AtomicBool = AtomicBool::new(false);
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes into [`LOG`].
struct Memory;

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that any thread logs from now on. It is set for the whole process, since the pool of the hasher and the
/// database have threads of their own; other tests that run meanwhile are heard too, and have no secret of this one's.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let everything = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(|| Memory)
            .with_filter(filter_fn(|_| LOGGING.load(Ordering::SeqCst)));
        let subscriber = tracing_subscriber::registry().with(everything).with(LevelFilter::TRACE);
        // As a server does it, so that what libraries say by `log` is heard too.
        // No other test sets one.
        subscriber.try_init().unwrap();
    });
    LOGGING.store(true, Ordering::SeqCst);
}

/// A secret in each form in which something could print it: as it is, and as the bytes that it is, or is a spelling of.
pub(super) fn forms(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), encoded];
    forms.extend(forms_of_bytes(secret.as_bytes()));
    forms.extend(decoded(secret).iter().flat_map(|bytes| forms_of_bytes(bytes)));
    forms
}

/// What a text in hexadecimal or base64 is a spelling of, if that is long enough to be looked for.
pub(super) fn decoded(secret: &str) -> Option<Vec<u8>> {
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hexadecimal =
        secret.len().is_multiple_of(2) && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes = if is_hexadecimal {
        secret.as_bytes().chunks(2).map(digit).collect()
    } else {
        // In either alphabet, filled up or not.
        let text = secret.trim_end_matches('=').replace('+', "-").replace('/', "_");
        URL_SAFE_NO_PAD.decode(text).ok()
    };
    bytes.filter(|bytes| bytes.len() >= 16)
}

fn forms_of_bytes(bytes: &[u8]) -> Vec<String> {
    let hexadecimal = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let mut forms = vec![
        hexadecimal.to_uppercase(),
        hexadecimal,
        format!("{bytes:?}").trim_matches(['[', ']']).to_owned(),
    ];
    // Base64 of it at any place in a longer text: what the letters around it do not touch.
    for shift in 0..3 {
        for encoded in [STANDARD.encode([&vec![b'x'; shift], bytes].concat()), {
            URL_SAFE_NO_PAD.encode([&vec![b'x'; shift], bytes].concat())
        }] {
            let (start, end) =
                (if shift == 0 { 0 } else { 4 }, encoded.trim_end_matches('=').len() / 4 * 4 - 4);
            forms.push(encoded[start..end].to_owned());
        }
    }
    forms
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("{name}: {tokens}")).to_owned()
}

/// Everything secret that was used, by name.
#[derive(Default)]
struct Used(Vec<(String, String)>);

impl Used {
    fn add(&mut self, name: &str, secret: impl Into<String>) -> String {
        let secret = secret.into();
        assert!(secret.len() >= 16, "{name} is long enough to be looked for: {secret}");
        self.0.push((name.to_owned(), secret.clone()));
        secret
    }

    fn add_tokens(&mut self, tokens: &Value) {
        for name in ["access_token", "refresh_token", "id_token"] {
            if let Some(token) = tokens[name].as_str() {
                self.add(name, token);
                // A token is as good without the part that everybody could make.
                if let Some((_, signature)) = token.rsplit_once('.') {
                    self.add(&format!("signature of {name}"), signature);
                }
            }
        }
    }

    fn add_cookies(&mut self, browser: &Browser) {
        for name in ["__Host-keyward-session", "__Host-keyward-browser", "jwt"] {
            if let Some(value) = browser.jar.get(name) {
                self.add(name, value);
            }
        }
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one journey past every endpoint")]
async fn class_24_no_secret_of_the_protocol_is_logged() {
    listen();
    let mut used = Used::default();
    let (told, mut heard) = mpsc::unbounded_channel::<String>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}", listener.local_addr().unwrap());
    let robot = SigningKey::generate(Algorithm::Es256).unwrap();
    let set = JwkSet { keys: vec![robot.public_jwk().clone()] };
    let hear = move |body: String| async move { told.send(body).unwrap() };
    let router = axum::Router::new()
        .route("/jwks", axum::routing::get(|| async move { axum::Json(set) }))
        .route("/signed-out", post(hear));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let allowed = apps_here();
    let app = TestApp::with(|setup| {
        setup.algorithms = vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
        setup.egress = allowed.clone();
    })
    .await;

    let wiki = Wiki::register(&app, json!({ "backchannel_logout_uri": format!("{here}/signed-out") })).await;
    let posting = json!({ "client_id": "posting", "token_endpoint_auth_method": "client_secret_post" });
    let posting = Wiki::register(&app, posting).await;
    let keyed = json!({
        "client_id": "robot", "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": format!("{here}/jwks"),
        "grant_types": ["client_credentials"], "scope": "x", "redirect_uris": [], "post_logout_redirect_uris": [],
    });
    Wiki::register(&app, keyed).await;
    used.add("client_secret", wiki.secret.clone().unwrap());
    used.add("client_secret in the form", posting.secret.clone().unwrap());
    used.add("a wrong client_secret", WRONG_SECRET);
    used.add("the password", PASSWORD);
    used.add("code_verifier", VERIFIER);

    // The way of a person, with consent, both modes, and both methods of an app to show its secret.
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let asked = browser.get(&wiki.authorize(&[("prompt", "consent"), ("login_hint", ANA)])).await;
    let to = browser.get(asked.location()).await.hidden("return_to");
    browser
        .post("/sign-in", &[("email", ANA), ("password", "not the password of anybody"), ("return_to", &to)])
        .await;
    browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD), ("return_to", &to)]).await;
    used.add("a wrong password", "not the password of anybody");
    used.add_cookies(&browser);
    let consent = browser.get(&to).await.location().to_owned();
    let id = browser.get(&consent).await.hidden("id");
    let answer = browser.choose("/authorize/consent", &id, "allow").await;
    let code = used.add("code", returned(&answer, "code"));
    let tokens = wiki.exchange(&app, &code).await.json();
    used.add_tokens(&tokens);
    let posted = browser.get(&wiki.authorize(&[("response_mode", "form_post")])).await;
    let second = used.add("code in a form", posted.hidden("code"));
    used.add_tokens(&wiki.exchange(&app, &second).await.json());
    let secret = posting.secret.clone().unwrap();
    let third = used.add("code of the posting app", posting.code(&mut browser, &[]).await);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", third.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "posting"),
        ("client_secret", secret.as_str()),
    ];
    used.add_tokens(&app.program().post("/token", &fields).await.json());

    // By a key.
    for (jti, scope) in [("1", "x"), ("1", "x"), ("2", "y")] {
        let shown = assertion(&app, "robot", "https://auth.example.com", &robot, jti);
        let assertion = used.add("client_assertion", &shown);
        let fields = [
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", oidc::CLIENT_ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        used.add_tokens(&app.program().post("/token", &fields).await.json());
    }

    // What is there to be told, given up and got wrong, at each place.
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let id_token = text(&tokens, "id_token");
    let jwt = browser.jar["jwt"].clone();
    for token in [&access, &refresh, &id_token, &jwt, &code, &wiki.secret.clone().unwrap()] {
        userinfo(&app, token).await;
        app.program().post("/userinfo", &[("access_token", token)]).await;
        app.program().get(&format!("/userinfo?access_token={token}")).await;
        wiki.ask(&app, "/introspect", &[("token", token), ("token_type_hint", token)]).await;
        app.program().json("POST", "/verify-token", &json!({ "token": token })).await;
        wiki.exchange(&app, token).await;
        browser.get(&wiki.authorize(&[("id_token_hint", token), ("prompt", "none")])).await;
        browser.get(&format!("/authorize/continue?id={token}")).await;
    }
    let refreshed = wiki.refresh(&app, &refresh).await.json();
    assert!(refreshed["error"] == "invalid_grant", "the code was shown twice, so all of it has ended");
    let tokens = wiki.sign_in(&app, &mut browser).await;
    used.add_tokens(&tokens);
    let first = text(&tokens, "refresh_token");
    let next = wiki.refresh(&app, &first).await.json();
    used.add_tokens(&next);
    used.add_tokens(&wiki.refresh(&app, &first).await.json());
    let wrong = Wiki { id: "wiki".to_owned(), secret: Some(WRONG_SECRET.to_owned()) };
    for path in ["/token", "/introspect", "/revoke"] {
        wrong
            .ask(&app, path, &[("token", &first), ("grant_type", "refresh_token"), ("refresh_token", &first)])
            .await;
        let both = [("client_id", "wiki"), ("client_secret", WRONG_SECRET), ("token", &first)];
        app.program().send(authorized_form(path, &wiki.basic(), &both)).await;
        app.program().send(authorized_form(path, &format!("Bearer {first}"), &[("token", &first)])).await;
        app.program().json("POST", path, &json!({ "token": first, "client_secret": WRONG_SECRET })).await;
        app.program()
            .raw("POST", path, "application/x-www-form-urlencoded", format!("token={first}&token={first}"))
            .await;
        app.program().raw("POST", path, "application/x-www-form-urlencoded", format!("{first}%")).await;
    }
    // A credential in a place of which an error tells what stood there: an app's own address as it is now, a secret for an id.
    let waiting = used.add("a code that was not taken", wiki.code(&mut browser, &[]).await);
    let (here, secret) = (format!("{CALLBACK}?code={waiting}&state=s"), wiki.secret.clone().unwrap());
    for name in ["redirect_uri", "client_id", "scope", "prompt", "response_type", "response_mode", "resource"]
    {
        for value in [here.as_str(), &waiting, &secret, &format!("x'{secret}'")] {
            browser.get(&wiki.authorize(&[(name, value)])).await;
        }
    }
    browser.get(&format!("{}&{waiting}=1&{waiting}=1", wiki.authorize(&[]))).await;
    browser.get(&format!("/end-session?client_id=wiki&post_logout_redirect_uri={here}")).await;
    for name in ["grant_type", "scope", "client_id", "redirect_uri", "resource", "client_assertion_type"] {
        wiki.ask(&app, "/token", &[("grant_type", "client_credentials"), (name, &secret)]).await;
        app.program().post("/token", &[(name, &waiting), (&waiting, "1")]).await;
    }
    wiki.ask(&app, "/revoke", &[("token", &text(&next, "access_token"))]).await;
    wiki.ask(&app, "/revoke", &[("token", &first)]).await;

    // And out again, the other apps being told.
    let tokens = wiki.sign_in(&app, &mut browser).await;
    used.add_tokens(&tokens);
    used.add_cookies(&browser);
    let telling = app.tell_apps(&allowed);
    let hint = text(&tokens, "id_token");
    browser
        .get(&format!("/end-session?id_token_hint={hint}&post_logout_redirect_uri=https://evil.example"))
        .await;
    browser
        .raw("POST", "/end-session", "application/x-www-form-urlencoded", format!("id_token_hint={hint}"))
        .await;
    browser.get(&format!("/end-session?id_token_hint={hint}")).await;
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), heard.recv()).await.unwrap().unwrap();
    used.add("logout_token", told.strip_prefix("logout_token=").unwrap());
    telling.stop().await;
    app.app.auth.stop().await;
    LOGGING.store(false, Ordering::SeqCst);

    let log = String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    // What is looked for would be found: the log is of everything, down to the libraries.
    for there in [
        "TRACE",
        "DEBUG",
        "an app was refused",
        "/token",
        "/userinfo",
        "answered",
        "invalid_client",
        "SELECT",
    ] {
        assert!(log.contains(there), "{there} is in the log");
    }
    assert!(used.0.len() > 40, "{}", used.0.len());
    for (name, secret) in &used.0 {
        for form in forms(secret) {
            assert!(form.len() >= 12, "{name}: {form} is too short to be looked for");
            if let Some(at) = log.find(&form) {
                let line = log[..at].rsplit('\n').next().unwrap_or_default();
                panic!("{name} is in the log as {form} behind: {line}");
            }
        }
    }
}

/// The search is good: each form of a secret is found where it stands.
#[test]
fn class_24_a_secret_is_found_in_every_form() {
    let secret = "correct horse battery staple";
    for text in [
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("wiki:{secret}")),
        STANDARD.encode(format!("x:{secret}:y")),
        URL_SAFE_NO_PAD.encode(format!(r#"{{"k":"{secret}"}}"#)),
        "correct+horse+battery+staple".to_owned(),
        format!("{:?}", secret.as_bytes()),
    ] {
        assert!(forms(secret).iter().any(|form| text.contains(form)), "{text}");
    }
    // A key in hexadecimal, of which its bytes are shown.
    let (key, bytes): (_, [u8; 8]) =
        ("f3b1c29d7e5a48d0f3b1c29d7e5a48d1", [0xf3, 0xb1, 0xc2, 0x9d, 0x7e, 0x5a, 0x48, 0xd0]);
    let bytes = [bytes, [0xf3, 0xb1, 0xc2, 0x9d, 0x7e, 0x5a, 0x48, 0xd1]].concat();
    assert_eq!(decoded(key).as_ref(), Some(&bytes));
    for encoded in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes), URL_SAFE.encode(&bytes)] {
        assert_eq!(decoded(&encoded).as_ref(), Some(&bytes), "{encoded}");
    }
    for text in [
        STANDARD.encode(&bytes),
        format!("{bytes:?}"),
        URL_SAFE_NO_PAD.encode([&b"k="[..], &bytes[..]].concat()),
    ] {
        assert!(forms(key).iter().any(|form| text.contains(form)), "{text}");
    }
}
