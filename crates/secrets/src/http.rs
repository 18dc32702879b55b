//! What is asked of a manager over HTTP, within limits.
//!
//! This is not the egress client (`outbound`): where it goes is the operator's word alone, most often inside the house, and by a
//! certificate of the house's own.

use std::{error::Error as _, time::Duration};

use reqwest::{Client, ClientBuilder, Response, redirect::Policy};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::SecretCause;

/// How managers, and their audit logs, know us.
pub(crate) const AGENT: &str = concat!("keyward/", env!("CARGO_PKG_VERSION"));
/// For one question and its answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// A secret, in base64 or with the others of its object, and what stands around it.
const MAXIMUM_ANSWER_BYTES: usize = 1024 * 1024;
/// What is repeated of a manager's own words.
const MAXIMUM_WORDS: usize = 300;

/// Follows no redirect, which could lead a token elsewhere; takes no proxy from the environment.
pub(crate) fn client() -> ClientBuilder {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .timeout(TIMEOUT)
        .connect_timeout(Duration::from_secs(3))
        .user_agent(AGENT)
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Nothing where it is no JSON.
    pub(crate) body: Value,
}

/// Reads an answer, whatever its status.
pub(crate) async fn answer(provider: &str, mut response: Response) -> Result<Answer, SecretCause> {
    let status = response.status().as_u16();
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(provider, error))? {
        if bytes.len() + chunk.len() > MAXIMUM_ANSWER_BYTES {
            let why = format!("its answer is larger than {MAXIMUM_ANSWER_BYTES} bytes");
            return Err(SecretCause::Unusable { provider: provider.to_owned(), why });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
}

/// No answer: in words, without the URL.
pub(crate) fn unreachable(provider: &str, error: reqwest::Error) -> SecretCause {
    let why = if error.is_timeout() {
        format!("nothing came within {} s", TIMEOUT.as_secs())
    } else {
        let error = error.without_url();
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            words = format!("{words}: {inner}");
            cause = inner.source();
        }
        words
    };
    SecretCause::Unreachable { provider: provider.to_owned(), why }
}

/// A manager's own words in one line, cut short.
pub(crate) fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut cut: String =
        line.chars().filter(|character| !character.is_control()).take(MAXIMUM_WORDS).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut
}
