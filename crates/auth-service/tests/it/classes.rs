//! Classes of bugs that other sign-in systems shipped (`SECURITY.md`), each closed by a test over the whole class.

mod enumeration;
mod escaping;
mod exhaustion;
mod foreign_object;
mod inventory;
mod lockout;
mod open_redirect;
mod origin;
mod poisoned_links;
mod public_routes;
mod skipped_steps;
