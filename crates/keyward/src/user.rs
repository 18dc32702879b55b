//! `keyward user`: the accounts of people.

mod accounts;
mod family;
mod import;
mod progress;
mod rejects;
mod source;

use std::process::ExitCode;

use auth_service::admin::UserAct;
use clap::{Args, Subcommand};

use crate::Failure;

/// See to the accounts of people.
#[derive(Args)]
pub(crate) struct User {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List accounts, in the order of their addresses.
    List(accounts::List),
    /// Show one account.
    Show(accounts::One),
    /// Disable an account: every session ends at once, and nobody signs in to it. Its owner is told by mail.
    Disable(accounts::One),
    /// Enable an account again.
    Enable(accounts::One),
    /// End every session of an account, and whatever apps hold of it.
    EndSessions(accounts::One),
    /// Ask for no code by mail any more, after the password. A password that is too short to be alone is asked a code for until its owner
    /// has set a longer one.
    ResetSecondStep(accounts::One),
    /// Delete an account and all that hangs on it, for good.
    Delete(accounts::Delete),
    /// Bring in accounts from elsewhere, with the hashes of their passwords.
    Import(import::Import),
}

impl User {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Import(import) => return import.run().await,
            Verb::List(list) => list.run().await,
            Verb::Show(one) => one.show().await,
            Verb::Disable(one) => one.act(UserAct::Disable).await,
            Verb::Enable(one) => one.act(UserAct::Enable).await,
            Verb::EndSessions(one) => one.act(UserAct::EndSessions).await,
            Verb::ResetSecondStep(one) => one.act(UserAct::ResetSecondStep).await,
            Verb::Delete(delete) => delete.run().await,
        }
        .map(|()| ExitCode::SUCCESS)
    }
}
