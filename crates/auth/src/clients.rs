//! Apps: registered by an operator, by command or in the configuration.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use oidc::{Client, ClientAuthenticationMethod, ClientError};
use secrets::SecretString;
use store::clients::Client as Row;
use store::{Store, Turn};

use crate::audit::AuditTrail;
use crate::ending::NOTICE_LIFE;
use crate::hearing::Change;
use crate::{Fault, Random};

/// As many as one page of a list shows.
const PAGE: i64 = 100;

/// The register of apps.
#[derive(Clone, Debug)]
pub struct Clients {
    store: Store,
    random: Random,
    audit: AuditTrail,
}

/// An app, as an operator sees it.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    /// What the protocol knows of it.
    pub client: Client,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Until when the secret before it is good.
    pub older_secret_until: Option<Timestamp>,
    /// Whether it stands in the configuration, which then is where it is changed.
    pub declared: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

/// Why the register was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// What is registered does not fit together.
    #[error("{0}")]
    Invalid(#[from] ClientError),
    /// There is one of this id.
    #[error("there is an app with the id {0} already: choose another id, or remove that one first")]
    Taken(String),
    /// There is none of this id.
    #[error("there is no app with the id {0}: `keyward client list` shows those there are")]
    Unknown(String),
    /// It stands in the configuration.
    #[error("the app {0} stands in the configuration: change it there")]
    Declared(String),
    /// It has no secret to exchange.
    #[error("the app {0} has no secret: it authenticates by {1}")]
    NoSecret(String, &'static str),
    /// A secret in the configuration is of no use.
    #[error("the app {0} authenticates by {1}, so its secret has to be {2}")]
    SecretMismatch(String, &'static str, &'static str),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for RegisterError {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// An app of the configuration.
#[derive(Clone, Debug)]
pub struct DeclaredClient {
    /// What the protocol has to know of it.
    pub client: Client,
    /// Its secret, if it has one.
    pub secret: Option<SecretString>,
    /// For how long the secret before is good, once this one is another.
    pub secret_overlap: Duration,
}

impl DeclaredClient {
    /// What is usual: a process with the configuration of before may still be running, and so may the app.
    pub const SECRET_OVERLAP: Duration = Duration::from_hours(24);
}

impl Clients {
    /// The register in `store`.
    pub fn new(store: Store, random: Random, audit: AuditTrail) -> Self {
        Self { store, random, audit }
    }

    /// Adds an app. Gives its secret, if it is to have one: it is told once and stored as a hash.
    pub async fn add(&self, client: &Client, now: Timestamp) -> Result<Option<SecretString>, RegisterError> {
        client.validate()?;
        let secret = has_secret(client).then(|| self.new_secret());
        let row = row(client, secret.as_ref(), false, now)?;
        let mut tx = self.store.begin_in_turn(&[Turn::Apps]).await?;
        if !store::clients::insert(&mut tx, &row).await? {
            return Err(RegisterError::Taken(client.client_id.clone()));
        }
        self.audit.record_operator(&mut tx, &self.random, "add_client", &client.client_id, now).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// The app of this id.
    pub async fn find(&self, id: &str) -> Result<ClientInfo, RegisterError> {
        let row = store::clients::find(&mut self.store.look().await?, id).await?;
        info(&row.ok_or_else(|| RegisterError::Unknown(id.to_owned()))?).map_err(Into::into)
    }

    /// Every app, in the order of their ids.
    pub async fn list(&self) -> Result<Vec<ClientInfo>, Fault> {
        let mut tx = self.store.read().await?;
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = store::clients::list(&mut tx, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after.clone_from(&last.id);
            for row in &page {
                all.push(info(row)?);
            }
        }
    }

    /// Gives an app another secret. The present one is good for `overlap` longer, so that the app changes over without
    /// a gap.
    pub async fn rotate_secret(
        &self,
        id: &str,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<SecretString, RegisterError> {
        let mut tx = self.store.begin_in_turn(&[Turn::Apps]).await?;
        let found = store::clients::find(&mut tx, id).await?;
        let found = found.ok_or_else(|| RegisterError::Unknown(id.to_owned()))?;
        if found.declared {
            return Err(RegisterError::Declared(id.to_owned()));
        }
        let client = info(&found)?.client;
        if !has_secret(&client) {
            let method = client.token_endpoint_auth_method.name();
            return Err(RegisterError::NoSecret(id.to_owned(), method));
        }
        let secret = self.new_secret();
        let hash = hash_secret(secrets::ExposeSecret::expose_secret(&secret));
        store::clients::set_secret(&mut tx, id, Some(&hash), now.plus(overlap), now).await?;
        self.audit.record_operator(&mut tx, &self.random, "rotate_client_secret", id, now).await?;
        self.tell(&mut tx, vec![id.to_owned()], now).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Removes an app: what people agreed to, and every token it holds, goes with it.
    pub async fn remove(&self, id: &str, now: Timestamp) -> Result<(), RegisterError> {
        let mut tx = self.store.begin_in_turn(&[Turn::Apps]).await?;
        let found = store::clients::find(&mut tx, id).await?;
        match found {
            None => return Err(RegisterError::Unknown(id.to_owned())),
            Some(found) if found.declared => return Err(RegisterError::Declared(id.to_owned())),
            Some(_) => {}
        }
        store::clients::delete(&mut tx, id).await?;
        self.audit.record_operator(&mut tx, &self.random, "remove_client", id, now).await?;
        self.tell(&mut tx, vec![id.to_owned()], now).await?;
        Ok(tx.commit().await?)
    }

    /// Servers that run read of it within half a second, and forget what they knew of these apps.
    async fn tell(&self, tx: &mut store::Tx, changed: Vec<String>, now: Timestamp) -> Result<(), Fault> {
        Change::of_clients(self.random.ordered_id(now), changed).write(tx, now).await.map(|_| ())
    }

    /// Makes the register hold these apps of the configuration and no others that came from there.
    pub async fn declare(&self, declared: &[DeclaredClient], now: Timestamp) -> Result<(), RegisterError> {
        for DeclaredClient { client, secret, .. } in declared {
            client.validate()?;
            let (id, method) = (client.client_id.clone(), client.token_endpoint_auth_method.name());
            match (has_secret(client), secret) {
                (true, None) => return Err(RegisterError::SecretMismatch(id, method, "given")),
                (false, Some(_)) => return Err(RegisterError::SecretMismatch(id, method, "left out")),
                _ => {}
            }
        }
        // Nobody is let in to one of them meanwhile, as what it was.
        let each = declared.iter().map(|app| Turn::App(&app.client.client_id));
        let turns: Vec<_> = [Turn::Apps].into_iter().chain(each).collect();
        let mut tx = self.store.begin_in_turn(&turns).await?;
        let (mut after, mut changed) = (String::new(), Vec::new());
        loop {
            let page = store::clients::list(&mut tx, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.id);
            for old in page.iter().filter(|row| row.declared) {
                if !declared.iter().any(|declared| declared.client.client_id == old.id) {
                    tracing::warn!(
                        client_id = old.id,
                        "an app is no longer in the configuration and is removed"
                    );
                    store::clients::delete(&mut tx, &old.id).await?;
                    self.audit.record_operator(&mut tx, &self.random, "remove_client", &old.id, now).await?;
                    changed.push(old.id.clone());
                }
            }
        }
        for app in declared {
            if self.declare_one(&mut tx, app, now).await? {
                changed.push(app.client.client_id.clone());
            }
        }
        self.tell(&mut tx, changed, now).await?;
        Ok(tx.commit().await?)
    }

    /// Says whether there was one of this id that is another now.
    async fn declare_one(
        &self,
        tx: &mut store::Tx,
        app: &DeclaredClient,
        now: Timestamp,
    ) -> Result<bool, RegisterError> {
        let DeclaredClient { client, secret, secret_overlap } = app;
        let new = row(client, secret.as_ref(), true, now)?;
        let Some(old) = store::clients::find(tx, &new.id).await? else {
            store::clients::insert(tx, &new).await?;
            self.audit.record_operator(tx, &self.random, "add_client", &new.id, now).await?;
            return Ok(false);
        };
        if !old.declared {
            return Err(RegisterError::Taken(new.id));
        }
        // What nobody was asked is no consent: people are asked from now on.
        if client.asks_for_consent() && !read_client(&old.id, &old.settings)?.asks_for_consent() {
            store::consents::delete_of(tx, &new.id).await?;
            store::logout_notices::insert_of_client(tx, &new.id, now, now.plus(NOTICE_LIFE)).await?;
            store::grants::delete_of_client(tx, &new.id).await?;
        }
        if old.settings != new.settings {
            store::clients::set_settings(tx, &new.id, &new.settings, true, now).await?;
            self.audit.record_operator(tx, &self.random, "change_client", &new.id, now).await?;
        }
        let same = match (&old.secret_hash, &new.secret_hash) {
            (Some(old), Some(new)) => secrets::constant_time_equal(old, new),
            (None, None) => true,
            _ => false,
        };
        let until = now.plus(*secret_overlap);
        if !same {
            store::clients::set_secret(tx, &new.id, new.secret_hash.as_deref(), until, now).await?;
            self.audit.record_operator(tx, &self.random, "rotate_client_secret", &new.id, now).await?;
        }
        // One that was exchanged before ends no later than if that were now: it may have become known since.
        let ended = same && store::clients::end_older_secret(tx, &new.id, until, now).await?;
        if ended {
            self.audit.record_operator(tx, &self.random, "end_client_secret", &new.id, now).await?;
        }
        Ok(!same || ended || old.settings != new.settings)
    }

    fn new_secret(&self) -> SecretString {
        SecretString::from(URL_SAFE_NO_PAD.encode(self.random.token()))
    }
}

/// Whether it authenticates by a secret.
fn has_secret(client: &Client) -> bool {
    matches!(
        client.token_endpoint_auth_method,
        ClientAuthenticationMethod::ClientSecretBasic | ClientAuthenticationMethod::ClientSecretPost
    )
}

/// 256 random bits need no slow hash; what an operator chose is checked for its strength where it is read.
pub(crate) fn hash_secret(secret: &str) -> Vec<u8> {
    secrets::sha256(secret.as_bytes()).to_vec()
}

fn row(client: &Client, secret: Option<&SecretString>, declared: bool, now: Timestamp) -> Result<Row, Fault> {
    Ok(Row {
        id: client.client_id.clone(),
        settings: serde_json::to_string(client)?,
        secret_hash: secret.map(|secret| hash_secret(secrets::ExposeSecret::expose_secret(secret))),
        older_secret_hash: None,
        older_secret_until: None,
        declared,
        created_at: now.micros(),
        updated_at: now.micros(),
    })
}

/// What the protocol knows of a stored app.
pub(crate) fn read_client(id: &str, settings: &str) -> Result<Client, Fault> {
    serde_json::from_str(settings)
        .map_err(|error| Fault::Corrupt(format!("the settings of the app {id} cannot be read: {error}")))
}

fn info(row: &Row) -> Result<ClientInfo, Fault> {
    Ok(ClientInfo {
        client: read_client(&row.id, &row.settings)?,
        has_secret: row.secret_hash.is_some(),
        older_secret_until: row.older_secret_until.map(Timestamp),
        declared: row.declared,
        created_at: Timestamp(row.created_at),
    })
}
