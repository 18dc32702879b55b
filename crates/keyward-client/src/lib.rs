//! The relying party's library: an app behind Keyward signs people in by OpenID Connect, knows who is asking, and hears when
//! they sign out.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use keyward_client::{ClientAuthentication, Identity, Keyward, RequireSignIn, Settings};
//!
//! # fn app(secret: secrets::SecretString, key: secrets::SecretString) -> Result<Router, Box<dyn std::error::Error>> {
//! let keyward = Keyward::new(Settings::new(
//!     "https://sign-in.example.com",
//!     "https://app.example.com".parse()?,
//!     "app",
//!     ClientAuthentication::Secret(secret),
//!     key,
//! ))?;
//! let app = Router::new()
//!     .route("/protected", get(|who: Identity| async move { format!("Hello {}", who.subject) }))
//!     .layer(RequireSignIn::new(&keyward))
//!     .merge(keyward.routes());
//! # Ok(app)
//! # }
//! ```
//!
//! # What is kept where
//!
//! The session of a person is a sealed cookie, and nothing else: any process of the app reads it that has the same key. It is
//! proved again by a refresh once it is [`RENEWED_AFTER`] old, at the next request, and is not believed when it is
//! [`PROVED_WITHIN`] old: a sign-out of which the app was not told ends there. A sign-out of which it was told (back-channel
//! logout) ends it at once in the process that was told, and in the others at their next refresh.
//!
//! While the sign-in server cannot be reached, a session is served until it is [`PROVED_WITHIN`] old; then the answer is 503
//! with `Retry-After`. Nobody is signed out by that.
//!
//! A cookie travels with a request that another site started, too: an app that changes something on POST checks `Origin` or
//! a token of its own, as with any cookie.

mod activity;
mod answers;
mod attempt;
mod backoff;
mod clock;
mod cookies;
mod ended;
mod fetched;
mod identity;
mod keyward;
mod notice;
mod provider;
mod provider_error;
mod renewals;
mod require;
mod return_path;
mod routes;
mod secret_text;
mod session;
mod settings;
mod sign_in;
mod standing;
mod tokens;

pub use activity::Activity;
pub use clock::{Clock, Moment};
pub use identity::{Identity, LayerMissing};
pub use keyward::Keyward;
pub use notice::{Notice, NoticeKind};
pub use require::{Guard, KnowSignIn, RequireSignIn};
pub use routes::{BACKCHANNEL_LOGOUT_PATH, CALLBACK_PATH, SIGN_IN_PATH, SIGN_OUT_PATH, SIGNED_OUT_PATH};
pub use settings::{ClientAuthentication, InvalidSettings, Settings};
pub use standing::{PROVED_WITHIN, RENEWED_AFTER};

/// The guide's code is compiled, so that it stays true.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/apps/rust-axum.md")]
struct Guide;
