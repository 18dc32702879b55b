//! The code that an app is answered with, and what its person let it do.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{GrantId, Timestamp};
use oidc::{
    AuthorizationRequest, AuthorizationResponse, Client, OFFLINE_ACCESS, RequestFault, Scopes, Secret,
    SignInReason, Step,
};
use store::grants::{Added, NewGrant};
use store::sealed::Column;
use store::{Turn, Tx};

use super::{AuthorizeError, Next, Said, if_removed, take};
use crate::audit::{Act, Outcome};
use crate::clients::read_client;
use crate::encryption::place;
use crate::exchange::split;
use crate::{Auth, Context, Current, Fault, Ticket};

/// A code is on its way for seconds only (RFC 6749 section 4.1.2 allows ten minutes).
const CODE_LIFE: Duration = Duration::from_mins(1);

/// Why no code was given. Nothing was written.
pub(super) enum NotGiven {
    /// This comes first, as was seen only in the turn of the account.
    First(Step),
    /// Whatever else.
    Error(AuthorizeError),
}

impl<E: Into<AuthorizeError>> From<E> for NotGiven {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Auth {
    /// Makes the authorization, and its code, for whoever is signed in. What was looked at before, to decide that nothing more
    /// has to be asked, may have changed since: here it cannot change any more, and is looked at again.
    pub(super) async fn give_code(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        current: &Current,
        waiting: Option<Ticket>,
        said: Said,
        context: &Context,
    ) -> Result<Next, NotGiven> {
        let now = self.clock.now();
        let code = Secret::new(URL_SAFE_NO_PAD.encode(self.random.token()));
        let turns = [Turn::Account(current.user), Turn::AppStays(&client.client_id)];
        let mut tx = self.store.begin_in_turn(&turns).await?;
        if let Some(ticket) = waiting
            && !take(&mut tx, ticket).await?
        {
            return Err(AuthorizeError::Gone.into());
        }
        let (grant, added) = self.insert_grant(&mut tx, client, request, current, now).await?;
        self.keep_consent(&mut tx, request, current, &added, said, now).await?;
        let hash = secrets::sha256(code.expose().as_bytes());
        let sealed = self.seal_code(&hash, request)?;
        store::authorization_codes::insert(&mut tx, &hash, grant, &sealed, now.plus(CODE_LIFE)).await?;
        let (person, detail) = (Some(added.pseudonym), format!("app {}", client.client_id));
        self.record(&mut tx, Outcome::Done(Act::Authorize), person, &detail, context, now).await?;
        tx.commit().await?;
        Ok(Next::Answer(AuthorizationResponse::success(&request.return_address, &self.issuer, &code)))
    }

    /// Whoever ended the session since it was looked at, or disabled the account, must not find it undone: nobody is signed in
    /// then.
    async fn insert_grant(
        &self,
        tx: &mut Tx,
        client: &Client,
        request: &AuthorizationRequest,
        current: &Current,
        now: Timestamp,
    ) -> Result<(GrantId, Added), NotGiven> {
        let offline = request.scopes.contains(OFFLINE_ACCESS);
        let life = if offline {
            self.settings.limits.refresh_absolute
        } else {
            self.settings.limits.session_absolute
        };
        let grant = NewGrant {
            id: GrantId(self.random.ordered_id(now)),
            client_id: &client.client_id,
            user: current.user,
            session: current.id,
            offline,
            scope: request.scopes.to_string(),
            resources: request.resources.join(" "),
            expires_at: now.plus(life),
        };
        let added = store::grants::insert(tx, &grant, now, self.idle_since(now)).await;
        let added = added.map_err(|error| if_removed(error.into(), &client.client_id))?;
        let ended = NotGiven::First(Step::SignIn(SignInReason::NoSession));
        Ok((grant.id, added.ok_or(ended)?))
    }

    /// Writes down what the app may have. Where the person has to be asked, and was not, nothing is: they withdrew a consent
    /// since it was looked at, or the app asks by now, and this process had not heard of it.
    async fn keep_consent(
        &self,
        tx: &mut Tx,
        request: &AuthorizationRequest,
        current: &Current,
        added: &Added,
        said: Said,
        now: Timestamp,
    ) -> Result<(), NotGiven> {
        let client = &request.client_id;
        // What an app of the operator's own was given stands beside what was agreed to: a person sees both.
        let agreed = Scopes::parse(added.agreed.as_deref().unwrap_or_default()).unwrap_or_default();
        let mut resources = split(added.agreed_resources.as_deref().unwrap_or_default());
        let known = resources.len();
        for resource in &request.resources {
            if !resources.contains(resource) {
                resources.push(resource.clone());
            }
        }
        if agreed.is_empty() || !request.scopes.is_subset_of(&agreed) || resources.len() > known {
            let removed = || AuthorizeError::from(RequestFault::unknown_client(client).error().clone());
            let by_now = read_client(client, added.settings.as_deref().ok_or_else(removed)?)?;
            if by_now.asks_for_consent() && !said.consented {
                // Or it would be taken for what it was once more.
                self.clients.forget(client);
                return Err(NotGiven::First(Step::Consent));
            }
            let (all, resources) = (agreed.union(&request.scopes).to_string(), resources.join(" "));
            store::consents::set(tx, current.user, client, &all, &resources, now).await?;
        }
        Ok(())
    }

    fn seal_code(&self, hash: &[u8], request: &AuthorizationRequest) -> Result<Vec<u8>, Fault> {
        Ok(self.keyring.seal(&place(Column::Code, hash), &serde_json::to_vec(request)?))
    }

    /// The request that a code answered.
    pub(crate) fn open_code(&self, hash: &[u8], sealed: &[u8]) -> Result<AuthorizationRequest, Fault> {
        Ok(serde_json::from_slice(&self.keyring.open(&place(Column::Code, hash), sealed)?)?)
    }
}
