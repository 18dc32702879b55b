//! The accounts of people.

use auth::{Person, PersonAct};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Desk, Operation, Refusal};

/// At most so many accounts a page.
const PAGE: i64 = 10_000;

/// Accounts, in the order of their addresses.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ListUsers {
    /// Only those whose address has this in it.
    pub part: String,
    /// Only those after this address: the next page.
    pub after: String,
    /// At most so many.
    pub limit: i64,
}

/// An account. Moments are Unix microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UserShown {
    /// Its id.
    pub id: Uuid,
    /// Its address.
    pub address: String,
    /// Whether that was proved.
    pub proved: bool,
    /// Its name; may be empty.
    pub name: String,
    /// Its language, if one was chosen.
    pub locale: Option<String>,
    /// Whether a code by mail is asked for after the password.
    pub second_step: bool,
    /// When it was disabled, if it is.
    pub disabled_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// How many sessions it has.
    pub sessions: i64,
}

impl From<Person> for UserShown {
    fn from(person: Person) -> Self {
        Self {
            id: person.id.0,
            address: person.address,
            proved: person.proved,
            name: person.name,
            locale: person.locale,
            second_step: person.second_step,
            disabled_at: person.disabled_at.map(domain::Timestamp::micros),
            created_at: person.created_at.micros(),
            sessions: person.sessions,
        }
    }
}

impl Operation for ListUsers {
    const PATH: &'static str = "/v1/users/list";
    type Answer = Vec<UserShown>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let auth = desk.auth().await?;
        let found = auth.people(&self.part, &self.after, self.limit.clamp(1, PAGE)).await?;
        Ok(found.into_iter().map(UserShown::from).collect())
    }
}

/// One account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShowUser {
    /// Its address or id.
    pub who: String,
}

impl Operation for ShowUser {
    const PATH: &'static str = "/v1/users/show";
    type Answer = UserShown;

    async fn run(self, desk: &Desk) -> Result<UserShown, Refusal> {
        Ok(desk.auth().await?.person(&self.who).await.map_err(Refusal::new)?.into())
    }
}

/// What is done to an account.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAct {
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

/// Do this to an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ActOnUser {
    /// Its address or id.
    pub who: String,
    /// What is done.
    pub act: UserAct,
}

/// What became of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UserActed {
    /// The account as it was before.
    pub user: UserShown,
    /// Whether anything was to be done.
    pub changed: bool,
}

impl Operation for ActOnUser {
    const PATH: &'static str = "/v1/users/act";
    type Answer = UserActed;

    async fn run(self, desk: &Desk) -> Result<UserActed, Refusal> {
        let act = match self.act {
            UserAct::Disable => PersonAct::Disable,
            UserAct::Enable => PersonAct::Enable,
            UserAct::EndSessions => PersonAct::EndSessions,
            UserAct::ResetSecondStep => PersonAct::ResetSecondStep,
            UserAct::Delete => PersonAct::Delete,
        };
        let done = desk.auth().await?.act_on_person(&desk.trail, &self.who, act).await;
        let (person, changed) = done.map_err(Refusal::new)?;
        Ok(UserActed { user: person.into(), changed })
    }
}
