//! Who is asking, as far as the request itself tells.

use domain::Network;

use crate::Once;

/// What a use case is told of the request it serves.
#[derive(Clone, Debug)]
pub struct Context {
    /// The network it came from.
    pub network: Network,
    /// The browser, as a person would call it: "Firefox on Linux".
    pub device: String,
    /// What a person can tell support, and support can find in the log and the audit trail.
    pub support_id: String,
    /// SHA-256 of the token this browser keeps, if it keeps one.
    pub browser: Option<[u8; 32]>,
    /// SHA-256 of a token that this browser, which keeps none, is given if it is signed in.
    pub new_browser: Option<[u8; 32]>,
    /// The language of the request, as a BCP 47 tag: for mail to somebody who never chose one.
    pub locale: String,
    /// If it came under an `Idempotency-Key`, how it is answered once it is done.
    pub once: Option<Once>,
}
