//! A request that is done once, however often it is sent (`Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header-07).
//!
//! Nothing is leased, so that nothing is left behind by a process that is killed. How a request is answered is known before it is done,
//! and is written down in the very transaction that does it: both are durable, or neither. All acts of an account take turns, so that
//! one that comes again while another process is still at it waits, and then finds what was written. In the same process it is told at
//! once that the first is under way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{IdempotencyKey, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::Tx;
use store::sealed::Column;

use crate::encryption::place;
use crate::{Auth, Context, Current, Fault};

/// An answer is kept for so long.
const KEPT: Duration = Duration::from_hours(24);
/// So many keys of an account are remembered at a time. A few more may be, where several come at once.
const MOST_KEYS: i64 = 1_000;
/// Bytes of the longest answer that is kept.
const LONGEST_ANSWER: usize = 4 * 1024;

/// How a request is answered once it is done. It holds no credential: whoever sends the request again gets it again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What is sealed: an answer, and to which request.
#[derive(Deserialize, Serialize)]
struct Kept {
    request: [u8; 32],
    answer: KeptAnswer,
}

/// A request under a key. It is under way until the last clone of this is dropped.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    claim: Arc<Claim>,
    user: UserId,
    fingerprint: [u8; 32],
}

/// A request under a key, and how it is answered: whoever does it writes that down with it.
#[derive(Clone, Debug)]
pub struct Once {
    request: IdempotentRequest,
    answer: KeptAnswer,
}

/// What a request under a key is.
#[derive(Debug)]
pub enum Begun {
    /// One to be done.
    First(IdempotentRequest),
    /// It was done, and is answered so.
    Repeated(KeptAnswer),
}

/// Why a request under a key is not looked at.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The one that came first is under way.
    #[error("the request that came first with this key is under way: send it again in a moment")]
    UnderWay,
    /// Something else was done under it.
    #[error("another request came with this key before: make up a new one for each request")]
    AnotherRequest,
    /// The account has too many.
    #[error("1,000 keys of this account are remembered: come back in {} s, or send none", .retry_after.as_secs())]
    TooMany {
        /// When the first of them is forgotten.
        retry_after: Duration,
    },
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The keys under which this process is at something.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<HashSet<[u8; 32]>>);

/// One of them, until this is dropped.
#[derive(Debug)]
struct Claim {
    under_way: Arc<UnderWay>,
    hash: [u8; 32],
}

impl UnderWay {
    fn claim(self: &Arc<Self>, hash: [u8; 32]) -> Option<Claim> {
        let is_free = self.hashes().insert(hash);
        is_free.then(|| Claim { under_way: self.clone(), hash })
    }

    fn hashes(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.under_way.hashes().remove(&self.hash);
    }
}

impl IdempotentRequest {
    /// The same, with how it is answered.
    #[must_use]
    pub fn answered(&self, status: u16, body: String) -> Once {
        Once { request: self.clone(), answer: KeptAnswer { status, body } }
    }
}

impl Auth {
    /// Somebody sends a request under a key: whether it is one to be done. `fingerprint` is what tells it from others.
    pub async fn begin_idempotent(
        &self,
        current: &Current,
        key: &IdempotencyKey,
        fingerprint: [u8; 32],
    ) -> Result<Begun, IdempotencyError> {
        // Of the account first, whose length is always the same: nobody's key is another's.
        let hash = secrets::sha256(&[current.user.0.as_bytes().as_slice(), key.as_str().as_bytes()].concat());
        let claim = self.under_way.claim(hash).ok_or(IdempotencyError::UnderWay)?;
        let request = IdempotentRequest { claim: Arc::new(claim), user: current.user, fingerprint };
        let now = self.clock.now();
        let mut tx = self.store.read().await.map_err(Fault::from)?;
        if let Some(answer) = self.find_answer(&mut tx, &request, now).await? {
            return Ok(Begun::Repeated(answer));
        }
        let counted = store::idempotency_keys::count(&mut tx, current.user, now).await;
        let (number, first_ends) = counted.map_err(Fault::from)?;
        if number >= MOST_KEYS {
            let retry_after = first_ends.map_or(KEPT, |ends| Timestamp(ends).since(now));
            return Err(IdempotencyError::TooMany { retry_after });
        }
        Ok(Begun::First(request))
    }

    /// How a request is answered that another process has done meanwhile; nothing if none has.
    pub async fn kept_answer(
        &self,
        request: &IdempotentRequest,
    ) -> Result<Option<KeptAnswer>, IdempotencyError> {
        let mut tx = self.store.look().await.map_err(Fault::from)?;
        self.find_answer(&mut tx, request, self.clock.now()).await
    }

    async fn find_answer(
        &self,
        tx: &mut Tx,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<Option<KeptAnswer>, IdempotencyError> {
        let hash = &request.claim.hash;
        let found = store::idempotency_keys::find(tx, hash, request.user, now).await;
        let Some(sealed) = found.map_err(Fault::from)? else { return Ok(None) };
        let opened = self.keyring.open(&place(Column::Answer, hash), &sealed).map_err(Fault::from)?;
        let kept: Kept = serde_json::from_slice(&opened).map_err(Fault::from)?;
        if kept.request == request.fingerprint {
            Ok(Some(kept.answer))
        } else {
            Err(IdempotencyError::AnotherRequest)
        }
    }

    /// A transaction as [`begin_as`](Self::begin_as) begins it. If it is of a request under a key, what it does is written down in it,
    /// with how that is answered; and it ends at once if that was done before.
    pub(crate) async fn begin_once(
        &self,
        asked: &Current,
        context: &Context,
    ) -> Result<(Tx, Current), Fault> {
        let (mut tx, current) = self.begin_as(asked).await?;
        if let Some(once) = &context.once
            && !self.keep_answer(&mut tx, once).await?
        {
            // What is found in SQLite may not be durable yet. By this it is, and nobody is told of it before.
            tx.commit().await?;
            return Err(Fault::DoneBefore);
        }
        Ok((tx, current))
    }

    async fn keep_answer(&self, tx: &mut Tx, once: &Once) -> Result<bool, Fault> {
        let Once { request, answer } = once;
        let length = answer.body.len();
        if length > LONGEST_ANSWER {
            return Err(Fault::Corrupt(format!("an answer of {length} bytes is too long to be kept")));
        }
        let hash = &request.claim.hash;
        let kept = Kept { request: request.fingerprint, answer: answer.clone() };
        let sealed = self.keyring.seal(&place(Column::Answer, hash), &serde_json::to_vec(&kept)?);
        let now = self.clock.now();
        Ok(store::idempotency_keys::insert(tx, hash, request.user, &sealed, now, now.plus(KEPT)).await?)
    }
}
