//! What became of each mail, and of the codes and links that were mailed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Desk, Operation, Refusal};

/// At most so many mails a page.
const PAGE: i64 = 10_000;

/// The newest mails.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ListMail {
    /// At most so many.
    pub limit: i64,
}

/// A mail. Moments are Unix microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MailShown {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: String,
    /// What became of it.
    pub state: String,
    /// Whom it is to, masked, until it is done with.
    pub to: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was asked for.
    pub created_at: i64,
    /// When it was done with.
    pub finished_at: Option<i64>,
    /// When it is tried next.
    pub next_attempt_at: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

/// End every code and link that was mailed and not used yet.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct WithdrawMailed {
    /// Only say how many are good: nothing ends.
    pub only_count: bool,
}

/// What was mailed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Withdrawn {
    /// How many codes, each with its link, are good; or were, if they were ended.
    pub good: u64,
}

impl Operation for WithdrawMailed {
    const PATH: &'static str = "/v1/mail/withdraw";
    type Answer = Withdrawn;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let auth = desk.auth().await?;
        let good =
            if self.only_count { auth.mailed().await? } else { auth.withdraw_mailed(&desk.trail).await? };
        Ok(Withdrawn { good })
    }
}

impl Operation for ListMail {
    const PATH: &'static str = "/v1/mail/list";
    type Answer = Vec<MailShown>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let mails = store::outbox::list(&mut desk.store.read().await?, self.limit.clamp(1, PAGE)).await?;
        let shown = |mail: store::outbox::State| {
            let payload = mail.payload.as_deref();
            MailShown {
                to: payload.and_then(|payload| auth::masked_recipient(&desk.keyring, &mail.id, payload)),
                id: mail.id,
                kind: mail.kind,
                state: mail.state,
                attempts: mail.attempts,
                created_at: mail.created_at,
                finished_at: mail.finished_at,
                next_attempt_at: mail.next_attempt_at,
                last_error: mail.last_error,
            }
        };
        Ok(mails.into_iter().map(shown).collect())
    }
}
