//! `password.breach_range_url`, as a server has it: a double of the service listens on loopback.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use crate::process::{Running, post, write_secrets};

/// SHA-1 of "a breached long password" begins with these, and goes on with those.
const RANGE: &str = "FB37C";
const REST: &str = "89DD2F174DD19084360F04BF5996D75A8CF";

/// What was asked for, while it listens.
struct Double {
    url: String,
    asked: mpsc::Receiver<(String, TcpStream)>,
}

impl Double {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/range/", listener.local_addr().unwrap());
        let (sender, asked) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if sender.send(read(stream)).is_err() {
                    break;
                }
            }
        });
        Self { url, asked }
    }

    /// The next that is asked for, and where its answer goes.
    fn next(&self) -> (String, TcpStream) {
        self.asked.recv_timeout(Duration::from_mins(1)).unwrap()
    }
}

fn read(mut stream: TcpStream) -> (String, TcpStream) {
    let (mut head, mut piece) = (String::new(), [0; 1024]);
    while !head.ends_with("\r\n\r\n") {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{head}");
        head.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
    (head, stream)
}

/// Issue 5: refused on a hit, kept, and taken where there is no answer in time.
#[test]
fn a_server_refuses_what_is_known_asks_once_and_waits_for_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let double = Double::listen();
    let settings = [
        format!("password.breach_range_url={}", double.url),
        "egress.allowed_networks=127.0.0.0/8".to_owned(),
        "egress.plain_http_hosts=127.0.0.1".to_owned(),
    ];
    let mut running = Running::with(folder.path(), &settings.each_ref().map(String::as_str));
    let address = running.address.clone();
    let sign_up = move |name: &str, password: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "password": password });
        let address = address.clone();
        std::thread::spawn(move || post(&address, "/api/v1/sign-up", &body, ""))
    };

    let refused = sign_up("ana", "a breached long password");
    let (head, mut stream) = double.next();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with(&format!("get /range/{} http/1.1\r\n", RANGE.to_ascii_lowercase())), "{head}");
    assert!(head.contains("add-padding: true\r\n") && !head.contains(&REST.to_ascii_lowercase()), "{head}");
    let body = format!("{REST}:4\r\n");
    write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    drop(stream);
    let (status, answer) = refused.join().unwrap();
    assert!(status == 422 && answer.contains("breach"), "{answer}");
    // Kept: the same is refused with nobody asked.
    let (status, answer) = sign_up("ben", "a breached long password").join().unwrap();
    assert!(status == 422 && answer.contains("breach"), "{answer}");
    assert!(double.asked.try_recv().is_err());

    // No answer in time, and none that is one: the password is taken, and the log says so.
    let taken = sign_up("cleo", "correct horse battery");
    let (_, silent) = double.next();
    let (status, answer) = taken.join().unwrap();
    assert_eq!(status, 201, "{answer}");
    assert!(running.wait_for_line("cannot be asked").contains("no answer within 2 s"), "{}", running.log);
    drop(silent);
    let taken = sign_up("dan", "correct horse battery");
    let (_, mut stream) = double.next();
    write!(stream, "HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    drop(stream);
    assert_eq!(taken.join().unwrap().0, 201);
    assert!(running.wait_for_line("cannot be asked").contains("it answered 503"), "{}", running.log);
}
