//! What sends mail changes while the server runs: the password of a mail server that looks at it, a token of Postmark (a double of its
//! documented answers). The next mail goes by the new one; one that is wrong is refused, and mail goes on by the one before.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use auth_service::admin::{LookAtSecrets, SecretShown, call};
use auth_service::background::Transport;
use auth_service::config::Sources;
use auth_service::connections::{Connections, serve};
use auth_service::health::{Health, Phase};
use auth_service::server::{Secrets, Server, keeper, system_clock};
use auth_service::stop::stop;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::{EgressClient, Postmark};
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::full::LONG;
use crate::process::{POSTMARK, Running, write_config, write_secrets};
use crate::rotation::{hang_up, metric, metric_at, put};
use crate::support::apps_here;

/// What a mail went by, and whom it was to.
type Sent = (String, String);
/// The secret that is known, which can be exchanged.
type Known = Arc<Mutex<String>>;

fn knows(secret: &str) -> Known {
    Arc::new(Mutex::new(secret.to_owned()))
}

fn set(known: &Known, secret: &str) {
    secret.clone_into(&mut known.lock().unwrap());
}

fn fresh() -> String {
    generate_key_text().expose_secret().to_owned()
}

/// Asks for an account, whose address has to be proved: a mail.
fn ask_for_a_mail(address: &str, name: &str) {
    let body = json!({ "email": format!("{name}@example.com"), "password": "correct horse battery" });
    assert_eq!(crate::process::post(address, "/api/v1/sign-up", &body, "").0, 201);
}

/// Lets in by one password alone, takes every mail, and tells of it.
fn mail_server(known: &Known) -> (u16, mpsc::Receiver<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, mails) = mpsc::channel();
    let known = known.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (told, known) = (told.clone(), known.clone());
            std::thread::spawn(move || converse(&stream, &known, &told));
        }
    });
    (port, mails)
}

/// Nobody sends mail without having signed in.
fn converse(stream: &TcpStream, known: &Known, told: &mpsc::Sender<Sent>) {
    let mut write = stream;
    let mut say = |text: &str| write.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    if !say("220 ready") {
        return;
    }
    let mut by: Option<String> = None;
    let (mut to, mut in_data) = (String::new(), false);
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = match line.as_str() {
            "." => {
                in_data = false;
                if told.send((by.clone().unwrap_or_default(), to.clone())).is_err() {
                    return;
                }
                "250 taken"
            }
            _ if in_data => continue,
            "QUIT" => "221 bye",
            _ if line.starts_with("EHLO") => "250-good\r\n250 AUTH PLAIN",
            _ if line.starts_with("AUTH PLAIN ") => {
                let password = password(&line["AUTH PLAIN ".len()..]);
                if password == *known.lock().unwrap() {
                    by = Some(password);
                    "235 it is you"
                } else {
                    "535 it is not you"
                }
            }
            _ if by.is_none() && line.starts_with("MAIL") => "530 sign in first",
            "DATA" => {
                in_data = true;
                "354 go on"
            }
            _ => {
                if let Some(address) = line.strip_prefix("RCPT TO:<") {
                    address.trim_end_matches('>').clone_into(&mut to);
                }
                "250 good"
            }
        };
        if !say(answer) {
            return;
        }
    }
}

/// What somebody signs in by (RFC 4616): the third of three parts.
fn password(told: &str) -> String {
    let told = String::from_utf8(STANDARD.decode(told).unwrap()).unwrap();
    told.split('\0').nth(2).unwrap().to_owned()
}

fn transport(port: u16) -> String {
    format!(
        "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nusername = \"keyward\"\n\
         password = \"file:SECRETS/mail\""
    )
}

#[test]
fn another_password_of_the_mail_server_is_taken_and_the_next_mail_goes_by_it() {
    const SETTING: &str = "mail.transport.password";
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let file = folder.path().join("mail");
    let [first, second, third] = [fresh(), fresh(), fresh()];
    put(&file, &first);
    let known = knows(&first);
    let (port, mails) = mail_server(&known);
    let mut server = Running::start(folder.path(), &transport(port));
    let address = server.address.clone();
    let sent = |by: &str, name: &str| {
        ask_for_a_mail(&address, name);
        assert_eq!(mails.recv_timeout(LONG).unwrap(), (by.to_owned(), format!("{name}@example.com")));
    };
    sent(&first, "ana");

    set(&known, &second);
    put(&file, &second);
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is in force");
    assert!(line.contains(SETTING), "{line}");
    sent(&second, "ben");

    // One that the mail server does not know: mail goes on by the one before, and it is told.
    put(&file, &third);
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(line.contains(SETTING) && line.contains("535"), "{line}");
    let waits = format!("setting=\"{SETTING}\"");
    assert!((metric(&server, "keyward_secret_waiting", &waits) - 1.0).abs() < 0.1);
    for outcome in ["taken", "refused"] {
        let labels = format!("setting=\"{SETTING}\",outcome=\"{outcome}\"");
        let counted = metric(&server, "keyward_secret_changes_total", &labels);
        assert!((counted - 1.0).abs() < 0.1, "{outcome}: {counted}");
    }
    sent(&second, "cleo");

    // It is tried again by itself: the other server may learn of it later.
    set(&known, &third);
    server.wait_for_line("a changed secret is in force");
    assert!(metric(&server, "keyward_secret_waiting", &waits) < 0.1);
    sent(&third, "dan");
    let log = server.end();
    assert!(![first, second, third].iter().any(|secret| log.contains(secret)), "{log}");
}

/// Postmark, as far as it is asked.
#[derive(Clone)]
struct Double {
    known: Known,
    told: UnboundedSender<Sent>,
}

impl Double {
    fn token(&self, headers: &HeaderMap) -> Option<String> {
        let token = headers.get("x-postmark-server-token")?.to_str().ok()?;
        (token == *self.known.lock().unwrap()).then(|| token.to_owned())
    }
}

/// As Postmark refuses a token.
fn refused() -> (StatusCode, Json<Value>) {
    let told = json!({ "ErrorCode": 10, "Message": "No Account or Server API tokens were supplied" });
    (StatusCode::UNAUTHORIZED, Json(told))
}

async fn of_server(State(double): State<Double>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    match double.token(&headers) {
        Some(_) => (StatusCode::OK, Json(json!({ "ID": 1, "Name": "Keyward" }))),
        None => refused(),
    }
}

async fn email(
    State(double): State<Double>,
    headers: HeaderMap,
    Json(mail): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let Some(token) = double.token(&headers) else { return refused() };
    double.told.send((token, mail["To"].as_str().unwrap().to_owned())).unwrap();
    (StatusCode::OK, Json(json!({ "ErrorCode": 0, "Message": "OK" })))
}

/// It, on a port of its own: where it is, and what it was sent.
async fn postmark(known: &Known) -> (String, UnboundedReceiver<Sent>) {
    let (told, mails) = unbounded_channel();
    let double = Double { known: known.clone(), told };
    let routes =
        Router::new().route("/server", get(of_server)).route("/email", post(email)).with_state(double);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    (address, mails)
}

/// A server in this process, whose mail leaves by this; its socket is in the folder.
async fn build(folder: &Path, transport: Transport, health: &Health) -> Server {
    let config = write_config(folder, POSTMARK);
    let config = Sources::of_file(&config).unwrap().read().into_config().unwrap();
    let (clock, random) = (system_clock(), auth::Random::system());
    let keeper = keeper(&config, &config.references_to_serve(), health, &random).await.unwrap();
    let secrets = Secrets::resolve(&config.keys, &config.password.hashing, &keeper).await.unwrap();
    let built = Server::build(config, &secrets, &keeper, Some(transport), clock, random, health);
    let mut server = Box::pin(built).await.unwrap();
    server.listen_to_operators(&folder.join("own.sock"), None).unwrap();
    server
}

/// Where it is in use, a server is built with [`outbound::POSTMARK_URL`], and that is the only difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_token_of_postmark_is_taken_and_the_next_mail_goes_by_it() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let file = folder.path().join("mail");
    let [first, second, third] = [fresh(), fresh(), fresh()];
    put(&file, &first);
    let known = knows(&first);
    let (url, mails) = postmark(&known).await;
    let egress = EgressClient::new(&apps_here()).unwrap();
    let transport = Transport::Postmark(Postmark::new(egress, first.clone().into(), &url).unwrap());
    let health = Health::new(system_clock());
    let server = build(folder.path(), transport, &health).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let internal = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let told = Told {
        address: listener.local_addr().unwrap().to_string(),
        internal: internal.local_addr().unwrap().to_string(),
        socket: folder.path().join("own.sock"),
        mails: tokio::sync::Mutex::new(mails),
    };
    let (stopper, stopping) = stop();
    health.enter(Phase::Ready);
    let answers = serve(health.router(), internal, stopping.clone(), Connections::internal());
    let change = async {
        told.is_sent(&first, "ana").await;
        set(&known, &second);
        put(&file, &second);
        assert_eq!(told.refresh().await.problem, None);
        told.is_sent(&second, "ben").await;

        // A wrong one.
        put(&file, &third);
        let problem = told.refresh().await.problem.unwrap();
        assert!(problem.contains("Postmark refused the server token"), "{problem}");
        told.is_sent(&second, "cleo").await;
        assert_eq!(told.metric("keyward_secret_waiting", "").await, "1");
        assert_eq!(told.metric("keyward_secret_changes_total", ",outcome=\"taken\"").await, "1");
        assert_eq!(told.metric("keyward_secret_changes_total", ",outcome=\"refused\"").await, "1");

        set(&known, &third);
        assert_eq!(told.refresh().await.problem, None);
        told.is_sent(&third, "dan").await;
        assert_eq!(told.metric("keyward_secret_waiting", "").await, "0");
        stopper.stop();
    };
    tokio::join!(Box::pin(server.serve(listener, stopping)), Box::pin(answers), Box::pin(change));
}

/// What is to be seen of a server in this process.
struct Told {
    address: String,
    internal: String,
    socket: std::path::PathBuf,
    mails: tokio::sync::Mutex<UnboundedReceiver<Sent>>,
}

impl Told {
    /// The next mail goes by this token.
    async fn is_sent(&self, by: &str, name: &str) {
        let (address, whom) = (self.address.clone(), name.to_owned());
        tokio::task::spawn_blocking(move || ask_for_a_mail(&address, &whom)).await.unwrap();
        let mut mails = self.mails.lock().await;
        let sent = tokio::time::timeout(LONG, mails.recv()).await.unwrap().unwrap();
        assert_eq!(sent, (by.to_owned(), format!("{name}@example.com")));
    }

    /// Looks at all secrets now; what is told of the token then.
    async fn refresh(&self) -> SecretShown {
        let secrets = call(&self.socket, &LookAtSecrets { refresh: true }).await.unwrap();
        secrets.into_iter().find(|one| one.setting == "mail.transport.token").unwrap()
    }

    /// What a metric says of it.
    async fn metric(&self, name: &'static str, more: &'static str) -> String {
        let internal = self.internal.clone();
        let labels = format!("setting=\"mail.transport.token\"{more}");
        let read = move || metric_at(&internal, name, &labels);
        tokio::task::spawn_blocking(read).await.unwrap().to_string()
    }
}
