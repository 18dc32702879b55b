//! Tokens: signed projections of a session, and the check of one, which is the hottest path there is.
//!
//! A signature is verified once; after that a token is known by its hash. Whether its session still lives is asked of
//! the process's memory, and of the database when that is older than five seconds. Ending a session clears it at once, and
//! in other processes within a second ([`hearing`](crate::hearing)).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Proofs, SessionId, Timestamp, UserId};
use oidc::{Algorithm, Expected};
use quick_cache::sync::Cache;
use secrets::SecretString;
use serde::{Deserialize, Serialize};
use store::sessions::Session;
use uuid::Uuid;

use crate::access::KnownAccess;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::keys::Keys;
use crate::random::Random;
use crate::{Auth, Fault};

/// The `typ` of a session's projection: no other token of ours can be taken for one.
const TYPE: &str = "keyward-session+jwt";
const CACHED: usize = 50_000;

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    jti: Uuid,
    iat: i64,
    exp: i64,
    auth_time: i64,
    amr: Vec<String>,
}

/// A token that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedToken {
    /// Whose it is.
    pub user: UserId,
    /// The session it projects.
    pub session: SessionId,
    /// When it expires, Unix seconds.
    pub expires_at: i64,
    /// When its owner last proved who they are, Unix seconds.
    pub auth_time: i64,
    /// What they proved: registered names of RFC 8176.
    pub amr: Vec<String>,
}

/// Why a token does not hold.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Forged, expired, or its session has ended. Which of them is nobody's business.
    #[error("the token is invalid, expired or revoked: sign in again")]
    Invalid,
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What this process knows of tokens and sessions.
#[derive(Debug)]
pub(crate) struct Live {
    fingerprints: Fingerprints,
    /// Each with the generation of the keys it was checked against.
    tokens: Cache<Fingerprint, (u64, Arc<CheckedToken>)>,
    sessions: Cache<Uuid, Seen>,
    pub(crate) access: KnownAccess,
    /// Counts changes: what was read before one must not be remembered after it.
    epoch: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Timestamp,
    ends_at: Timestamp,
}

impl Live {
    pub(crate) fn new(random: &Random) -> Self {
        Self {
            fingerprints: Fingerprints::new(random),
            tokens: Cache::new(CACHED),
            sessions: Cache::new(CACHED),
            access: KnownAccess::new(),
            epoch: AtomicU64::new(0),
        }
    }

    /// By what a token is known here.
    pub(crate) fn fingerprint(&self, token: &str) -> Fingerprint {
        self.fingerprints.of(token)
    }

    /// These sessions, grants or tokens have ended, or changed: what was known of them is forgotten.
    pub(crate) fn changed(&self, ids: impl IntoIterator<Item = Uuid>) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for id in ids {
            self.sessions.remove(&id);
            self.access.forget(&id);
        }
    }

    /// Nothing is known any more of what lives.
    pub(crate) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.sessions.clear();
        self.access.forget_all();
    }

    fn alive(&self, session: SessionId, now: Timestamp) -> Option<Seen> {
        self.sessions.get(&session.0).filter(|seen| seen.at <= now && now < seen.ends_at)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }
}

impl Auth {
    /// Signs a projection of a session.
    pub(crate) fn project(
        &self,
        session: SessionId,
        user: UserId,
        proofs: &Proofs,
        proved_at: Timestamp,
        now: Timestamp,
    ) -> Result<SecretString, Fault> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: user,
            sid: session,
            jti: self.random.opaque_id(),
            iat: now.seconds(),
            exp: now.plus(self.settings.limits.token_life).seconds(),
            auth_time: proved_at.seconds(),
            amr: proofs.names().into_iter().map(ToOwned::to_owned).collect(),
        };
        Ok(SecretString::from(self.keys.known().sign(Algorithm::EdDsa, TYPE, &claims, now)?))
    }

    /// A token that holds by what the memory of this process says alone; nothing if that does not suffice.
    pub fn known_token(&self, token: &str) -> Option<Arc<CheckedToken>> {
        let now = self.clock.now();
        let (generation, known) = self.live.tokens.get(&self.live.fingerprint(token))?;
        let holds = generation == self.keys.known().generation()
            && now.seconds() < known.expires_at
            && self.is_known_to_live(known.session, now);
        holds.then_some(known)
    }

    /// Checks a token: its signature, its time, and that its session lives.
    pub async fn check_token(&self, token: &str) -> Result<Arc<CheckedToken>, TokenError> {
        let now = self.clock.now();
        let fingerprint = self.live.fingerprint(token);
        let keys = self.keys.known();
        let known = self.live.tokens.get(&fingerprint).filter(|(generation, known)| {
            *generation == keys.generation() && now.seconds() < known.expires_at
        });
        let checked = match known {
            Some((_, known)) => known,
            None => Arc::new(self.verify(token, &keys, now)?),
        };
        if !self.lives(checked.session, now).await? {
            return Err(TokenError::Invalid);
        }
        self.live.tokens.insert(fingerprint, (keys.generation(), checked.clone()));
        Ok(checked)
    }

    fn verify(&self, token: &str, keys: &Keys, now: Timestamp) -> Result<CheckedToken, TokenError> {
        let expected =
            Expected { typ: TYPE, issuer: &self.issuer, audience: &self.issuer, leeway_seconds: 0 };
        let verified = keys.verifying().verify::<Claims>(token, &expected, now.seconds());
        let claims = verified.map_err(|_| TokenError::Invalid)?.claims;
        Ok(CheckedToken {
            user: claims.sub,
            session: claims.sid,
            expires_at: claims.exp,
            auth_time: claims.auth_time,
            amr: claims.amr,
        })
    }

    fn is_known_to_live(&self, session: SessionId, now: Timestamp) -> bool {
        self.live
            .alive(session, now)
            .is_some_and(|seen| now.since(seen.at) < self.hearing.asked_again() && self.hearing.is_current())
    }

    async fn lives(&self, session: SessionId, now: Timestamp) -> Result<bool, Fault> {
        if self.is_known_to_live(session, now) {
            return Ok(true);
        }
        let epoch = self.live.epoch.load(Ordering::SeqCst);
        let found = match self.look_for_session(session, now).await {
            Err(fault) if self.hearing.goes_on(&fault) && self.live.alive(session, now).is_some() => {
                return Ok(true);
            }
            found => found?,
        };
        let Some(row) = found else { return Ok(false) };
        let idle_end = Timestamp(row.used_at).plus(self.settings.limits.session_idle);
        let seen = Seen { at: now, ends_at: idle_end.min(Timestamp(row.expires_at)) };
        self.live.sessions.insert(session.0, seen);
        // Had the session ended between our reading and our remembering, it would be remembered as alive.
        if self.live.epoch.load(Ordering::SeqCst) != epoch {
            self.live.sessions.remove(&session.0);
        }
        Ok(true)
    }

    async fn look_for_session(&self, session: SessionId, now: Timestamp) -> Result<Option<Session>, Fault> {
        let mut tx = self.store.look().await?;
        Ok(store::sessions::find(&mut tx, session, now, self.idle_since(now)).await?)
    }
}
