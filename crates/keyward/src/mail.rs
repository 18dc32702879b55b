//! `keyward mail`: what became of each mail. Whom one that waits is to is shown masked; recipient and content are sealed, and
//! wiped once it is sent.

use auth_service::admin::ListMail;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::installation::{Installation, moment};
use crate::{Failure, say};

/// See what became of each mail.
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
}

impl Mail {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let MailVerb::List { limit } = self.verb;
        let channel = self.installation.channel().await?;
        let mails = channel.run(ListMail { limit }).await?;
        channel.close().await;
        if mails.is_empty() && !self.json {
            say("No mails.");
        }
        for mail in mails {
            let waits = mail.finished_at.is_none();
            let next = waits.then(|| moment(mail.next_attempt_at));
            if self.json {
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
}
