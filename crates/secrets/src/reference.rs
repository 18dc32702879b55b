//! `SecretRef`: the name of a secret, as a configuration holds it.

use std::{borrow::Cow, fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The forms that exist, for whoever wrote another.
const FORMS: &str = "the forms are file:/absolute/path, credential:NAME, vault:MOUNT/PATH#KEY, aws:NAME-or-ARN#KEY, \
                     gcp:projects/PROJECT/secrets/SECRET#VERSION and env:NAME";

/// Where a secret is kept. Safe to print: it names a place, never a value.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretRef {
    /// `file:/absolute/path`: the file's text, less one newline at its end.
    File(PathBuf),
    /// `credential:NAME`: the file of that name in the folder that systemd gives a service (`LoadCredential=`).
    Credential(String),
    /// `vault:MOUNT/PATH#KEY`: a value in a KV engine of Vault or OpenBao.
    Vault {
        /// The engine's mount and the secret's path in it.
        path: String,
        /// Which of its values.
        key: String,
    },
    /// `aws:NAME-or-ARN`, with `#KEY` for one value of a JSON object, and `?stage=AWSPENDING` for another stage.
    Aws {
        /// Its name or ARN.
        id: String,
        /// Which of its versions.
        stage: Stage,
        /// Which value of the JSON object that it holds; without one, all of it.
        key: Option<String>,
    },
    /// `gcp:projects/PROJECT/secrets/SECRET#VERSION`.
    Gcp {
        /// `projects/PROJECT/secrets/SECRET`.
        name: String,
        /// `latest`, or a number.
        version: String,
    },
    /// `env:NAME`: the environment variable of that name.
    Environment(String),
}

/// Which version of a secret in AWS Secrets Manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The one in force.
    #[default]
    Current,
    /// The one that a rotation is about to put in force.
    Pending,
    /// The one that was in force before.
    Previous,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Current, Self::Pending, Self::Previous];

    /// As AWS names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// Why a text is not a [`SecretRef`]. No variant repeats the text, since people paste the secret itself.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseSecretRefError {
    /// None of the forms that exist: most likely the secret itself.
    #[error(
        "this is not a reference to a secret (it is not shown here, as it may be the secret itself), and a configuration \
         holds no secret: move it into a file by `install -m 0400 /dev/stdin /etc/keyward/secrets/NAME` (paste it, then \
         Ctrl-D), owned by the server's user, and write file:/etc/keyward/secrets/NAME, or move all of the server's into Vault or OpenBao by \
         `keyward secrets migrate --to vault:MOUNT/PATH`; {FORMS}"
    )]
    UnknownForm,
    /// A scheme that exists, with something behind it that does not fit.
    #[error("`{scheme}:` wants {wanted}; {FORMS}")]
    Shape {
        /// The scheme.
        scheme: &'static str,
        /// What it wants behind it, and how that is written.
        wanted: &'static str,
    },
}

const FILE: &str =
    "an absolute path, so that it names one file wherever the server is started: write file:/absolute/path";
const CREDENTIAL: &str = "the name of a credential of the service (letters, digits, `_`, `-` and `.`), as LoadCredential= in its unit has it: \
                          write credential:NAME";
const ENVIRONMENT: &str =
    "a variable's name (letters, digits and `_`, no digit first): write env:NAME, without `$`";
const VAULT: &str = "the mount of a KV engine, the path of a secret in it, and the name of one of its values: write \
                     vault:MOUNT/PATH#KEY, such as vault:kv/keyward#database_password, without the `data/` of the API";
const AWS: &str = "a secret's name or ARN (letters, digits and /_+=.@-), and the key of one value where it is a JSON object: write \
                   aws:NAME#KEY, or aws:NAME?stage=AWSPREVIOUS#KEY (AWSCURRENT, AWSPENDING, AWSPREVIOUS)";
const GCP: &str = "a secret's full name and a version: write gcp:projects/PROJECT/secrets/SECRET#latest, or a number in the \
                   place of latest";

impl FromStr for SecretRef {
    type Err = ParseSecretRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').ok_or(ParseSecretRefError::UnknownForm)?;
        let (scheme, read, wanted) = match scheme {
            "file" => ("file", file(rest), FILE),
            "credential" => ("credential", credential(rest), CREDENTIAL),
            "vault" => ("vault", vault(rest), VAULT),
            "aws" => ("aws", aws(rest), AWS),
            "gcp" => ("gcp", gcp(rest), GCP),
            "env" => ("env", environment(rest), ENVIRONMENT),
            _ => return Err(ParseSecretRefError::UnknownForm),
        };
        read.ok_or(ParseSecretRefError::Shape { scheme, wanted })
    }
}

fn file(rest: &str) -> Option<SecretRef> {
    (rest.starts_with('/') && !rest.contains('\0')).then(|| SecretRef::File(PathBuf::from(rest)))
}

/// A name alone: with a path it could leave the folder.
fn credential(rest: &str) -> Option<SecretRef> {
    let fits = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    (fits && !rest.is_empty() && !rest.starts_with('.')).then(|| SecretRef::Credential(rest.to_owned()))
}

fn environment(rest: &str) -> Option<SecretRef> {
    let first = |first: char| first.is_ascii_alphabetic() || first == '_';
    let fits =
        rest.starts_with(first) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    fits.then(|| SecretRef::Environment(rest.to_owned()))
}

fn vault(rest: &str) -> Option<SecretRef> {
    let (path, key) = rest.split_once('#')?;
    let mut parts = 0;
    for part in path.split('/') {
        // Nothing that the URL it becomes a part of would read otherwise.
        let fits = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@~+=".contains(&byte));
        if !fits || part.is_empty() || part == "." || part == ".." {
            return None;
        }
        parts += 1;
    }
    (parts >= 2 && is_key(key)).then(|| SecretRef::Vault { path: path.to_owned(), key: key.to_owned() })
}

fn aws(rest: &str) -> Option<SecretRef> {
    let (place, key) = match rest.split_once('#') {
        Some((place, key)) => (place, Some(key)),
        None => (rest, None),
    };
    let (id, stage) = match place.split_once("?stage=") {
        Some((id, name)) => (id, Stage::ALL.into_iter().find(|stage| stage.name() == name)?),
        None => (place, Stage::default()),
    };
    let name = id.strip_prefix("arn:").unwrap_or(id);
    let is_arn = name.len() < id.len();
    let fits = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte) || (is_arn && byte == b':'));
    if name.is_empty() || !fits || id.len() > 2048 || !key.is_none_or(is_key) {
        return None;
    }
    Some(SecretRef::Aws { id: id.to_owned(), stage, key: key.map(str::to_owned) })
}

fn gcp(rest: &str) -> Option<SecretRef> {
    let (name, version) = rest.split_once('#').unwrap_or((rest, "latest"));
    let ["projects", project, "secrets", secret] = name.split('/').collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
    };
    let is_version = version == "latest"
        || (version.bytes().all(|byte| byte.is_ascii_digit()) && (1..=10).contains(&version.len()));
    (is_name(project) && is_name(secret) && is_version)
        .then(|| SecretRef::Gcp { name: name.to_owned(), version: version.to_owned() })
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= 255 && !key.chars().any(char::is_control)
}

impl SecretRef {
    /// Whether it is kept by a manager, which may be away; else on this machine.
    pub fn is_managed(&self) -> bool {
        matches!(self, Self::Vault { .. } | Self::Aws { .. } | Self::Gcp { .. })
    }

    /// What is asked for: several references may name values of one secret.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Vault { path, .. } => format!("vault:{path}"),
            Self::Aws { id, stage, .. } => format!("aws:{id}?stage={}", stage.name()),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Credential(name) => write!(formatter, "credential:{name}"),
            Self::Vault { path, key } => write!(formatter, "vault:{path}#{key}"),
            Self::Aws { id, stage, key } => {
                write!(formatter, "aws:{id}")?;
                if *stage != Stage::Current {
                    write!(formatter, "?stage={}", stage.name())?;
                }
                key.as_ref().map_or(Ok(()), |key| write!(formatter, "#{key}"))
            }
            Self::Gcp { name, version } => write!(formatter, "gcp:{name}#{version}"),
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
    fn every_form_survives_text_and_json() {
        for text in [
            "file:/run/secrets/key",
            "file:/with space/and:colon",
            "credential:database.password",
            "vault:kv/keyward#database_url",
            "vault:team/kv/a/b/c#a key",
            "aws:prod/keyward",
            "aws:prod/keyward#database_url",
            "aws:prod/keyward?stage=AWSPREVIOUS#database_url",
            "aws:arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/keyward-AbCdEf#a#b",
            "gcp:projects/p/secrets/s#latest",
            "gcp:projects/example.com:p/secrets/s#12",
            "env:KEYWARD_KEY",
            "env:_x1",
        ] {
            let reference: SecretRef = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(format!("{reference:?}"), format!("SecretRef({text})"));
            let json = serde_json::to_string(&reference).unwrap();
            assert_eq!(serde_json::from_str::<SecretRef>(&json).unwrap(), reference);
        }
    }

    #[test]
    fn what_is_usual_need_not_be_written() {
        let reference = |text: &str| text.parse::<SecretRef>().unwrap().to_string();
        assert_eq!(reference("gcp:projects/p/secrets/s"), "gcp:projects/p/secrets/s#latest");
        assert_eq!(reference("aws:x?stage=AWSCURRENT#y"), "aws:x#y");
    }

    #[test]
    fn values_of_one_secret_are_asked_for_together() {
        let place = |text: &str| text.parse::<SecretRef>().unwrap().place();
        assert_eq!(place("vault:kv/a#x"), place("vault:kv/a#y"));
        assert_eq!(place("aws:a#x"), place("aws:a"));
        assert_ne!(place("aws:a#x"), place("aws:a?stage=AWSPENDING#x"));
        assert_ne!(place("gcp:projects/p/secrets/s#1"), place("gcp:projects/p/secrets/s#2"));
    }

    #[test]
    fn anything_else_is_refused_with_the_forms_and_without_repeating_it() {
        let cases = [
            ("", None),
            ("hunter2-the-very-secret", None),
            ("FILE:/x", None),
            ("hunter2:rest", None),
            ("postgres://keyward:hunter2@db/keyward", None),
            ("azure:hunter2", None),
            ("file:hunter2", Some("file")),
            ("file:", Some("file")),
            ("file:/hunter2\0", Some("file")),
            ("credential:", Some("credential")),
            ("credential:../hunter2", Some("credential")),
            ("credential:.", Some("credential")),
            ("vault:secret/data/hunter2", Some("vault")),
            ("vault:hunter2#key", Some("vault")),
            ("vault:kv/hunter2#", Some("vault")),
            ("vault:kv//hunter2#key", Some("vault")),
            ("vault:kv/../hunter2#key", Some("vault")),
            ("vault:/kv/hunter2#key", Some("vault")),
            ("vault:kv/hunter2?version=1#key", Some("vault")),
            ("vault:kv/hunter2%2f#key", Some("vault")),
            ("aws:", Some("aws")),
            ("aws:#hunter2", Some("aws")),
            ("aws:hunter2#", Some("aws")),
            ("aws:hunter2 2#key", Some("aws")),
            ("aws:hunter2?stage=current#key", Some("aws")),
            ("aws:not-arn:hunter2", Some("aws")),
            ("gcp:hunter2", Some("gcp")),
            ("gcp:projects/p/secrets/hunter2#newest", Some("gcp")),
            ("gcp:projects/p/secrets/hunter2#", Some("gcp")),
            ("gcp:projects/p/secrets/hunter2/versions/1", Some("gcp")),
            ("gcp:projects/../secrets/hunter2", Some("gcp")),
            ("env:", Some("env")),
            ("env:$hunter2", Some("env")),
            ("env:2hunter2", Some("env")),
            ("env:HUNTER=hunter2", Some("env")),
        ];
        for (text, expected) in cases {
            let error = text.parse::<SecretRef>().unwrap_err();
            let scheme = match &error {
                ParseSecretRefError::Shape { scheme, .. } => Some(*scheme),
                ParseSecretRefError::UnknownForm => None,
            };
            assert_eq!(scheme, expected, "{text}");
            let message = error.to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(message.contains(FORMS), "{message}");
            assert_eq!(message.contains("install -m 0400"), expected.is_none(), "{message}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<SecretRef>(&json).is_err(), "{text}");
        }
    }
}
