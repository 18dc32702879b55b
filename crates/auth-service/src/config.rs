//! Configuration: one struct a concern, each with its defaults. An unknown key is refused, so that a misspelt one is
//! not silently the default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use auth::{AccountSettings, HasherSettings, Limits};
use ipnet::IpNet;
use secrets::SecretRef;
use serde::Deserialize;
use url::Url;

use crate::branding::Branding;

/// `keyward.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[database]`.
    pub database: Database,
    /// `[keys]`.
    pub keys: Keys,
    /// `[mail]`.
    pub mail: Mail,
    /// `[apps]`.
    #[serde(default)]
    pub apps: Apps,
    /// `[accounts]`.
    #[serde(default)]
    pub accounts: AccountSettings,
    /// `[api]`.
    #[serde(default)]
    pub api: Api,
    /// `[limits]`.
    #[serde(default)]
    pub limits: Limits,
    /// `[password]`.
    #[serde(default)]
    pub password: Password,
    /// `[branding]`.
    #[serde(default)]
    pub branding: Branding,
}

/// `[server]`: where it is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where people reach it: `https://auth.example.com`. Links in mails and tokens say so, whatever a request claims.
    pub public_url: Url,
    /// The address and port it listens on.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Networks of proxies in front of it: what they say of a client's address (`X-Forwarded-For`) is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 3000))
}

/// `[database]`: where accounts are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The SQLite file.
    pub path: PathBuf,
}

/// `[keys]`: the keys that are not in the database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Seals what is secret at rest.
    pub encryption: SecretRef,
    /// Keys that sealed before it: what they sealed can still be read.
    #[serde(default)]
    pub older_encryption: Vec<SecretRef>,
    /// Chains the audit trail.
    pub audit: SecretRef,
}

/// `[mail]`: how mail is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The address mail comes from.
    pub from: String,
    /// The name mail comes from; the product's if none.
    pub from_name: Option<String>,
    /// By what.
    pub transport: Transport,
}

/// `[mail.transport]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transport {
    /// A mail server.
    Smtp {
        /// Its host name.
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
        password: Option<SecretRef>,
    },
    /// Postmark's API.
    Postmark {
        /// The server token.
        token: SecretRef,
    },
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
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

/// `[apps]`: the apps people sign in to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apps {
    /// Where a person may be sent after signing in or out. Compared to the letter.
    pub return_to: Vec<Url>,
}

/// `[api]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Whether `POST /signup` says 409 when an address has an account. Then anybody can find out who has one.
    pub reveal_accounts: bool,
}

/// `[password]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Password {
    /// `[password.hashing]`.
    pub hashing: HasherSettings,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read: {error}", path = .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not what was expected.
    #[error("the configuration {path} cannot be used: {error}", path = .path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// A value is out of bounds.
    #[error("{setting} is {found}: {expected}")]
    Value {
        /// Which.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), error: Box::new(error) })?;
        config.check()?;
        Ok(config)
    }

    /// Whether every value is in bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        let url = &self.server.public_url;
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !loopback {
            return Err(ConfigError::Value {
                setting: "server.public_url",
                found: url.to_string(),
                expected: "outside this machine it must begin with https://, or cookies and passwords travel in the open",
            });
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(ConfigError::Value {
                setting: "server.public_url",
                found: url.to_string(),
                expected: "it must be an origin alone, such as https://auth.example.com",
            });
        }
        let limits = &self.limits;
        for (setting, limit) in [
            ("limits.code_tries", limits.code_tries),
            ("limits.account_failures", limits.account_failures),
            ("limits.second_step_guesses", limits.second_step_guesses),
            ("limits.network_failures", limits.network_failures),
            ("limits.network_sign_ups", limits.network_sign_ups),
            ("limits.mails", limits.mails),
            ("limits.second_step_mails", limits.second_step_mails),
        ] {
            if limit == 0 {
                return Err(ConfigError::Value {
                    setting,
                    found: "0".to_owned(),
                    expected: "it must be 1 or more: 0 would be no limit at all, or nobody let in",
                });
            }
        }
        let hashing = &self.password.hashing;
        // OWASP's minimum: 19 MiB with two passes, or more memory with one (Password Storage Cheat Sheet).
        if hashing.memory_kib < 19_456 || hashing.iterations < 2 || hashing.parallelism < 1 {
            return Err(ConfigError::Value {
                setting: "password.hashing",
                found: format!("memory_kib = {}, iterations = {}", hashing.memory_kib, hashing.iterations),
                expected: "it must be memory_kib = 19456, iterations = 2, parallelism = 1 at the least",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        [server]
        public_url = "https://auth.example.com"
        [database]
        path = "keyward.sqlite"
        [keys]
        encryption = "file:/run/secrets/encryption"
        audit = "file:/run/secrets/audit"
        [mail]
        from = "no-reply@example.com"
        [mail.transport]
        kind = "postmark"
        token = "file:/run/secrets/postmark"
    "#;

    fn parse(text: &str) -> Result<(), String> {
        let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn a_minimal_file_is_enough() {
        assert_eq!(parse(MINIMAL), Ok(()));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = parse(&format!("{MINIMAL}\n[limits]\nmail = 3")).unwrap_err();
        assert!(error.contains("unknown field `mail`"), "{error}");
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(parse(&format!("{MINIMAL}\n[limits]\nsession_idle = \"3d\"\ncode_life = \"5m\"")), Ok(()));
        assert!(parse(&format!("{MINIMAL}\n[limits]\nsession_idle = \"soon\"")).is_err());
    }

    #[test]
    fn no_limit_is_zero() {
        let error = parse(&format!("{MINIMAL}\n[limits]\nnetwork_sign_ups = 0")).unwrap_err();
        assert!(error.starts_with("limits.network_sign_ups is 0: it must be 1 or more"), "{error}");
        assert_eq!(parse(&format!("{MINIMAL}\n[limits]\nnetwork_sign_ups = 1")), Ok(()));
    }

    #[test]
    fn clear_text_on_the_network_and_weak_hashing_are_refused() {
        let error = parse(&MINIMAL.replace("https://auth", "http://auth")).unwrap_err();
        assert!(error.starts_with("server.public_url is http://auth.example.com/"), "{error}");
        let error = parse(&format!("{MINIMAL}\n[password.hashing]\nmemory_kib = 1024")).unwrap_err();
        assert!(error.contains("memory_kib = 19456"), "{error}");
    }
}
