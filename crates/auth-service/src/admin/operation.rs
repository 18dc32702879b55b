//! What can be asked.

use std::fmt::Display;
use std::future::Future;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Desk;

/// A request of the operator.
pub trait Operation: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where the server takes it.
    const PATH: &'static str;
    /// Bytes of JSON that it is at most. The largest of most adds an app, with its keys.
    const LARGEST: usize = 256 * 1024;
    /// What comes back.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Does it.
    fn run(self, desk: &Desk) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send;
}

/// Why it was not done, in a sentence for the operator.
#[derive(Debug, Deserialize, Serialize, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// The sentence.
    pub error: String,
}

impl Refusal {
    /// This sentence.
    pub fn new(error: impl Display) -> Self {
        Self { error: error.to_string() }
    }
}

/// It is done, and there is no more to say.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Done {}

impl From<auth::Fault> for Refusal {
    fn from(fault: auth::Fault) -> Self {
        Self::new(fault)
    }
}

impl From<auth::RegisterError> for Refusal {
    fn from(error: auth::RegisterError) -> Self {
        Self::new(error)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::new(error)
    }
}
