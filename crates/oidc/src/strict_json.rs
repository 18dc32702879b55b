//! JSON in which every name occurs once, and nothing is nested without end.

use std::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deeper than any claim of a real token, shallower than any stack.
const MAXIMUM_DEPTH: usize = 16;

/// The text is no JSON, says a name twice, or is nested more than 16 deep.
#[derive(Debug, thiserror::Error)]
#[error("not acceptable JSON: {0}")]
pub struct StrictJsonError(serde_json::Error);

/// Parses JSON (RFC 8259), refusing what two parsers could read in two ways: a name that occurs twice in an object
/// (RFC 7515 section 4, RFC 7519 section 4), anything behind the value, and nesting deeper than 16.
pub fn parse_strict_json(text: &[u8]) -> Result<Value, StrictJsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = StrictValue { depth: 0 }.deserialize(&mut deserializer).map_err(StrictJsonError)?;
    deserializer.end().map_err(StrictJsonError)?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct StrictValue {
    depth: usize,
}

impl StrictValue {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key_seed(Name)? {
            let value = members.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_json_reads_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,3.5,true,null,"x\u0041"],"b":{"a":{}},"c":18446744073709551615}"#;
        assert_eq!(parse_strict_json(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn what_two_parsers_could_read_in_two_ways_is_refused() {
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        let very_deep = "[".repeat(100_000);
        let cases: [&str; 10] = [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            "{} {}",
            "{}x",
            "",
            "{'a':1}",
            r#"{"a":1,}"#,
            &deep,
            &very_deep,
        ];
        for text in cases {
            assert!(parse_strict_json(text.as_bytes()).is_err(), "{}", &text[..text.len().min(40)]);
        }
        assert!(parse_strict_json(b"{\"a\":\"\xff\"}").is_err());
    }
}
