//! PostgreSQL (15 and later): connections of our own keeping, since whoever writes while it is away is to be told at once.

mod asking;
mod fault;
mod keeper;
mod pool;
mod pooler;
mod session;
mod settings;
mod way;

pub(crate) use asking::Asking;
pub(crate) use fault::{is_cut, is_forbidden, is_given_up, is_unavailable, undone};
pub(crate) use pool::{Postgres, connect_once, takes_writes};
pub(crate) use session::Session;
pub use settings::{PostgresError, PostgresSettings};
