//! What becomes of values that are written into a manager, and what may be in the way.

use crate::SecretCause;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Which version the document is now, where its keeper counts them.
    pub version: Option<String>,
    /// The keys whose values were not there before; none if nothing had to be written.
    pub changed: Vec<String>,
    /// Whether nobody can have written in between unseen.
    pub is_checked: bool,
}

/// Why nothing was written. Names places, never values.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The manager did not take it.
    #[error("{}", refused(.place, .cause))]
    Refused {
        /// `vault:kv/keyward`.
        place: String,
        /// Why.
        cause: SecretCause,
    },
    /// Other values are there already.
    #[error(
        "{place} has another value already under {keys}, and it was left as it is: look which one is in use; --force writes over it",
        keys = .keys.join(", ")
    )]
    Taken {
        /// `vault:kv/keyward`.
        place: String,
        /// Under these keys.
        keys: Vec<String>,
    },
    /// Others write there all the time.
    #[error("{place} was changed by somebody else each time just before it was written: run it again")]
    Contended {
        /// `vault:kv/keyward`.
        place: String,
    },
}

fn refused(place: &str, cause: &SecretCause) -> String {
    match cause {
        SecretCause::Denied { provider, why } => format!(
            "{place} may not be written: {provider} denies it ({why}); whoever writes there needs read, create and update, \
             which the server's own role need not have: sign in as somebody who has (`bao login`), or name a token by --token-file"
        ),
        cause => format!("{place} {cause}"),
    }
}
