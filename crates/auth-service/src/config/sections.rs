//! The small sections: where the server is reached, by people and by machines, and how it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use secrets::SecretRef;
use serde::{Deserialize, Deserializer, Serialize, de};
use url::Url;

use super::schema::SecretReference;

/// `[server]`: where it is reached, and how long it takes to stop.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where people reach it: an origin alone. Links in mails and tokens say so, whatever a request claims.
    #[schemars(with = "String", extend("format" = "uri"), example = "https://auth.example.com")]
    pub public_url: Url,
    /// The address and port it listens on.
    #[serde(default = "default_listen", deserialize_with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Networks of proxies in front of it: what they say of a client's address (`X-Forwarded-For`) is believed.
    #[serde(default)]
    #[schemars(with = "Vec<String>", example = ["10.20.0.0/16"])]
    pub trusted_proxies: Vec<IpNet>,
    /// After SIGTERM it goes on serving for so long, no longer ready, so that the proxy finds another.
    #[serde(default = "default_drain", with = "auth::duration")]
    #[schemars(with = "auth::duration::Written")]
    pub drain: Duration,
    /// Then it takes nobody any more, and requests in flight have so long to end; what has not is cut. A stop takes both, and two seconds
    /// more, at the most. The longest request is one whose body comes for ten seconds; with the default a stop fits into the ten seconds
    /// after which Docker kills, unless it is told to wait for longer.
    #[serde(default = "default_finish", with = "auth::duration")]
    #[schemars(with = "auth::duration::Written")]
    pub finish: Duration,
}

/// `[internal]`: where machines ask how it is. Never an address that the public reaches.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Internal {
    /// The address and port of `/livez`, `/startupz` and `/readyz`.
    #[serde(deserialize_with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
}

impl Default for Internal {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 3001)) }
    }
}

/// `[admin]`: where the operator's command, `keyward`, finds the running server. Only root, the user of the server and members of
/// the group may ask; what they change is in the audit trail under their names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The Unix socket, an absolute path of at most 103 bytes. Without it, beside the SQLite file (its name and `.sock`), or with PostgreSQL
    /// `/run/keyward/auth-service.sock`; an empty one is none.
    #[schemars(with = "Option<String>", extend("format" = "path"), example = "/run/keyward/auth-service.sock")]
    pub socket: Option<PathBuf>,
    /// The group whose members may ask: its name, or its number where this system has no name for it, as in a container. Without it,
    /// `keyward`, if there is one.
    #[schemars(example = &"keyward")]
    pub group: Option<String>,
}

/// `[startup]`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Startup {
    /// How long it waits at start for a database, a Redis or a manager of secrets that does not answer yet, or is sealed. Then it gives
    /// up, and says which.
    #[serde(with = "auth::duration")]
    #[schemars(with = "auth::duration::Written")]
    pub wait: Duration,
}

impl Default for Startup {
    fn default() -> Self {
        Self { wait: Duration::from_mins(1) }
    }
}

/// `[keys]`: the keys that are not in the database.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Seals what is secret at rest.
    #[schemars(with = "SecretReference", example = "file:/etc/keyward/secrets/encryption")]
    pub encryption: SecretRef,
    /// Keys that sealed before it: what they sealed can still be read. `keyward status` says when one may be dropped.
    #[serde(default)]
    #[schemars(with = "Vec<SecretReference>")]
    pub older_encryption: Vec<SecretRef>,
    /// Chains the audit trail.
    #[schemars(with = "SecretReference", example = "file:/etc/keyward/secrets/audit")]
    pub audit: SecretRef,
}

/// `[apps]`: the apps people sign in to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apps {
    /// Where a person may be sent after signing in or out. Compared to the letter.
    #[schemars(with = "Vec<String>", example = ["https://app.example.com/"])]
    pub return_to: Vec<Url>,
}

/// `[api]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Whether `POST /signup` says 409 when an address has an account. Then anybody can find out who has one.
    pub reveal_accounts: bool,
}

/// `[egress]`: where this server may go by itself, to tell apps of sign-outs. Public addresses over https need no leave.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Networks that may be reached although they are not public.
    #[schemars(example = ["10.0.0.0/8"])]
    pub allowed_networks: Vec<String>,
    /// Hosts that may be asked over plain http.
    #[schemars(example = ["wiki.internal"])]
    pub plain_http_hosts: Vec<String>,
    /// A file with the certificates, as PEM, of an authority of your own. What it signed for is believed besides what the system's
    /// authorities did.
    #[schemars(example = "/etc/keyward/root.pem")]
    pub root_certificate: Option<PathBuf>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let advice = "write an IP address and a port, such as 127.0.0.1:3000 or [::1]:3000; a name is not one";
    text.parse().map_err(|_| de::Error::custom(format!("{text:?} is not one to listen on: {advice}")))
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 3000))
}

fn default_drain() -> Duration {
    Duration::from_secs(2)
}

fn default_finish() -> Duration {
    Duration::from_secs(4)
}
