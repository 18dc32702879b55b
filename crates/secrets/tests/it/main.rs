//! The public face of `secrets`, as its users see it.

mod key_files;
mod resolving;
mod sealing;
mod strength;
