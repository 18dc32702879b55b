//! Configuration: one struct a concern, each with its defaults, read in layers ([`Sources`]). An unknown key is refused, so that
//! a misspelt one is not silently the default.

mod bounds;
mod data;
mod development;
mod environment;
mod file;
mod log;
mod mail;
mod managers;
mod named;
mod places;
mod problem;
pub mod reference;
mod report;
pub mod schema;
mod sections;
mod settings;
mod sources;
mod suggest;
mod traces;
mod value;

pub use data::{ConnectionUrl, Database, Mode, Redis, ResolveUrlError};
pub use log::{Format, Level, Log};
pub use mail::{Mail, Security, Transport};
pub use managers::Managers;
pub use named::{Named, Whose};
pub use places::{Holds, Place, Places, setting_of_variable};
pub use problem::{ConfigError, Origin, Problem};
pub use sections::{Admin, Api, Apps, Egress, Internal, Keys, Server, Startup};
pub use sources::{LOG, Reading, Sources};
pub use traces::Traces;

use std::path::{Path, PathBuf};
use std::time::Duration;

use auth::{AccountSettings, DeclaredClient, HasherSettings, Limits};
use oidc::Client;
use schemars::JsonSchema;
use secrets::SecretRef;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::branding::Branding;

/// `keyward.toml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it is reached, and how long it takes to stop.
    pub server: Server,
    /// Where accounts are kept: either `path` (SQLite, for one process) or `url` (PostgreSQL, for any number).
    #[serde(default)]
    pub database: Database,
    /// Where processes meet, beside PostgreSQL: either `url` or `host`.
    #[serde(default)]
    pub redis: Redis,
    /// Where machines ask how it is. Never an address that the public reaches.
    #[serde(default)]
    pub internal: Internal,
    /// Where the operator's command, `keyward`, finds the running server.
    #[serde(default)]
    pub admin: Admin,
    /// What is logged.
    #[serde(default)]
    pub log: Log,
    /// Where the way of requests is told.
    #[serde(default)]
    pub traces: Traces,
    /// How it starts.
    #[serde(default)]
    pub startup: Startup,
    /// The keys that are not in the database.
    pub keys: Keys,
    /// The managers that references to secrets may lead to.
    #[serde(default)]
    pub secrets: Managers,
    /// How mail is sent.
    pub mail: Mail,
    /// The apps that people sign in to by the hosted pages alone.
    #[serde(default)]
    pub apps: Apps,
    /// What an account must have.
    #[serde(default)]
    pub accounts: AccountSettings,
    /// The JSON API.
    #[serde(default)]
    pub api: Api,
    /// What bounds time and tries.
    #[serde(default)]
    pub limits: Limits,
    /// Passwords.
    #[serde(default)]
    pub password: Password,
    /// The team's own name, logo and colours.
    #[serde(default)]
    pub branding: Branding,
    /// Where this server may go by itself. Public addresses over https need no leave.
    #[serde(default)]
    pub egress: Egress,
    /// Apps that sign people in here, by OpenID Connect.
    #[serde(default)]
    pub clients: Vec<ConfiguredClient>,
}

/// An app in `[[clients]]`: what RFC 7591 section 2 knows of it, and its secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct ConfiguredClient {
    /// What the protocol has to know of it.
    pub client: Client,
    /// Where its secret is, if it has one.
    pub secret: Option<SecretRef>,
    /// For how long the secret before is good.
    pub secret_overlap: Duration,
}

/// Its secret stands beside what is registered, which refuses keys that it does not know.
impl TryFrom<toml::Table> for ConfiguredClient {
    type Error = toml::de::Error;

    fn try_from(mut table: toml::Table) -> Result<Self, toml::de::Error> {
        let secret = table.remove("secret").map(SecretRef::deserialize).transpose()?;
        let secret_overlap = table.remove("secret_overlap").map(auth::duration::deserialize).transpose()?;
        let secret_overlap = secret_overlap.unwrap_or(DeclaredClient::SECRET_OVERLAP);
        Ok(Self { client: table.try_into()?, secret, secret_overlap })
    }
}

/// `[password]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Password {
    /// Argon2id; less than the default is refused.
    pub hashing: HasherSettings,
    /// Where to ask for passwords that are known from breaches, by the first five digits of their SHA-1, which are added to
    /// it: `https://api.pwnedpasswords.com/range/`. Without it nobody is asked.
    #[schemars(with = "Option<String>", extend("format" = "uri"), example = "https://api.pwnedpasswords.com/range/")]
    pub breach_range_url: Option<Url>,
}

/// A value that is out of bounds.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which setting.
    pub setting: &'static str,
    /// What it is; nothing where the sentence says so itself.
    pub found: Option<String>,
    /// What it should be, and why.
    pub expected: String,
}

impl Config {
    /// Reads the file at `path`, under what the environment says.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Sources::of_process(Some(path), &[])?.read().into_config()
    }

    /// Where accounts are kept, and where processes meet. A configuration that was read has decided it.
    pub fn mode(&self) -> Option<Mode<'_>> {
        match (&self.database.path, &self.database.url) {
            (Some(path), None) => Some(Mode::Small(path)),
            (None, Some(url)) => Some(Mode::Full(url)),
            _ => None,
        }
    }

    /// Where the operator's socket is, if there is to be one.
    pub fn admin_socket(&self) -> Option<PathBuf> {
        match (&self.admin.socket, self.mode()) {
            (Some(none), _) if none.as_os_str().is_empty() => None,
            (Some(path), _) => Some(path.clone()),
            (None, Some(Mode::Small(database))) => Some(socket_beside(database)),
            (None, _) => Some(PathBuf::from(FULL_SOCKET)),
        }
    }
}

/// Where the socket is where no file of a database could tell.
const FULL_SOCKET: &str = "/run/keyward/auth-service.sock";

/// Where the operator's socket is if nothing says otherwise: beside the database itself.
pub fn socket_beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}

#[cfg(test)]
mod tests;
