//! The public face of `outbound`, against small servers on this machine.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod authority;
mod class_18;
mod egress;
mod http_server;
mod postmark;
mod smtp;
mod smtp_server;
mod smtp_tls;
