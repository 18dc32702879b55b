//! `SecretError`: why a secret could not be had. It names the reference, the provider and the cause, never a value.

use std::{fmt, io};

use crate::SecretRef;

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
#[error("the secret {reference} {cause}")]
pub struct SecretError {
    /// Which secret.
    pub reference: SecretRef,
    /// Why not.
    pub cause: SecretCause,
}

/// What was in the way. The text goes on behind the reference.
#[derive(Debug)]
#[non_exhaustive]
pub enum SecretCause {
    /// The file is missing, or may not be read.
    Unreadable(io::Error),
    /// The variable is not set.
    Unset,
    /// The process was given no credentials.
    NoCredentials,
    /// There is nothing in it.
    Empty,
    /// More than 64 KiB.
    TooLarge,
    /// The bytes are no text.
    NotText,
    /// Nothing says where the manager is, or how to sign in to it.
    NotConfigured {
        /// `Vault`.
        provider: &'static str,
        /// What has to be set.
        missing: &'static str,
    },
    /// This program was built without it.
    NotBuilt {
        /// `AWS Secrets Manager`.
        provider: &'static str,
        /// The cargo feature.
        feature: &'static str,
    },
    /// The manager says no.
    Denied {
        /// `Vault at https://vault:8200`.
        provider: String,
        /// What it said, or what was tried.
        why: String,
    },
    /// The manager has no such secret.
    Missing {
        /// `Vault at https://vault:8200`.
        provider: String,
        /// What it said.
        why: String,
    },
    /// The manager does not answer, or cannot just now.
    Unreachable {
        /// `Vault at https://vault:8200`.
        provider: String,
        /// What happened.
        why: String,
    },
    /// The manager is there and locked.
    Sealed {
        /// `Vault at https://vault:8200`.
        provider: String,
    },
    /// The manager's answer, or what is set for it, cannot be used.
    Unusable {
        /// `Vault at https://vault:8200`.
        provider: String,
        /// What is wrong.
        why: String,
    },
    /// The secret has values, and none of that name.
    WrongKey {
        /// The names that are there.
        keys: Vec<String>,
    },
    /// One value is asked for, and the secret is no JSON object.
    NoObject,
    /// The value is a list or an object.
    NoScalar,
    /// What arrived is not what was sent.
    Damaged {
        /// `GCP Secret Manager`.
        provider: String,
    },
}

impl SecretCause {
    /// One word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable(_) | Self::NoCredentials => "unreadable",
            Self::Unset => "unset",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::NotText => "not_text",
            Self::NotConfigured { .. } => "not_configured",
            Self::NotBuilt { .. } => "not_built",
            Self::Denied { .. } => "denied",
            Self::Missing { .. } => "missing",
            Self::Unreachable { .. } => "unreachable",
            Self::Sealed { .. } => "sealed",
            Self::Unusable { .. } => "unusable",
            Self::WrongKey { .. } | Self::NoObject | Self::NoScalar => "wrong_key",
            Self::Damaged { .. } => "damaged",
        }
    }

    /// Whether it may go better at another try, without anybody changing a setting or a secret.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Sealed { .. } | Self::Damaged { .. })
    }
}

impl fmt::Display for SecretCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(
                formatter,
                "could not be read: {error}; check that the file exists and that this user may read it"
            ),
            Self::Unset => formatter
                .write_str("is not set; set the variable for this process, or keep the secret in a file"),
            Self::NoCredentials => formatter.write_str(
                "could not be read: systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set); write \
                 LoadCredential=NAME:/absolute/path into the service's unit",
            ),
            Self::Empty => formatter.write_str("is empty; write the secret there"),
            Self::TooLarge => {
                formatter.write_str("is larger than 64 KiB, so it is hardly a secret; check the reference")
            }
            Self::NotText => {
                formatter.write_str("is not UTF-8 text; write it as text, a binary key as hex or base64")
            }
            Self::NotConfigured { provider, missing } => {
                write!(formatter, "cannot be asked for, since {provider} is not set up: {missing}")
            }
            Self::NotBuilt { provider, feature } => write!(
                formatter,
                "is in {provider}, which this build cannot ask: releases of auth-service can, as does any build with \
                 `--features {feature}`; `cargo run` is built without, since it need not wait for it"
            ),
            Self::Denied { provider, why } => {
                write!(formatter, "may not be read: {provider} denies it ({why})")
            }
            Self::Missing { provider, why } => write!(formatter, "is not there: {provider} has none ({why})"),
            Self::Unreachable { provider, why } => {
                write!(formatter, "could not be asked for: {provider} does not answer ({why})")
            }
            Self::Sealed { provider } => {
                write!(formatter, "could not be read: {provider} is sealed, and somebody has to unseal it")
            }
            Self::Unusable { provider, why } => {
                write!(formatter, "could not be read: {provider} cannot be used so ({why})")
            }
            Self::WrongKey { keys } if keys.is_empty() => {
                formatter.write_str("has no value of that key, nor any other")
            }
            Self::WrongKey { keys } => {
                write!(formatter, "has no value of that key; the keys that are there: {}", keys.join(", "))
            }
            Self::NoObject => formatter.write_str(
                "is no JSON object, so it has no keys; leave out `#KEY` to mean the whole of it, or write an object there",
            ),
            Self::NoScalar => formatter.write_str("is a list or an object; name a text or a number"),
            Self::Damaged { provider } => {
                write!(formatter, "arrived damaged: what {provider} sent does not fit its checksum")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests have both features, so that no keeper of theirs says it.
    #[test]
    fn who_was_built_without_a_manager_says_which_build_has_it() {
        for (reference, provider, feature) in [
            ("aws:prod/keyward#url", "AWS Secrets Manager", "aws"),
            ("gcp:projects/p/secrets/s#latest", "GCP Secret Manager", "gcp"),
        ] {
            let cause = SecretCause::NotBuilt { provider, feature };
            assert_eq!((cause.kind(), cause.is_passing()), ("not_built", false));
            let told = SecretError { reference: reference.parse().unwrap(), cause }.to_string();
            assert_eq!(
                told,
                format!(
                    "the secret {reference} is in {provider}, which this build cannot ask: releases of auth-service can, as does any \
                     build with `--features {feature}`; `cargo run` is built without, since it need not wait for it"
                )
            );
        }
    }
}
