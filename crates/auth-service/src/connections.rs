//! Connections: how many, how long, and how they end.

mod linger;
mod patience;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::shortcuts::Shortcuts;
use crate::stop::Stop;

/// A system that is out of file descriptors has some again when others have closed theirs.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// After the order to stop, who is on the way has so long to come, and so long to begin a request.
const MOMENT: Duration = Duration::from_millis(50);

/// What bounds connections.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// So many at once; who comes later waits in the system's queue until one ends.
    pub maximum: usize,
    /// A head that has begun to come has to be whole by then.
    pub head_timeout: Duration,
    /// A connection that has not sent the whole head of its next request by then is closed, idle or half-way.
    pub idle_timeout: Duration,
    /// After an answer that came before the whole of its request, what still comes is read for so long.
    pub linger: Duration,
    /// After being told to stop, requests in flight have so long to end.
    pub drain: Duration,
    /// Whether others take connections from the same socket, now or once this one has ended. Then nobody is taken from the order to drain on:
    /// who comes is theirs, and whoever was taken here before has all of the drain to ask.
    pub shared: bool,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            maximum: descriptors().map_or(MAXIMUM, |descriptors| MAXIMUM.min(descriptors / 2)),
            head_timeout: Duration::from_secs(10),
            // Longer than the two minutes for which Caddy keeps an idle connection to us: were ours the shorter wait, we
            // would now and then close one just as it sends a request.
            idle_timeout: Duration::from_secs(150),
            // Ten megabytes at twenty megabits a second.
            linger: Duration::from_secs(5),
            // Two seconds before in which it is known not to be ready, and two after to seal what the last requests did: Docker
            // kills after ten, unless it is told otherwise.
            drain: Duration::from_secs(4),
            shared: false,
        }
    }
}

impl Connections {
    /// For machines that ask how the server is: few, and not to be waited for at a stop.
    pub fn internal() -> Self {
        Self { maximum: 64, drain: Duration::from_millis(200), ..Self::default() }
    }
}

/// More connections at once than a small team's server ever has.
const MAXIMUM: usize = 10_000;

/// How many files and connections the system lets this process have open. Half of them are for the database, for mail and
/// for what else there is.
fn descriptors() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_ascii_whitespace().nth(3)?.parse().ok()
}

/// Serves routes, and what stands before them, until `stop` says so, then lets what is in flight end, for `connections.drain`
/// at most. What has not ended by then is cut, and does nothing any more. While it drains, every answer ends its connection.
pub async fn serve(
    routes: impl Into<Shortcuts>,
    listener: TcpListener,
    stop: impl Into<Stop>,
    connections: Connections,
) {
    let shortcuts = routes.into();
    let mut stop: Stop = stop.into();
    let (heard, mut order) = (stop.clone(), stop.clone());
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(connections.idle_timeout);
    let slots = Arc::new(Semaphore::new(connections.maximum));
    // A change is the order to end, and its end the order to be cut.
    let (ending, ordered) = watch::channel(());
    let closed = async {
        if connections.shared {
            stop.drained().await;
        } else {
            stop.stopped().await;
            // Who stands in the system's queue was let in before the order, and may have sent a request already.
            tokio::time::sleep(MOMENT).await;
        }
    };
    let mut closed = pin!(closed);
    loop {
        let (stream, peer, slot) = tokio::select! {
            biased;
            () = closed.as_mut() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let (stream, service) = patience::limit(stream, peer, shortcuts.clone(), &connections, heard.clone());
        let connection = protocol.serve_connection(TokioIo::new(stream), service);
        let mut ordered = ordered.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = time_to_end(&mut ordered) => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = connection.as_mut() => ended,
                        _ = ordered.changed() => Ok(()),
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection broke off");
            }
            drop(slot);
        });
    }
    drop(listener);
    // Given already, but where others take who comes: there whoever is here is served on until it is.
    order.stopped().await;
    drop(ordered);
    ending.send_replace(());
    if tokio::time::timeout(connections.drain, ending.closed()).await.is_err() {
        let seconds = connections.drain.as_secs();
        tracing::warn!(
            "requests were still in flight {seconds} seconds after the order to stop, and are cut"
        );
    }
}

/// Resolves when a connection is to end. It is given a moment first: hyper closes one at once on which no request is being served, and
/// one that was on its way would be lost.
async fn time_to_end(ordered: &mut watch::Receiver<()>) {
    if ordered.changed().await.is_ok() {
        tokio::time::sleep(MOMENT).await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // Nobody closes the semaphore, so there is always a slot in the end.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and written at once: waiting for more to send only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps Nagle's algorithm");
                }
                return (stream, peer, slot);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; the next is tried in a moment");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::header::CONNECTION;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    struct Running {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        serving: JoinHandle<()>,
        /// Lets the slow request end.
        go_on: Arc<Notify>,
        /// Told when the slow request has begun.
        begun: Arc<Notify>,
    }

    async fn start(connections: Connections) -> Running {
        let (go_on, begun) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let wait = (go_on.clone(), begun.clone());
        let slow = move || async move {
            wait.1.notify_one();
            wait.0.notified().await;
            "slow"
        };
        let refuse = || async { ([(CONNECTION, "close")], "too much") };
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/slow", get(slow))
            .route("/refuse", post(refuse));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, told) = watch::channel(false);
        let serving = tokio::spawn(serve(router, listener, told, connections));
        Running { address, stop, serving, go_on, begun }
    }

    async fn send(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// What comes until the other side closes.
    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text));
        read.await.expect("the connection is closed").unwrap();
        text
    }

    const ASK: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    const ASK_ONCE: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn half_a_head_is_not_waited_for_and_keeps_nobody_waiting() {
        let head_timeout = Duration::from_millis(50);
        let running = start(Connections { head_timeout, ..Connections::default() }).await;
        let half = send(running.address, "GET / HTTP/1.1\r\nhost: local").await;
        let mut idle = send(running.address, ASK).await;
        let mut second_half = send(running.address, ASK).await;
        let mut answer = [0; 12];
        second_half.read_exact(&mut answer).await.unwrap();
        second_half.write_all(b"GET / HT").await.unwrap();
        assert!(rest(send(running.address, ASK_ONCE).await).await.ends_with("hello"));
        assert!(!rest(half).await.contains("200 OK"));
        assert!(
            rest(second_half).await.ends_with("hello"),
            "the first was answered, and half a second ends it"
        );
        idle.write_all(ASK_ONCE.as_bytes()).await.unwrap();
        assert_eq!(rest(idle).await.matches("hello").count(), 2, "waiting between requests is another thing");
    }

    #[tokio::test]
    async fn a_connection_that_is_never_used_again_is_closed() {
        let idle_timeout = Duration::from_millis(50);
        let running = start(Connections { idle_timeout, ..Connections::default() }).await;
        let silent = send(running.address, "").await;
        let idle = send(running.address, ASK).await;
        assert_eq!(rest(silent).await, "");
        assert!(rest(idle).await.ends_with("hello"));
    }

    /// The connection was reset while the rest still came, and the answer was lost with it.
    #[tokio::test]
    async fn whoever_sends_too_much_is_told_so() {
        const LENGTH: usize = 32 * 1024 * 1024;
        let linger = Duration::from_mins(1);
        let running = start(Connections { linger, ..Connections::default() }).await;
        let head = format!("POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: {LENGTH}\r\n\r\n");
        let mut stream = send(running.address, &head).await;
        // More than the system holds on the way, so that it is not all sent before somebody has read.
        stream.write_all(&vec![b'a'; LENGTH]).await.expect("it is read, and not reset");
        assert!(rest(stream).await.ends_with("too much"));
    }

    #[tokio::test]
    async fn whoever_was_refused_and_does_not_go_is_not_waited_for() {
        let linger = Duration::from_millis(50);
        let running = start(Connections { maximum: 1, linger, ..Connections::default() }).await;
        let head = "POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n";
        let mut refused = send(running.address, head).await;
        let mut answer = String::new();
        refused.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("too much"), "{answer}");
        assert!(rest(send(running.address, ASK_ONCE).await).await.ends_with("hello"));
    }

    /// A request that takes its time, and a body that does, are no half heads.
    #[tokio::test]
    async fn a_slow_request_is_not_hurried() {
        let head_timeout = Duration::from_millis(20);
        let running = start(Connections { head_timeout, ..Connections::default() }).await;
        let slow = send(running.address, "GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        running.begun.notified().await;
        let half = send(running.address, "GET / HT").await;
        assert_eq!(rest(half).await, "", "longer than a head may take has passed");
        running.go_on.notify_one();
        assert!(rest(slow).await.ends_with("slow"));
    }

    #[tokio::test]
    async fn more_connections_than_may_be_wait_for_their_turn() {
        let running = start(Connections { maximum: 1, ..Connections::default() }).await;
        let first = send(running.address, "GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        running.begun.notified().await;
        let second = send(running.address, ASK_ONCE).await;
        let mut answer = Box::pin(rest(second));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut answer).await;
        assert!(early.is_err(), "served beside the first: {early:?}");
        running.go_on.notify_one();
        assert!(rest(first).await.ends_with("slow"));
        assert!(answer.await.ends_with("hello"));
    }

    #[tokio::test]
    async fn a_stop_ends_what_is_idle_and_lets_end_what_is_in_flight() {
        let running = start(Connections::default()).await;
        let mut idle = send(running.address, ASK).await;
        let mut begun = [0; 12];
        idle.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        let busy = send(running.address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        running.begun.notified().await;
        running.stop.send(true).unwrap();
        assert!(rest(idle).await.ends_with("hello"), "closed after its answer");
        assert!(!running.serving.is_finished());
        running.go_on.notify_one();
        assert!(rest(busy).await.ends_with("slow"));
        running.serving.await.unwrap();
        assert!(TcpStream::connect(running.address).await.is_err());
    }

    /// A proxy that kept its connections would go on asking a process that is about to go.
    #[tokio::test]
    async fn while_it_drains_every_answer_ends_its_connection_and_new_ones_are_taken() {
        let router = Router::new().route("/", get(|| async { "hello" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stopper, stop) = crate::stop::stop();
        let serving = tokio::spawn(serve(router, listener, stop, Connections::default()));
        let mut before = send(address, ASK).await;
        let mut begun = [0; 12];
        before.read_exact(&mut begun).await.unwrap();
        stopper.drain();
        before.write_all(ASK.as_bytes()).await.unwrap();
        for connection in [before, send(address, ASK).await] {
            let answers = rest(connection).await;
            assert!(answers.contains("connection: close\r\n") && answers.ends_with("hello"), "{answers}");
        }
        assert!(!serving.is_finished());
        stopper.stop();
        serving.await.unwrap();
    }

    /// Hyper closed both without an answer: a request that was on its way as the order came was lost.
    #[tokio::test]
    async fn who_comes_as_the_order_does_is_answered() {
        let running = start(Connections::default()).await;
        let mut known = send(running.address, ASK).await;
        let mut first = [0; 12];
        known.read_exact(&mut first).await.unwrap();
        // Nothing runs in between on this one thread: the one is not accepted before the order, and of the other nothing is read.
        let mut early = std::net::TcpStream::connect(running.address).unwrap();
        std::io::Write::write_all(&mut early, ASK.as_bytes()).unwrap();
        let mut known = known.into_std().unwrap();
        std::io::Write::write_all(&mut known, ASK.as_bytes()).unwrap();
        running.stop.send(true).unwrap();
        early.set_nonblocking(true).unwrap();
        assert!(rest(TcpStream::from_std(early).unwrap()).await.ends_with("hello"));
        assert_eq!(rest(TcpStream::from_std(known).unwrap()).await.matches("hello").count(), 2);
        running.serving.await.unwrap();
        assert!(TcpStream::connect(running.address).await.is_err());
    }

    /// While there was always another in the queue, the order was not heard.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_does_not_keep_a_server_from_stopping() {
        let running = start(Connections::default()).await;
        let (address, over) = (running.address, Arc::new(std::sync::atomic::AtomicBool::new(false)));
        let told = over.clone();
        let flood = std::thread::spawn(move || {
            while !told.load(std::sync::atomic::Ordering::Relaxed) {
                drop(std::net::TcpStream::connect(address));
            }
        });
        assert!(rest(send(address, ASK_ONCE).await).await.ends_with("hello"));
        running.stop.send(true).unwrap();
        let stopped = tokio::time::timeout(Duration::from_secs(20), running.serving).await;
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        flood.join().unwrap();
        stopped.unwrap().unwrap();
    }

    #[tokio::test]
    async fn from_a_socket_that_others_share_nobody_is_taken_once_it_drains_and_who_waits_is_theirs() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let serving = |name: &'static str, stop: Stop| {
            let listener = TcpListener::from_std(socket.try_clone().unwrap()).unwrap();
            let router = Router::new().route("/", get(move || async move { name }));
            tokio::spawn(serve(
                router,
                listener,
                stop,
                Connections { shared: true, ..Connections::default() },
            ))
        };
        let (stopper, told) = crate::stop::stop();
        let first = serving("first", told);
        let mut kept = send(address, ASK).await;
        let mut status = [0; 12];
        kept.read_exact(&mut status).await.unwrap();
        stopper.drain();
        let waiting = send(address, ASK_ONCE).await;
        kept.write_all(ASK.as_bytes()).await.unwrap();
        let answers = rest(kept).await;
        assert_eq!(answers.matches("first").count(), 2, "served on, and ended by its answer: {answers}");
        let (second_stopper, told) = crate::stop::stop();
        let second = serving("second", told);
        assert!(rest(waiting).await.ends_with("second"));
        stopper.stop();
        first.await.unwrap();
        assert!(
            rest(send(address, ASK_ONCE).await).await.ends_with("second"),
            "it goes on without the first"
        );
        second_stopper.stop();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_in_flight_for_too_long_after_a_stop_is_cut() {
        let drain = Duration::from_millis(50);
        let running = start(Connections { drain, ..Connections::default() }).await;
        let busy = send(running.address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
        running.begun.notified().await;
        running.stop.send(true).unwrap();
        running.serving.await.unwrap();
        assert_eq!(rest(busy).await, "", "closed, although nothing lets it end");
    }
}
