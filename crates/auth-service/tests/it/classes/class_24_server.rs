//! Class 24: a secret printed, by the server as it is installed: the program itself, at its loudest, with a mail server to talk to
//! and everything on the way of a person from sign-up to a new password; then each secret that was used is looked for in all of its
//! output.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::class_24_log::forms;
use crate::process::{NAMES, Running, command, write_secrets};

/// What does not come by then is not going to.
const LONG: Duration = Duration::from_mins(1);
const ANA: &str = "ana@example.com";
const PASSWORD: &str = "correct horse battery staple";
const WRONG: &str = "a password of nobody at all";
const NEW: &str = "another horse with other staples";
/// All that a person types, rightly and wrongly.
pub(crate) const PASSWORDS: [&str; 3] = [PASSWORD, WRONG, NEW];

/// A mail, as it came: to whom, with the code and the secret of the link in it.
struct Letter {
    code: String,
    token: Option<String>,
}

/// Takes every mail of anybody who signs in, and tells of it.
pub(crate) fn mail_server() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, mails) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let told = told.clone();
            std::thread::spawn(move || converse(&stream, &told));
        }
    });
    (port, mails)
}

fn converse(stream: &TcpStream, told: &mpsc::Sender<String>) {
    let mut write = stream;
    let mut say = |text: &str| write.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    if !say("220 ready") {
        return;
    }
    let (mut mail, mut in_data) = (String::new(), false);
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = match line.as_str() {
            "." => {
                in_data = false;
                if told.send(std::mem::take(&mut mail)).is_err() {
                    return;
                }
                "250 taken"
            }
            _ if in_data => {
                mail += &line;
                mail.push('\n');
                continue;
            }
            "DATA" => {
                in_data = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ if line.starts_with("EHLO") => "250-good\r\n250 AUTH PLAIN LOGIN",
            _ if line.starts_with("AUTH") => "235 it is you",
            _ => "250 good",
        };
        if !say(answer) {
            return;
        }
    }
}

fn next(mails: &mpsc::Receiver<String>) -> Letter {
    let mail = mails.recv_timeout(LONG).unwrap();
    // Quoted-printable, if it is: lines are broken, and = is written otherwise.
    let mail = mail.replace("=\n", "").replace("=3D", "=");
    let (_, rest) = mail.split_once("code: ").unwrap_or_else(|| panic!("no code in {mail}"));
    let code = rest[..6].to_owned();
    let token = mail.split_once("?token=").map(|(_, rest)| {
        rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect()
    });
    Letter { code, token }
}

/// What a browser has of it.
#[derive(Default)]
struct Cookies(Vec<(String, String)>);

struct Answer {
    status: u16,
    body: Value,
    /// All of it, but what it gives to this browser alone.
    told: String,
}

/// Asks as a browser does that keeps cookies.
fn ask(running: &Running, cookies: &mut Cookies, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let kept: Vec<_> = cookies.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut stream = TcpStream::connect(&running.address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: auth.example.com\r\nconnection: close\r\ncookie: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        kept.join("; "),
        body.len()
    )
    .unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    for line in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
        let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
        cookies.0.retain(|(known, _)| known != name);
        if !value.is_empty() {
            cookies.0.push((name.to_owned(), value.to_owned()));
        }
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let told = answer.lines().filter(|line| !line.starts_with("set-cookie: ")).collect::<Vec<_>>().join("\n");
    Answer { status, body: serde_json::from_str(body).unwrap_or_default(), told }
}

/// What was secret on the way of a person, by name.
#[derive(Default)]
pub(crate) struct Used {
    pub(super) secrets: Vec<(String, String)>,
    /// Of six digits.
    pub(super) codes: Vec<(String, String)>,
    /// Every answer, but for cookies.
    pub(super) answers: String,
}

/// From sign-up to a new password, rightly and wrongly.
pub(super) fn journey(running: &Running, mails: &mpsc::Receiver<String>) -> Used {
    let (mut used, mut cookies) = (Used::default(), Cookies::default());
    let passwords = PASSWORDS.map(|password| (password.to_owned(), password.to_owned()));
    used.secrets.extend(passwords);
    let read = |used: &mut Used, what: &str| {
        let Letter { code, token } = next(mails);
        used.secrets.extend(token.clone().map(|token| (format!("the link of {what}"), token)));
        used.codes.push((format!("the code of {what}"), code.clone()));
        (code, token.unwrap_or_default())
    };
    let mut all_cookies = Vec::new();
    let mut post = |used: &mut Used, path: &str, body: Value, status: u16| {
        let answer = ask(running, &mut cookies, "POST", path, &body);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        all_cookies.extend(cookies.0.iter().cloned());
        used.answers += &answer.told;
        answer.body
    };
    let follow = |used: &mut Used, path: &str| {
        used.answers += &ask(running, &mut Cookies::default(), "GET", path, &Value::Null).told;
    };

    // Signed up, and the address proved: once too wrong, then by the code.
    let signed_up = post(
        &mut used,
        "/api/v1/sign-up",
        json!({ "email": ANA, "password": PASSWORD, "name": "Ana", "second_step": true }),
        201,
    );
    let (code, token) = read(&mut used, "the proof");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let body = json!({ "proof_id": signed_up["proof_id"], "code": wrong });
    post(&mut used, "/api/v1/sign-up/proof", body, 401);
    let body = json!({ "proof_id": signed_up["proof_id"], "code": code, "password": PASSWORD });
    post(&mut used, "/api/v1/sign-up/proof", body, 200);
    // The link is of no more use, and is followed all the same.
    follow(&mut used, &format!("/verify?token={token}"));
    // In with the second step.
    post(&mut used, "/api/v1/sign-in", json!({ "email": ANA, "password": WRONG }), 401);
    let attempt = post(&mut used, "/api/v1/sign-in", json!({ "email": ANA, "password": PASSWORD }), 202);
    let (code, _) = read(&mut used, "the second step");
    let body = json!({ "attempt_id": attempt["attempt_id"], "code": code });
    post(&mut used, "/api/v1/sign-in/code", body, 200);
    post(&mut used, "/verify-token", json!({ "token": "no.token.of-anybody" }), 401);
    // A new password, by the code and by the link.
    let asked = post(&mut used, "/api/v1/reset", json!({ "email": ANA }), 202);
    let (code, token) = read(&mut used, "the reset");
    follow(&mut used, &format!("/reset/new?token={token}"));
    let body = json!({ "reset_id": asked["reset_id"], "code": code, "new_password": NEW });
    post(&mut used, "/api/v1/reset/complete", body, 200);
    let body = json!({ "token": token, "new_password": NEW });
    post(&mut used, "/api/v1/reset/complete", body, 410);

    assert!(all_cookies.len() >= 3, "{}", all_cookies.len());
    used.secrets.extend(all_cookies);
    used
}

/// The secrets that a server reads out of its folder.
pub(super) fn of_folder<'a>(
    folder: &Path,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<(String, String)> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap().trim().to_owned();
    names.into_iter().map(|name| (name.to_owned(), read(name))).collect()
}

#[test]
fn class_24_no_secret_is_in_the_output_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let (mail_port, mails) = mail_server();
    let said = folder.path().join("said");
    let mut command = command(folder.path(), &transport(mail_port));
    command.env("KEYWARD_LOG", "trace").stdout(Stdio::from(std::fs::File::create(&said).unwrap()));
    let mut running = Running::of(&mut command);
    let Used { mut secrets, codes, .. } = journey(&running, &mails);
    secrets.extend(of_folder(folder.path(), NAMES));
    let log = running.end();
    assert_eq!(std::fs::read_to_string(&said).unwrap(), "", "it says nothing on standard output");
    // Nothing on this way says more than that, and would be heard if it did.
    for there in ["\"DEBUG\"", "/api/v1/sign-in/code", "SELECT", "\"stopped\""] {
        assert!(log.contains(there), "{there} is in the log");
    }
    for (name, secret) in &secrets {
        assert!(secret.len() >= 16, "{name} is long enough to be looked for: {secret}");
        for form in forms(secret) {
            found_nowhere(&log, name, &form, |_, _| true);
        }
    }
    // Six digits stand in many a moment; a code is a number of its own.
    for (name, code) in &codes {
        found_nowhere(&log, name, code, by_itself);
        let bytes = format!("{:?}", code.as_bytes());
        found_nowhere(&log, name, bytes.trim_matches(['[', ']']), |_, _| true);
        let basic = STANDARD.encode(format!("{{\"code\":\"{code}\"}}"));
        found_nowhere(&log, name, &basic, |_, _| true);
    }
}

/// How mail is sent to the server of [`mail_server`].
pub(crate) fn transport(port: u16) -> String {
    format!(
        "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nusername = \"keyward\"\n\
         password = \"file:SECRETS/mail\""
    )
}

fn by_itself(before: Option<char>, after: Option<char>) -> bool {
    let belongs = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
    !before.is_some_and(belongs) && !after.is_some_and(|letter| letter.is_ascii_alphanumeric())
}

/// Fails where the text stands, and its neighbours say that it is what is looked for.
pub(super) fn found_nowhere(
    log: &str,
    name: &str,
    text: &str,
    is_it: impl Fn(Option<char>, Option<char>) -> bool,
) {
    for (at, _) in log.match_indices(text) {
        let (before, after) = (log[..at].chars().next_back(), log[at + text.len()..].chars().next());
        let line = log[..at].rsplit('\n').next().unwrap_or_default();
        assert!(!is_it(before, after), "{name} is in the output as {text} behind: {line}");
    }
}
