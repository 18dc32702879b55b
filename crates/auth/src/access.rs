//! Access tokens: their check, what they open, and their end.

use std::sync::Arc;

use domain::{GrantId, Timestamp, UserId};
use oidc::{
    ACCESS_TOKEN_TYPE, AccessTokenClaims, AudienceRule, EMAIL, ErrorCode, Expected, Introspection,
    OAuthError, OPENID, PROFILE, PersonClaims, Scopes, Secret,
};
use quick_cache::sync::Cache;
use serde::Serialize;
use store::grants::LiveGrant;
use uuid::Uuid;

use crate::audit::{Act, Outcome};
use crate::client::{ProtocolError, RegisteredClient};
use crate::session::hash_token;
use crate::token::STALENESS;
use crate::{Auth, Context, Fault};

const CACHED: usize = 50_000;

/// What this process knows of access tokens.
#[derive(Debug)]
pub(crate) struct KnownAccess {
    /// By hash, each with the generation of the keys it was checked against.
    tokens: Cache<[u8; 32], (u64, Arc<AccessTokenClaims>)>,
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
}

/// What userinfo answers (OpenID Connect Core section 5.3.2).
#[derive(Clone, Debug, Serialize)]
pub struct UserInfo {
    /// Whose it is.
    pub sub: String,
    /// What is said of them.
    #[serde(flatten)]
    pub person: PersonClaims,
}

/// A token that holds, and what it stands for.
#[derive(Clone, Debug)]
struct Checked {
    claims: Arc<AccessTokenClaims>,
    live: Option<Arc<LiveGrant>>,
}

/// What is said of a person, as far as the scopes allow.
pub(crate) fn person_claims(live: &LiveGrant, scopes: &Scopes) -> PersonClaims {
    let mut claims = PersonClaims::default();
    if scopes.contains(PROFILE) {
        claims.name = (!live.name.is_empty()).then(|| live.name.clone());
        claims.locale.clone_from(&live.locale);
        claims.updated_at = Some(Timestamp(live.updated_at).seconds());
    }
    if scopes.contains(EMAIL) {
        claims.email = Some(live.address.clone());
        claims.email_verified = Some(live.email_proved_at.is_some());
    }
    claims
}

fn invalid_token() -> ProtocolError {
    ProtocolError::refused(
        ErrorCode::InvalidToken,
        "The access token is invalid, expired or revoked; get a new one.",
    )
}

fn fresh(at: Timestamp, now: Timestamp) -> bool {
    now >= at && now.since(at) < STALENESS
}

impl Auth {
    /// What a token says of its person, to whoever holds it.
    pub async fn userinfo(&self, token: &Secret) -> Result<UserInfo, ProtocolError> {
        let checked = self.check_access(token).await?;
        let (claims, Some(live)) = (checked.claims, checked.live) else { return Err(invalid_token()) };
        // A token for another resource could have been handed to us by that resource (RFC 9068 section 4).
        if !claims.aud.contains(&self.issuer) {
            return Err(invalid_token());
        }
        let scopes = Scopes::parse(&claims.scope)?;
        if !scopes.contains(OPENID) {
            let error =
                OAuthError::new(ErrorCode::InsufficientScope, "The access token lacks the scope openid.");
            return Err(error.into());
        }
        Ok(UserInfo { sub: claims.sub.clone(), person: person_claims(&live, &scopes) })
    }

    /// What a token says, to an app that has shown who it is. A token is the business of the app it was issued to, and
    /// of one that stands for a resource it is for.
    pub async fn introspect(
        &self,
        client: &RegisteredClient,
        token: &Secret,
    ) -> Result<Introspection, ProtocolError> {
        let claims = match self.check_access(token).await {
            Ok(checked) => checked.claims,
            Err(ProtocolError::Refused(_)) => return Ok(Introspection::INACTIVE),
            Err(error) => return Err(error),
        };
        let own = claims.client_id == client.client.client_id;
        let its_resource = client.client.resources.iter().any(|resource| claims.aud.contains(resource));
        Ok(if own || its_resource { Introspection::active(&claims) } else { Introspection::INACTIVE })
    }

    /// An app gives a token up (RFC 7009): a refresh token with its whole family, an access token alone. One that is
    /// none, or none of the app's, is answered alike.
    pub async fn revoke(
        &self,
        client: &RegisteredClient,
        token: &Secret,
        context: &Context,
    ) -> Result<(), ProtocolError> {
        let now = self.clock.now();
        let id = &client.client.client_id;
        let mut tx = self.store.begin().await?;
        let hash = secrets::sha256(token.expose().as_bytes());
        if let Some(found) = store::refresh_tokens::find(&mut tx, &hash, now).await? {
            let grant = GrantId(found.grant_id);
            let live = store::grants::find_live(&mut tx, grant, now, self.idle_since(now)).await?;
            if let Some(live) = live.filter(|live| live.grant.client_id == *id) {
                store::grants::delete(&mut tx, grant).await?;
                let detail = format!("app {id}");
                let done = Outcome::Done(Act::RevokeGrant);
                self.record(&mut tx, done, Some(live.pseudonym), &detail, context, now).await?;
                self.commit_changed(tx, [grant.0]).await?;
            }
            return Ok(());
        }
        let Ok(claims) = self.verify_access(token, now) else { return Ok(()) };
        let (Ok(jti), true) = (claims.jti.parse::<Uuid>(), claims.client_id == *id) else { return Ok(()) };
        store::revoked_tokens::insert(&mut tx, jti, Timestamp::from_seconds(claims.exp)).await?;
        Ok(self.commit_changed(tx, [jti]).await?)
    }

    async fn check_access(&self, token: &Secret) -> Result<Checked, ProtocolError> {
        let now = self.clock.now();
        let claims = self.verify_access(token, now)?;
        let jti = claims.jti.parse().map_err(|_| invalid_token())?;
        if self.is_revoked(jti, now).await? {
            return Err(invalid_token());
        }
        let live = match &claims.grant_id {
            Some(grant) => {
                let grant = grant.parse().map(GrantId).map_err(|_| invalid_token())?;
                Some(self.live_grant(grant, now).await?.ok_or_else(invalid_token)?)
            }
            None => {
                // A token of an app that is gone is worthless too.
                self.find_client(&claims.client_id).await?.ok_or_else(invalid_token)?;
                None
            }
        };
        Ok(Checked { claims, live })
    }

    /// The signature and the time. What was verified once is known by its hash.
    fn verify_access(&self, token: &Secret, now: Timestamp) -> Result<Arc<AccessTokenClaims>, ProtocolError> {
        let keys = self.keys.known();
        let hash = hash_token(token.expose());
        let known = self.live.access.tokens.get(&hash);
        if let Some((generation, claims)) = known
            && generation == keys.generation()
        {
            return if now.seconds() < claims.exp { Ok(claims) } else { Err(invalid_token()) };
        }
        let expected = Expected {
            typ: ACCESS_TOKEN_TYPE,
            issuer: &self.issuer,
            audience: AudienceRule::Any,
            leeway_seconds: 0,
        };
        let verified = keys.verifying().verify::<AccessTokenClaims>(token.expose(), &expected, now.seconds());
        let claims = Arc::new(verified.map_err(|_| invalid_token())?.claims);
        self.live.access.tokens.insert(hash, (keys.generation(), claims.clone()));
        Ok(claims)
    }

    async fn is_revoked(&self, jti: Uuid, now: Timestamp) -> Result<bool, Fault> {
        let access = &self.live.access;
        if access.unrevoked.get(&jti).is_some_and(|at| fresh(at, now)) {
            return Ok(false);
        }
        let epoch = self.live.epoch();
        if store::revoked_tokens::contains(&mut self.store.read().await?, jti).await? {
            return Ok(true);
        }
        access.unrevoked.insert(jti, now);
        if self.live.epoch() != epoch {
            access.unrevoked.remove(&jti);
        }
        Ok(false)
    }

    async fn live_grant(&self, id: GrantId, now: Timestamp) -> Result<Option<Arc<LiveGrant>>, Fault> {
        let access = &self.live.access;
        if let Some((at, live)) = access.grants.get(&id.0)
            && fresh(at, now)
        {
            return Ok((now.micros() < live.grant.expires_at).then_some(live));
        }
        let epoch = self.live.epoch();
        let mut tx = self.store.read().await?;
        let Some(live) = store::grants::find_live(&mut tx, id, now, self.idle_since(now)).await? else {
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

    /// The apps that a person has let in, newest first.
    pub async fn apps(&self, user: UserId) -> Result<Vec<App>, Fault> {
        let mut tx = self.store.read().await?;
        let consents = store::consents::list(&mut tx, user, LISTED).await?;
        consents
            .into_iter()
            .map(|consent| {
                let client = crate::clients::read_client(&consent.client_id, &consent.settings)?;
                Ok(App {
                    scopes: Scopes::parse(&consent.scope).unwrap_or_default(),
                    id: consent.client_id,
                    name: client.client_name,
                    since: Timestamp(consent.granted_at),
                })
            })
            .collect()
    }

    /// A person lets an app have nothing any more. False if it had nothing.
    pub async fn withdraw_consent(
        &self,
        current: &crate::Current,
        client: &str,
        context: &Context,
    ) -> Result<bool, Fault> {
        let now = self.clock.now();
        let (mut tx, current) = self.begin_as(current).await?;
        let had = store::consents::delete(&mut tx, current.user, client).await?;
        let ended = store::grants::delete_of(&mut tx, current.user, client).await?;
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
    /// Since when.
    pub since: Timestamp,
}
