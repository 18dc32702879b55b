//! A tiny SMTP server (RFC 5321) that speaks as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does at one point of the conversation.
pub(crate) enum Reply {
    /// The usual answer.
    Usual,
    /// This line.
    Line(&'static str),
    /// This word, then the line it was told.
    Echo(&'static str),
    /// Nothing, and the connection stays open.
    Hang,
    /// It hangs up.
    Close,
}

/// Chooses by the number of the connection and the line it was told; `.` is the end of a message.
type Script = dyn Fn(usize, &str) -> Reply + Send + Sync;

pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl SmtpServer {
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (count, seen, script): (_, _, Arc<Script>) =
            (Arc::clone(&connections), Arc::clone(&lines), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, number, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { port, connections, lines }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Every line it was told, messages included.
    pub(crate) fn transcript(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

async fn serve(stream: TcpStream, number: usize, script: Arc<Script>, seen: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let _ = stream.write_all(b"220 test ESMTP\r\n").await;
    let mut in_message = false;
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(length) if length > 0) {
            return;
        }
        let line = line.trim_end();
        seen.lock().unwrap().push(line.to_owned());
        if in_message && line != "." {
            continue;
        }
        let answer = match script(number, line) {
            Reply::Usual => usual(line).to_owned(),
            Reply::Line(answer) => answer.to_owned(),
            Reply::Echo(word) => format!("{word} {line}"),
            Reply::Hang => std::future::pending().await,
            Reply::Close => return,
        };
        in_message = answer.starts_with("354");
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn usual(line: &str) -> &'static str {
    match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 welcome",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        _ => "250 fine",
    }
}
