//! One keep-alive HTTP/1.1 connection, and no more of the protocol than our server speaks: what measures should do next
//! to nothing between the clock's two readings.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Failure;

/// An answer that takes longer is a failure.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to the server on this machine.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// What came back, where it was read to.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

/// A request, ready to be written in one piece.
#[derive(Clone, Debug)]
pub(crate) struct Request(Vec<u8>);

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host: format!("localhost:{port}"), buffer: Vec::with_capacity(8192) })
    }

    pub(crate) fn prepare_get(&self, path: &str) -> Request {
        Request(format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host).into_bytes())
    }

    pub(crate) fn prepare_post(&self, path: &str, body: &Value) -> Request {
        let (host, body) = (&self.host, body.to_string());
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json");
        Request(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes())
    }

    /// Any request, with headers of its own.
    pub(crate) fn prepare(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "content-length: {}\r\n\r\n{body}", body.len());
        Request(text.into_bytes())
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        let request = self.prepare_get(path);
        self.send(&request).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.prepare_post(path, body);
        self.send(&request).await
    }

    /// Asks, and does not wait for the answer.
    pub(crate) async fn write(&mut self, request: &Request) -> Result<(), Failure> {
        Ok(self.stream.write_all(&request.0).await?)
    }

    pub(crate) async fn send(&mut self, request: &Request) -> Result<Answer, Failure> {
        let seen = tokio::time::timeout(TIMEOUT, self.exchange(&request.0))
            .await
            .map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))??;
        Ok(Answer { status: seen.status, headers: seen.head.to_owned(), body: seen.body.to_vec() })
    }

    /// Asks, and shows the answer where it was read to. Whoever asks says how long it may take.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Seen<'_>, Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let end = loop {
            // An end that came in two pieces begins at most three bytes before the second.
            let before = self.buffer.len().saturating_sub(3);
            self.read().await?;
            if let Some(at) = self.buffer[before..].windows(4).position(|window| window == b"\r\n\r\n") {
                break before + at;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("an answer without status: {head}"))?;
        let length = header(head, "content-length").and_then(|length| length.parse::<usize>().ok());
        let length = length.ok_or_else(|| format!("an answer without content-length: {head}"))?;
        while self.buffer.len() < end + 4 + length {
            self.read().await?;
        }
        Ok(Seen { status, head: std::str::from_utf8(&self.buffer[..end])?, body: &self.buffer[end + 4..] })
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        let end = self.buffer.windows(4).position(|window| window == b"\r\n\r\n");
        end.map_or(&[], |end| &self.buffer[end + 4..])
    }

    async fn read(&mut self) -> Result<(), Failure> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}

impl Answer {
    /// This answer, if it has the status that it should.
    pub(crate) fn expect(self, status: u16, what: &str) -> Result<Self, Failure> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body).into_owned();
        Err(format!("{what} was answered {} and not {status}: {body}", self.status).into())
    }

    pub(crate) fn json(&self) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The value of a cookie that is set.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let mut pairs = cookies.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }
}

/// The value of a header; servers differ in how they write its name.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| {
        let (key, value) = line.split_at_checked(name.len())?;
        key.eq_ignore_ascii_case(name).then(|| value.strip_prefix(": "))?
    };
    head.lines().find_map(value)
}
