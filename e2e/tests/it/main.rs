//! The whole system: the real `keyward dev`, driven by a real browser, and by OpenID clients of others.
//!
//! Without a browser and its driver these tests say that they are skipped; under `CI=true` they fail instead.
//! `./scripts/test` installs both. Pictures of every page are left in `target/e2e-screenshots/`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod accessibility;
mod app;
mod browser;
mod clients;
mod foreign_app;
mod gallery;
mod journey;
mod mailbox;
mod person;
mod screenshots;
mod service;
mod sheets;
mod stack;
mod strength;
mod tools;
mod two_hosts;
mod visitor;
mod wait;
