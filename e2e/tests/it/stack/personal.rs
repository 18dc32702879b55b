//! What is one person's alone: pages that nobody keeps, and cookies that nobody else sees.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use reqwest::{Client, Response, StatusCode, Url};

use super::headers::{all, hold_of};
use super::installation::{APP, AUTH, Installation};
use super::rises::PASSWORD;
use super::visitor::{app, auth};

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
    // Those that let somebody in are among what was looked at.
    let kept = |host: &str| person.cookies[host].keys().cloned().collect::<Vec<_>>();
    let (at_auth, at_app) = (kept(AUTH), kept(APP));
    for name in ["__Host-keyward-session", "jwt"] {
        assert!(at_auth.iter().any(|known| known == name), "no {name} in {at_auth:?}");
    }
    assert!(at_app.iter().any(|known| known == "__Host-example-app-session"), "{at_app:?}");
}

/// No script reads it, no clear text carries it, and no other site's form sends it. By the prefix of its name a browser takes it from this very
/// host alone; `jwt` has none, since apps of the auth-service family know it by that name.
fn is_kept_for_tls(cookie: &str) {
    let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
    let (name, _) = pair.split_once('=').unwrap();
    assert!(name.starts_with("__Host-") || name == "jwt", "{cookie}");
    let attributes: Vec<_> = attributes.split(';').map(|said| said.trim().to_ascii_lowercase()).collect();
    for wanted in ["secure", "httponly", "path=/", "samesite=lax"] {
        assert!(attributes.iter().any(|said| said == wanted), "no {wanted} of {cookie}");
    }
    assert!(!attributes.iter().any(|said| said.starts_with("domain")), "{cookie}");
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
            is_kept_for_tls(&cookie);
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.entry(host.clone()).or_default().insert(name.to_owned(), value.to_owned());
        }
    }
}

/// Those of somebody who is not signed in yet.
pub(super) async fn cookies_on_the_way_are_kept_for_tls(client: &Client) {
    let answer = client.get(app("/protected")).send().await.unwrap();
    assert!(answer.status().is_redirection(), "{}", answer.status());
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&auth("/")), "{location}");
    let mut cookies = all(answer.headers(), "set-cookie");
    let answer = client.get(location).send().await.unwrap();
    cookies.extend(all(answer.headers(), "set-cookie"));
    assert!(!cookies.is_empty());
    for cookie in cookies {
        assert!(cookie.starts_with("__Host-"), "{cookie}");
        is_kept_for_tls(&cookie);
    }
}
