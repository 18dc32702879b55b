//! The relying party's library: it lets an app behind Keyward know who is asking, and send away who must sign in.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use keyward_client::{Identity, Keyward, RequireSignIn, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keyward = Keyward::new(Settings::new("https://sign-in.example.com/".parse()?))?;
//! let require = RequireSignIn::new(keyward, &"https://app.example.com/protected".parse()?);
//! let app: Router = Router::new().route(
//!     "/protected",
//!     get(|identity: Identity| async move { format!("Hello {}", identity.subject) }).layer(require),
//! );
//! # Ok(())
//! # }
//! ```
//!
//! Every check asks the server; nothing is remembered between two requests. So a sign-out, a changed password or an
//! ended session is refused at the very next request, and a server that cannot be asked means that nobody gets in.
//!
//! A cookie travels with a request that another site started, too: an app that changes something on POST checks
//! `Origin` or a token of its own, as with any cookie.

mod answers;
mod identity;
mod keyward;
mod require;
mod settings;
mod unreachable;

pub use identity::{Identity, LayerMissing};
pub use keyward::Keyward;
pub use require::{Guard, RequireSignIn};
pub use settings::{InvalidSettings, Settings};
pub use unreachable::Unreachable;
