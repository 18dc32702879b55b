//! `Document`: a secret as a manager keeps it, of which a reference may mean all or one value.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use crate::{SecretCause, SecretRef};

/// A secret as a manager keeps it.
#[derive(Debug)]
pub(crate) struct Document {
    /// All of it; of Vault, a JSON object.
    pub(crate) text: SecretString,
    /// Which version it is, as its manager names them.
    pub(crate) version: Option<String>,
    /// For how long it is good, where its manager takes it back.
    pub(crate) lease: Option<Lease>,
}

/// For how long a secret is good that was made for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How it is called when more time is asked for; none where the manager exchanges the secret then, and it has to be read anew.
    pub(crate) id: Option<String>,
    /// When it was asked for, or for more time: it was given then, or a little later.
    pub(crate) from: Instant,
    /// For so long from then on.
    pub(crate) duration: Duration,
    /// For how long it was when it was made: much less is not worth to be renewed.
    pub(crate) first: Duration,
    /// It ends with the sign-in by which it was made: the number of that.
    pub(crate) sign_in: u64,
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

impl Lease {
    /// When to ask for more time, or to read anew: when two thirds of it are over, or, where its manager exchanges the secret, once it
    /// has.
    pub fn due(&self) -> Instant {
        self.from + if self.id.is_some() { self.duration * 2 / 3 } else { self.duration }
    }

    /// Whether whoever reads it anew is made another.
    pub fn is_made(&self) -> bool {
        self.id.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, reference: &str) -> Result<String, String> {
        let document = Document { text: text.into(), version: None, lease: None };
        let value = document.value(&reference.parse().unwrap());
        value.map(|value| value.expose_secret().to_owned()).map_err(|cause| cause.to_string())
    }

    /// It was counted from when the secret was in use, and a user of the database was taken back before another was asked for.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment is wanted, and any will do")]
    fn a_lease_is_seen_to_by_when_it_was_asked_for_and_not_by_when_it_is_used() {
        let (from, duration) = (Instant::now() - Duration::from_secs(3), Duration::from_secs(6));
        let made = Lease { id: Some("one".to_owned()), from, duration, first: duration, sign_in: 1 };
        assert_eq!(made.due(), from + Duration::from_secs(4));
        assert_eq!(Lease { id: None, ..made }.due(), from + duration);
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
