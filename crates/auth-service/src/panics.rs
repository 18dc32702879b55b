//! What is told of a panic: where it was. What it says was often made as it happened, of what was worked on: who cuts a text in the
//! middle of a letter is told the whole text, and `unwrap` shows the error with all that is in it.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};

/// In the place of words that may hold a secret.
const MADE: &str = "(not told: it was made as it happened, and may hold a secret)";

/// Has every panic of this process told in the log by its place, with the way there if `RUST_BACKTRACE=1` asks for that.
pub fn tell_by_place() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let said = said(panic.payload());
        let way = Backtrace::capture();
        if way.status() == BacktraceStatus::Captured {
            tracing::error!(place, said, %way, "a panic");
        } else {
            tracing::error!(place, said, "a panic");
        }
    }));
}

/// What a panic says, if that stands in the program itself.
pub(crate) fn said(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or(MADE)
}
