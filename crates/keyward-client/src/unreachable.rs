//! The server could not be asked.

use url::Url;

/// No answer that says yes or no. Whoever asks must refuse: an unreachable server lets nobody in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// No connection, no answer in time, or a broken one.
    #[error(
        "{url} gave no answer: {source}; see that the sign-in server runs and that this address reaches it"
    )]
    NoAnswer {
        /// Who was asked.
        url: Url,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer, but neither yes nor no.
    #[error(
        "{url} answered {status}, where 200 or 401 was expected; see the sign-in server's log and this address"
    )]
    Status {
        /// Who was asked.
        url: Url,
        /// The HTTP status.
        status: u16,
    },
    /// A yes that does not say whom it is about.
    #[error("{url} answered 200, but not what a sign-in server says: {reason}; see that this is its address")]
    Malformed {
        /// Who was asked.
        url: Url,
        /// What does not fit.
        reason: String,
    },
}
