//! A tiny SMTP server (RFC 5321) that speaks as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// How the server encrypts.
#[derive(Clone)]
pub(crate) enum Encryption {
    /// Not at all.
    None,
    /// From the first byte.
    Wrapped(TlsAcceptor),
    /// Once it is asked to (STARTTLS). What follows is said right after it agreed, in clear text still: by somebody in
    /// the middle, as a server says nothing there.
    Asked(TlsAcceptor, &'static str),
}

/// Stands in the transcript where the conversation goes on encrypted.
pub(crate) const ENCRYPTED: &str = "-- encrypted --";

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
        Self::encrypting(Encryption::None, script).await
    }

    pub(crate) async fn encrypting(
        encryption: Encryption,
        script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (count, seen, script): (_, _, Arc<Script>) =
            (Arc::clone(&connections), Arc::clone(&lines), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let talk = Talk { number, script: Arc::clone(&script), seen: Arc::clone(&seen) };
                tokio::spawn(serve(stream, encryption.clone(), talk));
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

async fn serve(stream: TcpStream, encryption: Encryption, talk: Talk) {
    const GREETING: &str = "220 test ESMTP\r\n";
    match encryption {
        Encryption::None => drop(talk.hold(stream, GREETING, None).await),
        Encryption::Wrapped(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk.note(ENCRYPTED);
                drop(talk.hold(stream, GREETING, None).await);
            }
        }
        Encryption::Asked(acceptor, injected) => {
            if let Some(stream) = talk.hold(stream, GREETING, Some(injected)).await
                && let Ok(stream) = acceptor.accept(stream).await
            {
                talk.note(ENCRYPTED);
                drop(talk.hold(stream, "", None).await);
            }
        }
    }
}

/// One connection's conversation.
struct Talk {
    number: usize,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Talk {
    fn note(&self, line: &str) {
        self.seen.lock().unwrap().push(line.to_owned());
    }

    /// Talks until the other hangs up, or until both agreed to encrypt: then the stream is handed back. STARTTLS is
    /// offered if `injected` is given, which is sent behind the agreement.
    async fn hold<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        greeting: &str,
        injected: Option<&str>,
    ) -> Option<S> {
        let mut stream = BufReader::new(stream);
        let _ = stream.write_all(greeting.as_bytes()).await;
        let mut in_message = false;
        loop {
            let mut line = String::new();
            if !matches!(stream.read_line(&mut line).await, Ok(length) if length > 0) {
                return None;
            }
            let line = line.trim_end();
            self.note(line);
            if in_message && line != "." {
                continue;
            }
            let answer = match (self.script)(self.number, line) {
                Reply::Usual if line == "STARTTLS" && injected.is_some() => {
                    let agreed = format!("220 go on\r\n{}", injected.unwrap_or_default());
                    stream.write_all(agreed.as_bytes()).await.ok()?;
                    return Some(stream.into_inner());
                }
                Reply::Usual if line.starts_with("EHLO") && injected.is_some() => {
                    "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN".to_owned()
                }
                Reply::Usual => usual(line).to_owned(),
                Reply::Line(answer) => answer.to_owned(),
                Reply::Echo(word) => format!("{word} {line}"),
                Reply::Hang => std::future::pending().await,
                Reply::Close => return None,
            };
            in_message = answer.starts_with("354");
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
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
