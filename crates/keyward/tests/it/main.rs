//! Tests of the command, and of the house it stands on.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where it stopped"
)]

mod apps;
mod audit;
mod calibrate;
mod channel;
mod client;
mod command;
mod conformance;
mod dev;
mod documents;
mod example;
mod gate;
mod guides;
mod hashing;
mod help;
mod import;
mod import_cut_short;
mod import_family;
mod init;
mod mail;
mod pipeline;
mod probe;
mod production;
mod restart;
mod running;
mod secrets;
mod security;
mod setup;
mod status;
mod walls;
