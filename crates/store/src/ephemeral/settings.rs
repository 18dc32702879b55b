//! Where Redis is, and why it could not be used.

use std::path::PathBuf;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use secrecy::{ExposeSecret as _, SecretString};

/// Where Redis (7 and later) or Valkey (8 and later) is: a single server.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Which of its databases.
    pub database: u32,
    /// The user of its access list; its default user, if none.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<SecretString>,
    /// Whether to speak TLS with it.
    pub tls: bool,
    /// The certificates (PEM) that its own has to be signed by; those that the system trusts, if none.
    pub root_certificate: Option<PathBuf>,
    /// A command that is not answered in so long has failed, and Redis is taken to be away.
    pub timeout: Duration,
}

/// Why Redis cannot be used, in one sentence that holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis at {at} cannot be used: {reason}")]
pub struct RedisError {
    pub(super) at: String,
    pub(super) reason: String,
    /// It is there, and refuses the user or the password.
    pub(super) is_refusal: bool,
}

impl RedisError {
    /// Why, without where it is.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 6379,
            database: 0,
            username: None,
            password: None,
            tls: false,
            root_certificate: None,
            timeout: Duration::from_millis(250),
        }
    }
}

impl RedisSettings {
    /// Reads `redis://[user][:password]@host[:port][/database]`; `rediss://` speaks TLS. Refused is one that does not where it has to.
    pub fn from_url(url: &SecretString, has_to_speak_tls: bool) -> Result<Self, RedisError> {
        let wrong = |reason: &str| RedisError {
            at: "redis.url".to_owned(),
            reason: reason.to_owned(),
            is_refusal: false,
        };
        let info: ConnectionInfo = url.expose_secret().trim().into_connection_info().map_err(|_| {
            wrong("it is no address; write redis://user:password@host:6379, or rediss:// for TLS")
        })?;
        let (host, port, tls) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port, false),
            ConnectionAddr::TcpTls { host, port, insecure: false, .. } => (host.clone(), *port, true),
            ConnectionAddr::TcpTls { .. } => {
                return Err(wrong(
                    "#insecure would let anybody answer; name the certificate in root_certificate",
                ));
            }
            _ => return Err(wrong("it has to name a host, as redis://host:6379 does")),
        };
        if has_to_speak_tls && !tls {
            return Err(wrong(
                "it begins with redis://, which speaks without TLS, and redis.tls is true; write rediss://, and leave tls out",
            ));
        }
        let database = u32::try_from(info.redis_settings().db())
            .map_err(|_| wrong("a database is a number from 0 on"))?;
        Ok(Self {
            host,
            port,
            database,
            username: info.redis_settings().username().map(ToOwned::to_owned),
            password: info.redis_settings().password().map(SecretString::from),
            tls,
            ..Self::default()
        })
    }

    /// Where it is, as an operator is told.
    pub fn at(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it can be understood. Nobody is asked.
    pub fn check(&self) -> Result<(), RedisError> {
        self.client().map(|_| ())
    }

    pub(super) fn client(&self) -> Result<redis::Client, RedisError> {
        let mut user = RedisConnectionInfo::default()
            // Messages come by the same connection as answers only in RESP3.
            .set_protocol(redis::ProtocolVersion::RESP3)
            .set_db(self.database.into());
        if let Some(username) = &self.username {
            user = user.set_username(username);
        }
        if let Some(password) = &self.password {
            user = user.set_password(password.expose_secret());
        }
        let host = self.host.clone();
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port: self.port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, self.port)
        };
        let info =
            address.into_connection_info().map_err(|error| self.wrong(&error))?.set_redis_settings(user);
        if let Some(path) = self.root_certificate.as_ref().filter(|_| !self.tls) {
            return Err(self.error(format!(
                "its root_certificate {} is set, and TLS is not spoken; write rediss:// in the place of redis:// (tls = true beside \
                 a host), or leave root_certificate out",
                path.display()
            )));
        }
        if !self.tls {
            return redis::Client::open(info).map_err(|error| self.wrong(&error));
        }
        let root_cert = match &self.root_certificate {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                self.error(format!("its root_certificate {} cannot be read: {error}", path.display()))
            })?),
            None => None,
        };
        let certificates = redis::TlsCertificates { client_tls: None, root_cert };
        redis::Client::build_with_tls(info, certificates).map_err(|error| self.wrong(&error))
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> RedisError {
        RedisError { at: self.at(), reason: reason.into(), is_refusal: false }
    }

    /// What the client says, as an operator understands it.
    pub(super) fn wrong(&self, error: &redis::RedisError) -> RedisError {
        RedisError { is_refusal: is_refusal(error), ..self.error(self.reason(error)) }
    }

    fn reason(&self, error: &redis::RedisError) -> String {
        let text = error.to_string();
        if error.is_connection_refusal() {
            return "nothing listens there (connection refused); start it, or correct where it is".to_owned();
        }
        if error.is_timeout() {
            return "it does not answer".to_owned();
        }
        if text.contains("NOAUTH") || (text.contains("without any password") && self.password.is_none()) {
            return "it wants a password, and none is set; set redis.password".to_owned();
        }
        if text.contains("WRONGPASS") || error.kind() == redis::ErrorKind::AuthenticationFailed {
            let user = self.username.as_deref().unwrap_or("default");
            return format!(
                "it refuses the user `{user}` or the password; correct redis.username and redis.password"
            );
        }
        if text.contains("permissions") || text.contains("The user executing the script can't") {
            let user = self.username.as_deref().unwrap_or("default");
            return format!(
                "its user `{user}` may not do all that is needed ({text}); give it the rights that docs/reference/redis.md names"
            );
        }
        match error.kind() {
            redis::ErrorKind::RESP3NotSupported => {
                "it does not speak RESP3; use Redis 7 or Valkey 8, without a proxy in between".to_owned()
            }
            redis::ErrorKind::Parse => {
                "what answers does not speak as Redis does; is it this port, and does it want TLS (rediss://)?".to_owned()
            }
            redis::ErrorKind::Io if text.contains("certificate") => {
                format!("its certificate is not trusted ({text}); name the one it is signed by in redis.root_certificate")
            }
            _ => text,
        }
    }
}

/// Whether it refuses the user or the password.
fn is_refusal(error: &redis::RedisError) -> bool {
    let text = error.to_string();
    error.kind() == redis::ErrorKind::AuthenticationFailed
        || text.contains("NOAUTH")
        || text.contains("WRONGPASS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(url: &str) -> Result<RedisSettings, RedisError> {
        RedisSettings::from_url(&SecretString::from(url), false)
    }

    #[test]
    fn a_url_says_where_it_is_and_who_asks() {
        let settings = from("rediss://keyward:p%40ss@redis.internal:6380/2").unwrap();
        assert_eq!(
            (settings.at(), settings.database, settings.tls),
            ("redis.internal:6380".to_owned(), 2, true)
        );
        assert_eq!(settings.username.as_deref(), Some("keyward"));
        assert_eq!(settings.password.as_ref().unwrap().expose_secret(), "p@ss");
        assert!(!format!("{settings:?}").contains("p@ss"));
        let plain = from("redis://localhost").unwrap();
        assert_eq!((plain.at(), plain.tls, plain.username), ("localhost:6379".to_owned(), false, None));
    }

    /// It was spoken without, in silence.
    #[test]
    fn a_url_without_tls_is_refused_where_something_asks_for_tls() {
        let url = |text: &str| RedisSettings::from_url(&SecretString::from(text), true);
        assert!(url("rediss://:hunter2@host").unwrap().tls);
        let error = url("redis://:hunter2@host").unwrap_err().to_string();
        assert!(
            error.contains("redis.tls is true; write rediss://") && !error.contains("hunter2"),
            "{error}"
        );
        let settings =
            RedisSettings { root_certificate: Some("/root.pem".into()), ..from("redis://host").unwrap() };
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains("its root_certificate /root.pem is set, and TLS is not spoken"), "{error}");
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused_and_not_repeated() {
        for url in ["hunter2", "http://hunter2", "redis+unix:///hunter2", "rediss://:hunter2@host/#insecure"]
        {
            let error = from(url).unwrap_err().to_string();
            assert!(
                error.starts_with("Redis at redis.url cannot be used: ") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
