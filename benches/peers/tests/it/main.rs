//! What Keyward is compared with has to do what is said of it, or the comparison says nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Bare {
    child: Child,
    port: u16,
}

impl Bare {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bare-axum"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }

    /// Status and body.
    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_signs_another_token_each_time() {
    let bare = Bare::start();
    let (one, other) = (bare.get("/signed", ""), bare.get("/signed", ""));
    assert!(one.0 == 200 && one != other);
    // A signature of 256 bytes.
    assert_eq!(one.1.trim_end_matches("\"}").rsplit('.').next().unwrap().len(), 342, "{}", one.1);
}

#[test]
fn bare_axum_answers_a_constant_and_verifies_each_token() {
    let (bare, other) = (Bare::start(), Bare::start());
    let hello = r#"{"hello":"world"}"#.to_owned();
    assert_eq!(bare.get("/", ""), (200, hello.clone()));
    let (_, token) = bare.get("/token", "");
    let shown = |token: &str| format!("authorization: Bearer {token}\r\n");
    assert_eq!(bare.get("/verified", &shown(&token)), (200, hello.clone()));
    assert_eq!(bare.get("/verified", &shown(&token)), (200, hello));
    let forged = other.get("/token", "").1;
    for header in [String::new(), shown(""), shown(&token[..token.len() - 2]), shown(&forged)] {
        assert_eq!(bare.get("/verified", &header).0, 401, "{header}");
    }
}
