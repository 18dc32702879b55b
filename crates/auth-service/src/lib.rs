//! The sign-in server: HTTP in front of the use cases of `auth`.

#[macro_use]
mod shown;

pub mod admin;
pub mod background;
pub mod branding;
mod breaches;
pub mod build;
pub mod client_keys;
pub mod code_pages;
pub mod config;
pub mod connections;
pub mod health;
pub mod locale;
pub mod mailbox;
pub mod metrics;
pub mod panics;
pub mod server;
pub mod stop;
pub mod traces;
pub mod views;

mod api;
mod contract;
mod dev;
mod http;
mod pages;
mod protocol;
mod router;
mod shortcuts;
mod state;
mod warm;

pub use router::{openapi, router};
pub use shortcuts::Shortcuts;
pub use state::{App, AppParts};
