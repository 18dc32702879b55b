//! The public face of `secrets`, as its users see it.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod key_files;
mod resolving;
mod sealing;
mod strength;
