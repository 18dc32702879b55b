//! `keyward mail`: what became of each mail. Whom one that waits is to is shown masked; recipient and content are sealed, and
//! wiped once it is sent. And the end of what was mailed.

use auth_service::admin::{ListMail, WithdrawMailed};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::channel::Channel;
use crate::confirm::confirm;
use crate::installation::{Installation, moment};
use crate::{Failure, say};

/// See what became of each mail, and end what was mailed.
#[derive(Args)]
pub(crate) struct Mail {
    #[command(subcommand)]
    verb: MailVerb,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum MailVerb {
    /// List the mails that wait and those of the last days (`limits.mail_retention`), newest first.
    ///
    /// Where an answer must not tell whether there is an account, a mail to nobody waits like any other, and nothing tells
    /// the two apart before its turn comes. Then it is found to be to nobody, and is listed no more; one whose turn did not
    /// come in time is listed as expired.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// End every code and link that was mailed and not used yet: for when somebody else may have read them.
    ///
    /// Those are proofs of addresses, second steps, new passwords and changes of address. Mail that carries one and has not left yet is
    /// wiped. Sessions and accounts stay as they are; whoever waits for a code asks for another.
    Withdraw {
        /// Do not ask whether it is meant.
        #[arg(long)]
        yes: bool,
    },
}

impl Mail {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let channel = self.installation.channel().await?;
        let done = match self.verb {
            MailVerb::List { limit } => list(&channel, self.json, limit).await,
            MailVerb::Withdraw { yes } => withdraw(&channel, self.json, yes).await,
        };
        channel.close().await;
        done
    }
}

async fn list(channel: &Channel, as_json: bool, limit: i64) -> Result<(), Failure> {
    let mails = channel.run(ListMail { limit }).await?;
    if mails.is_empty() && !as_json {
        say("No mails.");
    }
    for mail in mails {
        let waits = mail.finished_at.is_none();
        let next = waits.then(|| moment(mail.next_attempt_at));
        if as_json {
            say(json!({
                "id": mail.id, "kind": mail.kind, "state": mail.state, "to": mail.to, "attempts": mail.attempts,
                "created_at": moment(mail.created_at), "finished_at": mail.finished_at.map(moment),
                "next_attempt_at": next, "last_error": mail.last_error,
            }));
        } else {
            let error = mail.last_error.map(|error| format!("  {error}")).unwrap_or_default();
            let next = next.map(|next| format!("  next try {next}")).unwrap_or_default();
            say(format_args!(
                "{:<27}  {:<20}  {:<8}  {}  {} {}{next}{error}",
                moment(mail.created_at),
                mail.kind,
                mail.state,
                mail.to.as_deref().unwrap_or("-"),
                mail.attempts,
                if mail.attempts == 1 { "try" } else { "tries" },
            ));
        }
    }
    Ok(())
}

async fn withdraw(channel: &Channel, as_json: bool, yes: bool) -> Result<(), Failure> {
    if !(yes && as_json) {
        let good = channel.run(WithdrawMailed { only_count: true }).await?.good;
        confirm(&format!("{}.", ends(good)), yes)?;
    }
    let good = channel.run(WithdrawMailed { only_count: false }).await?.good;
    if as_json {
        say(json!({ "withdrawn": good }));
    } else {
        say(ended(good));
    }
    Ok(())
}

/// What would end.
pub(crate) fn ends(good: u64) -> String {
    let are = if good == 1 { "is" } else { "are" };
    format!(
        "Every code and link that was mailed ends ({good} {are} good now): whoever waits for one asks for another"
    )
}

/// What has ended.
pub(crate) fn ended(good: u64) -> String {
    format!("What was mailed is good no more: {good} until now.")
}
