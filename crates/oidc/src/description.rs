//! `Description`: a text in the characters that `error_description` may have.

use std::fmt;

use serde::{Serialize, Serializer};

/// Longer than any of ours; what a client sent into one is cut here.
const MAXIMUM_CHARACTERS: usize = 500;

/// An `error_description`: printable ASCII without `"` and `\` (RFC 6749 section 5.2: `%x20-21 / %x23-5B / %x5D-7E`),
/// so that it fits a header, a query and JSON alike, and nothing of what a client sent breaks out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// This and `end` behind it; if both are too long together, of this less.
    pub(crate) fn ending_with(&self, end: &str) -> Self {
        let end = Self::from(end).0;
        let kept = self.0.len().min(MAXIMUM_CHARACTERS - end.len());
        Self(format!("{}{end}", &self.0[..kept]))
    }

    /// The text without what stands between its quotes: that is what a client sent, which may be a credential in the wrong place.
    /// From the first quote to the last, since a credential may hold quotes of its own.
    pub fn for_the_log(&self) -> String {
        match (self.0.find('\''), self.0.rfind('\'')) {
            (Some(first), Some(last)) if first < last => format!("{}…{}", &self.0[..=first], &self.0[last..]),
            (Some(first), _) => format!("{}…", &self.0[..=first]),
            (None, _) => self.0.clone(),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `"` becomes `'`; any other character that is not allowed, `?`. What is too long is cut.
impl<T: AsRef<str>> From<T> for Description {
    fn from(text: T) -> Self {
        let allowed = |character| match character {
            '"' => '\'',
            '\\' => '?',
            ' '..='~' => character,
            _ => '?',
        };
        Self(text.as_ref().chars().take(MAXIMUM_CHARACTERS).map(allowed).collect())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Description {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
