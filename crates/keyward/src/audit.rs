//! `keyward audit`: the trail of what was done, read and proved.

use auth::{AuditTrail, Link};
use auth_service::admin::{ListAudit, Verification, VerifyAudit};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::channel::Channel;
use crate::installation::{Installation, moment, quoted};
use crate::{Failure, say};

/// Read the audit trail, or prove that nobody changed it.
#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: AuditVerb,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum AuditVerb {
    /// List entries, newest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
        /// Only entries before this number: the next page.
        #[arg(long)]
        before: Option<i64>,
        /// Only entries of this person: the address or id of an account, or the pseudonym that entries show with --json, which is all
        /// that is left of one that was deleted.
        #[arg(long, value_name = "ADDRESS")]
        person: Option<String>,
    },
    /// Begin a new chain under the present key, when the one before it is lost. What was sealed under that one can still be
    /// read, and no longer be proved. Stop the server first.
    BeginAnew,
    /// Follow the whole chain and say whether it holds.
    Verify {
        /// What an earlier verification ended at, as it printed it: the trail must lead through it. Keep it elsewhere than
        /// the server; without it a trail cut short, or written anew by somebody who has the key, looks whole.
        #[arg(long, value_name = "NUMBER:MAC")]
        expect: Option<Link>,
    },
}

impl Audit {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let same = self.installation.repeated();
        if let AuditVerb::BeginAnew = self.verb {
            let (desk, _lock) = self.installation.file().await?;
            let done = begin_anew(&desk.trail, self.json).await;
            desk.store.close().await;
            return done;
        }
        let channel = self.installation.channel().await?;
        let done = match self.verb {
            AuditVerb::List { limit, before, person } => {
                let asked = ListAudit { limit, before, person };
                // A server that was killed left some that are in no list.
                channel.seal().await;
                list(&channel, self.json, asked, &same).await
            }
            AuditVerb::BeginAnew => Ok(()),
            AuditVerb::Verify { expect } => verify(&channel, self.json, expect, &same).await,
        };
        channel.close().await;
        done
    }
}

async fn list(channel: &Channel, as_json: bool, asked: ListAudit, same: &str) -> Result<(), Failure> {
    let (limit, person) = (asked.limit, asked.person.clone());
    let entries = channel.run(asked).await?;
    if entries.is_empty() && !as_json {
        say("No entries.");
        return Ok(());
    }
    for entry in &entries {
        let (at, number) = (moment(entry.at), entry.number);
        if as_json {
            say(json!({
                "number": number, "at": at, "act": entry.act, "outcome": entry.outcome, "actor": entry.actor,
                "subject": entry.subject, "address": entry.address, "network": entry.network,
                "support_id": entry.support_id, "detail": entry.detail, "sealed": entry.sealed,
                "exchanged": entry.exchanged,
            }));
        } else {
            let whom = entry.address.clone().or_else(|| entry.subject.map(|subject| subject.to_string()));
            let not_sealed = if entry.sealed { "" } else { "  NOT SEALED here: see `keyward audit verify`" };
            let not_them =
                if entry.exchanged { "  leads to ANOTHER ACCOUNT than it was given to" } else { "" };
            let by = match entry.actor {
                Some(actor) if Some(actor) == entry.subject => "self".to_owned(),
                Some(actor) => actor.to_string(),
                None => "-".to_owned(),
            };
            // What a command did has none: there was no request.
            let support_id = if entry.support_id.is_empty() { "-" } else { &entry.support_id };
            say(format_args!(
                "{number:>6}  {at:<27}  {:<22}  {:<8}  {}  {by:<4}  {}  {support_id:<12}  {}{not_sealed}{not_them}",
                entry.act,
                entry.outcome,
                whom.unwrap_or_else(|| "-".to_owned()),
                entry.network,
                entry.detail,
            ));
        }
    }
    if !as_json
        && i64::try_from(entries.len()).is_ok_and(|count| count == limit)
        && let Some(last) = entries.last().map(|last| last.number)
    {
        let person = person.map(|person| format!(" --person {}", quoted(&person))).unwrap_or_default();
        say(format_args!("More: keyward audit list --before {last} --limit {limit}{person}{same}"));
    }
    Ok(())
}

async fn verify(channel: &Channel, as_json: bool, expect: Option<Link>, same: &str) -> Result<(), Failure> {
    let expect = expect.map(|expect| expect.to_string());
    let Verification { end, waiting, begins_after, unproved } = channel.run(VerifyAudit { expect }).await?;
    match end {
        Ok((number, end)) if as_json => {
            say(json!({
                "holds": true, "number": number, "end": end, "waiting": waiting, "begins_after": begins_after,
                "unproved": unproved,
            }));
            Ok(())
        }
        Ok((number, end)) => {
            if number == 0 {
                say("The trail holds: nothing was sealed yet.");
            } else {
                say(format_args!(
                    "The trail holds, up to entry {number}. Keep this elsewhere; next time:\nkeyward audit verify --expect {end}{same}"
                ));
            }
            if unproved > 0 {
                say(format_args!(
                    "It begins after entry {begins_after}: {unproved} entries before were sealed under a key that was lost, and are \
                     NOT PROVED."
                ));
            } else if begins_after > 0 {
                say(format_args!(
                    "It begins after entry {begins_after}, behind a signed checkpoint: what was before is older than \
                     limits.audit_retention, and was pruned."
                ));
            }
            if waiting > 0 {
                say(format_args!("Entries that wait to be sealed, by a running server: {waiting}."));
            }
            Ok(())
        }
        Err(broken) => {
            if as_json {
                say(json!({ "holds": false, "error": broken }));
            }
            Err(format!("the audit trail does not hold: {broken}").into())
        }
    }
}

async fn begin_anew(trail: &AuditTrail, as_json: bool) -> Result<(), Failure> {
    if trail.is_its_key().await? {
        return Err("this is the key that the trail is sealed with: there is nothing to begin anew".into());
    }
    let now = auth_service::server::system_clock().now();
    let number = trail.begin_anew(&auth::Random::system(), now).await?;
    if as_json {
        say(json!({ "begins_after": number }));
    } else {
        say(format_args!(
            "A new chain begins after entry {number}. What is before it can no longer be proved."
        ));
    }
    Ok(())
}
