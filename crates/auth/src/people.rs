//! What an operator does to the accounts of people.

use domain::{Email, Timestamp, UserId};
use store::Tx;
use store::users::Listed;

use crate::audit::AuditTrail;
use crate::outbox::{Mail, Message};
use crate::{Auth, Fault};

/// An account, as an operator sees it.
#[derive(Clone, Debug)]
pub struct Person {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub address: String,
    /// Whether that was proved.
    pub proved: bool,
    /// Its name; may be empty.
    pub name: String,
    /// Its language, if one was chosen, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Whether a code by mail is asked for after the password.
    pub second_step: bool,
    /// When it was disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many sessions it has.
    pub sessions: i64,
}

impl From<Listed> for Person {
    fn from(Listed { user, sessions, .. }: Listed) -> Self {
        Self {
            id: UserId(user.id),
            address: user.address,
            proved: user.proved_at.is_some(),
            name: user.name,
            locale: user.locale,
            second_step: user.second_step,
            disabled_at: user.disabled_at.map(Timestamp),
            created_at: Timestamp(user.created_at),
            sessions,
        }
    }
}

/// What an operator may do to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonAct {
    /// Nobody signs in to it any more, and every session ends.
    Disable,
    /// Its owner may sign in again.
    Enable,
    /// Every session ends, and whatever apps hold.
    EndSessions,
    /// A code by mail is asked for no more, but where the password is too short to be alone.
    ResetSecondStep,
    /// It is gone, and all that hangs on it.
    Delete,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    /// There is none.
    #[error("there is no account {0}: `keyward user list` finds those there are, by a part of the address")]
    Unknown(String),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for PersonError {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

impl PersonAct {
    fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable_user",
            Self::Enable => "enable_user",
            Self::EndSessions => "end_sessions_of_user",
            Self::ResetSecondStep => "reset_second_step_of_user",
            Self::Delete => "delete_user",
        }
    }

    fn message(self) -> Message {
        match self {
            Self::Disable => Message::AccountDisabled,
            Self::Enable => Message::AccountEnabled,
            Self::EndSessions => Message::SessionsEnded,
            Self::ResetSecondStep => Message::SecondStepChanged { on: false },
            Self::Delete => Message::AccountDeleted,
        }
    }

    /// Whether it would change anything.
    fn changes(self, person: &Listed) -> bool {
        match self {
            Self::Disable => person.user.disabled_at.is_none(),
            Self::Enable => person.user.disabled_at.is_some(),
            Self::ResetSecondStep => person.user.second_step,
            Self::EndSessions | Self::Delete => true,
        }
    }
}

impl Auth {
    /// Accounts whose address has `part` in it, in the order of addresses, after `after`.
    pub async fn people(&self, part: &str, after: &str, limit: i64) -> Result<Vec<Person>, Fault> {
        let mut pattern = String::from("%");
        for character in part.trim().to_lowercase().chars() {
            if ['%', '_', '\\'].contains(&character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        let after = after.trim().to_lowercase();
        let found = store::users::list(&mut self.store.read().await?, &pattern, &after, limit).await?;
        Ok(found.into_iter().map(Person::from).collect())
    }

    /// The account of this address or id.
    pub async fn person(&self, who: &str) -> Result<Person, PersonError> {
        Ok(look_up(&mut self.store.read().await?, who).await?.into())
    }

    /// Does this to the account of this address or id, at the word of whoever is the operator in this trail, and tells its owner.
    /// Says what the account was before, and whether anything was to be done.
    pub async fn act_on_person(
        &self,
        trail: &AuditTrail,
        who: &str,
        act: PersonAct,
    ) -> Result<(Person, bool), PersonError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let person = look_up(&mut tx, who).await?;
        if !act.changes(&person) {
            return Ok((person.into(), false));
        }
        let id = UserId(person.user.id);
        let ends = matches!(act, PersonAct::Disable | PersonAct::EndSessions | PersonAct::Delete);
        let ended = if ends { self.end_everything(&mut tx, id, None, now).await? } else { Vec::new() };
        // An address that nobody proved may be somebody else's.
        if person.user.proved_at.is_some() {
            let to = person.user.address.clone();
            let locale = person.user.locale.clone().unwrap_or_else(|| LOCALE.to_owned());
            self.send(&mut tx, &Mail { to, locale, message: act.message() }, None, now).await?;
        }
        let pseudonym = Some(person.user.pseudonym);
        trail.record_operator_on(&mut tx, &self.random, act.name(), pseudonym, "", now).await?;
        match act {
            PersonAct::Disable => store::users::set_disabled(&mut tx, id, Some(now)).await?,
            PersonAct::Enable => store::users::set_disabled(&mut tx, id, None).await?,
            PersonAct::ResetSecondStep => {
                store::users::set_second_step(&mut tx, id, false, now).await?;
                // Behind a second step a password may be shorter, and how long it is is known to whoever types it alone.
                store::passwords::ask_for_code_if_short(&mut tx, id).await?;
            }
            PersonAct::EndSessions => {}
            PersonAct::Delete => {
                store::users::delete(&mut tx, id).await?;
            }
        }
        self.commit_changed(tx, ended).await?;
        self.audit_waiting.notify_one();
        Ok((person.into(), true))
    }
}

/// The language of a mail to somebody who never chose one.
const LOCALE: &str = "en";

async fn look_up(tx: &mut Tx, who: &str) -> Result<Listed, PersonError> {
    let unknown = || PersonError::Unknown(who.to_owned());
    let id = if let Ok(id) = who.parse::<UserId>() {
        (id != store::users::NOBODY).then_some(id).ok_or_else(unknown)?
    } else {
        let email = Email::parse(who).map_err(|_| unknown())?;
        UserId(store::emails::owner(tx, &email).await?.ok_or_else(unknown)?.user_id)
    };
    store::users::find_listed(tx, id).await?.ok_or_else(unknown)
}
