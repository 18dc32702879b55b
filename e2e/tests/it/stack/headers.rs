//! What a browser is told by the proxy and by the applications, which must not contradict each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use reqwest::header::{HeaderMap, STRICT_TRANSPORT_SECURITY};
use reqwest::{Client, Response, StatusCode, Url, Version};

use super::docker::success;
use super::installation::{APP, AUTH, Installation};
use super::rises::PASSWORD;
use super::visitor::{app, auth};

/// What every answer has, whoever it comes from.
const EVERYWHERE: [(&str, &str); 8] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

/// Through the proxy, from outside: TLS, headers, cookies, redirects.
pub(super) async fn hold_from_outside(stack: &Installation) {
    let client = stack.stranger();
    for (page, status) in [
        (auth("/sign-in"), StatusCode::OK),
        (auth("/nowhere"), StatusCode::NOT_FOUND),
        (auth("/.well-known/openid-configuration"), StatusCode::OK),
        (app("/"), StatusCode::OK),
        (app("/nowhere"), StatusCode::NOT_FOUND),
    ] {
        let answer = client.get(&page).send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (status, Version::HTTP_2), "{page}");
        hold_of(&page, answer.headers());
    }
    only_tls_of_today_is_spoken(stack);
    a_body_is_bounded(&client).await;
    what_is_personal_is_not_compressed(&client).await;
    it_is_reached_over_quic(stack, &client).await;
    clear_text_leads_to_tls(&client).await;
    cookies_are_kept_for_tls(&client).await;
    what_is_inside_is_not_reached(&client).await;
}

fn hold_of(page: &str, headers: &HeaderMap) {
    for (name, value) in EVERYWHERE {
        assert_eq!(all(headers, name), [at(page, name, value)], "{name} of {page}");
    }
    let policies = all(headers, "content-security-policy");
    assert_eq!(policies.len(), 1, "{page}: {policies:?}");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policies[0].contains(part), "{page}: {policies:?}");
    }
    assert!(!policies[0].contains("unsafe"), "{page}: {policies:?}");
    assert_eq!(all(headers, "cache-control").len(), 1, "{page}");
    for name in ["server", "via", "x-powered-by", "content-encoding"] {
        assert!(!headers.contains_key(name), "{name} of {page}");
    }
}

/// Somebody signs in, and through that at the app: nobody keeps what they are shown.
pub(super) async fn hold_of_what_is_personal(stack: &Installation) {
    let mut person = Person { client: stack.stranger(), cookies: BTreeMap::new() };
    let sign_in = serde_json::json!({ "email": "ada@example.com", "password": PASSWORD });
    let answer = person.client.post(auth("/login")).json(&sign_in).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    person.keeps(&auth("/"), answer.headers());
    let mut seen = Vec::new();
    for page in [auth("/account"), auth("/account/sessions"), app("/protected")] {
        let mut at = page.clone();
        let answer = loop {
            let answer = person.opens(&at).await;
            assert_eq!(all(answer.headers(), "cache-control"), ["no-store"], "{at}");
            let Some(location) = answer.headers().get("location") else { break answer };
            at = answer.url().join(location.to_str().unwrap()).unwrap().to_string();
            seen.push(at.clone());
            assert!(seen.len() < 20, "{seen:?}");
        };
        assert_eq!((answer.status(), at.as_str()), (StatusCode::OK, page.as_str()), "{seen:?}");
        hold_of(&page, answer.headers());
        assert!(
            answer.text().await.unwrap().contains("ada@example.com") || page.ends_with("/sessions"),
            "{page}"
        );
    }
    assert!(seen.iter().any(|at| at.starts_with(&app("/")) && at.contains("code=")), "{seen:?}");
}

/// A browser that follows nothing by itself.
struct Person {
    client: Client,
    /// By host, then by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Person {
    async fn opens(&mut self, page: &str) -> Response {
        let host = Url::parse(page).unwrap().host_str().unwrap().to_owned();
        let cookies = self.cookies.get(&host).into_iter().flatten();
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.client.get(page).header("cookie", cookies.join("; ")).send().await.unwrap();
        self.keeps(page, answer.headers());
        answer
    }

    fn keeps(&mut self, page: &str, headers: &HeaderMap) {
        let host = Url::parse(page).unwrap().host_str().unwrap().to_owned();
        for cookie in all(headers, "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.entry(host.clone()).or_default().insert(name.to_owned(), value.to_owned());
        }
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

fn all(headers: &HeaderMap, name: &str) -> Vec<String> {
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
        for (name, value) in EVERYWHERE {
            let line = format!("{name}: {}", at(&page, name, value));
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

async fn cookies_are_kept_for_tls(client: &Client) {
    let answer = client.get(app("/protected")).send().await.unwrap();
    assert!(answer.status().is_redirection(), "{}", answer.status());
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&auth("/")), "{location}");
    let mut cookies = all(answer.headers(), "set-cookie");
    let answer = client.get(location).send().await.unwrap();
    cookies.extend(all(answer.headers(), "set-cookie"));
    assert!(!cookies.is_empty());
    for cookie in cookies {
        let attributes = cookie.to_ascii_lowercase();
        assert!(attributes.starts_with("__host-"), "{cookie}");
        for attribute in ["; secure", "; httponly", "; path=/", "; samesite=lax"] {
            assert!(attributes.contains(attribute), "{attribute} of {cookie}");
        }
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
    let caddyfile = std::fs::read_to_string(workspace().join("deploy/Caddyfile")).unwrap();
    let of_proxy = snippet(&caddyfile);
    for (name, value) in EVERYWHERE {
        assert_eq!(of_proxy.get(name).map(String::as_str), Some(value), "{name} of deploy/Caddyfile");
    }
    for (place, of_application) in super::alone::headers().await {
        for (name, value) in &of_proxy {
            let Some(own) = of_application.get(name.as_str()) else { continue };
            let own = own.to_str().unwrap();
            match name.as_str() {
                "content-security-policy" => allows_no_more(value, own, &place),
                // What is the same for everybody may be kept; the proxy says so of nothing.
                "cache-control" => {}
                name => assert_eq!(own, at(&place, name, value), "{name} of {place}"),
            }
        }
        for (name, value) in EVERYWHERE {
            assert_eq!(
                of_application.get(name).map(|own| own.to_str().unwrap()),
                Some(at(&place, name, value)),
                "{name} of {place}"
            );
        }
    }
}

/// What stands everywhere, but for who signs in: they may do so in a window that an app has opened.
fn at<'a>(page: &str, name: &str, value: &'a str) -> &'a str {
    let stays_its_openers = name == "cross-origin-opener-policy" && page.ends_with("/sign-in");
    if stays_its_openers { "unsafe-none" } else { value }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
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

/// Every directive of the one is in the other, and allows nothing there.
fn allows_no_more(of_proxy: &str, of_application: &str, place: &str) {
    let directives = |policy: &str| -> BTreeMap<String, String> {
        let parts = policy.split(';').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| {
                part.split_once(' ').map_or((part.to_owned(), String::new()), |(name, value)| {
                    (name.to_owned(), value.to_owned())
                })
            })
            .collect()
    };
    let application = directives(of_application);
    for (name, value) in directives(of_proxy) {
        assert_eq!(value, "'none'", "{name} of the proxy's policy allows something");
        assert!(application.contains_key(&name), "{place} leaves {name} open, which the proxy forbids");
    }
}
