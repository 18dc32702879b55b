//! Keyward's own server, as an operator runs it behind a proxy: the release build, its defaults, everything in a folder of
//! this run's.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::load::{Subject, Work};
use super::others::{SCOPE, access_token, basic, flow, get, post, post_form, program_form};
use super::process::Process;
use crate::Failure;
use crate::accounts::PASSWORD;
use crate::connection::Connection;
use crate::draw::{Draw, any_seed};

/// A server that does not serve by then is not going to.
const LONGEST_START: Duration = Duration::from_mins(1);
const EMAIL: &str = "person@example.com";

/// Starts it, and makes what is asked for ready.
pub(super) async fn start(
    program: &Path,
    core: usize,
    sessions: u32,
    folder: &Path,
) -> Result<Vec<Subject>, Failure> {
    let mut draw = Draw::new(any_seed());
    for name in ["encryption", "audit", "client"] {
        std::fs::write(folder.join(name), draw.secret())?;
    }
    let client_secret = std::fs::read_to_string(folder.join("client"))?;
    let (config, log) = (folder.join("keyward.toml"), folder.join("keyward.log"));
    std::fs::write(&config, settings(&folder.display().to_string()))?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(&config).env("KEYWARD_LOG", "info");
    let mut process = Process::start(&command, core, &log)?;
    let port = port_said(&mut process, &log).await?;
    let process = Arc::new(process);
    let (browsers, jwt) = sign_in(port, sessions).await?;
    let subject = |name, work| Subject { name, process: process.clone(), port, work };

    let flow = flow("/authorize", &browsers, &basic("app", &client_secret));
    let token = access_token(&flow, port).await?;
    let mut subjects = vec![
        subject("keyward discovery", ask(get("/.well-known/openid-configuration", &[]), "\"issuer\"")),
        subject("keyward key set", ask(get("/.well-known/jwks.json", &[]), "\"keys\"")),
        subject("keyward verify-token", {
            let body = json!({ "token": jwt }).to_string();
            ask(post("/verify-token", &[("content-type", "application/json")], &body), "\"active\":true")
        }),
        subject(
            "keyward userinfo",
            ask(get("/userinfo", &[("authorization", &format!("Bearer {token}"))]), "\"email\""),
        ),
        subject("keyward introspect", {
            let authorization = basic("app", &client_secret);
            ask(post_form("/introspect", &authorization, &format!("token={token}")), "\"active\":true")
        }),
    ];
    for (name, algorithm) in
        [("keyward token EdDSA", "EdDSA"), ("keyward token ES256", "ES256"), ("keyward token RS256", "RS256")]
    {
        let authorization = basic(&format!("robot-{algorithm}"), &client_secret);
        let request = post_form("/token", &authorization, &program_form(algorithm));
        subjects.push(subject(name, ask(request, "\"access_token\"")));
    }
    subjects.push(subject("keyward flow", flow));
    Ok(subjects)
}

fn ask(request: Arc<[u8]>, answered: &'static str) -> Work {
    Work::Ask { request, answered }
}

/// What an operator would write for one app and three programs. Mail goes nowhere: nobody has to prove an address.
fn settings(folder: &str) -> String {
    let mut text = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n[internal]\nlisten = \"127.0.0.1:0\"\n\
         [database]\npath = \"{folder}/keyward.sqlite\"\n\
         [keys]\nencryption = \"file:{folder}/encryption\"\naudit = \"file:{folder}/audit\"\n\
         [mail]\nfrom = \"no-reply@example.com\"\n\
         [mail.transport]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = 1\nsecurity = \"none\"\n\
         [accounts]\nrequire_proof = false\n[limits]\ntoken_life = \"1h\"\n\
         [[clients]]\nclient_id = \"app\"\nclient_name = \"App\"\nscope = \"{SCOPE}\"\nfirst_party = true\n\
         redirect_uris = [\"https://app.example.com/callback\"]\nsecret = \"file:{folder}/client\"\n\
         id_token_signed_response_alg = \"ES256\"\n"
    );
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let _ = write!(
            text,
            "[[clients]]\nclient_id = \"robot-{algorithm}\"\nclient_name = \"Robot\"\nscope = \"read\"\n\
             grant_types = [\"client_credentials\"]\nresources = [\"https://api.example.com/{algorithm}\"]\n\
             secret = \"file:{folder}/client\"\naccess_token_signed_response_alg = \"{algorithm}\"\n"
        );
    }
    text
}

/// The port, from the log. It is read again and again, since the server has nobody else to tell.
#[expect(clippy::disallowed_methods, reason = "how long a real server took")]
async fn port_said(process: &mut Process, log: &Path) -> Result<u16, Failure> {
    let begun = Instant::now();
    while process.is_running()? && begun.elapsed() < LONGEST_START {
        let said = std::fs::read_to_string(log)?;
        let address = said.lines().find_map(|line| line.split_once("\"address\":\"127.0.0.1:"));
        let port = address.and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
        if let Some(port) = port {
            return Ok(port);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(format!("auth-service did not start: {}", std::fs::read_to_string(log)?).into())
}

/// Makes an account, and so many sessions of it: the cookies of each, and a token that projects one.
async fn sign_in(port: u16, sessions: u32) -> Result<(Vec<String>, String), Failure> {
    let mut connection = Connection::open(port).await?;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "requires2FA": false });
    connection.post("/signup", &body).await?.expect(201, "a sign-up")?;
    let (mut browsers, mut jwt) = (Vec::new(), None);
    for _ in 0..sessions {
        let body = json!({ "email": EMAIL, "password": PASSWORD });
        let answer = connection.post("/login", &body).await?.expect(200, "a sign-in")?;
        let names = ["__Host-keyward-session", "__Host-keyward-browser"];
        let pair = |name: &str| answer.cookie(name).map(|value| format!("{name}={value}"));
        let pairs: Option<Vec<_>> = names.into_iter().map(pair).collect();
        browsers.push(pairs.ok_or("a sign-in set no cookies")?.join("; "));
        jwt = answer.cookie("jwt");
    }
    Ok((browsers, jwt.ok_or("a sign-in set no cookie `jwt`")?))
}
