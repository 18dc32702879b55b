//! What a browser is told by the proxy and by the applications, which must not contradict each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use reqwest::header::{HeaderMap, STRICT_TRANSPORT_SECURITY};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Version};

use super::docker::success;
use super::installation::{APP, AUTH, Installation};
use super::visitor::{app, auth};

const POLICY: &str = "content-security-policy";
const OPENER_POLICY: &str = "cross-origin-opener-policy";

/// What every answer has, whoever it comes from; but for what is [said of the window](opener_policy) that it is in.
const EVERYWHERE: [(&str, &str); 8] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)"),
    (OPENER_POLICY, "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

/// Through the proxy, from outside: TLS, headers, cookies, redirects.
pub(super) async fn hold_from_outside(stack: &Installation) {
    let client = stack.stranger();
    for (host, pages) in [(AUTH, OF_AUTH_SERVICE.as_slice()), (APP, &OF_APP_SERVICE)] {
        for (method, path, status) in pages {
            let page = format!("https://{host}{path}");
            let answer = asks(&client, method, &page).send().await.unwrap();
            assert_eq!((answer.status(), answer.version()), (*status, Version::HTTP_2), "{page}");
            hold_of(&page, answer.headers());
        }
    }
    only_tls_of_today_is_spoken(stack);
    a_body_is_bounded(&client).await;
    what_is_personal_is_not_compressed(&client).await;
    it_is_reached_over_quic(stack, &client).await;
    clear_text_leads_to_tls(&client).await;
    super::personal::cookies_on_the_way_are_kept_for_tls(&client).await;
    what_is_inside_is_not_reached(&client).await;
}

/// Of every sort that there is: a page, a form, a failure, a redirect, and what is for programs. Each is asked for through the proxy, and of
/// the program alone.
pub(super) const OF_AUTH_SERVICE: [(Method, &str, StatusCode); 7] = [
    (Method::GET, "/sign-in", StatusCode::OK),
    (Method::GET, "/sign-up", StatusCode::OK),
    (Method::GET, "/authorize", StatusCode::BAD_REQUEST),
    (Method::POST, "/login", StatusCode::UNAUTHORIZED),
    (Method::GET, "/static/style.css", StatusCode::OK),
    (Method::GET, "/nowhere", StatusCode::NOT_FOUND),
    (Method::GET, "/.well-known/openid-configuration", StatusCode::OK),
];
pub(super) const OF_APP_SERVICE: [(Method, &str, StatusCode); 4] = [
    (Method::GET, "/", StatusCode::OK),
    (Method::GET, "/protected", StatusCode::SEE_OTHER),
    (Method::GET, "/static/app.css", StatusCode::OK),
    (Method::GET, "/nowhere", StatusCode::NOT_FOUND),
];

/// As a stranger does who may try to sign in as nobody.
pub(super) fn asks(client: &Client, method: &Method, page: &str) -> RequestBuilder {
    let asks = client.request(method.clone(), page);
    if *method == Method::GET {
        return asks;
    }
    asks.json(&serde_json::json!({ "email": "nobody@example.com", "password": "no password of anybody" }))
}

/// Of an answer of the applications, as it comes through the proxy.
pub(super) fn hold_of(page: &str, headers: &HeaderMap) {
    hold(page, headers, opener_policy(page));
    forbids_what_nobody_needs(&all(headers, POLICY)[0], page);
}

/// Of an answer of the proxy's own where no slot does: it stays its opener's, whatever the page is.
pub(super) fn hold_of_a_failure(page: &str, headers: &HeaderMap) {
    hold(page, headers, "unsafe-none");
    let own = snippet(&caddyfile())[POLICY].clone();
    assert_eq!(all(headers, POLICY), [own], "{page}");
}

fn hold(page: &str, headers: &HeaderMap, opener_policy: &str) {
    for (name, value) in everywhere(opener_policy) {
        assert_eq!(all(headers, name), [value], "{name} of {page}");
    }
    let policies = all(headers, POLICY);
    assert_eq!(policies.len(), 1, "{page}: {policies:?}");
    assert!(!policies[0].contains("unsafe"), "{page}: {policies:?}");
    assert_eq!(all(headers, "cache-control").len(), 1, "{page}");
    for name in ["server", "via", "x-powered-by", "content-encoding"] {
        assert!(!headers.contains_key(name), "{name} of {page}");
    }
}

/// TLS before 1.2 is refused, by the proxy and not by who asks: the same client is let in by what is newer.
fn only_tls_of_today_is_spoken(stack: &Installation) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stack/tls_version.py");
    for (version, spoken) in [("TLSv1", false), ("TLSv1_1", false), ("TLSv1_2", true), ("TLSv1_3", true)] {
        let mut asks = Command::new(stack.docker.cache.join("python/bin/python"));
        let asked =
            asks.arg(&script).args([&stack.address(443).ip().to_string(), AUTH, version]).output().unwrap();
        let said = success(&asked);
        let expected = if spoken { version.replace('_', ".") } else { "protocol version".to_owned() };
        assert!(said.trim().contains(&expected), "{version}: {said}");
    }
}

/// What is longer than anything that is asked for is not carried on. (The app's own limit is among what the proxy makes of its file: no
/// page of the example app reads so much.)
async fn a_body_is_bounded(client: &Client) {
    let answer = client.post(auth("/login")).body(vec![b' '; 128_001]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

pub(super) fn all(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// A compressed page with a secret in it tells its secret by its length (BREACH). What is the same for everybody is compressed.
async fn what_is_personal_is_not_compressed(client: &Client) {
    let encoding = async |page: &str| {
        let answer =
            client.get(page).header("accept-encoding", "zstd, gzip, br, deflate").send().await.unwrap();
        let encoding = all(answer.headers(), "content-encoding");
        let length = answer.bytes().await.unwrap().len();
        (encoding, length)
    };
    for page in [
        auth("/sign-in"),
        auth("/sign-up"),
        auth("/docs"),
        auth("/nowhere"),
        auth("/openapi.json"),
        auth("/.well-known/openid-configuration"),
        app("/"),
        app("/nowhere"),
    ] {
        let (found, length) = encoding(&page).await;
        assert_eq!(found, [""; 0], "{page} is compressed");
        assert!(length > 200, "{page} is too short to be worth it anyway: {length}");
    }
    for file in [auth("/static/style.css"), app("/static/app.css")] {
        assert_eq!(encoding(&file).await.0, ["zstd"], "{file}");
    }
}

/// Every answer tells that HTTP/3 is there, and it is, with the same headers.
async fn it_is_reached_over_quic(stack: &Installation, client: &Client) {
    let authority = stack.folder.join("authority.pem");
    std::fs::write(&authority, stack.authority()).unwrap();
    for (host, path, page) in [(AUTH, "/sign-in", auth("/sign-in")), (APP, "/", app("/"))] {
        let answer = client.get(&page).send().await.unwrap();
        let offered = all(answer.headers(), "alt-svc");
        assert!(offered.len() == 1 && offered[0].contains("h3=\":443\""), "{page}: {offered:?}");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stack/over_quic.py");
        let mut asks = Command::new(stack.docker.cache.join("python/bin/python"));
        asks.arg(script).args([&stack.address(443).ip().to_string(), host, path]).arg(&authority);
        let answer = success(&asks.output().unwrap());
        let lines: Vec<_> = answer.lines().collect();
        assert!(lines.contains(&":status: 200"), "{page}: {answer}");
        for (name, value) in everywhere(opener_policy(&page)) {
            let line = format!("{name}: {value}");
            assert!(lines.contains(&line.as_str()), "no {line} over HTTP/3 of {page}: {answer}");
        }
    }
}

async fn clear_text_leads_to_tls(client: &Client) {
    for host in [AUTH, APP] {
        let answer = client.get(format!("http://{host}/some/page?x=1")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(answer.headers()["location"], format!("https://{host}/some/page?x=1"));
        assert!(!answer.headers().contains_key("server"), "{host}");
        assert!(!answer.headers().contains_key(STRICT_TRANSPORT_SECURITY), "RFC 6797 section 7.2");
    }
    let answer =
        client.get(format!("http://{AUTH}/")).header("host", "elsewhere.example.net").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    for name in ["server", "location"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
}

/// What is for the proxy and for the containers is not for the world.
async fn what_is_inside_is_not_reached(client: &Client) {
    for page in [auth("/readyz"), auth("/livez"), auth("/metrics"), app("/readyz"), app("/livez")] {
        let answer = client.get(&page).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{page}");
    }
}

/// The proxy's words, of the file, against those of the applications, of the source: where both say something, they say the
/// same; the policy of the proxy, which it sends only where an application sent none, allows nothing that theirs forbids.
#[tokio::test]
async fn the_proxy_and_the_applications_do_not_contradict_each_other() {
    let caddyfile = caddyfile();
    let of_proxy = snippet(&caddyfile);
    for (name, value) in EVERYWHERE {
        assert_eq!(of_proxy.get(name).map(String::as_str), Some(value), "{name} of deploy/Caddyfile");
    }
    for (place, of_application) in super::alone::headers().await {
        let expected = everywhere(opener_policy(&place));
        for (name, value) in expected {
            assert_eq!(all(&of_application, name), [value], "{name} of {place}");
        }
        for (name, value) in &of_proxy {
            let Some(own) = of_application.get(name.as_str()) else { continue };
            let own = own.to_str().unwrap();
            match name.as_str() {
                POLICY => {
                    forbids_what_nobody_needs(own, &place);
                    allows_no_more(value, own, &place);
                }
                // What is the same for everybody may be kept; the proxy says so of nothing.
                "cache-control" => {}
                name if expected.iter().any(|(known, _)| *known == name) => {}
                name => assert_eq!(own, value, "{name} of {place}"),
            }
        }
    }
    // A window that was once cut off from its opener is so for good: none is while no slot answers.
    let mut of_failures = of_proxy;
    of_failures.insert(OPENER_POLICY.to_owned(), "unsafe-none".to_owned());
    assert_eq!(failures(&caddyfile), of_failures);
}

fn everywhere(opener_policy: &str) -> [(&'static str, &str); 8] {
    EVERYWHERE.map(|(name, value)| (name, if name == OPENER_POLICY { opener_policy } else { value }))
}

/// Who signs in may do so in a window that an app has opened, and that stays the app's; no other page of these does.
fn opener_policy(page: &str) -> &'static str {
    let on_the_way = ["/sign-in", "/sign-up", "/authorize"].iter().any(|path| page.ends_with(path));
    if on_the_way { "unsafe-none" } else { "same-origin" }
}

fn caddyfile() -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(workspace.join("deploy/Caddyfile")).unwrap()
}

/// The snippet `(headers)`: what is set, where nothing says it must not be.
fn snippet(caddyfile: &str) -> BTreeMap<String, String> {
    let (_, rest) = caddyfile.split_once("\n(headers) {\n").unwrap();
    let (snippet, _) = rest.split_once("\n}\n").unwrap();
    let mut found = BTreeMap::new();
    for line in snippet.lines().map(str::trim).filter(|line| !line.starts_with(['#', '-', '}'])) {
        let line = line.strip_prefix("header ?").unwrap_or(line);
        let Some((name, value)) = line.split_once(' ') else { continue };
        if value != "{" {
            let value = value.trim_matches('"').replace("{$HSTS_PRELOAD}", "");
            assert_eq!(found.insert(name.to_ascii_lowercase(), value), None, "{name} twice");
        }
    }
    found
}

/// What the snippet `(failures)` makes of it.
fn failures(caddyfile: &str) -> BTreeMap<String, String> {
    let (_, rest) = caddyfile.split_once("\n(failures) {\n").unwrap();
    let (failures, _) = rest.split_once("\n}\n").unwrap();
    let lines = failures.lines().map(str::trim);
    assert!(lines.clone().any(|line| line == "import headers"), "{failures}");
    let mut found = snippet(caddyfile);
    // What is for some answers alone is not what it says of all.
    for line in lines.filter_map(|line| line.strip_prefix("header ")).filter(|line| !line.starts_with('@')) {
        let (name, value) = line.split_once(' ').unwrap();
        found.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    found
}

fn directives(policy: &str) -> BTreeMap<&str, &str> {
    let parts = policy.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.split_once(' ').unwrap_or((part, ""))).collect()
}

/// Of an application's policy: what it must not leave to the page, or to who frames it.
fn forbids_what_nobody_needs(policy: &str, place: &str) {
    let said = directives(policy);
    for (name, value) in [
        ("default-src", "'none'"),
        ("base-uri", "'none'"),
        ("frame-ancestors", "'none'"),
        ("require-trusted-types-for", "'script'"),
    ] {
        assert_eq!(said.get(name), Some(&value), "{name} of {place}: {policy}");
    }
}

/// Every directive of the one, which allows nothing, is in the other.
fn allows_no_more(of_proxy: &str, of_application: &str, place: &str) {
    let application = directives(of_application);
    for (name, value) in directives(of_proxy) {
        assert_eq!(value, "'none'", "{name} of the proxy's policy allows something");
        assert!(application.contains_key(name), "{place} leaves {name} open, which the proxy forbids");
    }
}
