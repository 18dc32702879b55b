//! Access tokens: their check, what they open, and their end.

use std::sync::Arc;

use domain::{GrantId, Network, Timestamp, UserId};
use oidc::{
    AccessToken, ClientAuthentication, ErrorCode, Introspection, OAuthError, PersonClaims, Scopes, Secret,
    UserInfo, invalid_token,
};
use quick_cache::sync::Cache;
use store::Turn;
use store::grants::LiveGrant;
use uuid::Uuid;

use crate::audit::{Act, Outcome};
use crate::client::{ProtocolError, RegisteredClient};
use crate::exchange::split;
use crate::fingerprint::Fingerprint;
use crate::{Auth, Context, Fault};

const CACHED: usize = 50_000;

/// What this process knows of access tokens.
#[derive(Debug)]
pub(crate) struct KnownAccess {
    /// Each with the generation of the keys it was checked against.
    tokens: Cache<Fingerprint, (u64, Arc<AccessToken>)>,
    grants: Cache<Uuid, (Timestamp, Arc<LiveGrant>)>,
    /// Tokens that were seen not to be revoked.
    unrevoked: Cache<Uuid, Timestamp>,
}

impl KnownAccess {
    pub(crate) fn new() -> Self {
        Self { tokens: Cache::new(CACHED), grants: Cache::new(CACHED), unrevoked: Cache::new(CACHED) }
    }

    pub(crate) fn forget(&self, id: &Uuid) {
        self.grants.remove(id);
        self.unrevoked.remove(id);
    }

    /// What an app holds.
    pub(crate) fn forget_app(&self, client: &str) {
        self.grants.retain(|_, (_, live)| live.grant.client_id != client);
    }

    pub(crate) fn forget_all(&self) {
        self.grants.clear();
        self.unrevoked.clear();
    }

    fn granted(&self, id: GrantId, now: Timestamp) -> Option<(Timestamp, Arc<LiveGrant>)> {
        self.grants.get(&id.0).filter(|(at, live)| *at <= now && now.micros() < live.grant.expires_at)
    }
}

/// A token that holds, and what it stands for.
#[derive(Clone, Debug)]
struct Checked {
    claims: Arc<AccessToken>,
    live: Option<Arc<LiveGrant>>,
}

/// What Keyward knows of a person.
pub(crate) fn person_claims(live: &LiveGrant) -> PersonClaims {
    PersonClaims {
        name: (!live.name.is_empty()).then(|| live.name.clone()),
        locale: live.locale.clone(),
        updated_at: Some(Timestamp(live.updated_at).seconds()),
        email: Some(live.address.clone()),
        email_verified: Some(live.email_proved_at.is_some()),
        ..PersonClaims::default()
    }
}

/// The id of a token (`jti`): the authorization it comes from, if a person gave one, and its own.
pub(crate) fn token_id(grant: Option<GrantId>, own: Uuid) -> String {
    grant.map_or_else(|| own.to_string(), |grant| format!("{grant}.{own}"))
}

fn read_token_id(jti: &str) -> Option<(Option<GrantId>, Uuid)> {
    match jti.split_once('.') {
        Some((grant, own)) => Some((Some(grant.parse().ok()?), own.parse().ok()?)),
        None => Some((None, jti.parse().ok()?)),
    }
}

fn not_its_own() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidGrant,
        "The token was issued to another client, and is not revoked; revoke it as that client.",
    )
}

impl Auth {
    /// What a token says of its person, to whoever holds it.
    pub async fn userinfo(&self, token: &Secret) -> Result<UserInfo, ProtocolError> {
        Ok(self.userinfo_of(&self.check_access(token).await?)?)
    }

    /// The same by the memory of this process alone; nothing if that does not suffice, or if it would be refused.
    pub fn known_userinfo(&self, token: &Secret) -> Option<UserInfo> {
        self.userinfo_of(&self.known_access(token.expose(), self.clock.now())?).ok()
    }

    fn userinfo_of(&self, checked: &Checked) -> Result<UserInfo, OAuthError> {
        // A token for another resource could have been handed to us by that resource (RFC 9068 section 4).
        match &checked.live {
            Some(live) if checked.claims.aud == self.issuer => {
                UserInfo::of(&checked.claims, &person_claims(live))
            }
            _ => Err(invalid_token()),
        }
    }

    /// What an access token says, to an app that has shown who it is. A refresh token is nothing that a resource should be
    /// shown, so it is never active: whoever took one for an access token would let its holder in for weeks.
    pub async fn introspect(
        &self,
        client: &RegisteredClient,
        token: &Secret,
    ) -> Result<Introspection, ProtocolError> {
        match self.check_access(token).await {
            Ok(checked) => Ok(Introspection::of(&checked.claims, &client.client)),
            Err(ProtocolError::Refused(_)) => Ok(Introspection::inactive()),
            Err(error) => Err(error),
        }
    }

    /// The same by the memory of this process alone, to an app that shows its secret; nothing if that does not suffice, or if it would be
    /// refused. Only the limiter may be asked elsewhere.
    pub async fn known_introspection(
        &self,
        shown: &ClientAuthentication,
        token: &str,
        network: Network,
    ) -> Option<Introspection> {
        let now = self.clock.now();
        let id = shown.client_id();
        shown.secret()?;
        self.known_client(id, now)?;
        if !self.limiter.lets_app_try(id, network, now).await {
            return None;
        }
        // What changed while the limiter was asked counts; and only who has shown itself learns what is known of the token.
        let client = self.known_client(id, now)?;
        if !client.is_shown_by(shown, now) {
            return None;
        }
        let checked = self.known_access(token, now)?;
        Some(Introspection::of(&checked.claims, &client.client))
    }

    /// An app gives a token up (RFC 7009): a refresh token with its whole family, an access token alone. One that is
    /// none, or no longer one, is given up already (section 2.2); one of another app is refused (section 2.1).
    pub async fn revoke(
        &self,
        client: &RegisteredClient,
        token: &Secret,
        context: &Context,
    ) -> Result<(), ProtocolError> {
        let now = self.clock.now();
        let id = &client.client.client_id;
        let hash = secrets::sha256(token.expose().as_bytes());
        let mut tx = self.store.begin_in_turn(&[Turn::Secret(&hash)]).await?;
        if let Some(found) = store::refresh_tokens::find(&mut tx, &hash).await? {
            let grant = GrantId(found.grant_id);
            let live = store::grants::find_live(&mut tx, grant, now, self.idle_since(now)).await?;
            if let Some(live) = live {
                if live.grant.client_id != *id {
                    return Err(not_its_own().into());
                }
                store::grants::end(&mut tx, grant, now).await?;
                let detail = format!("app {id}");
                let done = Outcome::Done(Act::RevokeGrant);
                self.record(&mut tx, done, Some(live.pseudonym), &detail, context, now).await?;
                self.commit_changed(tx, [grant.0]).await?;
            }
            return Ok(());
        }
        let Ok(claims) = self.verify_access(token, now) else { return Ok(()) };
        if claims.client_id != *id {
            return Err(not_its_own().into());
        }
        let Some((_, jti)) = read_token_id(&claims.jti) else { return Ok(()) };
        store::revoked_tokens::insert(&mut tx, jti, Timestamp::from_seconds(claims.exp)).await?;
        Ok(self.commit_changed(tx, [jti]).await?)
    }

    /// The same as [`check_access`](Self::check_access), by memory alone; nothing if that does not suffice.
    fn known_access(&self, token: &str, now: Timestamp) -> Option<Checked> {
        let (generation, claims) = self.live.access.tokens.get(&self.live.fingerprint(token))?;
        if generation != self.keys.known().generation() || now.seconds() >= claims.exp {
            return None;
        }
        let (grant, jti) = read_token_id(&claims.jti)?;
        if !self.is_known_unrevoked(jti, now) {
            return None;
        }
        let live = if let Some(grant) = grant {
            Some(self.known_grant(grant, now)?)
        } else {
            self.known_client(&claims.client_id, now)?;
            None
        };
        Some(Checked { claims, live })
    }

    async fn check_access(&self, token: &Secret) -> Result<Checked, ProtocolError> {
        let now = self.clock.now();
        let claims = self.verify_access(token, now)?;
        let (grant, jti) = read_token_id(&claims.jti).ok_or_else(invalid_token)?;
        if self.is_revoked(jti, now).await? {
            return Err(invalid_token().into());
        }
        let live = if let Some(grant) = grant {
            Some(self.live_grant(grant, now).await?.ok_or_else(invalid_token)?)
        } else {
            // A token of an app that is gone is worthless too.
            self.find_client(&claims.client_id).await?.ok_or_else(invalid_token)?;
            None
        };
        Ok(Checked { claims, live })
    }

    /// The signature and the time. What was verified once is known again.
    fn verify_access(&self, token: &Secret, now: Timestamp) -> Result<Arc<AccessToken>, ProtocolError> {
        let keys = self.keys.known();
        let fingerprint = self.live.fingerprint(token.expose());
        let known = self.live.access.tokens.get(&fingerprint);
        if let Some((generation, claims)) = known
            && generation == keys.generation()
        {
            return if now.seconds() < claims.exp { Ok(claims) } else { Err(invalid_token().into()) };
        }
        let verified = AccessToken::verify_own(token.expose(), keys.verifying(), &self.issuer, now.seconds());
        let claims = Arc::new(verified.map_err(|_| invalid_token())?);
        self.live.access.tokens.insert(fingerprint, (keys.generation(), claims.clone()));
        Ok(claims)
    }

    fn is_known_unrevoked(&self, jti: Uuid, now: Timestamp) -> bool {
        self.live.access.unrevoked.get(&jti).is_some_and(|at| self.is_fresh_memory(at, now))
    }

    async fn is_revoked(&self, jti: Uuid, now: Timestamp) -> Result<bool, Fault> {
        let access = &self.live.access;
        if self.is_known_unrevoked(jti, now) {
            return Ok(false);
        }
        let epoch = self.live.epoch();
        let revoked = match self.look_for_revocation(jti).await {
            Err(fault) if self.hearing.goes_on(&fault) && access.unrevoked.get(&jti).is_some() => {
                return Ok(false);
            }
            revoked => revoked?,
        };
        if revoked {
            return Ok(true);
        }
        access.unrevoked.insert(jti, now);
        if self.live.epoch() != epoch {
            access.unrevoked.remove(&jti);
        }
        Ok(false)
    }

    fn known_grant(&self, id: GrantId, now: Timestamp) -> Option<Arc<LiveGrant>> {
        let (at, live) = self.live.access.granted(id, now)?;
        self.is_fresh_memory(at, now).then_some(live)
    }

    async fn live_grant(&self, id: GrantId, now: Timestamp) -> Result<Option<Arc<LiveGrant>>, Fault> {
        let access = &self.live.access;
        if let Some(live) = self.known_grant(id, now) {
            return Ok(Some(live));
        }
        let epoch = self.live.epoch();
        let found = match self.look_for_grant(id, now).await {
            Err(fault) if self.hearing.goes_on(&fault) => {
                return access.granted(id, now).map_or(Err(fault), |(_, live)| Ok(Some(live)));
            }
            found => found?,
        };
        let Some(live) = found else {
            access.grants.remove(&id.0);
            return Ok(None);
        };
        let live = Arc::new(live);
        access.grants.insert(id.0, (now, live.clone()));
        if self.live.epoch() != epoch {
            access.grants.remove(&id.0);
        }
        Ok(Some(live))
    }

    async fn look_for_grant(&self, id: GrantId, now: Timestamp) -> Result<Option<LiveGrant>, Fault> {
        let mut tx = self.store.look().await?;
        Ok(store::grants::find_live(&mut tx, id, now, self.idle_since(now)).await?)
    }

    async fn look_for_revocation(&self, jti: Uuid) -> Result<bool, Fault> {
        Ok(store::revoked_tokens::contains(&mut self.store.look().await?, jti).await?)
    }

    /// Whether what was remembered at `at` is believed without a question.
    fn is_fresh_memory(&self, at: Timestamp, now: Timestamp) -> bool {
        now >= at && now.since(at) < self.hearing.asked_again() && self.hearing.is_current()
    }

    /// The apps that a person has let in, newest first.
    pub async fn apps(&self, user: UserId) -> Result<Vec<App>, Fault> {
        let mut tx = self.store.look().await?;
        let consents = store::consents::list(&mut tx, user, LISTED).await?;
        consents
            .into_iter()
            .map(|consent| {
                let client = crate::clients::read_client(&consent.client_id, &consent.settings)?;
                Ok(App {
                    scopes: Scopes::parse(&consent.scope).unwrap_or_default(),
                    resources: split(&consent.resources),
                    id: consent.client_id,
                    name: client.client_name,
                    since: Timestamp(consent.granted_at),
                })
            })
            .collect()
    }

    /// A person lets an app have nothing any more, and the app is told that they are signed out there. False if it had
    /// nothing.
    pub async fn withdraw_consent(
        &self,
        current: &crate::Current,
        client: &str,
        context: &Context,
    ) -> Result<bool, Fault> {
        let now = self.clock.now();
        let (mut tx, current) = self.begin_once(current, context).await?;
        let had = store::consents::delete(&mut tx, current.user, client).await?;
        let ended = self.end_grants(&mut tx, current.user, client, now).await?;
        if !had && ended.is_empty() {
            return Ok(false);
        }
        let (person, detail) = (Some(current.pseudonym), format!("app {client}"));
        self.record(&mut tx, Outcome::Done(Act::WithdrawConsent), person, &detail, context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(true)
    }
}

/// As many apps as one page shows.
const LISTED: i64 = 100;

/// An app that a person has let in.
#[derive(Clone, Debug)]
pub struct App {
    /// Its `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may have.
    pub scopes: Scopes,
    /// The resources (RFC 8707) for which it may have tokens.
    pub resources: Vec<String>,
    /// Since when.
    pub since: Timestamp,
}
