//! The worker that sends mail, against a mail server that talks.

use std::time::Duration;

use auth_service::background::{self, Sender, Transport};
use auth_service::branding::Branding;
use outbound::{Smtp, SmtpSecurity, SmtpSettings};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::support::TestApp;

/// Takes every mail, but never answers for a recipient whose name begins with "slow". Tells of each that it took.
async fn mail_server() -> (u16, mpsc::UnboundedReceiver<String>, watch::Sender<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, taken) = mpsc::unbounded_channel();
    let stuck = watch::Sender::new(0);
    let counter = stuck.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, told.clone(), counter.clone()));
        }
    });
    (port, taken, stuck)
}

async fn converse(stream: TcpStream, told: mpsc::UnboundedSender<String>, stuck: watch::Sender<usize>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut recipient = String::new();
    let mut in_data = false;
    write.write_all(b"220 ready\r\n").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = match line.as_str() {
            "." => {
                in_data = false;
                told.send(recipient.clone()).unwrap();
                "250 taken\r\n"
            }
            _ if in_data => continue,
            "DATA" => {
                in_data = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => {
                if let Some(to) = line.strip_prefix("RCPT TO:<") {
                    recipient = to.trim_end_matches('>').to_owned();
                    if recipient.starts_with("slow") {
                        stuck.send_modify(|stuck| *stuck += 1);
                        continue;
                    }
                }
                "250 good\r\n"
            }
        };
        write.write_all(reply.as_bytes()).await.unwrap();
    }
}

/// The others may be taken before the last of these has come so far: a test that only looked failed once in a while.
async fn wait_for_stuck(stuck: &watch::Sender<usize>, count: usize) {
    let mut stuck = stuck.subscribe();
    let held = tokio::time::timeout(Duration::from_secs(30), stuck.wait_for(|stuck| *stuck == count)).await;
    assert!(held.is_ok(), "{count} recipients are not waited for");
}

fn transport(port: u16) -> Transport {
    let settings = SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpSecurity::None,
        username: None,
        password: None,
        root_certificate: None,
        timeout: Duration::from_mins(1),
    };
    Transport::Smtp(Smtp::new(&settings).unwrap())
}

fn sender() -> Sender {
    Sender { address: "no-reply@example.com".to_owned(), name: "Keyward".to_owned() }
}

#[tokio::test]
async fn a_recipient_whose_server_is_slow_keeps_nobody_else_waiting() {
    let (port, mut taken, stuck) = mail_server().await;
    let app = TestApp::with(|setup| setup.limits.mails = 100).await;
    let names = ["slow.one", "slow.two", "slow.three", "slow.four", "ana", "ben", "cleo"];
    for name in names {
        let body = serde_json::json!({
            "email": format!("{name}@example.com"), "password": crate::support::PASSWORD, "second_step": false,
        });
        assert_eq!(app.program().json("POST", "/api/v1/sign-up", &body).await.status, 201);
    }
    let (stop, told) = watch::channel(false);
    let work = background::start(&app.app.auth, transport(port), sender(), &Branding::default(), None, &told);
    let mut quick = Vec::new();
    while quick.len() < 3 {
        let next = tokio::time::timeout(Duration::from_secs(30), taken.recv()).await;
        quick.push(next.expect("the others are sent meanwhile").unwrap());
    }
    quick.sort();
    assert_eq!(quick, ["ana@example.com", "ben@example.com", "cleo@example.com"]);
    wait_for_stuck(&stuck, 4).await;
    stop.send(true).unwrap();
    drop(work);
}

/// One slow recipient once held up every mail that was written after it was taken.
#[tokio::test]
async fn a_mail_that_is_written_while_another_is_stuck_is_sent_at_once() {
    let (port, mut taken, stuck) = mail_server().await;
    let app = TestApp::start().await;
    let sign_up = async |name: &str| {
        let email = format!("{name}@example.com");
        let body = serde_json::json!({ "email": email, "password": crate::support::PASSWORD });
        assert_eq!(app.program().json("POST", "/api/v1/sign-up", &body).await.status, 201);
    };
    sign_up("slow.one").await;
    let (stop, told) = watch::channel(false);
    let work = background::start(&app.app.auth, transport(port), sender(), &Branding::default(), None, &told);
    wait_for_stuck(&stuck, 1).await;
    sign_up("ana").await;
    let next = tokio::time::timeout(Duration::from_secs(30), taken.recv()).await;
    assert_eq!(next.expect("it is not held up").as_deref(), Some("ana@example.com"));
    stop.send(true).unwrap();
    drop(work);
}

/// A mail that was cut once waited for the five minutes of its claim.
#[tokio::test]
async fn a_mail_that_a_stop_cut_is_sent_at_the_next_start() {
    let (port, mut taken, _) = mail_server().await;
    let app = TestApp::start().await;
    let body = serde_json::json!({ "email": "ana@example.com", "password": crate::support::PASSWORD });
    assert_eq!(app.program().json("POST", "/api/v1/sign-up", &body).await.status, 201);
    assert_eq!(app.app.auth.take_mail(1).await.unwrap().len(), 1, "held by one that is no more");
    let (stop, told) = watch::channel(false);
    let work = background::start(&app.app.auth, transport(port), sender(), &Branding::default(), None, &told);
    let next = tokio::time::timeout(Duration::from_secs(30), taken.recv()).await;
    assert_eq!(next.expect("it is sent").as_deref(), Some("ana@example.com"));
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(30), work.join_all()).await.unwrap();
}

/// It was written as done with at once, while a mail was still being sent: the next request could feel which it was.
#[tokio::test]
async fn a_mail_to_nobody_is_done_with_as_a_mail_is_and_reaches_no_mail_server() {
    let (port, mut taken, _) = mail_server().await;
    let app = TestApp::start().await;
    let reset = serde_json::json!({ "email": "nobody@example.com" });
    assert_eq!(app.program().json("POST", "/api/v1/reset", &reset).await.status, 202);
    let body = serde_json::json!({ "email": "ana@example.com", "password": crate::support::PASSWORD });
    assert_eq!(app.program().json("POST", "/api/v1/sign-up", &body).await.status, 201);
    let (stop, told) = watch::channel(false);
    let work = background::start(&app.app.auth, transport(port), sender(), &Branding::default(), None, &told);
    let first = tokio::time::timeout(Duration::from_secs(30), taken.recv()).await.unwrap();
    assert_eq!(first.as_deref(), Some("ana@example.com"));
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(30), work.join_all()).await.unwrap();
    assert!(taken.try_recv().is_err(), "nobody is sent anything");
    assert_eq!(app.app.auth.next_mail().await.unwrap(), None, "both are done with");
}

#[tokio::test]
async fn a_mail_that_expired_while_it_waited_is_not_sent() {
    let (port, mut taken, _) = mail_server().await;
    let app = TestApp::start().await;
    app.account("ana@example.com", false).await;
    let reset = serde_json::json!({ "email": "ana@example.com" });
    assert_eq!(app.program().json("POST", "/api/v1/reset", &reset).await.status, 202);
    app.turn(Duration::from_mins(31));
    assert_eq!(app.program().json("POST", "/api/v1/reset", &reset).await.status, 202);
    let (stop, told) = watch::channel(false);
    let work = background::start(&app.app.auth, transport(port), sender(), &Branding::default(), None, &told);
    let first = tokio::time::timeout(Duration::from_secs(30), taken.recv()).await.unwrap();
    assert_eq!(first.as_deref(), Some("ana@example.com"));
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(30), work.join_all()).await.unwrap();
    assert!(taken.try_recv().is_err(), "one of the two had expired");
}
