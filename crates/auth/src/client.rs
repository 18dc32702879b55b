//! An app that asks something: found, and made to prove who it is.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use oidc::{
    Client, ClientAuthenticationMethod, ClientCredential, ClientProof, ErrorCode, KeySet, OAuthError, Secret,
    check_client_assertion,
};
use quick_cache::sync::Cache;

use crate::clients::{hash_secret, read_client};
use crate::{Auth, Context, Fault, TooMany};

/// What memory says of an app is believed for so long: an operator's command is felt by then.
const STALENESS: Duration = Duration::from_secs(2);
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
}

/// Why an app was given nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// It did something wrong, or somebody did in its name.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// Too many failures from this network.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for ProtocolError {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl ProtocolError {
    pub(crate) fn refused(code: ErrorCode, description: &str) -> Self {
        Self::Refused(OAuthError::new(code, description))
    }
}

fn not_authenticated() -> ProtocolError {
    // One answer: which ids there are is nobody's business.
    ProtocolError::refused(
        ErrorCode::InvalidClient,
        "There is no such client, or its authentication is not right; check client_id and secret, and the method that \
         the client is registered with.",
    )
}

impl Auth {
    /// The app of this id, nothing proved.
    pub(crate) async fn find_client(&self, id: &str) -> Result<Option<Arc<RegisteredClient>>, Fault> {
        let now = self.clock.now();
        if let Some((at, known)) = self.clients.0.get(id)
            && now >= at
            && now.since(at) < STALENESS
        {
            return Ok(Some(known));
        }
        let Some(row) = store::clients::find(&mut self.store.read().await?, id).await? else {
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
        Ok(Some(known))
    }

    /// The app that shows this. Without proof it is one that has nothing to prove with.
    pub async fn authenticate_client(
        &self,
        credential: &ClientCredential,
        context: &Context,
    ) -> Result<Arc<RegisteredClient>, ProtocolError> {
        let now = self.clock.now();
        let attempt = self.limiter.evidence(context, now)?;
        let authenticated = self.check_client(credential, now).await;
        let (attempt, authenticated) = match authenticated {
            Err(ProtocolError::Fault(fault)) => {
                attempt.refund();
                return Err(fault.into());
            }
            other => (attempt, other?),
        };
        attempt.refund();
        Ok(authenticated)
    }

    async fn check_client(
        &self,
        credential: &ClientCredential,
        now: Timestamp,
    ) -> Result<Arc<RegisteredClient>, ProtocolError> {
        let found = self.find_client(&credential.client_id).await?.ok_or_else(not_authenticated)?;
        let registered = found.client.token_endpoint_auth_method;
        match (&credential.proof, registered) {
            (ClientProof::None, ClientAuthenticationMethod::None) => Ok(found),
            // Both are the same secret over the same connection: which place it stands in proves nothing.
            (
                ClientProof::Basic(secret) | ClientProof::Post(secret),
                ClientAuthenticationMethod::ClientSecretBasic | ClientAuthenticationMethod::ClientSecretPost,
            ) if found.has_secret(secret, now) => Ok(found),
            (ClientProof::Assertion(assertion), ClientAuthenticationMethod::PrivateKeyJwt) => {
                self.check_assertion(&found, assertion, now).await?;
                Ok(found)
            }
            _ => Err(not_authenticated()),
        }
    }

    async fn check_assertion(
        &self,
        client: &RegisteredClient,
        assertion: &Secret,
        now: Timestamp,
    ) -> Result<(), ProtocolError> {
        let id = &client.client.client_id;
        let token_endpoint = format!("{}/token", self.issuer);
        let audiences = [self.issuer.as_str(), token_endpoint.as_str()];
        let checked = check_client_assertion(assertion, id, &client.keys, &audiences, now.seconds())?;
        let expires_at = Timestamp::from_seconds(checked.expires_at);
        let jti_hash = secrets::sha256(checked.jti.as_bytes());
        let mut tx = self.store.begin().await?;
        if !store::client_assertions::insert(&mut tx, id, &jti_hash, expires_at).await? {
            let used =
                "The client_assertion was used before; sign a new one, with another jti, for each request.";
            return Err(ProtocolError::refused(ErrorCode::InvalidClient, used));
        }
        Ok(tx.commit().await?)
    }
}

impl RegisteredClient {
    fn has_secret(&self, secret: &Secret, now: Timestamp) -> bool {
        let hash = hash_secret(secret.expose());
        self.secrets.iter().any(|(stored, until)| {
            secrets::constant_time_equal(stored, &hash) & until.is_none_or(|until| now < until)
        })
    }
}
