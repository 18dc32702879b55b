//! The body of a request: at once, or in pieces with pauses between.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// What is still to be sent. Its length is told beforehand, as browsers tell it.
#[derive(Default)]
pub(super) struct Sent {
    pieces: VecDeque<Bytes>,
    left: u64,
    between: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Sent {
    /// All at once.
    pub(super) fn at_once(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let left = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let pieces = if body.is_empty() { VecDeque::new() } else { VecDeque::from([body]) };
        Self { pieces, left, ..Self::default() }
    }

    /// The same in so many pieces or a few less, over so long.
    pub(super) fn slowly(self, pieces: usize, lasting: Duration) -> Self {
        let whole: Vec<u8> = self.pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        let size = whole.len().div_ceil(pieces.max(1)).max(1);
        let pieces: VecDeque<_> = whole.chunks(size).map(Bytes::copy_from_slice).collect();
        let between = lasting / u32::try_from(pieces.len()).unwrap_or(u32::MAX).max(1);
        Self { pieces, between, ..self }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(context));
            this.pause = None;
        }
        let Some(piece) = this.pieces.pop_front() else { return Poll::Ready(None) };
        this.left = this.left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if !this.between.is_zero() && !this.pieces.is_empty() {
            this.pause = Some(Box::pin(tokio::time::sleep(this.between)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the clock is the test's own, and stands still")]
    async fn a_slow_body_is_the_same_one_over_its_time() {
        let begun = tokio::time::Instant::now();
        let body = Sent::at_once("0123456789").slowly(4, Duration::from_secs(4));
        assert_eq!(body.size_hint().exact(), Some(10));
        let whole = body.collect().await.unwrap().to_bytes();
        assert_eq!((&whole[..], begun.elapsed().as_secs()), (&b"0123456789"[..], 3));
        let empty = Sent::at_once("").slowly(4, Duration::from_secs(4));
        assert!(empty.is_end_stream() && empty.size_hint().exact() == Some(0));
        assert!(empty.collect().await.unwrap().to_bytes().is_empty());
    }
}
