//! `/api/v1`, by use case.

mod account;
mod email;
mod fields;
mod freshness;
mod problems;
mod recover;
mod sessions;
mod sign_in;
mod sign_up;
