//! Mail on its way. A use case writes a mail in its own transaction; a worker sends it. A mail that cannot be sent
//! neither fails the request nor is lost.

use std::fmt;
use std::time::Duration;

use domain::{Email, MessageId, Timestamp};
use secrets::sealing::{Keyring, Place};
use serde::{Deserialize, Serialize};
use store::sealed::Column;
use store::{Turn, Tx};
use uuid::Uuid;

use crate::counts::Sending;
use crate::{Auth, Fault, Processes, encryption};

/// A mail to one person.
#[derive(Clone, Deserialize, Serialize)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The language, as a BCP 47 tag.
    pub locale: String,
    /// What it says.
    pub message: Message,
}

/// What a mail says.
#[derive(Clone, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Somebody signed up with this address.
    ProveAddress {
        /// Six digits, if there is a place to type them.
        code: Option<String>,
        /// Leads to a page with one button.
        link: String,
        /// How long both are good for.
        hours: u64,
    },
    /// Somebody signed up with this address, which has an account.
    AlreadyRegistered,
    /// The second step of a sign-in.
    SignInCode {
        /// Six digits.
        code: String,
        /// How long it is good for.
        minutes: u64,
        /// The browser that asked.
        device: String,
        /// The network it asked from.
        network: String,
    },
    /// Somebody asked for a new password.
    ResetPassword {
        /// Six digits.
        code: String,
        /// Leads to a page that asks for the new password.
        link: String,
        /// How long both are good for.
        minutes: u64,
    },
    /// The account moves to another address: does its present owner agree?
    ChangeAddressOld {
        /// The address it would move to.
        new_address: String,
        /// Six digits.
        code: String,
        /// Leads to a page with one button.
        link: String,
        /// How long both are good for.
        minutes: u64,
    },
    /// The account moves to this address: is it its owner's?
    ChangeAddressNew {
        /// Six digits.
        code: String,
        /// Leads to a page with one button.
        link: String,
        /// How long both are good for.
        minutes: u64,
    },
    /// The account has moved.
    AddressChanged {
        /// From here.
        old: String,
        /// To here.
        new: String,
    },
    /// The password is another now.
    PasswordChanged {
        /// Since when.
        at: Timestamp,
    },
    /// The second step was switched.
    SecondStepChanged {
        /// To on or off.
        on: bool,
    },
    /// The account is gone.
    AccountDeleted,
    /// An operator disabled the account.
    AccountDisabled,
    /// An operator enabled it again.
    AccountEnabled,
    /// An operator ended every session.
    SessionsEnded,
}

/// Its kind, never what it carries.
impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())
    }
}

/// Nor whom it is to.
impl fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mail").field("message", &self.message).finish_non_exhaustive()
    }
}

impl Message {
    fn kind(&self) -> &'static str {
        match self {
            Self::ProveAddress { .. } => "prove_address",
            Self::AlreadyRegistered => "already_registered",
            Self::SignInCode { .. } => "sign_in_code",
            Self::ResetPassword { .. } => "reset_password",
            Self::ChangeAddressOld { .. } => "change_address_old",
            Self::ChangeAddressNew { .. } => "change_address_new",
            Self::AddressChanged { .. } => "address_changed",
            Self::PasswordChanged { .. } => "password_changed",
            Self::SecondStepChanged { .. } => "second_step_changed",
            Self::AccountDeleted => "account_deleted",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::SessionsEnded => "sessions_ended",
        }
    }
}

/// A mail in its row, sealed.
#[derive(Debug, Deserialize, Serialize)]
struct Queued {
    mail: Mail,
    /// Nobody is to get it. Only whoever can unseal it knows.
    decoy: bool,
}

/// A mail that the worker holds, and has to say the outcome of.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its id in the outbox.
    pub id: MessageId,
    /// The mail.
    pub mail: Mail,
    /// Whether nobody is to get it. It is rendered, takes its time, and is done with as any mail is; only it is not handed over.
    pub decoy: bool,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// When what it carries is of no use any more.
    pub expires_at: Timestamp,
}

/// Whom a mail that waits is to, as far as its owner would know it (`a•••@example.com`); nothing if the key is another. A
/// mail to nobody looks the same.
pub fn masked_recipient(keyring: &Keyring, id: &Uuid, payload: &[u8]) -> Option<String> {
    let queued: Queued = serde_json::from_slice(&keyring.open(&place(id), payload).ok()?).ok()?;
    Email::parse(&queued.mail.to).ok().map(|email| email.masked())
}

/// A notice carries nothing that expires; it is still of use for a day.
const NOTICE_LIFE: Duration = Duration::from_hours(24);
/// While a worker holds a mail nobody else takes it. Longer than its transport takes to give up (30 seconds).
const CLAIM: Duration = Duration::from_mins(5);
/// After this many tries a mail is given up.
const LAST_ATTEMPT: i64 = 12;

/// A mail whose key is not here is tried again after so long, for as long as it is of use.
const KEY_AWAY: Duration = Duration::from_mins(1);

/// Why a mail that was let go of has not arrived.
const CUT: &str = "the server stopped while it was sent";

/// Whether nobody can have this address (RFC 6761 section 6.4), as of an account that is there to be tried out alone. What a mail server
/// is to return is not handed to it.
fn is_to_nobody(address: &str) -> bool {
    address.ends_with(".invalid")
}

fn place(id: &Uuid) -> Place<'_> {
    encryption::place(Column::Mail, id.as_bytes())
}

impl Auth {
    /// Puts a mail in the outbox; it is sent once the transaction is committed.
    pub(crate) async fn send(
        &self,
        tx: &mut Tx,
        mail: &Mail,
        life: Option<Duration>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.put_mail(tx, mail, life, false, now).await
    }

    /// Does all the work of sending a mail and sends none. That includes the work after the answer: the worker takes a decoy,
    /// renders it, and is done with it in as many writes as a mail and no sooner, or whoever asked could tell by how long the
    /// next request waits for a core or for the one writer.
    pub(crate) async fn pretend_to_send(
        &self,
        tx: &mut Tx,
        mail: &Mail,
        life: Option<Duration>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.put_mail(tx, mail, life, true, now).await
    }

    async fn put_mail(
        &self,
        tx: &mut Tx,
        mail: &Mail,
        life: Option<Duration>,
        decoy: bool,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let id = self.random.ordered_id(now);
        let queued = Queued { mail: mail.clone(), decoy: decoy || is_to_nobody(&mail.to) };
        let payload = self.keyring.seal(&place(&id), &serde_json::to_vec(&queued)?);
        let expires_at = now.plus(life.unwrap_or(NOTICE_LIFE));
        store::outbox::insert(tx, MessageId(id), mail.message.kind(), &payload, now, expires_at).await?;
        tx.wake(&self.mail_waiting);
        Ok(())
    }

    /// Takes mails that are due, decoys among them. Each must be [`delivered`](Self::delivered), [`put off`](Self::put_off) or
    /// [`given up`](Self::give_up); one that is not comes back by itself.
    pub async fn take_mail(&self, limit: i64) -> Result<Vec<Delivery>, Fault> {
        let now = self.clock.now();
        // In turn: two workers that take the same mails would wait for each other, and one of them in vain.
        let mut tx = self.store.begin_in_turn(&[Turn::Outbox]).await?;
        store::outbox::expire(&mut tx, now, limit).await?;
        let claimed = store::outbox::claim(&mut tx, now, now.plus(CLAIM), limit).await?;
        let mut deliveries = Vec::with_capacity(claimed.len());
        for row in claimed {
            let id = MessageId(row.id);
            match self.open_mail(&row.id, &row.payload) {
                Ok(Queued { mail, decoy }) => {
                    let expires_at = Timestamp(row.expires_at);
                    deliveries.push(Delivery { id, mail, decoy, attempts: row.attempts, expires_at });
                }
                // Another process may have sealed it by a key that this one is about to read.
                Err(fault) if fault.lacks_key() => {
                    let (why, at) = (fault.to_string(), now.plus(KEY_AWAY));
                    store::outbox::retry(&mut tx, id, row.attempts, &why, at).await?;
                    tracing::error!(message_id = %id, error = %fault, "a mail cannot be read, and waits for its key");
                }
                Err(fault) => {
                    store::outbox::finish(&mut tx, id, "failed", Some(&fault.to_string()), now).await?;
                    tracing::error!(message_id = %id, error = %fault, "a mail cannot be read and is given up");
                    self.mails.add(Sending::Failed);
                }
            }
        }
        tx.commit().await?;
        Ok(deliveries)
    }

    /// Lets be taken at once what a worker held that is no more: before this process takes mail itself. Where there are
    /// other processes it may be theirs, and comes back by itself.
    pub async fn release_mail(&self) -> Result<(), Fault> {
        if self.hearing.processes() == Processes::Several {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        store::outbox::release(&mut tx, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Lets go of mails that were not sent because the worker stops, each with its attempt: another process takes them at once.
    pub async fn let_go_of_mail(&self, held: &[(MessageId, i64)]) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        for (id, attempt) in held {
            store::outbox::retry(&mut tx, *id, *attempt, CUT, self.clock.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    fn open_mail(&self, id: &Uuid, payload: &[u8]) -> Result<Queued, Fault> {
        Ok(serde_json::from_slice(&self.keyring.open(&place(id), payload)?)?)
    }

    /// A mail was handed over, or would have been if it were to somebody; what it carried is wiped.
    pub async fn delivered(&self, delivery: &Delivery) -> Result<(), Fault> {
        if delivery.decoy {
            return self.finish_mail(delivery.id, "decoy", None).await;
        }
        self.finish_mail(delivery.id, "sent", None).await?;
        self.mails.add(Sending::Sent);
        Ok(())
    }

    /// A mail was not sent in time, and would be of no use any more; what it carried is wiped.
    pub async fn expired(&self, id: MessageId) -> Result<(), Fault> {
        self.finish_mail(id, "expired", None).await?;
        self.mails.add(Sending::Expired);
        Ok(())
    }

    /// A mail can never be sent, for this reason; what it carried is wiped.
    pub async fn give_up(&self, id: MessageId, error: &str) -> Result<(), Fault> {
        self.finish_mail(id, "failed", Some(error)).await?;
        self.mails.add(Sending::Failed);
        Ok(())
    }

    /// A mail could not be sent now: it is tried again, each time after twice as long, up to an hour. Says when, or
    /// nothing if it was tried often enough.
    pub async fn put_off(&self, delivery: &Delivery, error: &str) -> Result<Option<Duration>, Fault> {
        if delivery.attempts >= LAST_ATTEMPT {
            self.give_up(delivery.id, error).await?;
            return Ok(None);
        }
        let exponent = u32::try_from(delivery.attempts.clamp(1, 12)).unwrap_or(12);
        let wait = Duration::from_secs(5 * 2_u64.pow(exponent - 1)).min(Duration::from_hours(1));
        let mut tx = self.store.begin().await?;
        let at = self.clock.now().plus(wait);
        store::outbox::retry(&mut tx, delivery.id, delivery.attempts, error, at).await?;
        tx.commit().await?;
        self.mails.add(Sending::PutOff);
        Ok(Some(wait))
    }

    /// How long until a mail is due; none is waiting if nothing.
    pub async fn next_mail(&self) -> Result<Option<Duration>, Fault> {
        let due = store::outbox::next_due(&mut self.store.look().await?).await?;
        Ok(due.map(|due| Timestamp(due).since(self.clock.now())))
    }

    /// Resolves when a mail was put in the outbox.
    pub async fn mail_waiting(&self) {
        self.mail_waiting.notified().await;
    }

    async fn finish_mail(&self, id: MessageId, state: &str, error: Option<&str>) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        store::outbox::finish(&mut tx, id, state, error, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}
