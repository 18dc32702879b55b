//! An app that asks something: found, and made to prove who it is.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use oidc::{
    AssertionId, AssertionRules, Client, ClientAuthentication, ClientAuthenticationMethod, ClientProof,
    KeySet, OAuthError, Secret,
};
use quick_cache::sync::Cache;

use crate::audit::Act;
use crate::clients::{hash_secret, read_client};
use crate::fault::Faulty;
use crate::{Auth, Context, Fault, TooMany};

/// What memory says of an app is believed for so long: an operator's command is felt by then, as one about keys is.
const STALENESS: Duration = Duration::from_millis(500);
const CACHED: usize = 1_000;

/// A registered app, read and prepared once.
#[derive(Debug)]
pub struct RegisteredClient {
    /// What the protocol knows of it.
    pub client: Client,
    secrets: Vec<(Vec<u8>, Option<Timestamp>)>,
    keys: KeySet,
}

/// What this process knows of apps.
#[derive(Debug)]
pub(crate) struct KnownClients(Cache<String, (Timestamp, Arc<RegisteredClient>)>);

impl KnownClients {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CACHED))
    }

    pub(crate) fn forget(&self, id: &str) {
        self.0.remove(id);
    }

    pub(crate) fn forget_all(&self) {
        self.0.clear();
    }
}

/// Why an app was given nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// It did something wrong, or somebody did in its name.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// Too many failures of this app from this network.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Faulty for ProtocolError {
    fn fault(&self) -> Option<&Fault> {
        if let Self::Fault(fault) = self { Some(fault) } else { None }
    }
}

impl From<store::Error> for ProtocolError {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl Auth {
    /// The app of this id, if memory may be believed.
    pub(crate) fn known_client(&self, id: &str, now: Timestamp) -> Option<Arc<RegisteredClient>> {
        let (at, known) = self.clients.0.get(id)?;
        (now >= at && now.since(at) < STALENESS && self.hearing.is_current()).then_some(known)
    }

    /// The app of this id, nothing proved.
    pub(crate) async fn find_client(&self, id: &str) -> Result<Option<Arc<RegisteredClient>>, Fault> {
        let now = self.clock.now();
        if let Some(known) = self.known_client(id, now) {
            return Ok(Some(known));
        }
        let epoch = self.live.epoch();
        let found = match self.look_for_client(id).await {
            Err(fault) if self.hearing.goes_on(&fault) => {
                let known = self.clients.0.get(id).map(|(_, known)| known);
                return known.map_or(Err(fault), |known| Ok(Some(known)));
            }
            found => found?,
        };
        let Some(row) = found else {
            self.clients.0.remove(id);
            return Ok(None);
        };
        let client = read_client(&row.id, &row.settings)?;
        let keys = match &client.jwks {
            Some(set) => KeySet::from_jwk_set(set).map_err(|error| Fault::Corrupt(error.to_string()))?,
            None => KeySet::default(),
        };
        let older = row.older_secret_hash.map(|hash| (hash, row.older_secret_until.map(Timestamp)));
        let secrets = row.secret_hash.map(|hash| (hash, None)).into_iter().chain(older).collect();
        let known = Arc::new(RegisteredClient { client, secrets, keys });
        self.clients.0.insert(id.to_owned(), (now, known.clone()));
        if self.live.epoch() != epoch {
            self.clients.0.remove(id);
        }
        Ok(Some(known))
    }

    async fn look_for_client(&self, id: &str) -> Result<Option<store::clients::Client>, Fault> {
        Ok(store::clients::find(&mut self.store.look().await?, id).await?)
    }

    /// Where the keys are that the app of this id publishes, by which its assertions are checked; none, if it does not
    /// authenticate so.
    pub async fn published_keys(&self, shown: &ClientAuthentication) -> Result<Option<String>, Fault> {
        if shown.method() != ClientAuthenticationMethod::PrivateKeyJwt {
            return Ok(None);
        }
        let found = self.find_client(shown.client_id()).await?;
        Ok(found.and_then(|found| found.client.jwks_uri.clone()))
    }

    /// The app that shows this; a public one shows nothing. `published` are the keys at its
    /// [`published_keys`](Self::published_keys).
    pub async fn authenticate_client(
        &self,
        shown: ClientAuthentication,
        published: Option<&KeySet>,
        context: &Context,
    ) -> Result<Arc<RegisteredClient>, ProtocolError> {
        let now = self.clock.now();
        // Who shows nothing guesses at nothing.
        if shown.method() == ClientAuthenticationMethod::None {
            return self.check_client(shown, published, now).await;
        }
        let id = shown.client_id().to_owned();
        let asked = self.limiter.app(&id, context.network, now).await;
        self.within::<_, ProtocolError>(asked, Act::Exchange, None, context).await?;
        let checked = self.check_client(shown, published, now).await;
        if let Err(ProtocolError::Refused(_)) = &checked {
            // Of many that fail at once not all are over the limit when they begin.
            let counted = self.limiter.app_failed(&id, context.network, now).await;
            self.within::<_, ProtocolError>(counted, Act::Exchange, None, context).await?;
        }
        checked
    }

    async fn check_client(
        &self,
        shown: ClientAuthentication,
        published: Option<&KeySet>,
        now: Timestamp,
    ) -> Result<Arc<RegisteredClient>, ProtocolError> {
        // One answer: which ids there are is nobody's business.
        let method = shown.method();
        let Some(found) = self.find_client(shown.client_id()).await? else {
            return Err(method.failed().into());
        };
        let rules = AssertionRules {
            issuer: &self.issuer,
            token_endpoint: &self.token_endpoint,
            keys: published.filter(|_| found.client.jwks_uri.is_some()).unwrap_or(&found.keys),
            leeway_seconds: ASSERTION_LEEWAY,
            now: now.seconds(),
        };
        match shown.prove(&found.client, &rules)? {
            ClientProof::Public => {}
            ClientProof::CompareSecret(secret) if found.has_secret(&secret, now) => {}
            ClientProof::CompareSecret(_) => return Err(method.failed().into()),
            ClientProof::RememberAssertion(id) => {
                if !self.remember_assertion(&found.client, &id).await? {
                    return Err(method.failed().into());
                }
            }
        }
        Ok(found)
    }

    /// False if it was shown before, or the app was removed meanwhile.
    async fn remember_assertion(&self, client: &Client, id: &AssertionId) -> Result<bool, Fault> {
        let until = Timestamp::from_seconds(id.remember_until);
        let jti_hash = secrets::sha256(id.jti.as_bytes());
        let mut tx = self.store.begin().await?;
        let first = store::client_assertions::insert(&mut tx, &client.client_id, &jti_hash, until).await;
        match first {
            Err(error) if error.is_missing_reference() => Ok(false),
            first => {
                let first = first?;
                tx.commit().await?;
                Ok(first)
            }
        }
    }
}

/// How far a client's clock may be from ours, in seconds.
const ASSERTION_LEEWAY: u32 = 30;

impl RegisteredClient {
    /// Whether this is a secret of it, shown in its own way.
    pub(crate) fn is_shown_by(&self, shown: &ClientAuthentication, now: Timestamp) -> bool {
        shown.client_id() == self.client.client_id
            && shown.method() == self.client.token_endpoint_auth_method
            && shown.secret().is_some_and(|secret| self.has_secret(secret, now))
    }

    fn has_secret(&self, secret: &Secret, now: Timestamp) -> bool {
        let hash = hash_secret(secret.expose());
        self.secrets.iter().any(|(stored, until)| {
            secrets::constant_time_equal(stored, &hash) & until.is_none_or(|until| now < until)
        })
    }
}
