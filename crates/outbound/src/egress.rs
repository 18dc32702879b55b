//! The one HTTP client: it cannot be led into the house's own network.
//!
//! A URL may come from somebody else's metadata, a webhook, a configuration by a tenant. Whatever name it has, the
//! addresses it resolves to are checked, and the connection goes to those very addresses: there is no second look-up
//! for a name server to answer differently.

mod address;
mod client;
mod error;
mod network;
mod request;
mod resolver;

pub use address::{AddressClass, classify};
pub use client::{EgressClient, EgressSettings};
pub use error::EgressError;
pub use network::{Network, ParseNetworkError};
pub use request::{EgressRequest, EgressResponse};
