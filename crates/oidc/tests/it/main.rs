//! The public face of `oidc`, as its users see it.

mod claims;
mod class_07;
mod forge;
mod jwk;
mod round_trip;
