//! What is undone by itself, unless somebody who got in since says that it is well: the files as they were before, written down before the
//! first is changed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::tree::{Tree, Wanted};
use super::wanted::SOCKET_UNIT;
use super::{has_systemd, program, session, sshd};
use crate::Failure;

const FOLDER: &str = "/var/lib/keyward-host";
const RECORD: &str = "undo.json";
/// Whoever moves it there has it, and nobody else.
const TAKEN: &str = "undo.taken.json";
/// What systemd calls what undoes.
pub(super) const TIMER: &str = "keyward-host-undo";
/// The unit that takes orders.
const SOCKET: &str = "keyward-deploy.socket";

/// Undo what `keyward host setup` has changed, unless it was confirmed: what that starts, and nobody else has to.
#[derive(Args)]
pub(crate) struct Undo {
    /// What to undo.
    #[arg(long)]
    id: Uuid,
    /// So many seconds from now.
    #[arg(long, default_value_t = 0)]
    after: u64,
}

impl Undo {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        if self.after > 0 {
            // The login that it was started from may end.
            let _ = rustix::process::setsid();
        }
        for _ in 0..self.after {
            if Record::pending()?.is_none_or(|record| record.id != self.id) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        match Record::pending()? {
            Some(record) if record.id == self.id => {
                if Record::take()? {
                    record.restore()?;
                }
                Ok(())
            }
            // It was confirmed, or undone.
            _ => Ok(()),
        }
    }
}

/// What was there before.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Record {
    id: Uuid,
    /// When sshd was told of what is new, by the clock of `session`.
    pub(super) since: u64,
    files: Vec<Before>,
}

/// A file, and its text if it was there.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Before {
    path: PathBuf,
    text: Option<String>,
}

impl Record {
    /// Of what is there now, where these are to be. Nobody can confirm it yet.
    pub(super) fn of(id: Uuid, wanted: &[&Wanted]) -> Result<Self, String> {
        let tree = Tree::of(None);
        let before = wanted
            .iter()
            .map(|file| tree.text(&file.path).map(|text| Before { path: file.path.clone(), text }));
        Ok(Self { id, since: u64::MAX, files: before.collect::<Result<_, _>>()? })
    }

    /// The one that waits for a word.
    pub(super) fn pending() -> Result<Option<Self>, String> {
        let path = Path::new(FOLDER).join(RECORD);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| format!("{} cannot be read: {error}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// Writes it down. It is on the disk when this returns.
    pub(super) fn write(&self) -> Result<(), String> {
        let folder = Path::new(FOLDER);
        let write = || {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let beside = folder.join("undo.new");
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(serde_json::to_string(self)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, folder.join(RECORD))?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|error| format!("what was there before cannot be written down in {FOLDER}: {error}"))
    }

    /// From now on whoever logs in can confirm it.
    pub(super) fn can_be_confirmed(&self) -> Result<(), String> {
        Self { since: session::now()?, ..self.clone() }.write()
    }

    /// Whether it is whoever asks who has it: of the one who confirms and the one who undoes only one does.
    pub(super) fn take() -> Result<bool, String> {
        let folder = Path::new(FOLDER);
        match fs::rename(folder.join(RECORD), folder.join(TAKEN)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(format!("{FOLDER}: {error}")),
        }
    }

    /// Everything is as it was.
    pub(super) fn restore(&self) -> Result<(), String> {
        let tree = Tree::of(None);
        let is_gone = |path: &str| {
            self.files.iter().any(|before| before.path == Path::new(path) && before.text.is_none())
        };
        if has_systemd() && is_gone(SOCKET_UNIT) {
            // Nothing more can be done if it was not there.
            let _ = program("systemctl", &["disable", "--now", SOCKET]);
        }
        let mut wrong = Vec::new();
        for before in &self.files {
            let put = match &before.text {
                Some(text) => tree.put(&Wanted { path: before.path.clone(), text: text.clone() }),
                None => tree.take_away(&before.path),
            };
            wrong.extend(put.err());
        }
        wrong.extend(sshd::reload().err());
        if has_systemd() {
            wrong.extend(program("systemctl", &["daemon-reload"]).err());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    /// Has it undone after so many seconds.
    pub(super) fn arm(&self, seconds: u64) -> Result<(), String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let (own, id) = (own.display().to_string(), self.id.to_string());
        if has_systemd() {
            let (unit, on_active) = (format!("--unit={TIMER}"), format!("--on-active={seconds}s"));
            let timer = [
                "--collect",
                &unit,
                &on_active,
                "--timer-property=AccuracySec=1s",
                &own,
                "host",
                "undo",
                "--id",
                &id,
            ];
            return program("systemd-run", &timer).map(drop);
        }
        let mut guard = Command::new(&own);
        guard.args(["host", "undo", "--id", &id, "--after", &seconds.to_string()]).current_dir("/");
        guard.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        guard.spawn().map(drop).map_err(|error| format!("{own} cannot be run: {error}"))
    }
}

/// Has systemd know what is new, and take orders.
pub(super) fn take_orders() -> Result<(), String> {
    if !has_systemd() {
        return Ok(());
    }
    program("systemctl", &["daemon-reload"])?;
    program("systemctl", &["enable", "--now", SOCKET]).map(drop)
}
