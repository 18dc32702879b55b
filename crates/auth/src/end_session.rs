//! Signing out, asked for by an app (OpenID Connect RP-Initiated Logout), and telling apps of it
//! (OpenID Connect Back-Channel Logout).

use std::time::Duration;

use domain::{NoticeId, Timestamp};
use oidc::{
    Algorithm, Audience, ErrorCode, LOGOUT_TOKEN_TYPE, LogoutTokenClaims, OAuthError, Parameters,
    append_state,
};
use store::logout_notices::LogoutNotice;

use crate::{Auth, Fault};

/// What an app asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Where the person goes afterwards, with the app's `state`.
    pub then: Option<String>,
    /// The address before that was added: what the page's form may end at.
    pub post_logout_redirect_uri: Option<String>,
    /// Who is to sign out, if the app said so.
    pub subject: Option<String>,
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
    pub token: String,
    attempts: i64,
}

/// A logout token is used at once (OpenID Connect Back-Channel Logout section 2.4 recommends two minutes at most).
const LIFE: Duration = Duration::from_mins(2);
/// While a worker holds a notice nobody else takes it.
const CLAIM: Duration = Duration::from_mins(1);
/// After so many tries an app is told no more.
const LAST_ATTEMPT: i64 = 10;

impl Auth {
    /// Reads what an app asks. An address that is not registered is an error for the person: nobody is sent there.
    pub async fn read_logout(
        &self,
        parameters: &Parameters,
    ) -> Result<Result<LogoutRequest, OAuthError>, Fault> {
        let refuse = |text: &str| Ok(Err(OAuthError::new(ErrorCode::InvalidRequest, text)));
        let hint = parameters.get("id_token_hint");
        let client_id = parameters.get("client_id").map(ToOwned::to_owned);
        let hinted = hint.and_then(oidc::audience_of);
        let Some(client_id) = client_id.or(hinted) else {
            return match parameters.get("post_logout_redirect_uri") {
                Some(_) => refuse(
                    "The app that sent you here did not say which one it is; send client_id or id_token_hint.",
                ),
                None => Ok(Ok(LogoutRequest { then: None, post_logout_redirect_uri: None, subject: None })),
            };
        };
        let Some(client) = self.find_client(&client_id).await? else {
            return refuse("There is no app with this client_id.");
        };
        let subject = match hint {
            Some(hint) => match self.subject_of_hint(hint, Some(&client_id)) {
                Some(subject) => Some(subject),
                None => {
                    return refuse(
                        "The id_token_hint is not an ID token that this server issued to this app.",
                    );
                }
            },
            None => None,
        };
        let Some(uri) = parameters.get("post_logout_redirect_uri") else {
            return Ok(Ok(LogoutRequest { then: None, post_logout_redirect_uri: None, subject }));
        };
        if !client.client.has_post_logout_redirect_uri(uri) {
            return refuse(
                "The post_logout_redirect_uri is not registered for this app; register it, letter by letter.",
            );
        }
        let then = append_state(uri, parameters.get("state"));
        Ok(Ok(LogoutRequest { then: Some(then), post_logout_redirect_uri: Some(uri.to_owned()), subject }))
    }

    /// Takes notices that are due. Each must be said to be [`told`](Self::told) or [`put off`](Self::put_off_notice); one
    /// that is not comes back by itself.
    pub async fn take_notices(&self, limit: i64) -> Result<Vec<LogoutDelivery>, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let claimed = store::logout_notices::claim(&mut tx, now, now.plus(CLAIM), limit).await?;
        tx.commit().await?;
        let mut deliveries = Vec::new();
        for notice in claimed {
            let client = self.find_client(&notice.client_id).await?;
            match client.and_then(|client| client.client.backchannel_logout_uri.clone()) {
                Some(uri) => deliveries.push(self.logout_delivery(&notice, uri, now)?),
                // It does not want to be told.
                None => self.told(NoticeId(notice.id)).await?,
            }
        }
        Ok(deliveries)
    }

    fn logout_delivery(
        &self,
        notice: &LogoutNotice,
        uri: String,
        now: Timestamp,
    ) -> Result<LogoutDelivery, Fault> {
        let claims = LogoutTokenClaims {
            iss: self.issuer.clone(),
            sub: Some(notice.subject.to_string()),
            aud: Audience::One(notice.client_id.clone()),
            iat: now.seconds(),
            exp: now.plus(LIFE).seconds(),
            jti: self.random.opaque_id().to_string(),
            sid: Some(notice.sid.to_string()),
            events: LogoutTokenClaims::logout_event(),
            nonce: None,
        };
        let algorithm = Algorithm::Rs256;
        let keys = self.keys.known();
        let token = keys
            .sign(algorithm, LOGOUT_TOKEN_TYPE, &claims, now)
            .or_else(|_| keys.sign(Algorithm::EdDsa, LOGOUT_TOKEN_TYPE, &claims, now))?;
        let (id, client_id) = (NoticeId(notice.id), notice.client_id.clone());
        Ok(LogoutDelivery { id, client_id, uri, token, attempts: notice.attempts })
    }

    /// An app was told.
    pub async fn told(&self, id: NoticeId) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        store::logout_notices::delete(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// An app could not be told now: it is tried again, each time after twice as long, up to an hour. Says when, or
    /// nothing if it was tried often enough.
    pub async fn put_off_notice(
        &self,
        delivery: &LogoutDelivery,
        error: &str,
    ) -> Result<Option<Duration>, Fault> {
        if delivery.attempts >= LAST_ATTEMPT {
            self.told(delivery.id).await?;
            return Ok(None);
        }
        let exponent = u32::try_from(delivery.attempts.clamp(1, 12)).unwrap_or(12);
        let wait = Duration::from_secs(5 * 2_u64.pow(exponent - 1)).min(Duration::from_hours(1));
        let mut tx = self.store.begin().await?;
        store::logout_notices::retry(&mut tx, delivery.id, error, self.clock.now().plus(wait)).await?;
        tx.commit().await?;
        Ok(Some(wait))
    }

    /// How long until a notice is due; none is waiting if nothing.
    pub async fn next_notice(&self) -> Result<Option<Duration>, Fault> {
        let due = store::logout_notices::next_due(&mut self.store.read().await?).await?;
        Ok(due.map(|due| Timestamp(due).since(self.clock.now())))
    }

    /// Resolves when a notice was written.
    pub async fn notice_waiting(&self) {
        self.notice_waiting.notified().await;
    }
}
