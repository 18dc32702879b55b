//! Everything the use cases stand on, put together once in `main`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Clock, Timestamp};
use secrets::sealing::Keyring;
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::sync::Notify;

use crate::breaches::Breaches;
use crate::client::KnownClients;
use crate::counts::{Counts, Issued, Opened, Sending};
use crate::encryption::{self, Encryption};
use crate::hearing::{Hearing, Processes};
use crate::idempotency::UnderWay;
use crate::keys::SigningKeys;
use crate::limit::Limiter;
use crate::rehash::Rehashing;
use crate::token::Live;
use crate::{AuditTrail, Clients, Fault, Hasher, Random, Settings};

/// What [`Auth::start`] is given.
#[derive(Debug)]
pub struct Parts {
    /// The database, migrated.
    pub store: Store,
    /// Counters, and messages between processes.
    pub ephemeral: Ephemeral,
    /// Who else works on the database.
    pub processes: Processes,
    /// The keys that seal what is secret at rest.
    pub keyring: Keyring,
    /// The key that chains the audit trail.
    pub audit_key: [u8; 32],
    /// The hasher.
    pub hasher: Hasher,
    /// Where the present comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// What the operator decided.
    pub settings: Settings,
}

/// The use cases. Share it in an `Arc`.
#[derive(Debug)]
pub struct Auth {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) encryption: Encryption,
    pub(crate) keys: SigningKeys,
    pub(crate) audit: AuditTrail,
    pub(crate) hasher: Hasher,
    pub(crate) rehashing: Rehashing,
    pub(crate) breaches: Option<Breaches>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) settings: Settings,
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
    /// The next support id.
    support_ids: AtomicU64,
    pub(crate) limiter: Limiter,
    pub(crate) live: Arc<Live>,
    pub(crate) hearing: Hearing,
    pub(crate) clients: KnownClients,
    pub(crate) under_way: Arc<UnderWay>,
    pub(crate) sessions_opened: Counts<Opened>,
    pub(crate) tokens_issued: Counts<Issued>,
    pub(crate) mails: Counts<Sending>,
    pub(crate) mail_waiting: Arc<Notify>,
    pub(crate) notice_waiting: Arc<Notify>,
    pub(crate) audit_waiting: Arc<Notify>,
}

impl Auth {
    /// Reads or makes the signing keys, and is ready.
    pub async fn start(parts: Parts) -> Result<Self, Fault> {
        let now = parts.clock.now();
        let audit = AuditTrail::new(parts.store.clone(), parts.audit_key);
        if !audit.is_its_key().await? {
            return Err(Fault::AnotherAuditKey);
        }
        let (store, processes, process) = (parts.store.clone(), parts.processes, parts.random.opaque_id());
        if processes == Processes::Several {
            // One that was given a wrong key, and is started again and again, is waited for by nobody.
            SigningKeys::can_be_opened(&store, &parts.keyring, now).await?;
        }
        // Before anything is sealed: it decides by which key.
        let encryption = Encryption::begin(&store, &parts.keyring, processes, process, now).await?;
        let begun = Box::pin(Self::begun(parts, audit, encryption, now)).await;
        if begun.is_err() {
            encryption::let_go_of_keys(&store, processes, process).await;
        }
        begun
    }

    /// What others wait for from now on.
    async fn begun(
        parts: Parts,
        audit: AuditTrail,
        encryption: Encryption,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let Parts { store, ephemeral, processes, keyring, audit_key: _, hasher, clock, random, settings } =
            parts;
        let keyring = Arc::new(keyring);
        let (held, made_by) = (store.clone(), random.clone());
        let keys =
            SigningKeys::load(held, keyring.clone(), made_by, audit.clone(), &settings.algorithms, now)
                .await?;
        let mut tx = store.begin().await?;
        let host = settings.public_url.host_str().unwrap_or_default();
        let rp_id = store::installation::rp_id(&mut tx, host, now).await?;
        let nobody = store::users::NOBODY.0;
        store::users::insert_nobody(&mut tx, &audit.vouch_for(nobody, nobody)).await?;
        tx.commit().await?;
        if rp_id != host {
            tracing::warn!(
                stored = rp_id,
                configured = host,
                "the public URL is on another host than at the first start: passkeys made there will not work here"
            );
        }
        let issuer = settings.public_url.as_str().trim_end_matches('/').to_owned();
        let live = Arc::new(Live::new(&random));
        let support_ids = AtomicU64::new(u64::from_be_bytes(random.bytes()));
        let auth = Self {
            support_ids,
            encryption,
            keyring,
            keys,
            audit,
            store,
            hasher,
            rehashing: Rehashing::default(),
            breaches: None,
            clock,
            random,
            token_endpoint: format!("{issuer}/token"),
            issuer,
            hearing: Hearing::new(processes, ephemeral.clone(), settings.limits.max_staleness),
            limiter: Limiter::new(ephemeral, settings.limits.clone()),
            settings,
            live,
            clients: KnownClients::new(),
            under_way: Arc::default(),
            sessions_opened: Counts::default(),
            tokens_issued: Counts::default(),
            mails: Counts::default(),
            mail_waiting: Arc::default(),
            notice_waiting: Arc::default(),
            audit_waiting: Arc::default(),
        };
        auth.look_at_hashes().await?;
        Ok(auth)
    }

    /// Asks this for passwords that are known from breaches, too.
    #[must_use]
    pub fn with_breaches(self, breaches: Breaches) -> Self {
        Self { breaches: Some(breaches), ..self }
    }

    /// The present moment, as the use cases see it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The keys that sign tokens.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// What hashes passwords.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The register of apps.
    pub fn clients(&self) -> Clients {
        Clients::new(self.store.clone(), self.random.clone(), self.audit.clone())
    }

    /// Who issues tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A new random token, for a browser to keep.
    pub fn new_browser_token(&self) -> [u8; 32] {
        self.random.token()
    }

    /// A new support id: twelve digits that no other request of this process has. It names a request and opens nothing, so
    /// that it need not be drawn anew each time.
    pub fn new_support_id(&self) -> String {
        // Odd, so that every number comes before one comes again; large, so that neighbours do not look alike.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let number = self.support_ids.fetch_add(STEP, Ordering::Relaxed);
        format!("{:012x}", number & 0xffff_ffff_ffff)
    }

    /// Waits for what is in flight and closes the database.
    pub async fn stop(&self) {
        self.let_go_of_keys().await;
        self.store.close().await;
    }
}
