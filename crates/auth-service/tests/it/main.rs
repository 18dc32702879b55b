//! What the pages and mails must hold to, each rule over all of them; and the routes, driven in process.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod background;
mod catalogues;
mod classes;
mod config_check;
mod conformance;
mod delivery;
mod gallery;
mod hashing;
mod health;
mod mail_gallery;
mod mails;
mod markup;
mod process;
mod protocol;
mod reference;
mod relying_party;
mod routes;
mod scripts;
mod serve;
mod shape;
mod sight;
mod stopping;
mod stylesheet;
mod support;
