//! `keyward user`: the accounts of people.

mod family;
mod import;
mod rows;
mod source;

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
    /// Bring in accounts from elsewhere, with the hashes of their passwords.
    Import(import::Import),
}

impl User {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::Import(import) => import.run().await,
        }
    }
}
