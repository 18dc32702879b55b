//! Durations as people write them in a configuration: a whole number and a unit, `90s`, `10m`, `24h`, `7d`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

/// The units, largest first, with their length in seconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Reads one: `#[serde(with = "auth::duration")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text)
        .ok_or_else(|| D::Error::custom(format!("\"{text}\" is no duration: write 90s, 10m, 24h or 7d")))
}

/// Writes one.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&show(*duration))
}

/// A duration as the schema of a configuration has it.
#[derive(Debug)]
pub struct Written;

impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "keyward-duration", "pattern": "^[0-9]+[dhms]$" })
    }
}

fn parse(text: &str) -> Option<Duration> {
    UNITS.iter().find_map(|(unit, length)| {
        let number = text.strip_suffix(unit)?;
        // A century is longer than anything here, and keeps every sum in bounds.
        let seconds = number.parse::<u64>().ok()?.checked_mul(*length)?;
        (seconds <= 36_525 * 86_400 && number.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Duration::from_secs(seconds))
    })
}

fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, length) =
        UNITS.iter().find(|(_, length)| seconds.is_multiple_of(*length)).unwrap_or(&("s", 1));
    format!("{}{unit}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_shown() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("10m", 600), ("25h", 90_000), ("7d", 604_800)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["90s", "10m", "25h", "7d", "400d"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
        for text in ["", "7", "d", "-7d", "+7d", "7 d", "1.5h", "7days", "99999999999999999999d", "36526d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
