//! Moving an account to another address. Both ends have to agree: the present address, so that nobody who finds an open
//! browser takes the account away; the new one, so that nobody is given mail that is not theirs.

use domain::{ArtefactId, Email, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::email_changes::EmailChange;
use store::users::User;
use store::{Turn, Tx};
use uuid::Uuid;

use crate::artefact::{Evidence, EvidenceError, Holder, Purpose};
use crate::audit::{Act, Outcome};
use crate::ending::Ending;
use crate::outbox::{Mail, Message};
use crate::password::notice;
use crate::session::stored_email;
use crate::{Auth, Context, Current, Fault, NewSession, TooMany};

/// Which end agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The address the account has.
    Old,
    /// The address it is to have.
    New,
}

/// A change under way.
#[derive(Clone, Debug)]
pub struct ChangeState {
    /// The address it is to have.
    pub address: Email,
    /// Whether the old address has agreed.
    pub old_proved: bool,
    /// Whether the new address has agreed.
    pub new_proved: bool,
}

/// What an agreement led to.
#[derive(Debug)]
pub enum Progress {
    /// The other end has yet to agree.
    Waiting,
    /// The account has moved. Every session ended; whoever was signed in where the last end agreed has a new one.
    Done {
        /// Where it moved to.
        address: Email,
        /// The new session, if somebody was signed in to this account.
        session: Option<NewSession>,
    },
}

/// Why an address was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EmailChangeError {
    /// It is the account's address already.
    #[error("this is your address already")]
    Same,
    /// The code or link is not good.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Too many mails.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

#[derive(Debug, Deserialize, Serialize)]
struct Move {
    address: Email,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Old => Purpose::ChangeAddressOld,
            Self::New => Purpose::ChangeAddressNew,
        }
    }
}

impl Auth {
    /// Asks both ends. Whether the new address has an account is told to nobody but its owner.
    pub async fn request_email_change(
        &self,
        current: &Current,
        address: &Email,
        context: &Context,
    ) -> Result<(), EmailChangeError> {
        if address.normalized() == current.email.normalized() {
            return Err(EmailChangeError::Same);
        }
        let now = self.clock.now();
        let (_, known) = self.find_password(current, context).await?;
        let own_browser = context.browser.as_ref().filter(|_| known);
        let addresses = [(address.normalized(), None), (current.email.normalized(), own_browser)];
        let asked = self.limiter.mails(&addresses, context, now).await;
        let user = Some(current.user);
        let asked =
            self.within::<_, EmailChangeError>(asked, Act::RequestAddressChange, user, context).await?;
        let begun = self.begin_change(current, address, context).await;
        let (_counted, begun) = asked.unless_fault(begun).await?;
        Ok(begun)
    }

    async fn begin_change(&self, current: &Current, address: &Email, context: &Context) -> Result<(), Fault> {
        let now = self.clock.now();
        let life = self.life(Purpose::ChangeAddressNew);
        let minutes = life.as_secs() / 60;
        let (mut tx, current) = self.begin_once(current, context).await?;
        let user = current.user;
        store::artefacts::delete_of(&mut tx, user, Purpose::ChangeAddressOld.name()).await?;
        store::artefacts::delete_of(&mut tx, user, Purpose::ChangeAddressNew.name()).await?;
        let owner = store::emails::owner(&mut tx, address).await?;
        let taken = owner.is_some_and(|owner| owner.proved_at.is_some());
        let payload = Move { address: address.clone() };
        let holder = Holder { user: Some(user), email: &current.email };
        let old = self.issue(&mut tx, Purpose::ChangeAddressOld, holder, &payload, context, now).await?;
        // A decoy for an address that has an account: its owner is told by mail, the one who asked sees no difference.
        let holder = Holder { user: (!taken).then_some(user), ..holder };
        let new = self.issue(&mut tx, Purpose::ChangeAddressNew, holder, &payload, context, now).await?;
        let expires_at = now.plus(life);
        store::email_changes::begin(&mut tx, user, address, (old.id.0, new.id.0), expires_at).await?;
        let to_old = Message::ChangeAddressOld {
            new_address: address.address().to_owned(),
            code: old.code,
            link: self.confirm_link(Side::Old, &old.token),
            minutes,
        };
        self.send(&mut tx, &notice(&current, to_old, context), Some(life), now).await?;
        let to_new = if taken {
            Message::AlreadyRegistered
        } else {
            Message::ChangeAddressNew {
                code: new.code,
                link: self.confirm_link(Side::New, &new.token),
                minutes,
            }
        };
        let mail = Mail { to: address.address().to_owned(), ..notice(&current, to_new, context) };
        self.send(&mut tx, &mail, Some(life), now).await?;
        let person = Some(current.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::RequestAddressChange), person, "", context, now).await?;
        Ok(tx.commit().await?)
    }

    fn confirm_link(&self, side: Side, token: &str) -> String {
        format!("{}&side={}", self.link("/account/email/confirm", token), side.name())
    }

    /// The change under way for whoever is signed in.
    pub async fn email_change(&self, current: &Current) -> Result<Option<ChangeState>, Fault> {
        let mut tx = self.store.look().await?;
        let found = store::email_changes::find(&mut tx, current.user, self.clock.now()).await?;
        found
            .map(|change| {
                Ok(ChangeState {
                    address: stored_email(&change.address)?,
                    old_proved: change.old_proved_at.is_some(),
                    new_proved: change.new_proved_at.is_some(),
                })
            })
            .transpose()
    }

    /// Gives the change under way up. False if none is.
    pub async fn cancel_email_change(&self, current: &Current, context: &Context) -> Result<bool, Fault> {
        let now = self.clock.now();
        let (mut tx, current) = self.begin_once(current, context).await?;
        if !store::email_changes::delete(&mut tx, current.user).await? {
            return Ok(false);
        }
        store::artefacts::delete_of(&mut tx, current.user, Purpose::ChangeAddressOld.name()).await?;
        store::artefacts::delete_of(&mut tx, current.user, Purpose::ChangeAddressNew.name()).await?;
        let person = Some(current.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::CancelAddressChange), person, "", context, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Where a link would move an account to. Nothing is used up.
    pub async fn pending_email_change(
        &self,
        side: Side,
        token: &str,
        context: &Context,
    ) -> Result<Email, EvidenceError> {
        let evidence = Evidence::Link { token: token.to_owned() };
        let artefact = self.examine(&evidence, side.purpose(), context).await?;
        Ok(self.payload::<Move>(&artefact)?.address)
    }

    /// One end agrees by the code it was sent, typed where the change was asked for.
    pub async fn confirm_email_change_by_code(
        &self,
        current: &Current,
        side: Side,
        code: &str,
        context: &Context,
    ) -> Result<Progress, EmailChangeError> {
        let change = {
            let mut tx = self.store.look().await.map_err(Fault::from)?;
            store::email_changes::find(&mut tx, current.user, self.clock.now()).await.map_err(Fault::from)?
        };
        let change = change.ok_or(EvidenceError::Gone)?;
        let id = ArtefactId(match side {
            Side::Old => change.old_artefact,
            Side::New => change.new_artefact,
        });
        let evidence = Evidence::Code { id, code: code.to_owned() };
        self.confirm_email_change(side, &evidence, Some(current), context).await
    }

    /// One end agrees. `current` is whoever is signed in where it does, if anybody: they stay signed in.
    pub async fn confirm_email_change(
        &self,
        side: Side,
        evidence: &Evidence,
        current: Option<&Current>,
        context: &Context,
    ) -> Result<Progress, EmailChangeError> {
        let artefact = self.examine(evidence, side.purpose(), context).await?;
        let Some(user) = artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let address = self.payload::<Move>(&artefact)?.address;
        let id = ArtefactId(artefact.id);
        let current = current.filter(|current| current.user == user);
        Ok(self.agree(user, &address, side, id, current, context).await?.ok_or(EvidenceError::Gone)?)
    }

    async fn agree(
        &self,
        user: UserId,
        address: &Email,
        side: Side,
        artefact: ArtefactId,
        current: Option<&Current>,
        context: &Context,
    ) -> Result<Option<Progress>, Fault> {
        let now = self.clock.now();
        let mut tx = self.begin_move(user, address).await?;
        if store::artefacts::take(&mut tx, artefact, side.purpose().name(), now).await?.is_none() {
            return Ok(None);
        }
        let Some(change) = store::email_changes::set_proved(&mut tx, user, artefact.0, now).await? else {
            return Ok(None);
        };
        let person = store::audit::pseudonym_of(&mut tx, user).await?;
        let agreed = Outcome::Done(Act::AgreeAddressChange);
        self.record(&mut tx, agreed, person, side.name(), context, now).await?;
        if change.old_proved_at.is_none() || change.new_proved_at.is_none() {
            tx.commit().await?;
            return Ok(Some(Progress::Waiting));
        }
        // Disabled meanwhile: what was begun goes no further.
        let account =
            store::users::find(&mut tx, user).await?.filter(|account| account.disabled_at.is_none());
        let Some(account) = account else { return Ok(None) };
        let Some((address, mut ended)) = self.move_account(&mut tx, account, &change, context).await? else {
            return Ok(None);
        };
        let session = self.keep_signed_in(&mut tx, current, now).await?;
        let which = session.as_ref().map_or(Ending::All, |session| Ending::Others(session.id));
        ended.extend(self.end_sessions(&mut tx, user, which, now).await?);
        ended.extend(current.map(|current| current.id.0));
        self.commit_changed(tx, ended).await?;
        Ok(Some(Progress::Done { address, session }))
    }

    /// A transaction in which an account may move to `address`. It is about both its addresses, since nobody may be sent
    /// anything by the one it leaves, or sign up by the one it goes to, and about the account that has that one unproved.
    async fn begin_move(&self, user: UserId, address: &Email) -> Result<Tx, Fault> {
        let (account, squatter) = {
            let mut tx = self.store.read().await?;
            (store::users::find(&mut tx, user).await?, store::emails::owner(&mut tx, address).await?)
        };
        // The address it has can change only in its own turn, which withdraws what is agreed to here.
        let old = account.map(|account| stored_email(&account.address)).transpose()?;
        let mut turns = vec![Turn::Account(user), Turn::Address(address.normalized())];
        turns.extend(old.as_ref().map(|old| Turn::Address(old.normalized())));
        turns.extend(squatter.map(|owner| Turn::Account(UserId(owner.user_id))));
        Ok(self.store.begin_in_turn(&turns).await?)
    }

    /// A session under a new id in the place of the present one, if that still lives.
    async fn keep_signed_in(
        &self,
        tx: &mut Tx,
        current: Option<&Current>,
        now: Timestamp,
    ) -> Result<Option<NewSession>, Fault> {
        match current {
            Some(current) => match self.exchange_session(tx, current, now).await {
                Ok(session) => Ok(Some(session)),
                Err(Fault::SessionEnded) => Ok(None),
                Err(fault) => Err(fault),
            },
            None => Ok(None),
        }
    }

    /// Gives the new address, and the sessions of whoever had it without proof.
    async fn move_account(
        &self,
        tx: &mut Tx,
        account: User,
        change: &EmailChange,
        context: &Context,
    ) -> Result<Option<(Email, Vec<Uuid>)>, Fault> {
        let now = self.clock.now();
        let user = UserId(account.id);
        let mut ended = Vec::new();
        let address = stored_email(&change.address)?;
        // An account that never proved this address does not own it, and has no other.
        if let Some(owner) = store::emails::owner(tx, &address).await?
            && owner.proved_at.is_none()
            && owner.user_id != user.0
        {
            let squatter = UserId(owner.user_id);
            ended = self.end_everything(tx, squatter, None, now).await?;
            let whose = store::audit::pseudonym_of(tx, squatter).await?;
            let deleted = Outcome::DoneBy(Act::DeleteAccount, account.pseudonym);
            self.record(tx, deleted, whose, "its address was never proved, and is another's", context, now)
                .await?;
            store::users::delete(tx, squatter).await?;
        }
        if !store::emails::replace(tx, user, &address, now).await? {
            return Ok(None);
        }
        store::email_changes::delete(tx, user).await?;
        // Codes and links that were sent to the old address open nothing any more.
        store::artefacts::delete_all_of(tx, user).await?;
        let mail = Mail {
            to: account.address.clone(),
            locale: account.locale.unwrap_or_else(|| context.locale.clone()),
            message: Message::AddressChanged { old: account.address, new: address.address().to_owned() },
        };
        self.send(tx, &mail, None, now).await?;
        let person = Some(account.pseudonym);
        self.record(tx, Outcome::Done(Act::ChangeAddress), person, "", context, now).await?;
        Ok(Some((address, ended)))
    }
}
