//! What somebody does who signs in by a browser and uses an app: the steps, in which order, and what each has to be answered.

use std::sync::Arc;
use std::time::Duration;

use auth::Random;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, LOCATION, SET_COOKIE};
use hyper::{Method, StatusCode};
use oidc::{CODE_CHALLENGE_METHOD, CodeVerifier};
use secrets::ExposeSecret as _;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::body::Sent;
use super::canary::{Known, REDIRECT_URI, SCOPE};
use super::connection::{Answer, Ask, Why, Wrong};
use super::ledger::Told;

/// A step of the journey: one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    SignIn,
    /// Asks for a code, and so begins what [`Step::Exchange`] ends.
    Authorize,
    Exchange,
    UserInfo,
    VerifyToken,
    Refresh,
    RenewToken,
    Change,
    ReadBack,
    Discovery,
    Keys,
    SignInPage,
    Static,
    App,
}

/// The whole of it in order, as it is tried before anything is measured.
pub(super) const FIRST: [Step; 14] = [
    Step::SignIn,
    Step::Authorize,
    Step::Exchange,
    Step::UserInfo,
    Step::VerifyToken,
    Step::Refresh,
    Step::RenewToken,
    Step::Change,
    Step::ReadBack,
    Step::Discovery,
    Step::Keys,
    Step::SignInPage,
    Step::Static,
    Step::App,
];

/// How it goes on, round and round: mostly looks, as everywhere; a code is asked for in each, so that a lost one mends.
const ROUND: [Step; 20] = [
    Step::VerifyToken,
    Step::UserInfo,
    Step::Change,
    Step::Discovery,
    Step::VerifyToken,
    Step::Refresh,
    Step::Keys,
    Step::UserInfo,
    Step::App,
    Step::SignIn,
    Step::VerifyToken,
    Step::Authorize,
    Step::SignInPage,
    Step::UserInfo,
    Step::Change,
    Step::RenewToken,
    Step::VerifyToken,
    Step::Static,
    Step::Refresh,
    Step::UserInfo,
];

/// How slow what is slow is.
const SLOW: Duration = Duration::from_secs(3);
const PIECES: usize = 10;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// As much of an answer as is told of one that should have been another.
const TOLD: usize = 200;

/// Somebody on the way. Each has sessions of its own.
pub(super) struct Traveller {
    known: Arc<Known>,
    pub(super) account: usize,
    /// Of those who share an account one makes changes.
    is_writer: bool,
    /// The path of the app's page, if it is asked.
    app: Option<String>,
    at: usize,
    browser: Option<String>,
    session: Option<Session>,
    /// Every session that was begun: its cookie.
    begun: Vec<String>,
    verifier: Option<CodeVerifier>,
    code: Option<String>,
    grant: Option<Grant>,
    told: Told,
}

/// What a sign-in is answered with.
struct Session {
    user: String,
    cookie: String,
    jwt: String,
}

/// What an app holds.
struct Grant {
    access_token: String,
    refresh_token: String,
}

impl Traveller {
    /// The `number`th of them.
    pub(super) fn new(known: Arc<Known>, number: usize, is_writer: bool, app: Option<&Url>) -> Self {
        let accounts = known.addresses.len().max(1);
        Self {
            known,
            account: number % accounts,
            is_writer: is_writer && number < accounts,
            app: app.map(|app| app.path().to_owned()),
            // They do not all do the same at the same time.
            at: number * 7 % ROUND.len(),
            browser: None,
            session: None,
            begun: Vec::new(),
            verifier: None,
            code: None,
            grant: None,
            told: Told::default(),
        }
    }

    /// What it does next, so long after the beginning; `may_sign_in` is asked whether a sign-in is due, which costs the server a hash.
    pub(super) fn next_step(&mut self, elapsed: Duration, may_sign_in: impl FnOnce() -> bool) -> Step {
        if self.code.is_some() {
            return Step::Exchange;
        }
        let mut may_sign_in = Some(may_sign_in);
        loop {
            let step = ROUND.get(self.at).copied().unwrap_or(Step::VerifyToken);
            self.at = (self.at + 1) % ROUND.len();
            let is_due = match step {
                Step::SignIn => may_sign_in.take().is_some_and(|ask| ask()),
                // What was changed is looked at before it is changed again.
                Step::Change if self.told.changes.is_pending() => return Step::ReadBack,
                Step::Change => self.is_writer && self.told.changes.is_due(elapsed),
                step => self.can(step),
            };
            if is_due {
                return step;
            }
        }
    }

    /// Whether it has what a step takes.
    pub(super) fn can(&self, step: Step) -> bool {
        match step {
            Step::UserInfo | Step::Refresh => self.grant.is_some(),
            Step::Exchange => self.code.is_some(),
            Step::Change => self.is_writer,
            Step::ReadBack => self.told.changes.is_pending(),
            Step::App => self.app.is_some(),
            // One grant is enough, as long as it holds.
            Step::Authorize => self.grant.is_none(),
            _ => true,
        }
    }

    /// The request of a step.
    pub(super) fn ask(&mut self, step: Step) -> Ask {
        match step {
            Step::SignIn => {
                let address = self.known.addresses.get(self.account).map_or("", String::as_str);
                let body = json!({ "email": address, "password": self.known.password.expose_secret() });
                let ask = with_json(Method::POST, "/api/v1/sign-in", &body);
                // The same browser, in which nobody is signed in.
                match &self.browser {
                    Some(browser) => ask.with(COOKIE, browser),
                    None => ask,
                }
            }
            Step::Authorize => {
                let query = self.authorization_request();
                Ask::new(Method::GET, format!("/authorize?{query}")).with(COOKIE, self.cookie())
            }
            Step::Exchange => {
                let verifier = self.verifier.take();
                let code = self.code.take().unwrap_or_default();
                with_form(&[
                    ("grant_type", "authorization_code"),
                    ("client_id", self.known.client_id.as_str()),
                    ("redirect_uri", REDIRECT_URI),
                    ("code", code.as_str()),
                    ("code_verifier", verifier.as_ref().map_or("", CodeVerifier::expose)),
                ])
            }
            // It is used up now, whether or not an answer comes.
            Step::Refresh => {
                let grant = self.grant.take();
                with_form(&[
                    ("grant_type", "refresh_token"),
                    ("client_id", self.known.client_id.as_str()),
                    ("refresh_token", grant.as_ref().map_or("", |grant| grant.refresh_token.as_str())),
                ])
            }
            Step::UserInfo => {
                let token = self.grant.as_ref().map_or("", |grant| grant.access_token.as_str());
                Ask::new(Method::GET, "/userinfo").with(AUTHORIZATION, &format!("Bearer {token}"))
            }
            Step::VerifyToken => {
                let token = self.session.as_ref().map_or("", |session| session.jwt.as_str());
                with_json(Method::POST, "/verify-token", &json!({ "token": token }))
            }
            Step::RenewToken => Ask::new(Method::POST, "/api/v1/account/token").with(COOKIE, self.cookie()),
            Step::Change => {
                let name = self.told.changes.begin();
                with_json(Method::PATCH, "/api/v1/account", &json!({ "name": name }))
                    .with(COOKIE, self.cookie())
                    .with(IDEMPOTENCY_KEY, &Random::system().opaque_id().to_string())
            }
            Step::ReadBack => Ask::new(Method::GET, "/api/v1/account").with(COOKIE, self.cookie()),
            Step::Discovery => Ask::new(Method::GET, "/.well-known/openid-configuration"),
            Step::Keys => Ask::new(Method::GET, "/.well-known/jwks.json"),
            Step::SignInPage => Ask::new(Method::GET, "/sign-in"),
            Step::Static => Ask::new(Method::GET, "/static/style.css"),
            Step::App => Ask::new(Method::GET, self.app.as_deref().unwrap_or("/")),
        }
    }

    /// A body that is sent slowly.
    pub(super) fn ask_slowly(&mut self) -> Ask {
        self.ask(Step::VerifyToken).sent_slowly(PIECES, SLOW)
    }

    /// What a session is asked that should live: by the cookie that it was begun with.
    pub(super) fn ask_whether_lives(cookie: &str) -> Ask {
        Ask::new(Method::GET, "/api/v1/account").with(COOKIE, cookie)
    }

    fn cookie(&self) -> &str {
        self.session.as_ref().map_or("", |session| session.cookie.as_str())
    }

    fn authorization_request(&mut self) -> String {
        let verifier = CodeVerifier::from_random(&Random::system().token());
        let challenge = verifier.challenge().to_string();
        self.verifier = Some(verifier);
        let pairs = [
            ("response_type", "code"),
            ("client_id", self.known.client_id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", STATE),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", CODE_CHALLENGE_METHOD),
        ];
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// Takes the answer of a step, or says what is wrong with it.
    pub(super) fn answered(&mut self, step: Step, answer: &Answer) -> Result<(), Wrong> {
        let taken = self.take(step, answer);
        if taken.is_err() {
            self.failed(step);
        }
        taken
    }

    /// No good answer came.
    pub(super) fn failed(&mut self, step: Step) {
        if step == Step::SignIn {
            self.told.doubtful_sign_ins += 1;
        }
    }

    fn take(&mut self, step: Step, answer: &Answer) -> Result<(), Wrong> {
        check_status(step, answer)?;
        match step {
            Step::SignIn => self.take_session(answer)?,
            Step::Authorize => self.code = Some(code(answer)?),
            Step::Exchange | Step::Refresh => {
                let body = body(answer)?;
                let access_token = text(&body, "access_token")?.to_owned();
                let refresh_token = text(&body, "refresh_token")?.to_owned();
                self.grant = Some(Grant { access_token, refresh_token });
            }
            Step::UserInfo | Step::VerifyToken => {
                let body = body(answer)?;
                let user = self.session.as_ref().map_or("", |session| session.user.as_str());
                if text(&body, "sub")? != user {
                    return Err(Wrong::new(Why::Answer, &"it is about somebody else"));
                }
            }
            Step::RenewToken => {
                let jwt = cookie(answer, "jwt")?;
                if let Some(session) = &mut self.session {
                    value(&jwt).clone_into(&mut session.jwt);
                }
            }
            Step::Change => self.told.changes.acknowledge(),
            Step::ReadBack => self.told.changes.read(text(&body(answer)?, "name")?),
            Step::Discovery => text(&body(answer)?, "issuer").map(drop)?,
            Step::Keys => {
                let body = body(answer)?;
                let keys = body.get("keys").and_then(Value::as_array);
                if keys.is_none_or(Vec::is_empty) {
                    return Err(Wrong::new(Why::Answer, &"there is no key in it"));
                }
            }
            Step::SignInPage | Step::Static if answer.body.is_empty() => {
                return Err(Wrong::new(Why::Answer, &"there is nothing in it"));
            }
            Step::SignInPage | Step::Static | Step::App => {}
        }
        Ok(())
    }

    fn take_session(&mut self, answer: &Answer) -> Result<(), Wrong> {
        let body = body(answer)?;
        let user = text(&body, "user_id")?.to_owned();
        let id = text(&body, "session_id")?.to_owned();
        let session = cookie(answer, "keyward-session")?;
        let jwt = value(&cookie(answer, "jwt")?).to_owned();
        if let Ok(browser) = cookie(answer, "keyward-browser") {
            self.browser = Some(browser);
        }
        let cookie = match &self.browser {
            Some(browser) => format!("{session}; {browser}"),
            None => session,
        };
        self.told.sessions.push(id);
        self.begun.push(cookie.clone());
        self.session = Some(Session { user, cookie, jwt });
        // What the app held was of the session before, which goes on by itself.
        self.grant = None;
        Ok(())
    }

    /// The end of the way: which account it was on, what that was told, and the cookies of the sessions that should live.
    pub(super) fn end(self) -> (usize, Told, Vec<String>) {
        (self.account, self.told, self.begun)
    }
}

/// Comes back with the code.
const STATE: &str = "canary";

fn with_json(method: Method, path: &str, body: &Value) -> Ask {
    let body = Sent::at_once(body.to_string());
    Ask::new(method, path).with(CONTENT_TYPE, "application/json").body(body)
}

/// To the token endpoint.
fn with_form(pairs: &[(&str, &str)]) -> Ask {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Ask::new(Method::POST, "/token")
        .with(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Sent::at_once(body))
}

/// Something long, which is read slowly.
pub(super) fn slow_reading() -> Ask {
    Ask::new(Method::GET, "/openapi.json").read_slowly(SLOW)
}

/// Whether that was read.
pub(super) fn take_slow_reading(answer: &Answer) -> Result<(), Wrong> {
    expect(answer, answer.status == StatusCode::OK, "200")?;
    body(answer).map(drop)
}

fn check_status(step: Step, answer: &Answer) -> Result<(), Wrong> {
    let status = answer.status;
    match step {
        Step::Authorize => expect(answer, matches!(status, StatusCode::FOUND | StatusCode::SEE_OTHER), "303"),
        // It may lead on to where one signs in.
        Step::App => expect(answer, status.is_success() || status.is_redirection(), "200"),
        _ => expect(answer, status == StatusCode::OK, "200"),
    }
}

fn expect(answer: &Answer, is_met: bool, expected: &str) -> Result<(), Wrong> {
    if is_met {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&answer.body);
    let told: String = told.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD).collect();
    let status = answer.status.as_u16();
    Err(Wrong::new(Why::Status, &format_args!("answered {status} in the place of {expected}: {told}")))
}

fn body(answer: &Answer) -> Result<Value, Wrong> {
    let read = serde_json::from_slice(&answer.body);
    read.map_err(|error| Wrong::new(Why::Answer, &format_args!("its body is no JSON: {error}")))
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Wrong> {
    let found = body.get(name).and_then(Value::as_str);
    found.ok_or_else(|| Wrong::new(Why::Answer, &format_args!("it has no {name}")))
}

/// A cookie that is set, `name=value`; over TLS its name has a prefix.
fn cookie(answer: &Answer, name: &str) -> Result<String, Wrong> {
    let set = answer.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = set.filter_map(|set| set.split(';').next()).filter(|pair| {
        pair.split_once('=').is_some_and(|(own, value)| {
            !value.is_empty() && own.strip_prefix("__Host-").unwrap_or(own) == name
        })
    });
    let found = pairs.next().map(str::to_owned);
    found.ok_or_else(|| Wrong::new(Why::Answer, &format_args!("it sets no cookie {name}")))
}

fn value(cookie: &str) -> &str {
    cookie.split_once('=').map_or("", |(_, value)| value)
}

/// The code that an app is answered with.
fn code(answer: &Answer) -> Result<String, Wrong> {
    let location =
        answer.headers.get(LOCATION).and_then(|location| location.to_str().ok()).unwrap_or_default();
    let (mut code, mut state) = (None, None);
    if let Some(url) = location.starts_with(REDIRECT_URI).then(|| Url::parse(location).ok()).flatten() {
        for (name, value) in url.query_pairs() {
            match &*name {
                "code" => code = Some(value.into_owned()),
                "state" => state = Some(value.into_owned()),
                _ => {}
            }
        }
    }
    // Whatever else it says, no code is in it.
    let wrong = || {
        let told = location.split(['?', '#']).next().unwrap_or_default();
        Wrong::new(Why::Answer, &format_args!("it leads to {told:?}, and brings no code"))
    };
    code.filter(|_| state.as_deref() == Some(STATE)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
