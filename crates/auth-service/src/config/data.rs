//! Where accounts are kept, and where processes meet: SQLite and memory for one process, PostgreSQL and Redis for any number.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use secrets::{ExposeSecret as _, Keeper, SecretError, SecretRef, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de};
use url::Url;

use super::schema::SecretReference;

/// `[database]`: where accounts are kept. Either `path` or `url`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// The SQLite file, for one process. It is made at the first start.
    #[schemars(with = "Option<String>", extend("format" = "path"), example = "/var/lib/keyward/keyward.sqlite")]
    pub path: Option<PathBuf>,
    /// The PostgreSQL database, for any number of processes: `postgres://USER@HOST/NAME`, or a reference to where that is kept,
    /// if a password stands in it.
    #[schemars(with = "Option<String>", extend("format" = "keyward-url"), example = "postgres://keyward@postgres/keyward")]
    pub url: Option<ConnectionUrl>,
    /// The user to sign in as, where it is not in `url`: a secret, since a manager may make users by itself (Vault's database engine),
    /// and `password` is then of the same document.
    #[schemars(with = "Option<SecretReference>", extend("examples" = ["vault:database/creds/keyward#username"]))]
    pub username: Option<SecretRef>,
    /// The password of the user in `url`.
    #[schemars(with = "Option<SecretReference>", example = "file:/run/secrets/database_password")]
    pub password: Option<SecretRef>,
    /// The same database for the user that may change its tables, by which `auth-service migrate` goes. Without it that is the user
    /// in `url`.
    #[schemars(with = "Option<String>", extend("format" = "keyward-url"), example = "postgres://keyward_migrate@postgres/keyward")]
    pub migrate_url: Option<ConnectionUrl>,
    /// The password of the user in `migrate_url`.
    #[schemars(with = "Option<SecretReference>", example = "file:/run/secrets/database_migrate_password")]
    pub migrate_password: Option<SecretRef>,
    /// Connections that one process takes to answer by, at the most. With PostgreSQL it has two more: one asks whether the server is
    /// there, one hears what other processes ended.
    pub maximum_connections: u32,
    /// Statements that PostgreSQL keeps prepared for each connection. 0 behind a pooler in transaction mode that does not know them.
    pub statement_cache: u32,
    /// The certificate (PEM) that PostgreSQL's is checked by, where it is of no public authority.
    #[schemars(with = "Option<String>", extend("format" = "path"))]
    pub root_certificate: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            path: None,
            url: None,
            username: None,
            password: None,
            migrate_url: None,
            migrate_password: None,
            maximum_connections: 10,
            statement_cache: 200,
            root_certificate: None,
        }
    }
}

impl Database {
    /// An SQLite file.
    pub fn sqlite(path: PathBuf) -> Self {
        Self { path: Some(path), ..Self::default() }
    }
}

/// `[redis]`: where processes meet, in the full mode. Either `url` or `host`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// `redis://HOST:PORT`, or `rediss://` for TLS; or a reference to where that is kept, if a password stands in it.
    #[schemars(with = "Option<String>", extend("format" = "keyward-url"), example = "redis://redis:6379")]
    pub url: Option<ConnectionUrl>,
    /// Its host, in the place of a URL.
    #[schemars(example = &"redis")]
    pub host: Option<String>,
    /// Its port, beside `host`.
    pub port: u16,
    /// The user to sign in as (an ACL of Redis 6 and later).
    pub username: Option<String>,
    /// That user's password, or the one of the server.
    #[schemars(with = "Option<SecretReference>", example = "file:/run/secrets/redis_password")]
    pub password: Option<SecretRef>,
    /// Whether `host` is spoken to by TLS. A URL says so itself, by `rediss://`.
    pub tls: bool,
    /// The certificate (PEM) that Redis's is checked by, where it is of no public authority.
    #[schemars(with = "Option<String>", extend("format" = "path"))]
    pub root_certificate: Option<PathBuf>,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            host: None,
            port: 6379,
            username: None,
            password: None,
            tls: false,
            root_certificate: None,
        }
    }
}

impl Redis {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        self.url.is_some() || self.host.is_some()
    }
}

/// What the configuration chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode<'a> {
    /// One process: SQLite, and counters in memory.
    Small(&'a Path),
    /// Any number of processes: PostgreSQL and Redis.
    Full(&'a ConnectionUrl),
}

impl Mode<'_> {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Small(_) => "small: SQLite and memory, one process",
            Self::Full(_) => "full: PostgreSQL and Redis, any number of processes",
        }
    }
}

/// Where a server is. Never a password: whoever writes one here is told to keep it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionUrl {
    /// As it is.
    Plain(Url),
    /// Kept elsewhere, since a password stands in it.
    Kept(SecretRef),
}

impl ConnectionUrl {
    /// The whole URL, with this password if one is kept apart.
    pub async fn resolve(
        &self,
        password: Option<&SecretRef>,
        keeper: &Keeper,
    ) -> Result<SecretString, ResolveUrlError> {
        let mut url = match self {
            Self::Plain(url) => url.clone(),
            Self::Kept(reference) => {
                let text = keeper.read(reference).await?.value;
                Url::parse(text.expose_secret().trim())
                    .map_err(|_| ResolveUrlError::Shape { reference: reference.clone() })?
            }
        };
        if let Some(reference) = password {
            let password = keeper.read(reference).await?.value;
            url.set_password(Some(password.expose_secret())).map_err(|()| ResolveUrlError::Host)?;
        }
        Ok(SecretString::from(String::from(url)))
    }
}

/// Why there is no URL.
#[derive(Debug, thiserror::Error)]
pub enum ResolveUrlError {
    /// Its secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What is kept there is no URL.
    #[error(
        "what {reference} holds is not a URL; write postgres://USER:PASSWORD@HOST/NAME there, or redis://:PASSWORD@HOST"
    )]
    Shape {
        /// Where.
        reference: SecretRef,
    },
    /// A URL without a host has no place for a password.
    #[error("the URL names no host, so a password has no place in it; write postgres://USER@HOST/NAME")]
    Host,
}

impl<'de> Deserialize<'de> for ConnectionUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl Serialize for ConnectionUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(url) => serializer.collect_str(url),
            Self::Kept(reference) => reference.serialize(serializer),
        }
    }
}

impl ConnectionUrl {
    /// Reads one. The text is not repeated: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(reference) = text.parse() {
            return Ok(Self::Kept(reference));
        }
        let shape = "it is not shown, as a password may stand in it; write SCHEME://USER@HOST/NAME, such as \
                     postgres://keyward@postgres/keyward or redis://redis:6379";
        let url = Url::parse(text).map_err(|error| format!("it is no URL ({error}): {shape}"))?;
        if !["postgres", "postgresql", "redis", "rediss"].contains(&url.scheme()) {
            return Err(format!("{}: is not spoken here: {shape}", url.scheme()));
        }
        if url.password().is_some() {
            return Err("a password stands in it, and a configuration holds none: write the password into a file and name it \
                        beside the URL, password = \"file:/run/secrets/…\""
                .to_owned());
        }
        Ok(Self::Plain(url))
    }

    /// Whether this text is a URL with a password.
    pub(super) fn holds_password(text: &str) -> bool {
        Url::parse(text).is_ok_and(|url| url.password().is_some())
    }

    /// A URL with its password masked; nothing of what is no URL.
    pub(super) fn masked(text: &str) -> Option<String> {
        let mut url = Url::parse(text.trim()).ok()?;
        if url.password().is_some() {
            url.set_password(Some("***")).ok()?;
        }
        Some(url.into())
    }
}
