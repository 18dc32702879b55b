//! Closing while the other side still sends. The system resets a connection that is closed with bytes unread, and the reset
//! takes with it an answer that is on its way: whoever sent too much would see a broken connection, and not why.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Reads on and forgets what comes, until the other side has closed too, or its time is over.
pub(super) struct Linger {
    over: Pin<Box<Sleep>>,
}

impl Linger {
    pub(super) fn begin(most: Duration) -> Self {
        Self { over: Box::pin(tokio::time::sleep(most)) }
    }

    /// Ready when the connection may be closed.
    pub(super) fn poll(&mut self, stream: &mut TcpStream, task: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 16 * 1024];
        while self.over.as_mut().poll(task).is_pending() {
            let mut read = ReadBuf::new(&mut bytes);
            let came = ready!(Pin::new(&mut *stream).poll_read(task, &mut read));
            if came.is_err() || read.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(())
    }
}
