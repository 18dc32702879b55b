//! The public face of `store`, on a real SQLite file.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod file;
mod rows;
mod text;
