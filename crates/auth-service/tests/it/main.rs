//! What the pages and mails must hold to, each rule over all of them; and the routes, driven in process.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends here")]
#![allow(
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    reason = "a table of cases reads best as it is written"
)]

mod catalogues;
mod classes;
mod gallery;
mod mails;
mod markup;
mod routes;
mod shape;
mod stylesheet;
mod support;
