//! `keyward user list`, `show`, and what an operator does to an account.

use std::io::{BufRead as _, IsTerminal as _};

use auth_service::admin::{ActOnUser, ListUsers, ShowUser, UserAct, UserActed, UserShown};
use clap::Args;
use serde_json::json;

use crate::channel::Channel;
use crate::installation::{Installation, moment, quoted};
use crate::{Failure, say};

/// List accounts, in the order of their addresses.
#[derive(Args)]
pub(crate) struct List {
    /// Only those whose address has this in it.
    #[arg(value_name = "PART", default_value = "", hide_default_value = true)]
    part: String,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    /// Only those after this address: the next page.
    #[arg(long, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    after: String,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// An account.
#[derive(Args)]
pub(crate) struct One {
    /// Its address or id.
    #[arg(value_name = "ADDRESS")]
    who: String,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An account that is to be deleted.
#[derive(Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    one: One,
    /// Do not ask whether it is meant.
    #[arg(long)]
    yes: bool,
}

impl List {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { part, limit, after, installation, json } = self;
        let channel = installation.channel().await?;
        let found = channel.run(ListUsers { part: part.clone(), after, limit }).await;
        channel.close().await;
        let users = found?;
        if users.is_empty() && !json {
            say("No accounts.");
        }
        for user in &users {
            if json {
                say(described(user));
            } else {
                let second_step = if user.second_step { "second step" } else { "" };
                say(format_args!(
                    "{:<40}  {:<8}  {second_step:<11}  {:>3} sessions  since {}",
                    user.address,
                    standing(user),
                    user.sessions,
                    moment(user.created_at)
                ));
            }
        }
        if !json
            && i64::try_from(users.len()).is_ok_and(|count| count == limit)
            && let Some(last) = users.last()
        {
            let part = if part.is_empty() { String::new() } else { format!(" {}", quoted(&part)) };
            let (after, same) = (quoted(&last.address), installation.repeated());
            say(format_args!("More: keyward user list{part} --after {after} --limit {limit}{same}"));
        }
        Ok(())
    }
}

impl One {
    pub(crate) async fn show(self) -> Result<(), Failure> {
        let channel = self.installation.channel().await?;
        let found = channel.run(ShowUser { who: self.who }).await;
        channel.close().await;
        let user = found?;
        if self.json {
            say(described(&user));
        } else {
            say(serde_json::to_string_pretty(&described(&user))?);
        }
        Ok(())
    }

    pub(crate) async fn act(self, act: UserAct) -> Result<(), Failure> {
        let channel = self.installation.channel().await?;
        let done = self.act_by(&channel, act).await;
        channel.close().await;
        done
    }

    async fn act_by(&self, channel: &Channel, act: UserAct) -> Result<(), Failure> {
        let UserActed { user, changed } = channel.run(ActOnUser { who: self.who.clone(), act }).await?;
        if self.json {
            say(json!({ "id": user.id, "address": user.address, "act": act, "changed": changed }));
            return Ok(());
        }
        let address = &user.address;
        say(match (act, changed) {
            (UserAct::Disable, true) => {
                format!("Disabled {address}. Every session has ended, and nobody signs in to it.")
            }
            (UserAct::Disable, false) => format!("{address} is disabled already."),
            (UserAct::Enable, true) => format!("Enabled {address}."),
            (UserAct::Enable, false) => format!("{address} is not disabled."),
            (UserAct::EndSessions, _) => {
                format!("Ended every session of {address}, and whatever apps hold of it.")
            }
            (UserAct::ResetSecondStep, true) => format!(
                "{address} is asked for its password alone, unless that is shorter than limits.password_minimum: then a code is asked for until \
                 its owner has set a longer one."
            ),
            (UserAct::ResetSecondStep, false) => format!("{address} has no second step."),
            (UserAct::Delete, _) => {
                format!("Deleted {address}. The audit trail keeps what was done, and forgets who did it.")
            }
        });
        Ok(())
    }
}

impl Delete {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let Self { one, yes } = self;
        let channel = one.installation.channel().await?;
        let done = async {
            if !yes {
                let user = channel.run(ShowUser { who: one.who.clone() }).await?;
                confirm(&user)?;
            }
            one.act_by(&channel, UserAct::Delete).await
        };
        let done = done.await;
        channel.close().await;
        done
    }
}

/// Asks whoever sits there to type the address.
fn confirm(user: &UserShown) -> Result<(), Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(
            format!("{} was not deleted: nobody is there to be asked, so give --yes", user.address).into()
        );
    }
    eprintln!("This deletes {} and all that hangs on it, for good. Type the address to go on:", user.address);
    let mut typed = String::new();
    input.lock().read_line(&mut typed)?;
    if typed.trim() == user.address {
        return Ok(());
    }
    Err(format!("{} was not deleted: something else was typed", user.address).into())
}

fn standing(user: &UserShown) -> &'static str {
    match (user.disabled_at, user.proved) {
        (Some(_), _) => "disabled",
        (None, true) => "active",
        (None, false) => "unproved",
    }
}

fn described(user: &UserShown) -> serde_json::Value {
    json!({
        "id": user.id, "address": user.address, "state": standing(user), "proved": user.proved, "name": user.name,
        "locale": user.locale, "second_step": user.second_step, "disabled_at": user.disabled_at.map(moment),
        "created_at": moment(user.created_at), "sessions": user.sessions,
    })
}
