//! From a configuration to a server that serves, drains, and stops.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, DeclaredClient, Hasher, HasherSettings, Parts, Peppers, Random, Settings};
use domain::{Clock, Timestamp};
use oidc::Algorithm;
use outbound::{EgressClient, EgressSettings, Postmark, Smtp, SmtpSecurity, SmtpSettings};
use secrets::sealing::Keyring;
use secrets::{ExposeSecret as _, SecretRef, SecretString, WeakSecret};
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::background::{self, Sender, Transport};
use crate::breaches;
use crate::client_keys::ClientKeys;
use crate::config::{self, Config, ConfiguredClient};
use crate::connections::{Connections, serve};
use crate::mailbox::Mailbox;
use crate::{App, AppParts, router};

/// A mail server that does not answer for so long is tried again later.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
/// After being told to stop, requests and background work have so long to end. The drain of connections is shorter.
const STOP: Duration = Duration::from_secs(7);
/// Then what they did is sealed, and the database closed, in so long: compose kills after ten seconds.
const CLOSE: Duration = Duration::from_secs(2);

/// Why a server did not start, or did not go on. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port is taken, or not ours to take.
    #[error("{what} cannot listen on {address}: {error}. {advice}")]
    Listen {
        /// What wanted to listen.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
        /// What to do.
        advice: String,
    },
    /// The database.
    #[error("the database {path}: {error}")]
    Store {
        /// Its file.
        path: String,
        /// What is wrong with it.
        error: store::Error,
    },
    /// A secret.
    #[error("the secret for {setting}: {error}")]
    Secret {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it.
        error: String,
    },
    /// The mail transport.
    #[error("[mail.transport]: {0}")]
    Mail(String),
    /// The way out.
    #[error("[egress]: {0}")]
    Egress(String),
    /// The apps of the configuration.
    #[error("[[clients]]: {0}")]
    Clients(auth::RegisterError),
    /// The use cases.
    #[error(transparent)]
    Fault(#[from] auth::Fault),
    /// The signals that stop it.
    #[error("the signals that stop a server cannot be caught: {0}")]
    Signals(std::io::Error),
}

/// The keys that are not in the database.
#[derive(Debug)]
pub struct Secrets {
    /// Seals what is secret at rest.
    pub encryption: SecretString,
    /// Sealed before it.
    pub older_encryption: Vec<SecretString>,
    /// Chains the audit trail.
    pub audit: SecretString,
}

impl Secrets {
    /// Resolves the references of a configuration.
    pub async fn resolve(keys: &config::Keys) -> Result<Self, ServerError> {
        let mut older_encryption = Vec::new();
        for reference in &keys.older_encryption {
            older_encryption.push(resolve("keys.older_encryption", reference).await?);
        }
        let encryption = resolve("keys.encryption", &keys.encryption).await?;
        let audit = resolve("keys.audit", &keys.audit).await?;
        let (one, other) = (encryption.expose_secret().trim(), audit.expose_secret().trim());
        if secrets::constant_time_equal(one.as_bytes(), other.as_bytes()) {
            let error =
                "it is the same as keys.encryption: make one of its own, or whoever learns one has both";
            return Err(ServerError::Secret { setting: "keys.audit", error: error.to_owned() });
        }
        Ok(Self { encryption, older_encryption, audit })
    }

    /// The key that chains the audit trail.
    pub fn audit_key(&self) -> Result<[u8; 32], ServerError> {
        let keyring = Keyring::from_text(&self.audit, &[])
            .map_err(|error| ServerError::Secret { setting: "keys.audit", error: error.to_string() })?;
        Ok(keyring.derive("audit trail"))
    }

    /// What seals.
    pub fn keyring(&self) -> Result<Keyring, ServerError> {
        Keyring::from_text(&self.encryption, &self.older_encryption)
            .map_err(|error| ServerError::Secret { setting: "keys.encryption", error: error.to_string() })
    }
}

/// The password of the mail server, which somebody else may have chosen: it may be short, but neither empty, which is
/// found as it is read, nor a sample.
async fn mail_password(reference: &SecretRef) -> Result<SecretString, ServerError> {
    let setting = "mail.transport.password";
    let wrong = |error: String| ServerError::Secret { setting, error };
    let password = reference.resolve().await.map_err(|error| wrong(error.to_string()))?;
    warn_if_open(setting, reference);
    if matches!(secrets::check_strength(setting, &password), Err(WeakSecret::WellKnown { .. })) {
        let sample = format!(
            "{reference} holds a sample or well-known password that anybody can try; set another at your mail server, \
             and write it there"
        );
        return Err(wrong(sample));
    }
    Ok(password)
}

async fn resolve(setting: &'static str, reference: &SecretRef) -> Result<SecretString, ServerError> {
    let secret = reference
        .resolve()
        .await
        .map_err(|error| ServerError::Secret { setting, error: error.to_string() })?;
    warn_if_open(setting, reference);
    secrets::check_strength(setting, &secret)
        .map_err(|error| ServerError::Secret { setting, error: error.to_string() })?;
    Ok(secret)
}

/// A file that every user of the machine may read keeps no secret. It is told and not refused: whoever mounts secrets
/// (compose does with mode 0444) has often no say in it, and nobody else beside it.
fn warn_if_open(setting: &str, reference: &SecretRef) {
    let SecretRef::File(path) = reference else { return };
    let Ok(metadata) = std::fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        let file = path.display();
        tracing::warn!(
            setting, %file, mode = format!("{mode:04o}"),
            "every user of this machine may read the file of a secret: chmod 0400 it, for the server's user alone"
        );
    }
}

/// What hashes passwords, with the peppers that the configuration names.
pub async fn hasher(settings: &HasherSettings, random: Random) -> Result<Hasher, ServerError> {
    let current = match &settings.pepper {
        Some(reference) => Some(resolve(PEPPER, reference).await?),
        None => None,
    };
    let mut older = Vec::with_capacity(settings.older_peppers.len());
    for reference in &settings.older_peppers {
        older.push(resolve("password.hashing.older_peppers", reference).await?);
    }
    let peppers = Peppers::new(current.as_ref(), &older)
        .map_err(|error| ServerError::Secret { setting: PEPPER, error: error.to_string() })?;
    if let Some((_, found, expected)) = settings.weakness() {
        tracing::warn!(found, expected, "allow_weak: passwords are hashed with less than OWASP's minimum");
    }
    let parallel = settings.max_parallel.map(|most| most as usize);
    let parallel = parallel.unwrap_or_else(|| auth::max_parallel(settings.memory_kib));
    Ok(Hasher::with_peppers(settings, parallel, peppers, random)?)
}

const PEPPER: &str = "password.hashing.pepper";

/// The system's clock: the one place where it is read.
pub fn system_clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    Clock::new(|| Timestamp(jiff::Timestamp::now().as_microsecond()))
}

/// Opens the database, which is made if it is not there.
pub async fn open_store(path: &Path) -> Result<Store, ServerError> {
    Store::open(path).await.map_err(|error| ServerError::Store { path: path.display().to_string(), error })
}

/// A server that is ready and not yet serving.
#[derive(Debug)]
pub struct Server {
    app: App,
    transport: Transport,
    sender: Sender,
    egress: EgressClient,
}

impl Server {
    /// Puts a server together. With a `mailbox` it is `keyward dev`: no mail leaves the machine.
    pub async fn build(
        config: Config,
        secrets: &Secrets,
        mailbox: Option<Mailbox>,
        clock: Clock,
        random: Random,
    ) -> Result<Self, ServerError> {
        let transport = match &mailbox {
            Some(mailbox) => Transport::Mailbox(mailbox.clone()),
            None => transport(&config.mail.transport).await?,
        };
        let store = open_store(&config.database.path).await?;
        let hasher = hasher(&config.password.hashing, random.clone()).await?;
        let settings = Settings {
            public_url: config.server.public_url,
            product: config.branding.name.clone(),
            return_to: config.apps.return_to,
            algorithms: vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256],
            accounts: config.accounts,
            limits: config.limits,
        };
        let (keyring, audit_key) = (secrets.keyring()?, secrets.audit_key()?);
        let egress = EgressClient::new(&egress_settings(&config.egress)?);
        let egress = egress.map_err(|error| ServerError::Egress(error.to_string()))?;
        let declared = declared(&config.clients).await?;
        let ephemeral = Ephemeral::memory();
        let mut auth =
            Auth::start(Parts { store, ephemeral, keyring, audit_key, hasher, clock, random, settings })
                .await?;
        if let Some(url) = &config.password.breach_range_url {
            let refused = |error: outbound::EgressError| {
                ServerError::Egress(format!("password.breach_range_url: {error}"))
            };
            egress.check(url.as_str()).map_err(refused)?;
            auth = auth.with_breaches(breaches::at(egress.clone(), url.as_str()));
        }
        auth.clients().declare(&declared, auth.now()).await.map_err(ServerError::Clients)?;
        let sender = Sender {
            address: config.mail.from,
            name: config.mail.from_name.unwrap_or_else(|| config.branding.name.clone()),
        };
        let app = App::new(AppParts {
            auth: Arc::new(auth),
            branding: config.branding,
            trusted_proxies: config.server.trusted_proxies,
            reveal_accounts: config.api.reveal_accounts,
            mailbox,
            client_keys: ClientKeys::new(egress.clone()),
        });
        Ok(Self { app, transport, sender, egress })
    }

    /// The routes alone, for tests in process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `stop` says so, then lets what is in flight end.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        let auth = self.app.auth.clone();
        let work = background::start(
            &auth,
            self.transport,
            self.sender,
            &self.app.branding,
            Some(self.egress),
            &stop,
        );
        let mut told = stop.clone();
        let deadline = async {
            let _ = told.wait_for(|stop| *stop).await;
            tokio::time::sleep(STOP).await;
        };
        let everything = async {
            serve(router(self.app), listener, stop, Connections::default()).await;
            work.join_all().await;
        };
        tokio::select! {
            () = everything => {}
            () = deadline => tracing::warn!("background work did not end in time and is cut; what it held is in the database"),
        }
        // Nobody does anything any more: mail that the last requests wrote is in the outbox, and the trail is sealed to its
        // end.
        let closing = async {
            background::seal_to_the_end(&auth).await;
            auth.stop().await;
        };
        if tokio::time::timeout(CLOSE, closing).await.is_err() {
            tracing::warn!(
                "the trail could not be sealed to its end in time; it is sealed at the next start"
            );
        }
    }
}

/// The signals that ask a server to stop. They are caught from [`Signals::catch`] on: a server that says it runs and
/// then dies of the first signal, because nobody listened yet, has not drained.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch Ctrl-C and SIGTERM.
    pub fn catch() -> Result<Self, ServerError> {
        let caught = |kind| signal(kind).map_err(ServerError::Signals);
        Ok(Self { interrupt: caught(SignalKind::interrupt())?, terminate: caught(SignalKind::terminate())? })
    }

    /// Resolves at either, and tells everybody.
    pub async fn stop(mut self, stop: watch::Sender<bool>) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        let _ = stop.send(true);
    }
}

/// Whether a notice to this address would be sent, as far as that can be told before its name is looked up.
pub fn check_egress(egress: &config::Egress, uri: &str) -> Result<(), ServerError> {
    let client = EgressClient::new(&egress_settings(egress)?);
    let client = client.map_err(|error| ServerError::Egress(error.to_string()))?;
    client.check(uri).map_err(|error| ServerError::Egress(error.to_string()))
}

fn egress_settings(egress: &config::Egress) -> Result<EgressSettings, ServerError> {
    let networks = egress.allowed_networks.iter().map(|network| {
        network.parse().map_err(|error| ServerError::Egress(format!("allowed_networks: {network}: {error}")))
    });
    Ok(EgressSettings {
        allowed_networks: networks.collect::<Result<_, _>>()?,
        plain_http_hosts: egress.plain_http_hosts.clone(),
        ..EgressSettings::default()
    })
}

async fn declared(clients: &[ConfiguredClient]) -> Result<Vec<DeclaredClient>, ServerError> {
    let mut declared = Vec::with_capacity(clients.len());
    for ConfiguredClient { client, secret } in clients {
        let secret = match secret {
            Some(reference) => Some(resolve("clients.secret", reference).await?),
            None => None,
        };
        declared.push(DeclaredClient { client: client.clone(), secret });
    }
    Ok(declared)
}

async fn transport(settings: &config::Transport) -> Result<Transport, ServerError> {
    let wrong = |error: String| ServerError::Mail(error);
    match settings {
        config::Transport::Smtp { host, port, security, username, password } => {
            let password = match password {
                Some(reference) => Some(mail_password(reference).await?),
                None => None,
            };
            let settings = SmtpSettings {
                host: host.clone(),
                port: *port,
                security: match security {
                    config::Security::StartTls => SmtpSecurity::StartTls,
                    config::Security::Tls => SmtpSecurity::Tls,
                    config::Security::None => SmtpSecurity::None,
                },
                username: username.clone(),
                password,
                timeout: MAIL_TIMEOUT,
            };
            Ok(Transport::Smtp(Smtp::new(&settings).map_err(|error| wrong(error.to_string()))?))
        }
        config::Transport::Postmark { token } => {
            let token = resolve("mail.transport.token", token).await?;
            let egress =
                EgressClient::new(&EgressSettings::default()).map_err(|error| wrong(error.to_string()))?;
            let postmark = Postmark::new(egress, token, outbound::POSTMARK_URL);
            Ok(Transport::Postmark(postmark.map_err(|error| wrong(error.to_string()))?))
        }
    }
}
