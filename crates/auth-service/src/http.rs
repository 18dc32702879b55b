//! What all routes share: who is asking, what is refused before a handler runs, how a failure is shown.

pub(crate) mod access;
pub(crate) mod asking;
pub(crate) mod conditional;
pub(crate) mod cookies;
pub(crate) mod failure;
pub(crate) mod front;
pub(crate) mod guard;
pub(crate) mod headers;
pub(crate) mod idempotency;
pub(crate) mod json;
pub(crate) mod kind;
pub(crate) mod tickets;
pub(crate) mod typed;
