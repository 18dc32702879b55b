//! A password as somebody typed it.

use secrets::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};

/// What was typed where a password belongs, before anybody has looked at it. It has no `==` and shows itself to nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed(SecretString);

impl Typed {
    /// The text itself. Whoever calls this sees to it that it is neither logged nor kept.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_like_any_text_and_shows_nothing() {
        let typed: Typed = serde_json::from_str("\"correct horse\"").unwrap();
        assert_eq!(typed.expose(), "correct horse");
        assert!(!format!("{typed:?}").contains("horse"), "{typed:?}");
    }
}
