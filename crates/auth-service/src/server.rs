//! From a configuration to a server that serves, drains, and stops.

mod error;
mod full;
mod keeping;
mod references;
mod rotation;
mod signals;
mod trail;
mod waiting;

pub use error::ServerError;
pub use full::{Migrating, migrating};
pub use keeping::keeper;
pub use references::{Found, Secrets, Seen, secrets_of};
pub use rotation::Rotation;
pub(crate) use rotation::ToldSecret;
pub use signals::{Hangups, Signals};
pub use trail::begin_trail_anew;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auth::{
    AuditTrail, Auth, Breaches, DeclaredClient, Hasher, HasherSettings, Parts, Peppers, Processes, Random,
    Settings,
};
use domain::{Clock, Timestamp};
use oidc::Algorithm;
use outbound::{EgressClient, EgressSettings, Postmark, Smtp, SmtpSecurity, SmtpSettings};
use secrets::{Keeper, SecretString};
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::net::TcpListener;

use crate::admin::{self, Desk, Offline, Socket};
use crate::background::{self, Sender, Transport};
use crate::breaches;
use crate::client_keys::ClientKeys;
use crate::config::{self, Config, ConfiguredClient, Mode};
use crate::connections::{Connections, serve};
use crate::health::{Health, Phase};
use crate::stop::Stop;
use crate::{App, AppParts, Shortcuts, traces};
use references::{foreign_password, own_key, own_secret};
use rotation::Users;

/// A mail server that does not answer for so long is tried again later.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
/// Once nobody is taken any more, background work has as long to end as requests in flight have, and a little longer.
const LONGER: Duration = Duration::from_millis(250);
/// Then what they did is sealed, and the database closed, in so long. With the drain and the time for requests, and what `serve` has left
/// to do, a stop takes two seconds more than those at the most.
const CLOSE: Duration = Duration::from_secs(1);

/// Everything that a start would refuse and that is no secret: settings, and what is wrong with them. Secrets are read, and
/// nothing else is asked or opened.
pub async fn refused(config: &Config) -> Vec<(String, String)> {
    let keeper = config.secrets.keeper();
    let mut found = full::refused(config, &keeper).await;
    if let Some(Mode::Small(path)) = config.mode()
        && let Err(error) = store::can_be_served(path)
    {
        found.push(("database.path", error.to_string()));
    }
    let breaches = config.password.breach_range_url.as_ref();
    match egress_settings(&config.egress) {
        Err(ServerError::Egress(error)) => found.push(("egress", error)),
        Err(_) => {}
        Ok(settings) => match EgressClient::new(&settings) {
            Err(error) => found.push(("egress", error.to_string())),
            Ok(egress) => {
                if let Some(Err(error)) = breaches.map(|url| egress.check(url.as_str())) {
                    found.push(("password.breach_range_url", error.to_string()));
                }
            }
        },
    }
    if let Err(ServerError::Mail(error)) = configured_transport(&config.mail.transport, &keeper).await {
        found.push(("mail.transport", error));
    }
    if let Err(error) = traces::of(&config.traces, system_clock(), Random::system()) {
        found.push(("traces.endpoint", error.to_string()));
    }
    let told = found.into_iter().map(|(setting, why)| (setting.to_owned(), format!("cannot be used: {why}")));
    told.collect()
}

/// What hashes passwords, with the peppers that the configuration names.
pub async fn hasher(
    settings: &HasherSettings,
    random: Random,
    keeper: &Keeper,
) -> Result<Hasher, ServerError> {
    let current = match &settings.pepper {
        Some(reference) => Some(own_key(PEPPER, reference, keeper).await?),
        None => None,
    };
    let mut older = Vec::with_capacity(settings.older_peppers.len());
    for reference in &settings.older_peppers {
        older.push(own_key(OLDER_PEPPERS, reference, keeper).await?);
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

/// What the use cases have to know of the configuration.
fn settings(config: &Config) -> Settings {
    Settings {
        public_url: config.server.public_url.clone(),
        product: config.branding.name.clone(),
        return_to: config.apps.return_to.clone(),
        algorithms: vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256],
        accounts: config.accounts.clone(),
        limits: config.limits.clone(),
    }
}

const PEPPER: &str = "password.hashing.pepper";
const OLDER_PEPPERS: &str = "password.hashing.older_peppers";

/// The system's clock: the one place where it is read.
pub fn system_clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is handed")]
    Clock::new(|| Timestamp(jiff::Timestamp::now().as_microsecond()))
}

/// Opens the database, which is made if it is not there.
pub async fn open_store(path: &Path) -> Result<Store, ServerError> {
    Store::open(path).await.map_err(|error| ServerError::Store { path: path.display().to_string(), error })
}

/// Where everything is remembered.
struct Memory {
    store: Store,
    ephemeral: Ephemeral,
    processes: Processes,
}

/// A server that is ready and not yet serving.
#[derive(Debug)]
pub struct Server {
    app: App,
    transport: Arc<Transport>,
    sender: Sender,
    egress: EgressClient,
    desk: Desk,
    socket: Option<Socket>,
    finish: Duration,
    rotation: Rotation,
    shared: bool,
}

impl Server {
    /// Puts a server together. Mail leaves as the configuration says, if not by a `transport` of the caller's: that of `keyward dev` is a
    /// mailbox, so that no mail leaves the machine.
    pub async fn build(
        config: Config,
        secrets: &Secrets,
        keeper: &Keeper,
        transport: Option<Transport>,
        clock: Clock,
        random: Random,
        health: &Health,
    ) -> Result<Self, ServerError> {
        let finish = config.server.finish;
        let transport = Arc::new(match transport {
            Some(transport) => transport,
            None => configured_transport(&config.mail.transport, keeper).await?,
        });
        let mailbox = match &*transport {
            Transport::Mailbox(mailbox) => Some(mailbox.clone()),
            Transport::Smtp(_) | Transport::Postmark(_) => None,
        };
        let Memory { store, ephemeral, processes } = match config.mode() {
            Some(Mode::Full(url)) => Box::pin(full::open(&config, url, keeper, &random, health)).await?,
            Some(Mode::Small(path)) => {
                health.enter(Phase::Migrating);
                let store = open_store(path).await?;
                Memory { store, ephemeral: Ephemeral::memory(), processes: Processes::One }
            }
            None => return Err(ServerError::NoMode),
        };
        let hasher = hasher(&config.password.hashing, random.clone(), keeper).await?;
        let settings = settings(&config);
        let audit_key = secrets.audit_key()?;
        let egress = EgressClient::new(&egress_settings(&config.egress)?);
        let egress = egress.map_err(|error| ServerError::Egress(error.to_string()))?;
        let desk = Desk {
            store: store.clone(),
            keyring: Arc::new(secrets.keyring()?),
            trail: AuditTrail::new(store.clone(), audit_key),
            egress: egress.clone(),
            random: random.clone(),
            clock: clock.clone(),
            auth: None,
            health: Some(health.clone()),
            offline: None,
        };
        let declared = declared(&config.clients, keeper).await?;
        let begin = async || {
            let parts = Parts {
                store: store.clone(),
                ephemeral: ephemeral.clone(),
                processes,
                keyring: secrets.keyring()?,
                audit_key,
                hasher: hasher.clone(),
                clock: clock.clone(),
                random: random.clone(),
                settings: settings.clone(),
            };
            let auth = Auth::start(parts).await?;
            if let Err(error) = auth.clients().declare(&declared, auth.now()).await {
                auth.let_go_of_keys().await;
                return Err(ServerError::Clients(error));
            }
            Ok(auth)
        };
        let known_breaches = known_breaches(&config, &egress)?;
        let beginning = full::beginning(&config);
        let mut auth =
            Box::pin(beginning.wait(health, &random, async || begin().await.map_err(full::trouble))).await?;
        if let Some(known) = known_breaches {
            auth = auth.with_breaches(known);
        }
        let auth = Arc::new(auth);
        let users = Users {
            store,
            ephemeral,
            transport: transport.clone(),
            auth: auth.clone(),
            database: config.database.clone(),
            redis: config.redis.clone(),
            mail: config.mail.transport.clone(),
            clients: config.clients.clone(),
            keys: config.keys.clone(),
            hashing: config.password.hashing.clone(),
        };
        let references = config.references_to_serve();
        let rotation =
            Rotation::new(&references, keeper, users, config.secrets.refresh, clock, random).await?;
        health.watch_secrets(&rotation);
        let sender = Sender {
            address: config.mail.from,
            name: config.mail.from_name.unwrap_or_else(|| config.branding.name.clone()),
        };
        let (trail, keyring) = (auth.audit_trail(), auth.keyring());
        let desk = Desk { trail, keyring, auth: Some(auth.clone()), ..desk };
        let app = App::new(AppParts {
            auth,
            branding: config.branding,
            trusted_proxies: config.server.trusted_proxies,
            reveal_accounts: config.api.reveal_accounts,
            mailbox,
            client_keys: ClientKeys::new(egress.clone()),
        })
        .with_full_addresses(config.log.full_addresses)
        .with_traces(config.traces.endpoint.is_some());
        health.measure(&app);
        Ok(Self { app, transport, sender, egress, desk, socket: None, finish, rotation, shared: false })
    }

    /// Takes orders of the operator at this socket too, once it serves.
    pub fn listen_to_operators(&mut self, socket: &Path, group: Option<&str>) -> Result<(), ServerError> {
        self.socket = Some(Socket::bind(socket, group)?);
        Ok(())
    }

    /// The listener that it will serve is another's, who may have handed it to others too: they go on to take connections from it.
    pub fn share_listener(&mut self) {
        self.shared = true;
    }

    /// What keeps its secrets up to date.
    pub fn rotation(&self) -> &Rotation {
        &self.rotation
    }

    /// The routes alone, for tests in process.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `stop` says so (who is [ready](Phase::Ready) is for the caller to say, who knows when it drains), then lets what is in flight end, lets go of what it holds, and seals the trail.
    pub async fn serve(self, listener: TcpListener, stop: Stop) {
        let (auth, finish) = (self.app.auth.clone(), self.finish);
        let mut work = background::start(
            &auth,
            self.transport,
            self.sender,
            &self.app.branding,
            Some(self.egress),
            &stop.receiver(),
        );
        work.spawn(self.rotation.run(stop.receiver()));
        let mut told = stop.clone();
        let deadline = async {
            told.stopped().await;
            tokio::time::sleep(finish + LONGER).await;
        };
        let connections = Connections { drain: finish, shared: self.shared, ..Connections::default() };
        let operators = self.socket.map(|socket| admin::serve(socket, self.desk, stop.clone()));
        let operators = async {
            if let Some(operators) = operators {
                operators.await;
            }
        };
        let everything = async {
            tokio::join!(serve(Shortcuts::new(self.app), listener, stop, connections), operators);
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

/// A desk on a database that no server holds.
pub fn desk(store: Store, egress: &config::Egress, offline: Offline) -> Result<Desk, ServerError> {
    let egress = EgressClient::new(&egress_settings(egress)?);
    Ok(Desk {
        keyring: Arc::new(offline.secrets.keyring()?),
        trail: AuditTrail::new(store.clone(), offline.secrets.audit_key()?),
        store,
        egress: egress.map_err(|error| ServerError::Egress(error.to_string()))?,
        random: Random::system(),
        clock: system_clock(),
        auth: None,
        health: None,
        offline: Some(Arc::new(offline)),
    })
}

/// Who knows passwords from breaches, if the configuration names one.
fn known_breaches(config: &Config, egress: &EgressClient) -> Result<Option<Breaches>, ServerError> {
    let Some(url) = &config.password.breach_range_url else { return Ok(None) };
    let refused =
        |error: outbound::EgressError| ServerError::Egress(format!("password.breach_range_url: {error}"));
    egress.check(url.as_str()).map_err(refused)?;
    Ok(Some(breaches::at(egress.clone(), url.as_str())))
}

fn egress_settings(egress: &config::Egress) -> Result<EgressSettings, ServerError> {
    let networks = egress.allowed_networks.iter().map(|network| {
        network.parse().map_err(|error| ServerError::Egress(format!("allowed_networks: {network}: {error}")))
    });
    Ok(EgressSettings {
        allowed_networks: networks.collect::<Result<_, _>>()?,
        plain_http_hosts: egress.plain_http_hosts.clone(),
        root_certificate: egress.root_certificate.clone(),
        ..EgressSettings::default()
    })
}

async fn declared(clients: &[ConfiguredClient], keeper: &Keeper) -> Result<Vec<DeclaredClient>, ServerError> {
    let mut declared = Vec::with_capacity(clients.len());
    for ConfiguredClient { client, secret, secret_overlap } in clients {
        let secret = match secret {
            Some(reference) => Some(own_secret("clients.secret", reference, keeper).await?),
            None => None,
        };
        declared.push(DeclaredClient { client: client.clone(), secret, secret_overlap: *secret_overlap });
    }
    Ok(declared)
}

/// What mail is sent by: a password, or a token.
async fn mail_secret(
    settings: &config::Transport,
    keeper: &Keeper,
) -> Result<Option<SecretString>, ServerError> {
    match settings {
        config::Transport::Smtp { password: None, .. } => Ok(None),
        config::Transport::Smtp { password: Some(reference), .. } => {
            foreign_password("mail.transport.password", reference, keeper).await.map(Some)
        }
        config::Transport::Postmark { token } => {
            own_secret("mail.transport.token", token, keeper).await.map(Some)
        }
    }
}

async fn configured_transport(
    settings: &config::Transport,
    keeper: &Keeper,
) -> Result<Transport, ServerError> {
    let wrong = |error: String| ServerError::Mail(error);
    let secret = mail_secret(settings, keeper).await?;
    match settings {
        config::Transport::Smtp { host, port, security, username, password: _, root_certificate } => {
            let settings = SmtpSettings {
                host: host.clone(),
                port: *port,
                security: match security {
                    config::Security::StartTls => SmtpSecurity::StartTls,
                    config::Security::Tls => SmtpSecurity::Tls,
                    config::Security::None => SmtpSecurity::None,
                },
                username: username.clone(),
                password: secret,
                root_certificate: root_certificate.clone(),
                timeout: MAIL_TIMEOUT,
            };
            Ok(Transport::Smtp(Smtp::new(&settings).map_err(|error| wrong(error.to_string()))?))
        }
        config::Transport::Postmark { .. } => {
            let token = secret.ok_or_else(|| wrong("its token is not there".to_owned()))?;
            let egress =
                EgressClient::new(&EgressSettings::default()).map_err(|error| wrong(error.to_string()))?;
            let postmark = Postmark::new(egress, token, outbound::POSTMARK_URL);
            Ok(Transport::Postmark(postmark.map_err(|error| wrong(error.to_string()))?))
        }
    }
}
