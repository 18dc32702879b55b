//! `keyward secrets migrate`: values go from files into the manager, and references take their place. Each step can be done again: a
//! run that was cut short is gone on with by running it once more, and one that has nothing to do says so.

mod edit;
mod env_file;
mod history;
mod keeping;
mod naming;
mod needles;
mod plan;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use auth_service::admin::SecretDeed;
use auth_service::config::Places;
use clap::Args;
use secrets::{ExposeSecret as _, Put, SecretRef, SecretString};
use serde_json::{Value, json};

use super::manager::{self, Writer};
use super::private_file::replace_text;
use super::trail::Note;
use crate::installation::Installation;
use crate::{Failure, say};
use edit::Edited;
use env_file::EnvFile;
use plan::{Plan, Sources};
use report::Report;

/// Move values out of .env and keyward.toml into Vault or OpenBao.
///
/// What stands in a file of variables and belongs to a setting of Keyward, or stands in the configuration in the place of a
/// reference, is written into one document of the manager, beside what is there, and read back. Then the configuration gets
/// references, and the lines go from the file of variables. Nothing is written before all of it is known to be right. Values that
/// have been in a git history are named: they have to be rotated. Run again, it goes on where it was cut short.
#[derive(Args)]
pub(super) struct Migrate {
    /// The file of variables
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The document that takes the values: `vault:MOUNT/PATH`
    #[arg(long, value_name = "PLACE", value_parser = document)]
    to: String,
    /// Take along what the configuration names in files and variables of this machine (`file:`, `credential:`, `env:`)
    #[arg(long)]
    files: bool,
    /// A variable whose name is not Keyward's, and the setting that it belongs to: `POSTMARK_TOKEN=mail.transport.token`
    #[arg(long, value_name = "VARIABLE=SETTING", value_parser = pair)]
    name: Vec<(String, String)>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Write over other values that the document has under the same keys
    #[arg(long)]
    force: bool,
    /// For how long a git history is searched; 0 to leave it out
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    history_seconds: u64,
    #[command(flatten)]
    writer: Writer,
}

/// The files, as they were read.
struct Files {
    config: PathBuf,
    text: SecretString,
    env: Option<(PathBuf, EnvFile)>,
}

impl Migrate {
    pub(super) async fn run(self, installation: &Installation, json: bool) -> Result<ExitCode, Failure> {
        let files = self.read(installation)?;
        let places = Places::of_text(&files.config, files.text.expose_secret())?.0;
        let env = files.env.as_ref().map(|(_, env)| env);
        let sources = Sources { path: &self.to, files: self.files, env, places: &places, named: &self.name };
        let plan = Plan::of(&sources).await?;
        let has_faults = plan.left.iter().any(|left| left.is_fault);
        let code = if has_faults { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        let edited = edit::edit(&plan.moves, &files.config, &files.text, env)?;
        let managers = manager::managers(Some(&files.config))?;
        let there = match plan.moves.as_slice() {
            [] => Vec::new(),
            _ => self.look(&plan, &managers).await?,
        };
        let values: Vec<&SecretString> = plan.moves.iter().map(|one| &one.value).collect();
        let history = match values.as_slice() {
            [] => history::History::default(),
            values => {
                history::search(&files.folders(), values, Duration::from_secs(self.history_seconds)).await
            }
        };
        let report = Report {
            plan: &plan,
            there: &there,
            history: &history,
            config: &files.config,
            env: files.env.as_ref().map(|(path, _)| path.as_path()),
        };
        if !json {
            say(report.text().trim_end());
            for line in env.iter().flat_map(|env| &env.unread) {
                say(format_args!(
                    "Left: line {line} of the file of variables: it sets no variable that is read here"
                ));
            }
        }
        if plan.moves.is_empty() || self.dry_run {
            match (json, plan.moves.is_empty()) {
                (true, _) => say(report.json(&Value::Null)),
                (false, true) => say("Nothing to move."),
                (false, false) => say("Nothing was changed (--dry-run)."),
            }
            return Ok(code);
        }
        self.refuse_others(&plan, &there)?;
        let put = self.put(&plan, &managers).await?;
        self.is_read_by_the_server(&plan, &managers).await?;
        files.write(&edited)?;
        let exposed = u32::try_from(report.exposed().count()).unwrap_or(u32::MAX);
        let note = Note {
            installation,
            config: Some(&files.config),
            deed: SecretDeed::Migrate,
            places: plan.moves.iter().map(|one| one.reference.clone()).collect(),
            exposed,
        };
        let is_noted = note.write().await;
        if json {
            let (config, env) = (edited.config.is_some(), edited.env.is_some());
            say(report.json(&json!({
                "written": put.changed, "version": put.version, "config": config, "env": env, "audited": is_noted,
            })));
        } else {
            self.tell(&files, &plan, &put, &edited);
        }
        Ok(code)
    }

    fn read(&self, installation: &Installation) -> Result<Files, Failure> {
        let config = manager::configuration(installation).ok_or(
            "there is no keyward.toml here, into which references could be written: name the configuration by --config",
        )?;
        let read = |path: &Path| -> Result<SecretString, Failure> {
            let text = std::fs::read_to_string(path);
            text.map(SecretString::from)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()).into())
        };
        let env = match &self.from {
            Some(path) => Some((path.clone(), EnvFile::parse(read(path)?))),
            None => None,
        };
        Ok(Files { text: read(&config)?, config, env })
    }

    fn tell(&self, files: &Files, plan: &Plan, put: &Put, edited: &Edited) {
        let version = put.version.as_ref().map(|version| format!(", version {version}")).unwrap_or_default();
        match put.changed.len() {
            0 => say(format_args!("All values were in vault:{} already{version}.", self.to)),
            written => say(format_args!(
                "Wrote {written} values into vault:{}{version}, and read them back.",
                self.to
            )),
        }
        if !put.is_checked {
            say(
                "Its engine is KV of version 1, which cannot tell whether somebody else wrote there at the same moment.",
            );
        }
        if edited.config.is_some() {
            say(format_args!("{} has references now.", files.config.display()));
        }
        if let (Some(_), Some((path, _))) = (&edited.env, &files.env) {
            say(format_args!("{} has none of these lines any more.", path.display()));
        }
        let elsewhere = plan.moves.iter().flat_map(|one| &one.from).filter_map(|source| match source {
            plan::Source::Elsewhere(reference) => Some(reference.to_string()),
            _ => None,
        });
        for reference in elsewhere {
            say(format_args!("Remove it once every server was started anew: {reference}"));
        }
        say(format_args!(
            "Next: auth-service secrets check --config {}, and start the servers anew, one after the other.",
            crate::installation::quoted(&files.config.display().to_string())
        ));
    }
}

impl Files {
    /// The configuration first: until a reference is there, the value has to be.
    fn write(&self, edited: &Edited) -> Result<(), Failure> {
        if let Some(text) = &edited.config {
            replace_text(&self.config, &self.text, text)?;
        }
        if let (Some(text), Some((path, env))) = (&edited.env, &self.env) {
            replace_text(path, env.text(), text)?;
        }
        Ok(())
    }

    /// Where they are, links followed.
    fn folders(&self) -> Vec<PathBuf> {
        let files = [Some(&self.config), self.env.as_ref().map(|(path, _)| path)];
        let mut folders = Vec::new();
        for file in files.into_iter().flatten() {
            for path in [std::path::absolute(file), std::fs::canonicalize(file)].into_iter().flatten() {
                let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        }
        folders
    }
}

/// `vault:kv/keyward`, as `kv/keyward`.
fn document(text: &str) -> Result<String, String> {
    if text.contains('#') {
        return Err("it names a whole document, of which each setting gets a key of its own: leave out #KEY"
            .to_owned());
    }
    match format!("{text}#key").parse() {
        Ok(SecretRef::Vault { path, .. }) => Ok(path),
        _ => Err("values are moved into Vault or OpenBao: write vault:MOUNT/PATH, such as vault:kv/keyward"
            .to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, setting) =
        text.split_once('=').ok_or("write VARIABLE=SETTING, such as POSTMARK_TOKEN=mail.transport.token")?;
    Ok((name.to_owned(), setting.to_owned()))
}
