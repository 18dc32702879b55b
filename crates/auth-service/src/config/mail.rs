//! `[mail]`: who mail comes from, and by what it is sent.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrets::SecretRef;
use serde::{Deserialize, Serialize};

use super::schema::SecretReference;

/// `[mail]`: how mail is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The address mail comes from.
    #[schemars(extend("format" = "email"), example = "no-reply@example.com")]
    pub from: String,
    /// The name mail comes from; the product's if none.
    pub from_name: Option<String>,
    /// By what it is sent: a mail server, or Postmark.
    pub transport: Transport,
}

/// `[mail.transport]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transport {
    /// A mail server.
    Smtp {
        /// Its host name.
        #[schemars(example = "mail.example.com")]
        host: String,
        /// Its port.
        #[serde(default = "default_smtp_port")]
        port: u16,
        /// `start_tls`, `tls`, or `none` (to this machine only).
        #[serde(default)]
        security: Security,
        /// The user to sign in to it as.
        username: Option<String>,
        /// That user's password.
        #[schemars(with = "Option<SecretReference>")]
        password: Option<SecretRef>,
        /// The certificate (PEM) that the server's is checked by, and by that alone; without one, by the authorities that this system
        /// trusts.
        #[schemars(with = "Option<String>", extend("format" = "path"), example = "/etc/keyward/mail-root.pem")]
        root_certificate: Option<PathBuf>,
    },
    /// Postmark's API.
    Postmark {
        /// The server token.
        #[schemars(with = "SecretReference", example = "file:/etc/keyward/secrets/postmark")]
        token: SecretRef,
    },
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Begins in clear text and switches, or fails (port 587).
    #[default]
    StartTls,
    /// TLS from the first byte (port 465).
    Tls,
    /// None; refused unless the server is on this machine.
    None,
}

fn default_smtp_port() -> u16 {
    587
}
