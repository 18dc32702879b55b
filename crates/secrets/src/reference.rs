//! `SecretRef`: the name of a secret, as a configuration holds it.

use std::{borrow::Cow, fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Schemes that a later version brings. They are named so that the error can say "not yet" instead of "unknown".
const LATER_SCHEMES: [&str; 5] = ["vault", "aws", "gcp", "credential", "azure"];

/// Where a secret is kept. Safe to print: it names a place, never a value.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretRef {
    /// `file:/absolute/path`: the file's text, less one newline at its end.
    File(PathBuf),
    /// `env:NAME`: the environment variable of that name.
    Environment(String),
}

/// Why a text is not a [`SecretRef`]. No variant repeats the text, since people paste the secret itself.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseSecretRefError {
    /// Neither of the forms that exist.
    #[error(
        "this is not a reference to a secret (it is not shown here, as it may be the secret itself); \
         put the secret in a file or a variable and write file:/absolute/path or env:NAME"
    )]
    UnknownForm,
    /// A scheme that this version does not speak yet.
    #[error(
        "secrets from `{0}:` are not supported by this version; the forms are file:/absolute/path and env:NAME"
    )]
    NotYet(&'static str),
    /// `file:` with a path that depends on the working directory.
    #[error(
        "`file:` wants an absolute path, so that it names one file wherever the server is started; write file:/absolute/path"
    )]
    RelativePath,
    /// `env:` with something that is not a variable's name.
    #[error(
        "`env:` wants a variable's name (letters, digits and `_`, no digit first); write env:NAME, without `$`"
    )]
    VariableName,
}

impl FromStr for SecretRef {
    type Err = ParseSecretRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').ok_or(ParseSecretRefError::UnknownForm)?;
        match scheme {
            "file" if rest.starts_with('/') && !rest.contains('\0') => Ok(Self::File(PathBuf::from(rest))),
            "file" => Err(ParseSecretRefError::RelativePath),
            "env" if is_variable_name(rest) => Ok(Self::Environment(rest.to_owned())),
            "env" => Err(ParseSecretRefError::VariableName),
            _ => Err(LATER_SCHEMES
                .into_iter()
                .find(|later| *later == scheme)
                .map_or(ParseSecretRefError::UnknownForm, ParseSecretRefError::NotYet)),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Environment(name) => write!(formatter, "env:{name}"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretRef({self})")
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_survive_text_and_json() {
        for text in ["file:/run/secrets/key", "file:/with space/and:colon", "env:KEYWARD_KEY", "env:_x1"] {
            let reference: SecretRef = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(format!("{reference:?}"), format!("SecretRef({text})"));
            let json = serde_json::to_string(&reference).unwrap();
            assert_eq!(serde_json::from_str::<SecretRef>(&json).unwrap(), reference);
        }
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        let cases = [
            ("", ParseSecretRefError::UnknownForm),
            ("hunter2-the-very-secret", ParseSecretRefError::UnknownForm),
            ("FILE:/x", ParseSecretRefError::UnknownForm),
            ("hunter2:rest", ParseSecretRefError::UnknownForm),
            ("vault:secret/data/hunter2", ParseSecretRefError::NotYet("vault")),
            ("file:hunter2", ParseSecretRefError::RelativePath),
            ("file:", ParseSecretRefError::RelativePath),
            ("file:/hunter2\0", ParseSecretRefError::RelativePath),
            ("env:", ParseSecretRefError::VariableName),
            ("env:$hunter2", ParseSecretRefError::VariableName),
            ("env:2hunter2", ParseSecretRefError::VariableName),
            ("env:HUNTER=hunter2", ParseSecretRefError::VariableName),
        ];
        for (text, expected) in cases {
            let error = text.parse::<SecretRef>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            let message = error.to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(message.contains("env:NAME") || message.contains("file:/absolute/path"), "{message}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<SecretRef>(&json).is_err(), "{text}");
        }
    }
}
