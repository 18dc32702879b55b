//! What is told of a move: for people, and for programs. Never a value.

use std::fmt::Write as _;
use std::path::Path;

use secrets::ExposeSecret as _;
use serde_json::{Value, json};

use super::history::History;
use super::plan::{Move, Plan, Source};

/// What the manager has under a key already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    /// Nothing.
    New,
    /// The same value.
    Same,
    /// Another.
    Other,
    /// It could not be asked, which a dry run bears.
    Unknown,
}

impl There {
    fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Same => "same",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::New => "",
            Self::Same => ", there already",
            Self::Other => ", ANOTHER VALUE IS THERE",
            Self::Unknown => ", not known whether it is there",
        }
    }
}

/// All that is told.
pub(super) struct Report<'a> {
    pub(super) plan: &'a Plan,
    /// Of each move.
    pub(super) there: &'a [There],
    pub(super) history: &'a History,
    pub(super) config: &'a Path,
    pub(super) env: Option<&'a Path>,
}

impl Report<'_> {
    /// The moves whose values others may have.
    pub(super) fn exposed(&self) -> impl Iterator<Item = (&Move, &std::collections::BTreeSet<String>)> {
        let found = self.plan.moves.iter().zip(&self.history.found);
        found.filter(|(_, places)| !places.is_empty())
    }

    /// What will be done, or would be.
    pub(super) fn text(&self) -> String {
        let rows: Vec<[String; 3]> = self
            .plan
            .moves
            .iter()
            .map(|one| {
                let from: Vec<String> = one.from.iter().map(|source| self.source(source)).collect();
                [one.setting.clone(), from.join(" and "), one.reference.to_string()]
            })
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
        let widths = [width(0), width(1), width(2)];
        let mut text = String::new();
        for ((row, one), there) in rows.iter().zip(&self.plan.moves).zip(self.there) {
            let length = one.value.expose_secret().len();
            let _ = writeln!(
                text,
                "{:settings$}  {:sources$}  -> {:references$}  {length} bytes{}",
                row[0],
                row[1],
                row[2],
                there.told(),
                settings = widths[0],
                sources = widths[1],
                references = widths[2],
            );
        }
        for left in &self.plan.left {
            let _ = writeln!(text, "Left: {}: {}", left.what, left.why);
        }
        text + &self.exposure()
    }

    /// What a move does not mend.
    fn exposure(&self) -> String {
        let mut text = String::new();
        for (one, places) in self.exposed() {
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            let _ = writeln!(
                text,
                "ROTATE: {} has been in a git history: {}. Whoever has a copy of it has this value: exchange it, moving does not mend that",
                one.setting,
                places.join(", ")
            );
        }
        for gap in &self.history.gaps {
            let _ = writeln!(text, "Not known: {gap}");
        }
        if text.is_empty() && !self.plan.moves.is_empty() {
            text = if self.history.has_repository {
                "None of these values is in the git history.\n".to_owned()
            } else {
                "Neither file is in a git repository.\n".to_owned()
            };
        }
        text
    }

    fn source(&self, source: &Source) -> String {
        let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        match source {
            Source::Variable(variable, line) => {
                format!("{}:{line} {variable}", self.env.map(name).unwrap_or_default())
            }
            Source::Line(line) => format!("{}:{line}", name(self.config)),
            Source::Elsewhere(reference) => reference.to_string(),
        }
    }

    /// The same for programs.
    pub(super) fn json(&self, done: &Value) -> Value {
        let values: Vec<Value> = self
            .plan
            .moves
            .iter()
            .zip(self.there)
            .zip(&self.history.found)
            .map(|((one, there), places)| {
                let from: Vec<String> = one.from.iter().map(|source| self.source(source)).collect();
                json!({
                    "setting": one.setting, "from": from, "reference": one.reference, "there": there.word(),
                    "length": one.value.expose_secret().len(), "git_history": places, "must_rotate": !places.is_empty(),
                })
            })
            .collect();
        let left: Vec<Value> = self
            .plan
            .left
            .iter()
            .map(|left| json!({ "what": left.what, "why": left.why, "is_fault": left.is_fault }))
            .collect();
        json!({ "values": values, "left": left, "not_known": self.history.gaps, "done": done })
    }
}
