//! The name a person goes by.

use std::fmt;

/// The most a name may be long, in characters.
const MAXIMUM_CHARACTERS: usize = 100;

/// A name as its owner writes it: any script, no control characters. May be empty (nobody has to tell their name).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

/// Why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisplayNameError {
    /// More than a hundred characters.
    #[error("the name is too long: at most 100 characters")]
    TooLong,
    /// A line break, a NUL, an invisible character that changes the direction of the text around it, or U+FFFD, which stands in the
    /// place of bytes that are no text.
    #[error("the name holds a character that cannot be shown: remove line breaks and invisible characters")]
    Unprintable,
}

impl DisplayName {
    /// Reads a name; white space around it is forgiven.
    pub fn parse(text: &str) -> Result<Self, DisplayNameError> {
        let text = text.trim();
        if text.chars().count() > MAXIMUM_CHARACTERS {
            return Err(DisplayNameError::TooLong);
        }
        if text
            .chars()
            .any(|c| c.is_control() || is_direction_override(c) || c == char::REPLACEMENT_CHARACTER)
        {
            return Err(DisplayNameError::Unprintable);
        }
        // Nobody is greeted by a name that nobody sees: that is none.
        if text.chars().all(is_invisible) {
            return Ok(Self(String::new()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name; empty if none was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// White space, and what Unicode calls ignorable by default (its property `Default_Ignorable_Code_Point`) of the planes that have
/// letters: between letters of some scripts, and in emoji, it has its place.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

/// Embeddings, overrides and isolates reorder the text that comes after them (Unicode Standard Annex 9): in a mail or a
/// list of sessions that is another's text. Right-to-left letters need none of them.
fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DisplayName {
    type Error = DisplayNameError;

    fn try_from(text: String) -> Result<Self, DisplayNameError> {
        Self::parse(&text)
    }
}

impl From<DisplayName> for String {
    fn from(name: DisplayName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_script_is_a_name_and_control_characters_are_not() {
        for name in ["", "Ana", "أنا", "アナ 🙂", "<script>alert(1)</script>"] {
            assert_eq!(DisplayName::parse(name).unwrap().as_str(), name);
        }
        for name in ["a\0b", "a\nb", "a\u{202E}b", "a\u{FFFD}"] {
            assert_eq!(DisplayName::parse(name), Err(DisplayNameError::Unprintable), "{name:?}");
        }
        assert_eq!(DisplayName::parse(&"ä".repeat(101)), Err(DisplayNameError::TooLong));
        assert!(DisplayName::parse(&"ä".repeat(100)).is_ok());
        for none in ["\u{200b}", "\u{feff}\u{3164} \u{ad}", " \u{2800}"] {
            assert_eq!(DisplayName::parse(none).unwrap().as_str(), "", "{none:?}");
        }
        // Between letters, and in emoji, they have their place.
        for name in ["می\u{200c}خواهم", "👩\u{200d}💻", "❤\u{fe0f}"] {
            assert_eq!(DisplayName::parse(name).unwrap().as_str(), name);
        }
    }
}
