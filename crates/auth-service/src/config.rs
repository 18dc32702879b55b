//! Configuration: one struct a concern, each with its defaults. An unknown key is refused, so that a misspelt one is
//! not silently the default.

mod bounds;
mod mail;

pub use mail::{Mail, Security, Transport};

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use auth::{AccountSettings, HasherSettings, Limits};
use ipnet::IpNet;
use oidc::Client;
use secrets::SecretRef;
use serde::{Deserialize, Deserializer, de};
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
    /// `[egress]`.
    #[serde(default)]
    pub egress: Egress,
    /// `[[clients]]`: apps that sign people in here.
    #[serde(default)]
    pub clients: Vec<ConfiguredClient>,
}

/// `[egress]`: where this server may go by itself, to tell apps of sign-outs. Public addresses over https need no leave.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Networks that may be reached although they are not public: `10.0.0.0/8`.
    pub allowed_networks: Vec<String>,
    /// Hosts that may be asked over plain http.
    pub plain_http_hosts: Vec<String>,
}

/// An app in `[[clients]]`: what RFC 7591 section 2 knows of it, and its secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct ConfiguredClient {
    /// What the protocol has to know of it.
    pub client: Client,
    /// Where its secret is, if it has one.
    pub secret: Option<SecretRef>,
}

/// `secret` stands beside what is registered, which refuses keys that it does not know.
impl TryFrom<toml::Table> for ConfiguredClient {
    type Error = toml::de::Error;

    fn try_from(mut table: toml::Table) -> Result<Self, toml::de::Error> {
        let secret = table.remove("secret").map(SecretRef::deserialize).transpose()?;
        Ok(Self { client: table.try_into()?, secret })
    }
}

/// `[server]`: where it is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where people reach it: `https://auth.example.com`. Links in mails and tokens say so, whatever a request claims.
    pub public_url: Url,
    /// The address and port it listens on.
    #[serde(default = "default_listen", deserialize_with = "listen")]
    pub listen: SocketAddr,
    /// Networks of proxies in front of it: what they say of a client's address (`X-Forwarded-For`) is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let advice = "write an IP address and a port, such as 127.0.0.1:3000 or [::1]:3000; a name is not one";
    text.parse().map_err(|_| de::Error::custom(format!("server.listen is {text:?}: {advice}")))
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
    /// Where to ask for passwords that are known from breaches, by the first five digits of their SHA-1, which are added to
    /// it: `https://api.pwnedpasswords.com/range/`. Without it nobody is asked.
    pub breach_range_url: Option<Url>,
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
        error: String,
    },
    /// Values are out of bounds: every one of them, so that nobody mends them one start at a time.
    #[error("the configuration cannot be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Values(Vec<Violation>),
}

/// A value that is out of bounds.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which setting.
    pub setting: &'static str,
    /// What it is.
    pub found: String,
    /// What it should be, and why.
    pub expected: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}: {}", self.setting, self.found, self.expected)
    }
}

impl Config {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        let config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), error: explain(&error, &text) })?;
        config.check()?;
        Ok(config)
    }

    /// Whether every value is in bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        refuse(bounds::violations(self, bounds::Use::Serving))
    }

    /// The same for `keyward dev`, where a count may be as high as it likes: a test that tries ten thousand times is no
    /// attack.
    pub fn check_for_development(&self) -> Result<(), ConfigError> {
        refuse(bounds::violations(self, bounds::Use::Development))
    }
}

/// Where and why, without the line itself: a secret may stand there that somebody wrote in the place of a reference.
pub fn explain(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
        None => error.message().to_owned(),
    }
}

fn refuse(violations: Vec<Violation>) -> Result<(), ConfigError> {
    if violations.is_empty() { Ok(()) } else { Err(ConfigError::Values(violations)) }
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

    /// The parser shows the line it stumbled over, which was the secret that somebody had written there.
    #[test]
    fn a_secret_in_the_place_of_a_reference_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keyward.toml");
        let wrong = MINIMAL.replace("file:/run/secrets/encryption", "hunter2-the-very-secret");
        for text in [wrong, MINIMAL.replace("\"file:/run/secrets/audit\"", "\"hunter2-the-very-secret")] {
            std::fs::write(&file, text).unwrap();
            let error = Config::load(&file).unwrap_err();
            let (shown, whole) = (error.to_string(), format!("{error:?}"));
            assert!(shown.contains("keyward.toml cannot be used: line "), "{shown}");
            assert!(!shown.contains("hunter2") && !whole.contains("hunter2"), "{shown} {whole}");
        }
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        assert_eq!(parse(&format!("{MINIMAL}\n[limits]\nsession_idle = \"3d\"\ncode_life = \"5m\"")), Ok(()));
        assert!(parse(&format!("{MINIMAL}\n[limits]\nsession_idle = \"soon\"")).is_err());
    }

    #[test]
    fn no_limit_is_zero() {
        let error = parse(&format!("{MINIMAL}\n[limits]\nnetwork_sign_ups = 0")).unwrap_err();
        assert!(error.contains("limits.network_sign_ups is 0: it must be 1 to 10000"), "{error}");
        assert_eq!(parse(&format!("{MINIMAL}\n[limits]\nnetwork_sign_ups = 1")), Ok(()));
    }

    #[test]
    fn clear_text_on_the_network_and_weak_hashing_are_refused() {
        let error = parse(&MINIMAL.replace("https://auth", "http://auth")).unwrap_err();
        assert!(error.contains("server.public_url is http://auth.example.com/"), "{error}");
        let error = parse(&format!("{MINIMAL}\n[password.hashing]\nmemory_kib = 1024")).unwrap_err();
        assert!(error.contains("password.hashing.memory_kib is 1024: it must be 7168 to 1048576"), "{error}");
    }

    #[test]
    fn what_would_not_work_later_is_refused_at_start() {
        let from = |from: &str| parse(&MINIMAL.replace("no-reply@example.com", from));
        for address in ["nobody", "", "Ana <ana@example.com>", "a@b@", "ana@", "@example.com"] {
            let error = from(address).unwrap_err();
            assert!(
                error.contains(&format!("mail.from is {address:?}: it must be an e-mail address")),
                "{error}"
            );
        }
        assert_eq!(from("keyward@localhost"), Ok(()));
        assert_eq!(from("no-reply@müller.example"), Ok(()));

        let proxies = |networks: &str| {
            let listed = format!("[server]\ntrusted_proxies = [{networks}]");
            parse(&MINIMAL.replace("[server]", &listed))
        };
        for network in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "10.0.0.0/7", "fc00::/6"] {
            let error = proxies(&format!("\"10.0.0.0/8\", \"{network}\"")).unwrap_err();
            assert!(error.contains(&format!("server.trusted_proxies is {network}: ")), "{error}");
        }
        assert_eq!(proxies("\"10.0.0.0/8\", \"fc00::/7\", \"127.0.0.1/32\""), Ok(()));

        let app = |url: &str| parse(&format!("{MINIMAL}\n[apps]\nreturn_to = [\"{url}\"]"));
        for url in [
            "http://app.example.com/",
            "javascript:alert(1)",
            "ftp://localhost/",
            "http://127.0.0.1.example/",
        ] {
            let error = app(url).unwrap_err();
            assert!(
                error.contains("apps.return_to is ") && error.contains("it must begin with https://"),
                "{error}"
            );
        }
        for url in
            ["https://app.example.com/", "http://localhost:8000/", "http://app.localhost/", "http://[::1]/"]
        {
            assert_eq!(app(url), Ok(()), "{url}");
        }

        let accent =
            |name: &str, colour: &str| parse(&format!("{MINIMAL}\n[branding]\n{name} = \"{colour}\""));
        for (name, colour) in
            [("accent_light", "#ffff99"), ("accent_light", "#ffffff"), ("accent_dark", "#222222")]
        {
            let error = accent(name, colour).unwrap_err();
            assert!(
                error.contains(&format!("branding.{name} is {colour}: it must have a contrast of 3 to 1")),
                "{error}"
            );
        }
        assert_eq!(accent("accent_light", "#222222"), Ok(()));
        assert_eq!(accent("accent_dark", "#ffff99"), Ok(()));
    }

    #[test]
    fn an_address_to_listen_on_that_is_none_is_told_with_what_to_write() {
        for text in ["localhost:3000", "3000", "127.0.0.1"] {
            let listen = format!("[server]\nlisten = {text:?}");
            let error = parse(&MINIMAL.replace("[server]", &listen)).unwrap_err();
            assert!(
                error.contains(&format!("server.listen is {text:?}: write an IP address and a port")),
                "{error}"
            );
        }
    }

    fn limits() -> toml::Table {
        toml::Table::try_from(Limits::default()).unwrap()
    }

    /// A limit that is added is found here without its bounds.
    #[test]
    fn every_limit_has_bounds() {
        for (name, value) in limits() {
            let (least, most) = if value.is_str() { ("\"0s\"", "\"36525d\"") } else { ("0", "4294967295") };
            let error = parse(&format!("{MINIMAL}\n[limits]\n{name} = {least}")).unwrap_err();
            assert!(error.contains(&format!("limits.{name} is ")), "{error}");
            let high = parse(&format!("{MINIMAL}\n[limits]\n{name} = {most}"));
            // How long a trail must be kept is for the law to say.
            match name.as_str() {
                "audit_retention" => assert_eq!(high, Ok(())),
                _ => assert!(high.unwrap_err().contains(&format!("limits.{name} is ")), "{name}"),
            }
        }
    }

    #[test]
    fn the_ends_of_a_range_are_in_it_and_the_next_value_is_not() {
        for (setting, good, bad) in [
            ("account_spacing", "60s", "61s"),
            ("token_life", "1h", "3601s"),
            ("code_life", "30m", "31m"),
            ("code_life", "1m", "59s"),
            ("reset_life", "1d", "25h"),
            ("proof_life", "7d", "8d"),
            ("session_absolute", "90d", "91d"),
            ("audit_retention", "30d", "29d"),
        ] {
            let with = |value: &str| parse(&format!("{MINIMAL}\n[limits]\n{setting} = \"{value}\""));
            assert_eq!(with(good), Ok(()), "{setting}");
            assert!(with(bad).unwrap_err().contains(&format!("limits.{setting} is {bad}")), "{setting}");
        }
        for (setting, good, bad) in [("password_minimum", 8, 7), ("password_minimum", 64, 65)] {
            let with = |value: usize| parse(&format!("{MINIMAL}\n[accounts]\n{setting} = {value}"));
            assert_eq!(with(good), Ok(()), "{setting}");
            assert!(with(bad).unwrap_err().contains(&format!("accounts.{setting} is {bad}")), "{setting}");
        }
    }

    #[test]
    fn every_violation_is_named_and_not_only_the_first() {
        let text = MINIMAL.replace("https://auth", "http://auth")
            + "[accounts]\npassword_minimum = 4\npassword_minimum_with_second_step = 6\n\
               [limits]\ntoken_life = \"2h\"\nmails = 0\nsession_idle = \"31d\"\n\
               [password.hashing]\niterations = 0\nparallelism = 0\n";
        let error = parse(&text).unwrap_err();
        for setting in [
            "server.public_url is",
            "accounts.password_minimum is 4",
            "accounts.password_minimum_with_second_step is 6",
            "limits.token_life is 2h",
            "limits.mails is 0",
            "limits.session_idle is 31d",
            "password.hashing.iterations is 0",
            "password.hashing.parallelism is 0",
        ] {
            assert!(error.contains(setting), "{setting} in {error}");
        }
    }

    #[test]
    fn development_may_count_as_high_as_it_likes_and_no_more() {
        let check = |limits: &str| {
            let config: Config = toml::from_str(&format!("{MINIMAL}\n[limits]\n{limits}")).unwrap();
            config.check_for_development().map_err(|error| error.to_string())
        };
        assert_eq!(check("mails = 1000000\ncode_tries = 1000000"), Ok(()));
        assert!(check("mails = 0").is_err());
        assert!(check("token_life = \"2h\"").is_err());
    }
}
