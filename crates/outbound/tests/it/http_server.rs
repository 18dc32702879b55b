//! A tiny HTTP server that answers every request as it is told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What it sends once a request has come in.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes, then it hangs up.
    Bytes(Vec<u8>),
    /// These bytes, then a letter every 20 ms for ever.
    Drip(Vec<u8>),
}

impl Answer {
    /// A status and a JSON body.
    pub(crate) fn json(status: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        Self::Bytes(format!("{head}{body}").into_bytes())
    }
}

pub(crate) struct HttpServer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HttpServer {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::listening(answer, None).await
    }

    /// One over TLS.
    pub(crate) async fn encrypted(answer: Answer, acceptor: TlsAcceptor) -> Self {
        Self::listening(answer, Some(acceptor)).await
    }

    async fn listening(answer: Answer, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen, acceptor) = (answer.clone(), Arc::clone(&seen), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, answer, seen).await,
                        Some(acceptor) => {
                            // Whoever does not believe the certificate hangs up.
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, answer, seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, requests }
    }

    /// One that answers with a status and a JSON body.
    pub(crate) async fn answering(status: &str, body: &str) -> Self {
        Self::start(Answer::json(status, body)).await
    }

    /// The requests so far, head and body as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&piece[..length]),
        }
    }
    seen.lock().unwrap().push(String::from_utf8(request).unwrap());
    match answer {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Answer::Drip(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let mut drops = tokio::time::interval(std::time::Duration::from_millis(20));
            while stream.write_all(b"x").await.is_ok() {
                drops.tick().await;
            }
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
