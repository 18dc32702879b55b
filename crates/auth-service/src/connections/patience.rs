//! A head that has begun to come has to be whole soon; between two requests a connection may wait for long. Hyper has one
//! limit for both, so this one stands before it; and so does the patience that an answer needs which was given too early.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::connections::Connections;
use crate::connections::linger::Linger;
use crate::shortcuts::{Answering, Shortcuts};
use crate::stop::Stop;

/// The two ends of one connection: the bytes, and the requests that are made of them.
pub(super) fn limit(
    stream: TcpStream,
    peer: SocketAddr,
    shortcuts: Shortcuts,
    connections: &Connections,
    stop: Stop,
) -> (Hurried, Serving) {
    let (heads, serving, refused) = (AtomicU64::new(0), AtomicBool::new(false), AtomicBool::new(false));
    let progress = Arc::new(Progress { heads, serving, refused, stop });
    let hurried = Hurried {
        stream,
        progress: progress.clone(),
        seen: 0,
        limit: connections.head_timeout,
        begun: None,
        deadline: None,
        linger: connections.linger,
        lingering: None,
    };
    (hurried, Serving { shortcuts, peer, progress })
}

/// What the two ends know of each other.
struct Progress {
    /// How many heads were whole.
    heads: AtomicU64,
    /// Whether the request of the last one is being served.
    serving: AtomicBool,
    /// Whether the last answer ends the connection because not all of its request was read.
    refused: AtomicBool,
    /// Whether the connection is to end with its next answer.
    stop: Stop,
}

/// A stream on which a head that has begun has a deadline.
pub(super) struct Hurried {
    stream: TcpStream,
    progress: Arc<Progress>,
    /// The heads that the deadline is not about any more.
    seen: u64,
    limit: Duration,
    /// When the first of a head came.
    begun: Option<Instant>,
    /// Set once the rest is waited for: most heads come whole, and need none.
    deadline: Option<Pin<Box<Sleep>>>,
    /// How long what still comes is read after such an answer.
    linger: Duration,
    /// Set once the answer is sent.
    lingering: Option<Linger>,
}

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock, which its own time limits go by")]
fn now() -> Instant {
    Instant::now()
}

impl AsyncRead for Hurried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let heads = this.progress.heads.load(Ordering::Acquire);
        if heads != this.seen {
            (this.seen, this.begun, this.deadline) = (heads, None, None);
        }
        if this.progress.serving.load(Ordering::Acquire) {
            return Pin::new(&mut this.stream).poll_read(task, buffer);
        }
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(task, buffer) {
            if !buffer.filled().is_empty() && this.begun.is_none() {
                this.begun = Some(now());
            }
            return Poll::Ready(read);
        }
        let Some(begun) = this.begun else { return Poll::Pending };
        let limit = this.limit;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(begun + limit)));
        ready!(deadline.as_mut().poll(task));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "half a head came, and no more")))
    }
}

impl AsyncWrite for Hurried {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(task, slices)
    }

    /// So that hyper need not copy a body behind its head.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(task))?;
            if !this.progress.refused.load(Ordering::Acquire) {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger;
        let lingering = this.lingering.get_or_insert_with(|| Linger::begin(linger));
        lingering.poll(&mut this.stream, task).map(Ok)
    }
}

/// A service that tells when a head is whole, and when its request is done with. While the process drains, its answers end the
/// connection.
pub(super) struct Serving {
    shortcuts: Shortcuts,
    peer: SocketAddr,
    progress: Arc<Progress>,
}

impl Service<Request<Incoming>> for Serving {
    type Response = Response;
    type Error = Infallible;
    type Future = Finishing;

    fn call(&self, request: Request<Incoming>) -> Finishing {
        self.progress.heads.fetch_add(1, Ordering::AcqRel);
        self.progress.serving.store(true, Ordering::Release);
        let answering = self.shortcuts.answer(request, Some(self.peer));
        Finishing { answering, progress: self.progress.clone() }
    }
}

/// An answer on its way to the other end.
pub(super) struct Finishing {
    answering: Answering,
    progress: Arc<Progress>,
}

impl Future for Finishing {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(mut answer) = ready!(Pin::new(&mut self.answering).poll(task));
        // No other answer of ours says so: that a client wants no more than one is between it and hyper.
        if answer.headers().contains_key(CONNECTION) {
            self.progress.refused.store(true, Ordering::Release);
        }
        if self.progress.stop.is_draining() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.progress.serving.store(false, Ordering::Release);
        Poll::Ready(Ok(answer))
    }
}
