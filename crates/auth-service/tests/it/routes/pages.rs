//! The hosted pages, by use case.

mod account;
mod assets;
mod credentials;
mod email;
mod errors;
mod language;
mod reset;
mod sessions;
mod sign_in;
mod sign_out;
mod sign_up;
mod twice;
mod waiting;
mod whole;
