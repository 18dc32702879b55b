//! `keyward secrets generate`: a fresh key.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use auth_service::admin::{SecretDeed, group_number};
use clap::{Args, ValueEnum};
use secrets::{ExposeSecret as _, KeyForm, SecretRef, generate_key};
use serde_json::json;

use super::manager::{self, Writer};
use super::private_file::{Draft, is_free};
use super::trail::Note;
use crate::installation::Installation;
use crate::{Failure, say};

/// Make a fresh key.
///
/// Without --to it is printed, and nothing else is: pipe it into what keeps it, and it is on no screen and in no history of a
/// shell. With --to it is written there, and not printed.
#[derive(Args)]
pub(super) struct Generate {
    /// How many bytes
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(16..=1024))]
    bytes: u16,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Base64)]
    format: Format,
    /// Where to write it: `file:/absolute/path`, or `vault:MOUNT/PATH#KEY`, beside the other keys there
    #[arg(long, value_name = "REFERENCE")]
    to: Option<SecretRef>,
    /// Write over what is there
    #[arg(long, requires = "to")]
    force: bool,
    /// A group that may read the file, by name or number: it gets mode 0440; without one 0400
    #[arg(long, value_name = "GROUP", requires = "to")]
    group: Option<String>,
    #[command(flatten)]
    writer: Writer,
}

/// How a key is written.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// With padding
    Base64,
    /// Two digits a byte
    Hex,
}

impl Generate {
    pub(super) async fn run(self, installation: &Installation, json: bool) -> Result<ExitCode, Failure> {
        let Some(to) = &self.to else { return self.print(json) };
        let config = manager::configuration(installation);
        let version = match to {
            SecretRef::File(path) => {
                if !self.force {
                    is_free(path)?;
                }
                Draft::of_secret(path, group(self.group.as_deref())?)?.put(&self.key(), self.force)?;
                None
            }
            SecretRef::Vault { .. } if self.group.is_some() => {
                return Err("--group is for a file: who may read in Vault, its policies say".into());
            }
            SecretRef::Vault { path, key } => {
                let managers = manager::managers(config.as_deref())?;
                let keeper = self.writer.keeper(&managers)?;
                keeper.put(path, &[(key.clone(), self.key())], self.force).await?.version
            }
            other => {
                return Err(format!(
                    "{other} is no place that a key is written to: write it to file:/absolute/path or vault:MOUNT/PATH#KEY, or pipe \
                     what is printed without --to into the tool of that place"
                )
                .into());
            }
        };
        let note = Note {
            installation,
            config: config.as_deref(),
            deed: SecretDeed::Generate,
            places: vec![to.clone()],
            exposed: 0,
        };
        let is_noted = note.write().await;
        if json {
            say(json!({ "reference": to, "bytes": self.bytes, "version": version, "audited": is_noted }));
        } else {
            let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
            say(format_args!("A new key of {} bytes is at {to}{version}.", self.bytes));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn key(&self) -> secrets::SecretString {
        let form = match self.format {
            Format::Base64 => KeyForm::Base64,
            Format::Hex => KeyForm::Hex,
        };
        generate_key(usize::from(self.bytes), form)
    }

    /// On a screen with a line of its own. Elsewhere without its end: `vault kv put kv/a key=-` would keep that too.
    fn print(&self, json: bool) -> Result<ExitCode, Failure> {
        if json {
            return Err("the key alone is printed: leave out --json, or write it somewhere by --to".into());
        }
        let mut output = std::io::stdout();
        let end: &[u8] = if output.is_terminal() { b"\n" } else { b"" };
        output
            .write_all(self.key().expose_secret().as_bytes())
            .and_then(|()| output.write_all(end))
            .and_then(|()| output.flush())
            .map_err(|error| format!("the key could not be written, and is lost: {error}"))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The number of a group that is named or numbered.
pub(super) fn group(name: Option<&str>) -> Result<Option<u32>, Failure> {
    let Some(name) = name else { return Ok(None) };
    let missing = || format!("there is no group {name} here: make it (groupadd {name}), or write its number");
    Ok(Some(group_number(name).ok_or_else(missing)?))
}
