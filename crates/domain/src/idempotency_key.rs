//! What whoever asks calls a request, so that it is done once, however often it is sent.

/// The most a key may be long, in characters.
const MAXIMUM_CHARACTERS: usize = 255;

/// A key, as `Idempotency-Key` carries it: a string of Structured Fields (draft-ietf-httpapi-idempotency-key-header-07 section 2.1,
/// RFC 9651 section 3.3.3), or the same without quotes, as most programs send it. It is of letters that are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Why a header cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyKeyError {
    /// There is nothing in it.
    #[error("it is empty: make up one for each request, a UUID for instance")]
    Empty,
    /// More than 255 characters.
    #[error("it is too long: at most 255 characters")]
    TooLong,
    /// A blank, something that is not ASCII, or a quote where none belongs.
    #[error(
        "it cannot be read: send letters, digits and signs of ASCII in double quotes, a UUID for instance"
    )]
    Malformed,
}

impl IdempotencyKey {
    /// Reads the value of the header.
    pub fn parse(value: &[u8]) -> Result<Self, IdempotencyKeyError> {
        let key = if value.starts_with(b"\"") { quoted(value) } else { bare(value) };
        let key = key.ok_or(IdempotencyKeyError::Malformed)?;
        match key.len() {
            0 => Err(IdempotencyKeyError::Empty),
            1..=MAXIMUM_CHARACTERS => Ok(Self(key)),
            _ => Err(IdempotencyKeyError::TooLong),
        }
    }

    /// The key, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without quotes what would be another's is refused: a list of two keys, and parameters.
fn bare(value: &[u8]) -> Option<String> {
    let is_plain = |letter: &u8| letter.is_ascii_graphic() && !b"\"\\,;".contains(letter);
    value.iter().all(is_plain).then(|| value.iter().copied().map(char::from).collect())
}

fn quoted(value: &[u8]) -> Option<String> {
    let [b'"', inner @ .., b'"'] = value else { return None };
    let mut key = String::with_capacity(inner.len());
    let mut letters = inner.iter().copied();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            b'\\' => letters.next().filter(|escaped| matches!(escaped, b'"' | b'\\'))?,
            b'"' => return None,
            letter if letter.is_ascii_graphic() => letter,
            _ => return None,
        };
        key.push(char::from(letter));
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, IdempotencyKeyError> {
        IdempotencyKey::parse(text.as_bytes()).map(|key| key.as_str().to_owned())
    }

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        for key in ["8e03978e-40d5-43dd-bc93-6894a57f9324", "a", "*~!#/:=(+)", &"x".repeat(255)] {
            assert_eq!(parse(key).as_deref(), Ok(key));
            assert_eq!(parse(&format!("\"{key}\"")).as_deref(), Ok(key));
        }
        assert_eq!(parse(r#""a\"b\\c,;""#).as_deref(), Ok(r#"a"b\c,;"#));
    }

    #[test]
    fn what_is_no_key_is_refused_with_why() {
        for empty in ["", "\"\""] {
            assert_eq!(parse(empty), Err(IdempotencyKeyError::Empty), "{empty:?}");
        }
        for long in [&"x".repeat(256), &format!("\"{}\"", "x".repeat(256))] {
            assert_eq!(parse(long), Err(IdempotencyKeyError::TooLong), "{long:?}");
        }
        for text in [
            "\"",
            "\"a",
            "a\"",
            "\"a\"b\"",
            "\"a\\\"",
            "\"a\\b\"",
            "\"a\";b=1",
            "\"a\", \"b\"",
            "a, b",
            "a;b",
            "a b",
            "\"a b\"",
            "a\\b",
            "ä",
            "\"ä\"",
            "a\tb",
            "a\0",
        ] {
            assert_eq!(parse(text), Err(IdempotencyKeyError::Malformed), "{text:?}");
        }
        assert_eq!(IdempotencyKey::parse(&[0xff]), Err(IdempotencyKeyError::Malformed));
    }

    proptest! {
        #[test]
        fn class_21_any_bytes_are_a_key_or_none(value in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(key) = IdempotencyKey::parse(&value) {
                prop_assert!((1..=255).contains(&key.as_str().len()));
                prop_assert!(key.as_str().bytes().all(|letter| letter.is_ascii_graphic()));
            }
        }
    }
}
