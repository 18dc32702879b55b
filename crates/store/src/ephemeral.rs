//! Short-lived state: counters. Nothing here decides anything that a restart must not forget.

mod memory;

pub use memory::{Budget, Memory};
