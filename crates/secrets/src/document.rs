//! `Document`: a secret as a manager keeps it, of which a reference may mean all or one value.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{SecretCause, SecretRef};

/// A secret as a manager keeps it.
#[derive(Debug)]
pub(crate) struct Document {
    /// All of it; of Vault, a JSON object.
    pub(crate) text: SecretString,
    /// Which version it is, as its manager names them.
    pub(crate) version: Option<String>,
}

impl Document {
    /// What the reference means.
    pub(crate) fn value(&self, reference: &SecretRef) -> Result<SecretString, SecretCause> {
        let key = match reference {
            SecretRef::Vault { key, .. } => Some(key),
            SecretRef::Aws { key, .. } => key.as_ref(),
            _ => None,
        };
        let value = match key {
            None => self.text.clone(),
            Some(key) => self.value_of(key)?,
        };
        if value.expose_secret().trim().is_empty() {
            return Err(SecretCause::Empty);
        }
        Ok(value)
    }

    fn value_of(&self, key: &str) -> Result<SecretString, SecretCause> {
        let object: Value =
            serde_json::from_str(self.text.expose_secret()).map_err(|_| SecretCause::NoObject)?;
        let Value::Object(values) = object else { return Err(SecretCause::NoObject) };
        match values.get(key) {
            Some(Value::String(text)) => Ok(SecretString::from(text.as_str())),
            Some(Value::Number(number)) => Ok(SecretString::from(number.to_string())),
            Some(Value::Bool(truth)) => Ok(SecretString::from(truth.to_string())),
            Some(Value::Null) => Err(SecretCause::Empty),
            Some(Value::Array(_) | Value::Object(_)) => Err(SecretCause::NoScalar),
            None => {
                let mut keys: Vec<String> = values.keys().cloned().collect();
                keys.sort();
                Err(SecretCause::WrongKey { keys })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, reference: &str) -> Result<String, String> {
        let document = Document { text: text.into(), version: None };
        let value = document.value(&reference.parse().unwrap());
        value.map(|value| value.expose_secret().to_owned()).map_err(|cause| cause.to_string())
    }

    #[test]
    fn a_key_names_one_value_and_none_names_all() {
        let text = r#"{"url":"postgres://x","port":5432,"list":["hunter2"],"none":null,"blank":" "}"#;
        assert_eq!(value(text, "aws:a#url").unwrap(), "postgres://x");
        assert_eq!(value(text, "vault:kv/a#port").unwrap(), "5432");
        assert_eq!(value(text, "aws:a").unwrap(), text);
        assert_eq!(value("hunter2", "gcp:projects/p/secrets/s").unwrap(), "hunter2");
        for (text, reference, expected) in [
            (text, "aws:a#ulr", "the keys that are there: blank, list, none, port, url"),
            (text, "aws:a#list", "a list or an object"),
            (text, "aws:a#none", "is empty"),
            (text, "aws:a#blank", "is empty"),
            ("hunter2", "aws:a#url", "no JSON object"),
            ("\"hunter2\"", "aws:a#url", "no JSON object"),
            ("{}", "vault:kv/a#url", "nor any other"),
            ("\n", "aws:a", "is empty"),
        ] {
            let told = value(text, reference).unwrap_err();
            assert!(told.contains(expected) && !told.contains("hunter2"), "{reference}: {told}");
        }
    }
}
