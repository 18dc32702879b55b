//! `[log]`: what is written to standard error, and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[log]`: what is written to standard error. Never a secret, a code, a token, or what stands behind the `?` of an address.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `json`, a line for machines, or `text`, one for people.
    pub format: Format,
    /// The least that is written. `KEYWARD_LOG` in the environment is heard before it, and may name parts of the server.
    pub level: Level,
    /// Whether every request is written: route, status, how long it took, and from where. A proxy does so already.
    pub access: bool,
    /// Whether the line of a request has the whole address that it came from. Otherwise it has its network (/24, or /56 of IPv6).
    pub full_addresses: bool,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// An object of JSON.
    #[default]
    Json,
    /// Words.
    Text,
}

/// The least that is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What failed.
    Error,
    /// What may need somebody, too.
    Warn,
    /// What was refused, and what the server does, too.
    #[default]
    Info,
    /// What helps to find a fault, too.
    Debug,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl Log {
    /// In the form of `KEYWARD_LOG`.
    pub fn directives(&self) -> String {
        let access = if self.access { "debug" } else { "off" };
        format!("{},access={access}", self.level.name())
    }
}
