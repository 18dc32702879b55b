//! What the pages and mails must hold to, each rule over all of them; and the routes, driven in process.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod background;
mod catalogues;
mod classes;
mod conformance;
mod delivery;
mod gallery;
mod mail_gallery;
mod mails;
mod markup;
mod protocol;
mod relying_party;
mod routes;
mod serve;
mod shape;
mod stylesheet;
mod support;
