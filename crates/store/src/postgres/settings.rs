//! Where PostgreSQL is, and why it could not be used.

use std::path::PathBuf;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// Where PostgreSQL (15 and later) is, and how it is used.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`; `?sslmode=` as `libpq` has it.
    pub url: SecretString,
    /// The password, if it is not the one in the URL.
    pub password: Option<SecretString>,
    /// Connections at the most, of those that whoever asks takes in turn. Two are beside them: one asks whether the server is there,
    /// one is for [`look_apart`](crate::Store::look_apart).
    pub maximum_connections: u32,
    /// Certificates (PEM) that its own may be signed by, besides those of public authorities. With them only TLS is spoken, and
    /// only with the host of that name.
    pub root_certificate: Option<PathBuf>,
    /// Statements that each connection keeps prepared. None behind a pooler in transaction mode that does not know them.
    pub statement_cache: usize,
}

/// Why PostgreSQL cannot be used, in one sentence that holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL at {at} cannot be used: {reason}")]
pub struct PostgresError {
    pub(super) at: String,
    pub(super) reason: String,
    pub(super) is_lasting: bool,
    /// It is there, and refuses the user or the password.
    pub(super) is_refusal: bool,
}

impl PostgresError {
    /// What may pass by itself: who is not there yet may come.
    pub(super) fn passing(at: String, reason: String) -> Self {
        Self { at, reason, is_lasting: false, is_refusal: false }
    }

    /// What stays as it is until somebody changes a setting, or the server that is asked.
    pub(super) fn lasting(at: String, reason: String) -> Self {
        Self { at, reason, is_lasting: true, is_refusal: false }
    }

    /// Whether waiting mends it not.
    ///
    /// Lasting is what the server itself said of what it is, and what no other process is about to change: a release that is too old,
    /// an encoding that is not UTF-8, a pooler that does not know prepared statements while they are used, a setting that cannot be
    /// read. A pooler may be told to know them and reload, but whoever does that starts this server again at the same desk; waiting
    /// for it would only put off the sentence that says what to do.
    ///
    /// Passing is everything else, since beside a starting server others still work: nobody listens or answers yet; the user, its
    /// password or the database is not there or not right yet, because the script that makes them runs after PostgreSQL takes
    /// connections, or a password is being rotated; TLS is not on yet, or its certificate is being exchanged; a standby is about to
    /// be promoted; there is no room until others have gone; a proxy between answers for a server that is not up. The log says why
    /// every five seconds meanwhile, so a mistake is seen at once all the same, and `startup.wait` bounds it.
    pub fn is_lasting(&self) -> bool {
        self.is_lasting
    }
}

impl PostgresError {
    /// Why, without where it is.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Variables of `libpq` that a connection could not be made without. The others have no say, since what they name is set.
const NOT_HEARD: [&str; 3] = ["PGSSLCERT", "PGSSLKEY", "PGOPTIONS"];

/// What a URL has to look like.
const FORM: &str = "write postgres://user:password@host:5432/database";

impl PostgresSettings {
    /// The one at this URL, used as it is by default.
    pub fn new(url: SecretString) -> Self {
        Self { url, password: None, maximum_connections: 16, root_certificate: None, statement_cache: 200 }
    }

    /// Where it is, as an operator is told.
    pub fn at(&self) -> String {
        match self.parsed() {
            Ok(url) => at(&url),
            Err(error) => error.at,
        }
    }

    /// Whom it is asked as.
    pub fn user(&self) -> String {
        self.parsed().map(|url| url.username().to_owned()).unwrap_or_default()
    }

    /// Whether it can be understood. Nobody is asked.
    pub fn check(&self) -> Result<(), PostgresError> {
        self.options().map(|_| ())
    }

    fn parsed(&self) -> Result<Url, PostgresError> {
        let wrong = |reason: String| PostgresError::lasting("database.url".to_owned(), reason);
        let url = Url::parse(self.url.expose_secret().trim())
            .map_err(|_| wrong(format!("it is no address; {FORM}")))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(wrong(format!("it is no address of PostgreSQL; {FORM}")));
        }
        // What is left out would be taken from elsewhere: the environment, or this machine.
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong(format!("it names no host; {FORM}")));
        }
        if url.username().is_empty() {
            return Err(wrong(format!("it names no user; {FORM}")));
        }
        if url.path().trim_start_matches('/').is_empty() {
            return Err(wrong(format!("it names no database; {FORM}")));
        }
        if let Some((key, _)) = url.query_pairs().find(|(key, _)| key != "sslmode") {
            return Err(wrong(format!(
                "`{key}` is nothing that can be set there; only sslmode is, the rest are settings of their own"
            )));
        }
        Ok(url)
    }

    pub(super) fn options(&self) -> Result<PgConnectOptions, PostgresError> {
        let url = self.parsed()?;
        let wrong = |reason: &str| PostgresError::lasting(at(&url), reason.to_owned());
        // What `libpq` knows from elsewhere would be heard, and is nowhere shown: each is set here, and what cannot be is refused.
        if let Some(name) = NOT_HEARD.into_iter().find(|name| std::env::var_os(name).is_some()) {
            return Err(wrong(&format!(
                "{name} is set in the environment, and only the settings of this server count: unset it"
            )));
        }
        let no_mode = "its sslmode is none; prefer, require, verify-full and disable are";
        let mode = match url.query_pairs().find(|(key, _)| key == "sslmode") {
            Some((_, mode)) => mode.parse::<PgSslMode>().map_err(|_| wrong(no_mode))?,
            None => PgSslMode::Prefer,
        };
        let mut options = PgConnectOptions::from_str(url.as_str())
            .map_err(|_| wrong("it cannot be read"))?
            .port(url.port().unwrap_or(5432))
            .ssl_mode(mode)
            // None.
            .ssl_root_cert_from_pem(Vec::new())
            .statement_cache_capacity(self.statement_cache)
            .application_name("keyward")
            // There are no fractions to be exact about, and a pooler need not know the parameter.
            .extra_float_digits(None);
        if let Some(password) = &self.password {
            options = options.password(password.expose_secret());
        } else if url.password().is_none() {
            // Not that of PGPASSWORD, or of a file at home.
            options = options.password("");
        }
        if let Some(path) = &self.root_certificate {
            if matches!(mode, PgSslMode::Disable) {
                return Err(wrong(
                    "its sslmode is disable, which speaks without TLS, and root_certificate is set; leave out one of the two",
                ));
            }
            if let Err(error) = std::fs::metadata(path) {
                return Err(wrong(&format!(
                    "its root_certificate {} cannot be read: {error}",
                    path.display()
                )));
            }
            options = options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(path);
        }
        Ok(options)
    }
}

fn at(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}{}", url.port().unwrap_or(5432), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> PostgresSettings {
        PostgresSettings::new(SecretString::from(url))
    }

    #[test]
    fn a_url_says_where_it_is_and_its_password_is_shown_nowhere() {
        let settings = settings("postgres://keyward:hunter2@db.internal:5433/keyward?sslmode=require");
        settings.check().unwrap();
        assert_eq!(settings.at(), "db.internal:5433/keyward");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(super::PostgresSettings::new("postgres://a@b/c".into()).at(), "b:5432/c");
    }

    #[test]
    fn what_is_left_out_is_not_guessed() {
        for (url, reason) in [
            ("hunter2", "it is no address"),
            ("mysql://keyward:hunter2@db/keyward", "it is no address of PostgreSQL"),
            ("postgres:///keyward", "it names no host"),
            ("postgres://db/keyward", "it names no user"),
            ("postgres://keyward:hunter2@db", "it names no database"),
            ("postgres://keyward:hunter2@db/", "it names no database"),
            ("postgres://keyward:hunter2@db/keyward?host=127.0.0.1", "`host` is nothing that can be set"),
            ("postgres://keyward:hunter2@db/keyward?sslmode=maybe", "its sslmode is none"),
        ] {
            let error = settings(url).check().unwrap_err().to_string();
            assert!(error.starts_with("PostgreSQL at ") && error.contains(reason), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_certificate_that_is_not_there_is_named() {
        let settings = PostgresSettings {
            root_certificate: Some("/nowhere.pem".into()),
            ..settings("postgres://keyward@db/keyward")
        };
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains("root_certificate /nowhere.pem cannot be read: No such file"), "{error}");
    }

    #[test]
    fn a_certificate_and_no_tls_to_show_one_in_are_refused() {
        let settings = PostgresSettings {
            root_certificate: Some("/nowhere.pem".into()),
            ..settings("postgres://keyward@db/keyward?sslmode=disable")
        };
        let error = settings.check().unwrap_err().to_string();
        assert!(
            error.contains("its sslmode is disable") && error.contains("leave out one of the two"),
            "{error}"
        );
    }
}
