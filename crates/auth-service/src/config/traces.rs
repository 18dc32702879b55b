//! `[traces]`: where the way of requests is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// `[traces]`: the way of each request, told to a collector of OpenTelemetry (OTLP over HTTP, in JSON): by which route, how it was
/// answered, and how long hashing and the database took of it. Never a path's values, what stands behind the `?`, or a secret.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The collector; `/v1/traces` is added. It may be at any address, over plain http too: whoever names it here allows it. Without
    /// one nothing is recorded.
    #[schemars(with = "Option<String>", extend("format" = "uri"), example = "http://collector:4318")]
    pub endpoint: Option<Url>,
    /// Of the requests of which no trusted proxy says (`traceparent`) whether they are traced, one in so many is.
    pub one_in: u32,
}

impl Default for Traces {
    fn default() -> Self {
        Self { endpoint: None, one_in: 1 }
    }
}
