//! Signing out, asked for by an app (OpenID Connect RP-Initiated Logout), and telling apps of it
//! (OpenID Connect Back-Channel Logout).

use std::time::Duration;

use domain::{NoticeId, Timestamp};
use oidc::{Algorithm, LogoutEvent, LogoutRequest, LogoutToken, OAuthError, Parameters, Secret};
use store::Turn;
use store::logout_notices::LogoutNotice;

use crate::keys::corrupt;
use crate::{Auth, Current, Fault, Processes};

/// How an app wants a person to sign out.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    /// Where the person goes afterwards.
    pub then: Option<String>,
    /// What `form-action` of a page has to name whose form leads there.
    pub ends_at: Option<String>,
    /// Whether the person has to be asked: the app has not shown that it means whoever is signed in here.
    pub needs_confirmation: bool,
}

/// Why nobody is signed out. It is the person who is told.
#[derive(Debug, thiserror::Error)]
pub enum LeavingError {
    /// What the app sent is not in order.
    #[error(transparent)]
    Shown(#[from] OAuthError),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Word for an app, ready to be sent.
#[derive(Clone, Debug)]
pub struct LogoutDelivery {
    /// Its id.
    pub id: NoticeId,
    /// The app.
    pub client_id: String,
    /// Where it goes.
    pub uri: String,
    /// The logout token.
    pub token: Secret,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// Afterwards it is of no use any more.
    expires_at: Timestamp,
}

/// A logout token is used at once (OpenID Connect Back-Channel Logout section 2.4 recommends two minutes at most).
const LIFE: Duration = Duration::from_mins(2);
/// While a worker holds a notice nobody else takes it.
const CLAIM: Duration = Duration::from_mins(1);
/// An app that does not answer is tried again after this, each time after twice as long, up to…
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// …this, for as long as the notice is of use.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

impl Auth {
    /// Reads what an app asks (OpenID Connect RP-Initiated Logout section 2).
    pub async fn read_logout(
        &self,
        parameters: &Parameters,
        current: Option<&Current>,
    ) -> Result<Leaving, LeavingError> {
        let request = LogoutRequest::parse(parameters)?;
        // A hint that is none of ours says nothing: the person is asked.
        let hint = request.id_token_hint.as_deref().and_then(|hint| self.read_hint(hint));
        let client = match request.client_id(hint.as_ref())? {
            Some(id) => self.find_client(id).await?,
            None => None,
        };
        let then = request.return_to(client.as_ref().map(|client| &client.client))?;
        // Nor does one of an app that is gone.
        let hint = hint.filter(|_| client.is_some());
        let needs_confirmation = current.is_some_and(|current| {
            let (subject, session) = (current.user.to_string(), current.sid.to_string());
            oidc::logout_needs_confirmation(hint.as_ref(), &subject, &session)
        });
        let onward = client.as_ref().map_or(&[][..], |client| &client.client.onward_origins);
        let ends_at = then.as_deref().and_then(|then| oidc::form_action_sources(then, onward));
        Ok(Leaving { then, ends_at, needs_confirmation })
    }

    /// Takes notices that are due. Each must be said to be [`told`](Self::told) or [`put off`](Self::put_off_notice); one
    /// that is not comes back by itself.
    pub async fn take_notices(&self, limit: i64) -> Result<Vec<LogoutDelivery>, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin_in_turn(&[Turn::Notices]).await?;
        let claimed = store::logout_notices::claim(&mut tx, now, now.plus(CLAIM), limit).await?;
        tx.commit().await?;
        let mut deliveries = Vec::new();
        for notice in claimed {
            let client = self.find_client(&notice.client_id).await?;
            let uri = client.as_ref().and_then(|client| client.client.backchannel_logout_uri.clone());
            match client.zip(uri) {
                Some((client, uri)) => {
                    let algorithm = client.client.id_token_signed_response_alg;
                    deliveries.push(self.logout_delivery(&notice, uri, algorithm, now)?);
                }
                // It does not want to be told.
                None => self.told(NoticeId(notice.id)).await?,
            }
        }
        Ok(deliveries)
    }

    /// Lets be taken at once what a worker held that is no more: before this process takes notices itself. Where there are
    /// other processes it may be theirs, and comes back by itself.
    pub async fn release_notices(&self) -> Result<(), Fault> {
        if self.hearing.processes() == Processes::Several {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        store::logout_notices::release(&mut tx, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    fn logout_delivery(
        &self,
        notice: &LogoutNotice,
        uri: String,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<LogoutDelivery, Fault> {
        let token = LogoutToken {
            iss: self.issuer.clone(),
            aud: notice.client_id.clone(),
            iat: now.seconds(),
            exp: now.plus(LIFE).seconds(),
            jti: self.random.opaque_id().to_string(),
            sub: notice.subject.to_string(),
            sid: Some(notice.sid.to_string()),
            events: LogoutEvent,
        };
        let token = token.sign(self.keys.known().signing(algorithm, now)?).map_err(corrupt)?;
        let (id, client_id) = (NoticeId(notice.id), notice.client_id.clone());
        let (attempts, expires_at) = (notice.attempts, Timestamp(notice.expires_at));
        Ok(LogoutDelivery { id, client_id, uri, token, attempts, expires_at })
    }

    /// An app was told.
    pub async fn told(&self, id: NoticeId) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        store::logout_notices::delete(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// An app could not be told now: it is tried again, each time after twice as long, up to an hour. Says when, or
    /// nothing if that would be too late.
    pub async fn put_off_notice(
        &self,
        delivery: &LogoutDelivery,
        error: &str,
    ) -> Result<Option<Duration>, Fault> {
        let doublings = u32::try_from(delivery.attempts.clamp(1, 16) - 1).unwrap_or(0);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let at = self.clock.now().plus(wait);
        if at >= delivery.expires_at {
            self.told(delivery.id).await?;
            return Ok(None);
        }
        let mut tx = self.store.begin().await?;
        store::logout_notices::retry(&mut tx, delivery.id, delivery.attempts, error, at).await?;
        tx.commit().await?;
        Ok(Some(wait))
    }

    /// Lets go of notices that were not sent because the worker stops, each with its attempt: another process takes them at once.
    pub async fn let_go_of_notices(&self, held: &[(NoticeId, i64)]) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        for (id, attempt) in held {
            let why = "the server stopped while it was sent";
            store::logout_notices::retry(&mut tx, *id, *attempt, why, self.clock.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// How long until a notice is due; none is waiting if nothing.
    pub async fn next_notice(&self) -> Result<Option<Duration>, Fault> {
        let now = self.clock.now();
        let due = store::logout_notices::next_due(&mut self.store.look().await?, now).await?;
        Ok(due.map(|due| Timestamp(due).since(now)))
    }

    /// Resolves when a notice was written.
    pub async fn notice_waiting(&self) {
        self.notice_waiting.notified().await;
    }
}
