//! `keyward man`: the help of every verb, as manual pages.

use std::path::PathBuf;

use clap::{Args, Command};

use crate::{Failure, say};

/// Write manual pages, one for each verb, into a folder.
///
/// `man -l DIR/keyward.1` reads one; in a folder such as ~/.local/share/man/man1 `man keyward` finds them.
#[derive(Args)]
pub(crate) struct Man {
    /// The folder, which is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self, command: Command) -> Result<(), Failure> {
        let folder = self.folder;
        std::fs::create_dir_all(&folder)
            .and_then(|()| clap_mangen::generate_to(command, &folder))
            .map_err(|error| {
                format!(
                    "the manual pages cannot be written into {}: {error}; name a folder that you may write to",
                    folder.display()
                )
            })?;
        say(format_args!("Manual pages are in {}.", folder.display()));
        Ok(())
    }
}
