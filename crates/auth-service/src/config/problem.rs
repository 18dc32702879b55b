//! Where a setting comes from, and what is wrong with one.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Where a setting comes from. The later ones are heard before the earlier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file.
    File {
        /// Which.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment {
        /// Its name.
        name: String,
    },
    /// `--set` on the command line.
    Flag {
        /// What it sets.
        name: String,
    },
}

impl Origin {
    pub(super) fn file(path: &Path, line: usize) -> Self {
        Self::File { path: path.to_owned(), line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Environment { name } => write!(formatter, "environment {name}"),
            Self::Flag { name } => write!(formatter, "--set {name}"),
        }
    }
}

/// Something that is wrong with the configuration: where, what, why, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which setting: `server.listen`.
    pub setting: String,
    /// Where it was said; nothing for what was said nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What is wrong, as the rest of a sentence that begins with the setting's name.
    pub message: String,
}

impl Problem {
    pub(super) fn new(
        setting: impl Into<String>,
        origin: Option<Origin>,
        message: impl Into<String>,
    ) -> Self {
        Self { setting: setting.into(), origin, message: message.into() }
    }

    /// In the order in which somebody mends them: down the file, then what is outside of it, then what is missing.
    pub(super) fn place(&self) -> (u8, usize) {
        match &self.origin {
            Some(Origin::File { line, .. }) => (0, *line),
            Some(Origin::Environment { .. }) => (1, 0),
            Some(Origin::Flag { .. }) => (2, 0),
            Some(Origin::Default) | None => (3, 0),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = self.origin.as_ref().filter(|origin| **origin != Origin::Default) {
            write!(formatter, "{origin}: ")?;
        }
        let space = if self.setting.is_empty() { "" } else { " " };
        write!(formatter, "{}{space}{}", self.setting, self.message)
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read: {error}", path = .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Every problem there is, so that nobody mends them one start at a time.
    #[error("the configuration cannot be used: {}", listed(.0))]
    Problems(Vec<Problem>),
}

fn listed(problems: &[Problem]) -> String {
    match problems {
        [only] => only.to_string(),
        several => {
            let lines: Vec<String> = several.iter().map(ToString::to_string).collect();
            format!("it has {} faults\n  - {}", several.len(), lines.join("\n  - "))
        }
    }
}
