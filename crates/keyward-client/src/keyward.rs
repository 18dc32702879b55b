//! The sign-in server, as an app sees it.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use reqwest::redirect::Policy;
use serde::Deserialize;
use url::Url;

use crate::{Identity, InvalidSettings, Settings, Unreachable};

/// The longest token that is asked about; the server's own have a few hundred bytes.
const TOKEN_BYTES: usize = 4096;
/// The longest answer that is read.
const ANSWER_BYTES: usize = 64 * 1024;

/// The sign-in server. Cloning is cheap: clones share one pool of connections.
#[derive(Clone, Debug)]
pub struct Keyward {
    settings: Arc<Settings>,
    check: Url,
    http: reqwest::Client,
}

/// What the server says of a token that holds.
#[derive(Deserialize)]
struct Answer {
    active: bool,
    #[serde(flatten)]
    identity: Identity,
}

impl Keyward {
    /// Checks the settings and opens the pool; asks nobody yet.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            // A token goes to the configured server and nowhere else.
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| InvalidSettings::Client(error.into()))?;
        let check = page(settings.asked(), "verify-token");
        Ok(Self { settings: Arc::new(settings), check, http })
    }

    /// Whose token this is; `None` if it is forged, expired or revoked.
    pub async fn verify(&self, token: &str) -> Result<Option<Identity>, Unreachable> {
        // What cannot be a token (RFC 7515: base64url parts with dots between) is not worth a question.
        let possible = !token.is_empty()
            && token.len() <= TOKEN_BYTES
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !possible {
            return Ok(None);
        }
        let question = self.http.post(self.check.clone()).json(&serde_json::json!({ "token": token }));
        let response = question.send().await.map_err(|error| self.no_answer(error))?;
        match response.status() {
            StatusCode::OK => {
                let answer: Answer = serde_json::from_slice(&self.read(response).await?)
                    .map_err(|error| self.malformed(error.to_string()))?;
                Ok(answer.active.then_some(answer.identity))
            }
            StatusCode::UNAUTHORIZED => Ok(None),
            status => Err(Unreachable::Status { url: self.check.clone(), status: status.as_u16() }),
        }
    }

    /// The token in a request's cookies, read as the server reads them: a request with two cookies of that name has none
    /// (one of them is not the server's), and cookies of others on this host may hold any byte.
    pub fn token<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let mut found = None;
        for header in headers.get_all(header::COOKIE) {
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                let Ok(pair) = std::str::from_utf8(pair) else { continue };
                if let Some((name, value)) = pair.trim().split_once('=')
                    && name == self.settings.cookie_name
                    && found.replace(value).is_some()
                {
                    return None;
                }
            }
        }
        found.filter(|value| !value.is_empty())
    }

    /// Where a person signs in and then comes back to `return_to`, an address that the server has been told of.
    pub fn sign_in_url(&self, return_to: &Url) -> Url {
        returning(self.page("sign-in"), return_to)
    }

    /// Where a person opens an account and then comes back to `return_to`, an address that the server has been told of.
    pub fn sign_up_url(&self, return_to: &Url) -> Url {
        returning(self.page("sign-up"), return_to)
    }

    /// Where a person signs out and then comes back to `return_to`, an address that the server has been told of.
    pub fn sign_out_url(&self, return_to: &Url) -> Url {
        returning(self.page("sign-out"), return_to)
    }

    /// Where a person looks after the account.
    pub fn account_url(&self) -> Url {
        self.page("account")
    }

    fn page(&self, name: &str) -> Url {
        page(&self.settings.auth_url, name)
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Vec<u8>, Unreachable> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(error))? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(self.malformed(format!("it is longer than {ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn no_answer(&self, error: reqwest::Error) -> Unreachable {
        Unreachable::NoAnswer { url: self.check.clone(), source: error.without_url().into() }
    }

    fn malformed(&self, reason: String) -> Unreachable {
        Unreachable::Malformed { url: self.check.clone(), reason }
    }
}

/// A page of the server, which may live below a path.
fn page(base: &Url, name: &str) -> Url {
    let mut url = base.clone();
    let path = format!("{}/{name}", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

fn returning(mut url: Url, return_to: &Url) -> Url {
    url.query_pairs_mut().append_pair("return_to", return_to.as_str());
    url
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn keyward(auth_url: &str) -> Keyward {
        Keyward::new(Settings::new(Url::parse(auth_url).unwrap())).unwrap()
    }

    #[test]
    fn pages_lie_below_the_servers_path() {
        let app = Url::parse("https://app.example.com/protected?a=b&c").unwrap();
        let sign_in = |auth_url| keyward(auth_url).sign_in_url(&app).to_string();
        let tail = "sign-in?return_to=https%3A%2F%2Fapp.example.com%2Fprotected%3Fa%3Db%26c";
        assert_eq!(sign_in("https://example.com"), format!("https://example.com/{tail}"));
        assert_eq!(sign_in("https://example.com/auth"), format!("https://example.com/auth/{tail}"));
        assert_eq!(sign_in("https://example.com/auth/"), format!("https://example.com/auth/{tail}"));
    }

    fn token(lines: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        keyward("https://example.com").token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(token(&[]), None);
        assert_eq!(token(&[b"a=b"]), None);
        assert_eq!(token(&[b"not-jwt=x; JWT=y; jwt2=z"]), None);
        assert_eq!(token(&[b"jwt="]), None);
        assert_eq!(token(&[b"a=b; jwt=x.y.z; c=d"]).as_deref(), Some("x.y.z"));
        assert_eq!(token(&[b"a=b", b"jwt=x.y.z"]).as_deref(), Some("x.y.z"));
    }

    /// It hid the whole header once: whoever had such a cookie was sent between app and sign-in for ever.
    #[test]
    fn a_strange_cookie_beside_the_token_does_not_hide_it() {
        for strange in [&b"name=M\xfcller"[..], "name=Müller".as_bytes(), b"no-equals-sign", b"=", b""] {
            let line = [strange, b"; jwt=x.y.z; ", strange].concat();
            assert_eq!(token(&[&line]).as_deref(), Some("x.y.z"), "{}", String::from_utf8_lossy(&line));
        }
        assert_eq!(token(&[b"jwt=\xff"]), None);
    }

    /// One of them is not the server's, and nobody can tell which.
    #[test]
    fn two_tokens_are_none() {
        assert_eq!(token(&[b"jwt=x.y.z; jwt=a.b.c"]), None);
        assert_eq!(token(&[b"jwt=x.y.z", b"jwt=a.b.c"]), None);
        assert_eq!(token(&[b"jwt=x.y.z; jwt="]), None);
    }
}
