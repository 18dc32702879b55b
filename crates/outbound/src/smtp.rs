//! `Smtp`: mail through a submission server (RFC 6409).

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
    extension::ClientId,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;

use crate::{
    Mail, SendError, mail::one_line, smtp_message::compose, smtp_pool::SmtpPool, smtp_stream::SmtpStream,
};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Not at all. Only for a server on this machine.
    None,
    /// Plain at first, then encrypted by STARTTLS (RFC 3207); a server that does not offer it gets no mail.
    StartTls,
    /// Encrypted from the first byte (RFC 8314).
    Tls,
}

/// Where the mail goes and who sends it.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Name or address of the server; the certificate must be for it.
    pub host: String,
    /// 587 for STARTTLS, 465 for TLS, 25 on this machine.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Signs in with this name, together with `password`.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// A file of certificates in PEM. The server's has to be signed by one of them; without the file, by an authority that the system
    /// trusts.
    pub root_certificate: Option<PathBuf>,
    /// For one mail, from connecting to the last answer.
    pub timeout: Duration,
}

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSettingsError {
    /// Mail holds codes and links that sign people in.
    #[error(
        "mail to {host} would cross the network unencrypted; set the security to start_tls or tls (none is for this machine only)"
    )]
    Unencrypted {
        /// The server.
        host: String,
    },
    /// One of name and password without the other.
    #[error("the mail server's user name and password go together; set both or neither")]
    HalfCredentials,
    /// Certificates cannot be checked.
    #[error("TLS for {host} could not be set up: {cause}; check the system's root certificates")]
    Tls {
        /// The server.
        host: String,
        /// What the TLS library said.
        cause: String,
    },
    /// The certificates that the server's is to be checked by cannot be read.
    #[error("the root certificate {path} cannot be used: {cause}", path = .path.display())]
    RootCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// Sends mail through one SMTP server, keeping a few connections open.
pub struct Smtp {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: Option<TlsParameters>,
    /// Exchanged as a whole.
    login: RwLock<Option<Arc<Login>>>,
    hello: ClientId,
    timeout: Duration,
    pool: SmtpPool,
}

struct Login {
    username: String,
    password: SecretString,
}

impl Smtp {
    /// Checks the settings; connects with the first mail.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SmtpSettingsError> {
        let host = settings.host.clone();
        if settings.security == SmtpSecurity::None && !is_this_machine(&host) {
            return Err(SmtpSettingsError::Unencrypted { host });
        }
        let login = match (&settings.username, &settings.password) {
            (Some(username), Some(password)) => {
                Some(Arc::new(Login { username: username.clone(), password: password.clone() }))
            }
            (None, None) => None,
            _ => return Err(SmtpSettingsError::HalfCredentials),
        };
        let tls = match settings.security {
            SmtpSecurity::None => None,
            SmtpSecurity::StartTls | SmtpSecurity::Tls => Some(match &settings.root_certificate {
                Some(path) => tls_by(&host, path)?,
                None => tls(&host)?,
            }),
        };
        Ok(Self {
            host,
            port: settings.port,
            security: settings.security,
            tls,
            login: RwLock::new(login),
            hello: ClientId::default(),
            timeout: settings.timeout,
            pool: SmtpPool::default(),
        })
    }

    /// Hands the mail to the server. `Ok` says that the server has taken it on, not that it has arrived.
    ///
    /// An answer of 4xx is temporary and one of 5xx permanent (RFC 5321 section 4.2.1), except a refused sign-in,
    /// which an operator can put right.
    pub async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = compose(mail)?;
        let bytes = message.formatted();
        let conversation = async {
            let mut connection = self.connection().await?;
            let sent = connection.send(message.envelope(), &bytes).await;
            sent.map_err(|error| self.classify(&error, self.login().as_deref()))?;
            Ok(connection)
        };
        match tokio::time::timeout(self.timeout, conversation).await {
            Ok(Ok(connection)) => {
                self.pool.put_back(connection);
                Ok(())
            }
            Ok(Err(refused)) => Err(refused),
            Err(_) => Err(self.silent()),
        }
    }

    /// Signs in by another password from now on, once the server has let us in by it; else all stays as it was. Without a user name
    /// nobody signs in.
    pub async fn exchange(&self, password: &SecretString) -> Result<(), SendError> {
        let Some(old) = self.login() else { return Ok(()) };
        let login = Arc::new(Login { username: old.username.clone(), password: password.clone() });
        let proving = self.connect(Some(&login));
        let proved = tokio::time::timeout(self.timeout, proving).await;
        let connection = proved.unwrap_or_else(|_| Err(self.silent()))?;
        *self.login.write().unwrap_or_else(PoisonError::into_inner) = Some(login);
        self.pool.clear();
        self.pool.put_back(connection);
        Ok(())
    }

    fn login(&self) -> Option<Arc<Login>> {
        self.login.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn silent(&self) -> SendError {
        SendError::Temporary(format!(
            "the mail server {self} did not finish within {:?}; is it reachable and up?",
            self.timeout
        ))
    }

    /// An idle connection that still answers, or else a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        while let Some(mut idle) = self.pool.take() {
            if idle.test_connected().await {
                return Ok(idle);
            }
        }
        self.connect(self.login().as_deref()).await
    }

    async fn connect(&self, login: Option<&Login>) -> Result<AsyncSmtpConnection, SendError> {
        let classify = |error: lettre::transport::smtp::Error| self.classify(&error, login);
        let mut connection = match (&self.tls, self.security) {
            (Some(tls), SmtpSecurity::StartTls) => self.connect_and_encrypt(tls.clone(), login).await?,
            (tls, _) => {
                let (address, limit) = ((self.host.as_str(), self.port), Some(self.timeout));
                AsyncSmtpConnection::connect_tokio1(address, limit, &self.hello, tls.clone(), None)
                    .await
                    .map_err(classify)?
            }
        };
        if let Some(Login { username, password }) = login {
            let credentials = Credentials::new(username.clone(), password.expose_secret().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(classify)?;
        }
        Ok(connection)
    }

    /// Begins in clear text on a stream that is not read ahead, and goes on encrypted.
    async fn connect_and_encrypt(
        &self,
        tls: TlsParameters,
        login: Option<&Login>,
    ) -> Result<AsyncSmtpConnection, SendError> {
        let classify = |error: lettre::transport::smtp::Error| self.classify(&error, login);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| {
            SendError::Temporary(format!(
                "the mail server {self} could not be reached: {error}; check its host and port"
            ))
        })?;
        let stream = Box::new(SmtpStream::new(stream));
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(stream, &self.hello).await.map_err(classify)?;
        connection.starttls(tls, &self.hello).await.map_err(classify)?;
        Ok(connection)
    }

    fn classify(&self, error: &lettre::transport::smtp::Error, login: Option<&Login>) -> SendError {
        let said = redact(&error.to_string(), login);
        let status = error.status().map(u16::from);
        match status {
            // RFC 4954 section 6: the name or password is wrong, missing, or not good enough.
            Some(530 | 534 | 535 | 538) => SendError::Temporary(format!(
                "the mail server {self} refused to let us in ({}); check the user name and password",
                status.unwrap_or_default()
            )),
            Some(code) if code >= 500 => {
                SendError::Permanent(format!("the mail server {self} refused the mail: {said}"))
            }
            Some(_) => SendError::Temporary(format!("the mail server {self} put the mail off: {said}")),
            None if said.contains("certificate") => SendError::Temporary(format!(
                "the mail server {self} could not be used: {said}; if its certificate is of an authority of your own, name that \
                 authority's in mail.transport.root_certificate"
            )),
            None => SendError::Temporary(format!(
                "the mail server {self} could not be used: {said}; check its host, port and security"
            )),
        }
    }
}

/// What the server said, on one line and not too long. It may repeat what it was told, the sign-in among it
/// ("unknown command: AUTH PLAIN .."): then nothing of it is shown.
fn redact(said: &str, login: Option<&Login>) -> String {
    const MAXIMUM_CHARACTERS: usize = 300;
    if let Some(Login { username, password }) = login {
        let password = password.expose_secret();
        let plain = STANDARD.encode(format!("\0{username}\0{password}"));
        // Looked for before the text is cut, as half a password is too much.
        if [plain.as_str(), &STANDARD.encode(password), password].iter().any(|leak| said.contains(leak)) {
            return "its answer repeated our sign-in, so it is not shown".to_owned();
        }
    }
    one_line(said).chars().take(MAXIMUM_CHARACTERS).collect()
}

/// Certificates are checked by the authorities that the system trusts.
fn tls(host: &str) -> Result<TlsParameters, SmtpSettingsError> {
    TlsParameters::builder(host.to_owned())
        .build_rustls()
        .map_err(|error| SmtpSettingsError::Tls { host: host.to_owned(), cause: error.to_string() })
}

/// Certificates are checked by those of a file, of which there is at least one, and by no other.
fn tls_by(host: &str, path: &Path) -> Result<TlsParameters, SmtpSettingsError> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let wrong = |cause: String| SmtpSettingsError::RootCertificate { path: path.to_owned(), cause };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    if !pem.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Err(wrong(
            "there is none in it, which would begin with -----BEGIN CERTIFICATE-----".to_owned(),
        ));
    }
    let certificates = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
    TlsParameters::builder(host.to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(certificates)
        .build_rustls()
        .map_err(|error| wrong(error.to_string()))
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Smtp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Smtp({self}, {:?})", self.security)
    }
}
