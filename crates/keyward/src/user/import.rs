//! `keyward user import`: accounts from elsewhere, with the hashes of their passwords, which are verified as they are and
//! replaced as their owners sign in.

use std::collections::HashSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use auth::FirebaseParameters;
use auth_service::admin::{ADDRESS_TAKEN, ImportBatch, ImportUsers, ImportedRow};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::progress::{Begun, Progress};
use super::rejects::{Form, Rejects};
use super::source::{Origin, Original, Row, is_csv};
use crate::channel::Channel;
use crate::installation::Installation;
use crate::{Failure, misused, say};

/// Bytes of JSON of a batch, at which it is sent: the next row is no larger than a half of what is taken at once.
const FULL: usize = ImportUsers::LARGEST / 2;
/// What the shell is told where some rows are in and others were refused.
const SOME_REFUSED: u8 = 3;
/// Around the rows: what the command line says, and the parameters of Firebase.
const ENVELOPE: usize = 64 * 1024;

/// Bring in accounts from elsewhere, with the hashes of their passwords.
///
/// From a file, or straight from the running PostgreSQL database of another server of the auth-service family, of which the table
/// `users (email, password_hash, requires_2fa)` is read and nothing else.
///
/// Each row has an `email`, and may have `password_hash`, `name`, `locale`, `second_step` (or `requires_2fa`) and `proved`. An
/// address that has an account already is refused, and that account left as it is. What was cut short goes on where it
/// stopped when it is called again.
///
/// The exit code is 0 if all rows are in, 3 if some were refused, 1 if it failed or was cut short, and 2 if it was called wrongly.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Import {
    /// The rows: .ndjson (one JSON object a line) or .csv (with a line of names first).
    #[arg(value_name = "FILE", required_unless_present = "from", conflicts_with = "from")]
    file: Option<PathBuf>,
    /// A database: `postgres://user@host/database`, or `env:NAME` or `file:/absolute/path` of where that is written with its
    /// password.
    #[arg(long, value_name = "DATABASE")]
    from: Option<String>,
    /// Look at every row and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Rows that were refused go here, in the form of FILE, each with its line and the reason, to be mended and imported; without it,
    /// beside FILE, or in this folder under the name of the database: `FILE.rejects.ndjson` (or `.csv`, as FILE is), of a dry run
    /// `FILE.dry-run.rejects.ndjson`.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Addresses are not known to be their owners' where a row does not say: each has to prove its own before it can sign in.
    #[arg(long)]
    unproved: bool,
    /// The password hash parameters of a Firebase project, as its console shows them, as JSON. They hold a secret.
    #[arg(long, value_name = "FILE")]
    firebase: Option<PathBuf>,
    /// Begin with the first row, although an import of this file was cut short.
    #[arg(long)]
    restart: bool,
    #[command(flatten)]
    installation: Installation,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// One import under way.
struct UnderWay {
    channel: Channel,
    proved: bool,
    firebase: Option<FirebaseParameters>,
    rejects: Rejects,
    dry_run: bool,
    /// Addresses seen so far, where the server does not tell of two rows with one: nothing is written, or the first may have been in.
    seen: Option<HashSet<String>>,
    progress: Progress,
    /// The rows that were under way when it was cut short: they may be in.
    cut_short: Option<ImportBatch>,
    bar: ProgressBar,
    /// Whether rows were sent: then some may be in, whatever came of it.
    has_asked: bool,
}

impl Import {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let origin = Origin::open(self.file.as_deref(), self.from.as_deref()).await?;
        let form = origin.form().map_err(misused)?;
        // One that is not there.
        origin.length().map_err(misused)?;
        // A dry run has a file of its own: that of an import that was cut short is gone on with.
        let rejected = if self.dry_run { "dry-run.rejects" } else { "rejects" };
        let rejects = self
            .rejects
            .clone()
            .unwrap_or_else(|| beside(origin.name(), &format!("{rejected}.{}", form.ending())));
        is_of_its_form(&rejects, &form).map_err(misused)?;
        let firebase = self.firebase.as_deref().map(firebase).transpose().map_err(misused)?;
        let _claim = if self.dry_run { None } else { origin.claim()? };
        let place = beside(origin.name(), "progress");
        let Begun { progress, goes_on, cut_short } = self.begin(&origin, &place)?;
        let mut run = UnderWay {
            channel: self.installation.channel().await?,
            proved: !self.unproved,
            firebase,
            rejects: self.rejects_file(&rejects, &form, goes_on)?,
            dry_run: self.dry_run,
            seen: (self.dry_run || cut_short.is_some()).then(HashSet::new),
            bar: ProgressBar::hidden(),
            progress,
            cut_short,
            has_asked: false,
        };
        let done = self.bring_in(&mut run, origin, &place).await;
        run.bar.finish_and_clear();
        let UnderWay { channel, progress, rejects: kept, has_asked, .. } = run;
        channel.close().await;
        drop(kept);
        if let Err(error) = done {
            if self.dry_run {
                return Err(error);
            }
            if !has_asked && !goes_on {
                // Nothing was done, so that nothing is to be gone on with.
                Progress::remove(&place)?;
                Rejects::remove_empty(&rejects);
            }
            return Err(goes_on_behind(&progress, &*error));
        }
        if !self.dry_run {
            Progress::remove(&place)?;
        }
        self.report(&progress, &rejects)
    }

    /// All rows, a batch at a time.
    async fn bring_in(&self, run: &mut UnderWay, mut origin: Origin, place: &Path) -> Result<(), Failure> {
        // From here on the file of rejects is this import's, whenever it may be ended.
        self.keep(place, &run.progress)?;
        run.bar = bar(&mut origin).await?;
        if run.progress.line > 0 && !self.json {
            say(format_args!("Going on after line {}.", run.progress.line));
        }
        let (mut batch, mut bytes) = (Vec::with_capacity(ImportUsers::MOST), 0);
        let mut rows = origin.rows(run.progress.line, run.progress.after.as_deref()).await?;
        run.bar.set_position(run.progress.line);
        while let Some(row) = rows.next().await? {
            let row = bounded(row)?;
            bytes += row.1;
            batch.push(row.0);
            if batch.len() == ImportUsers::MOST || bytes >= FULL {
                run.take(std::mem::take(&mut batch)).await?;
                self.keep(place, &run.progress)?;
                bytes = 0;
            }
        }
        run.take(batch).await?;
        rows.close().await;
        Ok(())
    }

    /// Where refused rows go.
    fn rejects_file(&self, path: &Path, form: &Form, go_on: bool) -> Result<Rejects, Failure> {
        if self.dry_run && self.rejects.is_none() && path.symlink_metadata().is_ok_and(|file| file.is_file())
        {
            // Under this name only another dry run writes.
            std::fs::remove_file(path)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        }
        Rejects::open(path, form, go_on)
    }

    /// How far it has come.
    fn begin(&self, origin: &Origin, place: &Path) -> Result<Begun, Failure> {
        let length = origin.length()?;
        if self.restart || self.dry_run {
            return Ok(Begun { progress: Progress::fresh(length), goes_on: false, cut_short: None });
        }
        Progress::read(place, origin.name(), length)
    }

    fn keep(&self, place: &Path, progress: &Progress) -> Result<(), Failure> {
        if self.dry_run { Ok(()) } else { progress.keep(place) }
    }

    fn report(&self, progress: &Progress, rejects: &Path) -> Result<ExitCode, Failure> {
        let Progress { added, refused, taken, .. } = *progress;
        let code = if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) };
        if refused == 0 {
            std::fs::remove_file(rejects)?;
        }
        let kept = (refused > 0).then(|| rejects.display().to_string());
        if self.json {
            say(json!({
                "dry_run": self.dry_run, "added": added, "refused": refused, "taken": taken, "rejects": kept,
            }));
            return Ok(code);
        }
        let would = if self.dry_run { "would be " } else { "" };
        say(format_args!("{added} accounts {would}added, {refused} rows {would}refused."));
        if taken > 0 {
            say(format_args!(
                "Of these the addresses of {taken} have an account already, which is left as it is: another import may have brought it in."
            ));
        }
        if let Some(rejects) = kept {
            say(format_args!(
                "Each that is refused stands in {rejects} with its line and the reason: mend it there, and import that file. It holds \
                 password hashes: delete it when you are done."
            ));
        }
        Ok(code)
    }
}

impl UnderWay {
    /// Adds the accounts of a batch, and keeps what is refused of it.
    async fn take(&mut self, batch: Vec<Row>) -> Result<(), Failure> {
        let Some(last) = batch.last() else { return Ok(()) };
        let (last, address) = (last.line, last.address.clone());
        let rows = batch.len() as u64;
        let mut sent = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for Row { line, fields, original, address: _ } in batch {
            let unreadable = fields.map(|fields| sent.push(fields)).err();
            places.push((line, original, unreadable));
        }
        let (proved, firebase) = (self.proved, self.firebase.clone());
        let asked = ImportUsers {
            rows: sent,
            proved,
            firebase,
            dry_run: self.dry_run,
            batch: Some(self.progress.batch()),
            cut_short: self.cut_short.clone(),
        };
        self.has_asked = true;
        let mut done = self.channel.run(asked).await?.into_iter();
        for (line, original, unreadable) in places {
            let refused = match unreadable.map(ImportedRow::Refused).or_else(|| done.next()) {
                Some(ImportedRow::Added(address) | ImportedRow::There(address)) => {
                    let is_new = self.seen.as_mut().is_none_or(|seen| seen.insert(address));
                    (!is_new).then(|| ADDRESS_TAKEN.to_owned())
                }
                Some(ImportedRow::Refused(reason)) => Some(reason),
                None => return Err("the server answered for fewer rows than it was sent".into()),
            };
            match refused {
                Some(reason) => self.refuse(line, &reason, original)?,
                None => self.progress.added += 1,
            }
        }
        self.rejects.flush()?;
        self.progress.line = last;
        if address.is_some() {
            self.progress.after = address;
        }
        self.bar.inc(rows);
        Ok(())
    }

    fn refuse(&mut self, line: u64, reason: &str, row: Original) -> Result<(), Failure> {
        self.progress.refused += 1;
        if reason == ADDRESS_TAKEN {
            self.progress.taken += 1;
        }
        self.rejects.write(line, reason, row)
    }
}

/// A row, and how many bytes of JSON it is: one that is larger than any account is refused.
fn bounded(row: Row) -> Result<(Row, usize), Failure> {
    let Ok(fields) = &row.fields else { return Ok((row, 0)) };
    let bytes = serde_json::to_vec(fields)?.len();
    if bytes <= ImportUsers::LARGEST - FULL - ENVELOPE {
        return Ok((row, bytes));
    }
    Ok((Row { fields: Err(format!("it is too long: {bytes} bytes")), ..row }, 0))
}

/// Why it ended, and that it may be called again.
fn goes_on_behind(progress: &Progress, error: &dyn std::error::Error) -> Failure {
    let error = error.to_string();
    let error = error.trim_end_matches('.');
    let Progress { line, added, .. } = *progress;
    let again = if line == 0 {
        "No row is known to be in: call it again once that is mended".to_owned()
    } else {
        format!("{added} accounts are in: call it again, and it goes on behind line {line}")
    };
    format!("{error}. {again}").into()
}

/// Refused rows are written to a file that ends as the one that is imported does, for it is to be imported itself.
fn is_of_its_form(rejects: &Path, form: &Form) -> Result<(), Failure> {
    if is_csv(rejects).ok() == Some(matches!(form, Form::Csv(_))) {
        return Ok(());
    }
    Err(format!(
        "--rejects {} must end with .{}: it is written in the form of what is imported, to be mended and imported itself",
        rejects.display(),
        form.ending()
    )
    .into())
}

/// `people.ndjson` and `progress` make `people.ndjson.progress`.
fn beside(file: &Path, what: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    name.into()
}

fn firebase(path: &Path) -> Result<FirebaseParameters, Failure> {
    let cannot = |error: &dyn std::fmt::Display| {
        format!(
            "{} holds no parameters of Firebase (base64_signer_key, base64_salt_separator, rounds, mem_cost): {error}",
            path.display()
        )
    };
    let text = std::fs::read(path).map_err(|error| cannot(&error))?;
    Ok(serde_json::from_slice(&text).map_err(|error| cannot(&error))?)
}

/// Shown while somebody watches.
async fn bar(origin: &mut Origin) -> Result<ProgressBar, Failure> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let bar = ProgressBar::with_draw_target(Some(origin.count().await?), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {per_sec}, {eta} to go");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    Ok(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_cut_short_says_how_it_is_gone_on_with() {
        let progress = Progress { line: 1500, added: 1498, ..Progress::fresh(1) };
        let said = goes_on_behind(&progress, &std::io::Error::other("the server broke off"));
        assert_eq!(
            said.to_string(),
            "the server broke off. 1498 accounts are in: call it again, and it goes on behind line 1500"
        );
        let said = goes_on_behind(&Progress::fresh(1), &std::io::Error::other("no."));
        assert_eq!(said.to_string(), "no. No row is known to be in: call it again once that is mended");
    }
}
