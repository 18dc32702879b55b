//! A wire to a server that can be cut: a TCP proxy that passes on, delays, holds, half-closes, or drops.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What happens to what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It arrives.
    Passing,
    /// It arrives so much later.
    Delayed(Duration),
    /// It does not arrive, and nobody is told: the far end is out of reach.
    Held,
    /// The server's side says that it will send no more, and still reads.
    HalfClosed,
    /// The same, once a connection on which this was said is told to commit: that arrives, and its answer does not.
    LosesCommitOf(&'static str),
    /// Connections are closed, and so are those that are made.
    Cut,
}

/// The wire. It ends with this.
pub(crate) struct Wire {
    port: u16,
    mode: watch::Sender<Mode>,
    _tasks: JoinSet<()>,
}

impl Wire {
    /// A wire to `port` of this machine.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let mode = watch::Sender::new(Mode::Passing);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, port, mode.clone()));
        Self { port: own, mode, _tasks: tasks }
    }

    /// Its near end.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether the commit that was to be lost is.
    pub(crate) fn has_lost_the_commit(&self) -> bool {
        *self.mode.borrow() == Mode::HalfClosed
    }

    /// Cuts it, and waits until no connection is left.
    pub(crate) async fn cut(&self) {
        self.set(Mode::Cut);
        while self.mode.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// From now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn accept(listener: TcpListener, port: u16, mode: watch::Sender<Mode>) {
    let mut pumps = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        if *mode.borrow() == Mode::Cut {
            continue;
        }
        let mode = mode.clone();
        pumps.spawn(async move {
            let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            // Where one direction is cut, so is the other: both ends are closed.
            tokio::join!(pump(near_read, far_write, &mode, false), pump(far_read, near_write, &mode, true));
        });
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, set: &watch::Sender<Mode>, from_server: bool) {
    let mut mode = set.subscribe();
    let mut buffer = vec![0; 16 * 1024];
    let mut was_said = false;
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = mode.wait_for(|mode| *mode == Mode::Cut || (from_server && *mode == Mode::HalfClosed)) => return,
        };
        let Ok(length @ 1..) = read else { return };
        loop {
            let now = *mode.borrow_and_update();
            match now {
                Mode::Passing => break,
                Mode::LosesCommitOf(text) => {
                    was_said |= !from_server && holds(&buffer[..length], text);
                    if was_said && holds(&buffer[..length], "COMMIT") {
                        set.send_replace(Mode::HalfClosed);
                    }
                    break;
                }
                // What is on its way is cut or let go of as all else is, if that comes first.
                Mode::Delayed(delay) => match tokio::time::timeout(delay, mode.changed()).await {
                    Err(_) => break,
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                },
                Mode::HalfClosed if !from_server => break,
                Mode::Cut | Mode::HalfClosed => return,
                // What is held arrives when it is let go.
                Mode::Held => {
                    if mode.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
