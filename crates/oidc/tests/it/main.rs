//! The public face of `oidc`, as its users see it.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod any_json;
mod authorization_request;
mod bearer;
mod claims;
mod class_07;
mod class_07_places;
mod client;
mod client_authentication;
mod decision;
mod error;
mod flow;
mod forge;
#[path = "../../fuzz/mod.rs"]
mod fuzz;
mod fuzz_smoke;
mod jwk;
mod logout;
mod metadata;
mod parameters;
mod pkce;
mod redirect_uri;
mod relying_party;
mod resource;
mod rfc_examples;
mod round_trip;
mod scope;
mod token_request;
mod tokens;
