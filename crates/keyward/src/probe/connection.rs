//! Connections: one request after the other, and never one twice. What fails has failed.

use std::error::Error as _;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use super::body::Sent;
use super::site::Target;

/// Whoever reads slowly has room for so little that what is sent has to wait.
const NARROW: u32 = 4096;
/// Between two pieces that are read slowly.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// Nobody took the connection.
    Connect,
    /// It could not be encrypted, or who answered was not who it should be.
    Tls,
    /// The connection broke off.
    Broken,
    /// No whole answer came in time.
    Timeout,
    /// Answered, with another status than it should have.
    Status,
    /// Answered, with something else than it should have.
    Answer,
}

/// A failure, in words.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) why: Why,
    pub(super) detail: String,
}

impl Wrong {
    pub(super) fn new(why: Why, detail: &dyn Display) -> Self {
        Self { why, detail: detail.to_string() }
    }

    /// Of a connection that was made.
    fn of(error: &hyper::Error) -> Self {
        let why = if error.is_parse() { Why::Answer } else { Why::Broken };
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
        Self { why, detail }
    }
}

/// A request.
pub(super) struct Ask {
    pub(super) method: Method,
    /// With what stands behind the `?`.
    pub(super) path: String,
    headers: HeaderMap,
    body: Sent,
    /// The answer is read over so long.
    reading: Duration,
}

impl Ask {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Sent::default(),
            reading: Duration::ZERO,
        }
    }

    /// With a header; one that cannot be one is left out, and the answer will be another than it should.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn body(self, body: Sent) -> Self {
        Self { body, ..self }
    }

    /// Its body is sent in pieces over so long.
    pub(super) fn sent_slowly(self, pieces: usize, lasting: Duration) -> Self {
        Self { body: self.body.slowly(pieces, lasting), ..self }
    }

    /// Its answer is read in pieces over so long.
    pub(super) fn read_slowly(self, reading: Duration) -> Self {
        Self { reading, ..self }
    }

    /// As it is told to people: what stands behind the `?` is nobody's business.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap_or_default())
    }
}

/// What came back, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether it was by HTTP/2.
    pub(super) by_http2: bool,
    /// Whether a connection was made for it.
    pub(super) connected: bool,
}

/// How somebody holds on to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Keeps one, and speaks HTTP/2 where that is spoken.
    Kept,
    /// Keeps one by HTTP/1.1.
    KeptHttp1,
    /// Makes one for each request.
    New,
    /// The same by HTTP/1.1, with room for little: for what is slow.
    Narrow,
}

impl Habit {
    /// As it is told to people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kept => "a connection that is kept",
            Self::KeptHttp1 => "a connection that is kept, by HTTP/1.1",
            Self::New => "a new connection",
            Self::Narrow => "a slow connection",
        }
    }
}

/// Where somebody asks one thing after the other.
#[derive(Debug)]
pub(super) struct Line {
    target: Target,
    pub(super) habit: Habit,
    patience: Duration,
    kept: Option<Sender>,
}

impl Line {
    pub(super) fn new(target: Target, habit: Habit, patience: Duration) -> Self {
        Self { target, habit, patience, kept: None }
    }

    /// Asks once. Whatever comes of it, it is not asked again.
    pub(super) async fn ask(&mut self, ask: Ask) -> Result<Answer, Wrong> {
        let patience = self.patience;
        let late =
            || Wrong::new(Why::Timeout, &format_args!("no whole answer within {} s", patience.as_secs()));
        timeout(patience, self.ask_in_time(ask)).await.unwrap_or_else(|_| Err(late()))
    }

    /// A connection is kept once its answer was read to the end, and only then.
    async fn ask_in_time(&mut self, ask: Ask) -> Result<Answer, Wrong> {
        let kept = match self.kept.take() {
            // One that the other side has closed is of no use, and nothing was sent on it.
            Some(mut kept) => kept.is_open().await.then_some(kept),
            None => None,
        };
        let connected = kept.is_none();
        let mut sender = match kept {
            Some(kept) => kept,
            None => connect(&self.target, self.habit).await?,
        };
        let answer = exchange(&mut sender, &self.target, ask, connected).await?;
        if matches!(self.habit, Habit::Kept | Habit::KeptHttp1) && !is_last(&answer) {
            self.kept = Some(sender);
        }
        Ok(answer)
    }
}

/// Whether the other side closes the connection after this.
fn is_last(answer: &Answer) -> bool {
    let said = answer.headers.get(CONNECTION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"))
}

/// A connection that requests can be sent on.
#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<Sent>),
    Two(http2::SendRequest<Sent>),
}

impl Sender {
    async fn is_open(&mut self) -> bool {
        match self {
            Self::One(sender) => sender.ready().await.is_ok(),
            Self::Two(sender) => sender.ready().await.is_ok(),
        }
    }

    async fn send(&mut self, request: Request<Sent>) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::One(sender) => sender.send_request(request).await,
            Self::Two(sender) => sender.send_request(request).await,
        }
    }
}

async fn connect(target: &Target, habit: Habit) -> Result<Sender, Wrong> {
    let dialled = dial(target, habit == Habit::Narrow).await;
    let stream = dialled.map_err(|error| Wrong::new(Why::Connect, &error))?;
    let Some(tls) = &target.tls else { return one(stream).await };
    let connector = match habit {
        Habit::Kept | Habit::New => &tls.both,
        Habit::KeptHttp1 | Habit::Narrow => &tls.one,
    };
    let encrypted = connector.connect(tls.name.clone(), stream).await;
    let stream = encrypted.map_err(|error| Wrong::new(Why::Tls, &error))?;
    let is_two = stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
    if is_two { two(stream).await } else { one(stream).await }
}

/// The first address that answers, of those that the name leads to.
async fn dial(target: &Target, is_narrow: bool) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match target.connect_to {
        Some(address) => vec![address],
        None => lookup_host((target.host.as_str(), target.port)).await?.collect(),
    };
    let mut refused = io::Error::new(ErrorKind::NotFound, format!("{} leads to no address", target.host));
    for address in addresses {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if is_narrow {
            socket.set_recv_buffer_size(NARROW)?;
        }
        match socket.connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => refused = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(refused)
}

/// By HTTP/1.1. The connection works for as long as somebody holds its sender, or waits for an answer.
async fn one<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: T) -> Result<Sender, Wrong> {
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| Wrong::of(&error))?;
    // How it ended is told to whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(Sender::One(sender))
}

/// By HTTP/2.
async fn two<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: T) -> Result<Sender, Wrong> {
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| Wrong::of(&error))?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(Sender::Two(sender))
}

async fn exchange(sender: &mut Sender, target: &Target, ask: Ask, connected: bool) -> Result<Answer, Wrong> {
    let by_http2 = matches!(sender, Sender::Two(_));
    let reading = ask.reading;
    let request = request(target, ask, by_http2)?;
    let answer = sender.send(request).await.map_err(|error| Wrong::of(&error))?;
    let (head, body) = answer.into_parts();
    let body = read(body, reading).await.map_err(|error| Wrong::of(&error))?;
    Ok(Answer { status: head.status, headers: head.headers, body, by_http2, connected })
}

/// By HTTP/2 the address says it all; by HTTP/1.1 there is a header for the host.
fn request(target: &Target, ask: Ask, by_http2: bool) -> Result<Request<Sent>, Wrong> {
    let Ask { method, path, mut headers, body, .. } = ask;
    let cannot = |error: &dyn Display| Wrong::new(Why::Answer, &format_args!("it cannot be asked: {error}"));
    let uri = if by_http2 { format!("{}{path}", target.origin) } else { path };
    if !by_http2 {
        headers.insert(HOST, HeaderValue::from_str(&target.authority).map_err(|error| cannot(&error))?);
    }
    let agent = concat!("keyward-probe/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    let built = Request::builder().method(method).uri(uri).body(body);
    let mut request = built.map_err(|error| cannot(&error))?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The body, to its end; over this time at the least, if there is enough of it.
async fn read(mut body: Incoming, reading: Duration) -> Result<Bytes, hyper::Error> {
    if reading.is_zero() {
        return Ok(body.collect().await?.to_bytes());
    }
    let mut whole = Vec::new();
    let mut paused = Duration::ZERO;
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            whole.extend_from_slice(&piece);
        }
        if paused < reading {
            tokio::time::sleep(PAUSE).await;
            paused += PAUSE;
        }
    }
    Ok(whole.into())
}

#[cfg(test)]
mod tests;
