//! What deploys leave in the folder of a stack: who is at it, how far one is, and what there has been. Whoever is killed leaves enough that
//! the next command finishes or undoes it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan::{Kind, Plan, Step};
use crate::Failure;

/// Beside compose.yml.
const FOLDER: &str = "deploys";
const LOCK: &str = "lock";
const UNDER_WAY: &str = "under-way.json";
const HISTORY: &str = "history.ndjson";

/// A program that outlives whoever called it is done by then.
const LOOKS: u32 = 600;
const BETWEEN: Duration = Duration::from_millis(200);

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
}

/// Who is at it. Moments are Unix microseconds.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Owner {
    /// The user who called, by number.
    pub(crate) user: u32,
    /// The number of the process.
    pub(crate) process: u32,
    pub(crate) what: Kind,
    pub(crate) since: i64,
    /// It ends itself by then.
    pub(crate) until: i64,
}

impl Owner {
    /// Whether its process runs.
    fn is_there(&self) -> bool {
        let process = i32::try_from(self.process).ok().and_then(Pid::from_raw);
        // One that may not be asked is there.
        process.is_some_and(|process| !matches!(test_kill_process(process), Err(Errno::SRCH)))
    }
}

/// Nobody else is at it while this is held: the kernel lets go of it with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Arc<File>,
}

impl Lock {
    /// For a program that acts in the name of this process, and may outlive it.
    pub(crate) fn file(&self) -> Arc<File> {
        self.file.clone()
    }
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody else is at it.
    Busy(Option<Owner>),
    Failed(Failure),
}

/// A deploy that has begun and not ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct UnderWay {
    pub(crate) id: Uuid,
    pub(crate) plan: Plan,
    /// The step that was begun last.
    pub(crate) step: Step,
    pub(crate) since: i64,
}

/// How one ended.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// What is new serves.
    Done,
    /// What ran goes on.
    Undone,
}

/// One that has ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Past {
    pub(crate) id: Uuid,
    pub(crate) plan: Plan,
    pub(crate) since: i64,
    pub(crate) until: i64,
    pub(crate) outcome: Outcome,
    /// Why it was undone, or what is wrong although it is done.
    pub(crate) why: Option<String>,
    /// Requests of the probe, and those of them that failed; nothing if there was none.
    pub(crate) requests: Option<u64>,
    pub(crate) failed: Option<u64>,
}

impl Journal {
    pub(crate) fn of(stack: &Path) -> Self {
        Self { folder: stack.join(FOLDER) }
    }

    fn failed(&self, name: &str) -> impl Fn(std::io::Error) -> Failure {
        let path = self.folder.join(name);
        move |error| format!("{}: {error}; deploys are for whoever may write there", path.display()).into()
    }

    /// Makes sure that nobody else is at it.
    pub(crate) async fn lock(&self, owner: &Owner) -> Result<Lock, LockError> {
        let mut looks = 0;
        loop {
            match self.try_lock(owner) {
                // Whoever is gone may have left a program behind that is not done: it is waited for.
                Err(LockError::Busy(Some(who))) if looks < LOOKS && !who.is_there() => looks += 1,
                tried => return tried,
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    fn try_lock(&self, owner: &Owner) -> Result<Lock, LockError> {
        let failed = |error| LockError::Failed(self.failed(LOCK)(error));
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(failed)?;
        let path = self.folder.join(LOCK);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let said = fs::read(&path).unwrap_or_default();
                return Err(LockError::Busy(serde_json::from_slice(&said).ok()));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let text = serde_json::to_string(owner).map_err(|error| LockError::Failed(error.into()))?;
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(failed)?;
        Ok(Lock { file: Arc::new(file) })
    }

    /// The deploy that was broken off, or is under way.
    pub(crate) fn under_way(&self) -> Result<Option<UnderWay>, Failure> {
        let path = self.folder.join(UNDER_WAY);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(UNDER_WAY)(error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            format!(
                "{} says how far a deploy is, and cannot be read ({error}): see which colours run (`docker compose ps`), make \
                 COMPOSE_PROFILES in .env say so, and remove the file",
                path.display()
            )
            .into()
        })
    }

    /// Writes down how far it is, before that is begun.
    pub(crate) fn begin(&self, under_way: &UnderWay) -> Result<(), Failure> {
        let write = || {
            let beside = self.folder.join("under-way.new");
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(serde_json::to_string(under_way)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, self.folder.join(UNDER_WAY))?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(self.failed(UNDER_WAY))
    }

    /// It has ended: it is past from here on. An end that is written twice, since whoever wrote it was killed in between, is one.
    pub(crate) fn end(&self, past: &Past) -> Result<(), Failure> {
        let is_known = self.history()?.last().is_some_and(|last| last.id == past.id);
        let write = || {
            if !is_known {
                let path = self.folder.join(HISTORY);
                let is_whole =
                    fs::read(&path).map_or(true, |text| text.last().is_none_or(|last| *last == b'\n'));
                let begins = if is_whole { "" } else { "\n" };
                let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                file.write_all(format!("{begins}{}\n", serde_json::to_string(past)?).as_bytes())?;
                file.sync_all()?;
            }
            // It may have ended before its first step.
            match fs::remove_file(self.folder.join(UNDER_WAY)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            }
        };
        write().map_err(self.failed(HISTORY))
    }

    /// What there has been, the latest at the end. A line that broke off is left out.
    pub(crate) fn history(&self) -> Result<Vec<Past>, Failure> {
        let file = match File::open(self.folder.join(HISTORY)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(HISTORY)(error)),
        };
        let mut past = Vec::new();
        for line in BufReader::new(file).lines() {
            past.extend(serde_json::from_str(&line.map_err(self.failed(HISTORY))?));
        }
        Ok(past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { user: 0, process: std::process::id(), what: Kind::Deploy, since: 1, until: 2 }
    }

    fn under_way() -> UnderWay {
        let plan = Plan { kind: Kind::Deploy, turns: Vec::new() };
        UnderWay { id: Uuid::from_u128(1), plan, step: Step::Start, since: 1 }
    }

    fn past() -> Past {
        let UnderWay { id, plan, since, .. } = under_way();
        Past {
            id,
            plan,
            since,
            until: 2,
            outcome: Outcome::Done,
            why: None,
            requests: Some(3),
            failed: Some(0),
        }
    }

    #[tokio::test]
    async fn one_at_a_time_and_whoever_comes_second_is_told_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::of(folder.path());
        let lock = journal.lock(&owner()).await.unwrap();
        match journal.lock(&Owner { process: 1, ..owner() }).await {
            Err(LockError::Busy(who)) => assert_eq!(who, Some(owner())),
            other => panic!("{other:?}"),
        }
        drop(lock);
        journal.lock(&owner()).await.unwrap();
    }

    /// A process that was killed left a program behind, and who came next was at it too.
    #[tokio::test]
    async fn what_a_killed_process_has_left_behind_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::of(folder.path());
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        let killed = Owner { process: gone.id(), ..owner() };
        gone.wait().unwrap();
        let lock = journal.lock(&killed).await.unwrap();
        let (reads, mut writes) = std::io::pipe().unwrap();
        let mut left = {
            let mut program = std::process::Command::new("cat");
            program.stdin(reads).stdout(lock.file().try_clone().unwrap()).spawn().unwrap()
        };
        drop(lock);
        let next = owner();
        let waiting = journal.lock(&next);
        tokio::pin!(waiting);
        let waited = tokio::time::timeout(BETWEEN, waiting.as_mut()).await;
        assert!(waited.is_err(), "it is not done");
        writes.write_all(b" ").unwrap();
        drop(writes);
        left.wait().unwrap();
        waiting.await.unwrap();
    }

    #[test]
    fn how_far_it_is_stands_there_until_its_end_does() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::of(folder.path());
        let _lock = journal.try_lock(&owner()).unwrap();
        assert_eq!(journal.under_way().unwrap(), None);
        assert!(journal.history().unwrap().is_empty());
        journal.begin(&under_way()).unwrap();
        assert_eq!(journal.under_way().unwrap(), Some(under_way()));
        journal.end(&past()).unwrap();
        assert_eq!(journal.under_way().unwrap(), None);
        assert_eq!(journal.history().unwrap(), [past()]);
        // Killed between the two writes of an end, it is ended again.
        journal.begin(&under_way()).unwrap();
        journal.end(&past()).unwrap();
        assert_eq!(journal.history().unwrap(), [past()]);
        // A line that broke off is none.
        let path = folder.path().join(FOLDER).join(HISTORY);
        fs::write(&path, format!("{}{{\"id\":", fs::read_to_string(&path).unwrap())).unwrap();
        assert_eq!(journal.history().unwrap(), [past()]);
        let next = Past { id: Uuid::from_u128(2), ..past() };
        journal.begin(&under_way()).unwrap();
        journal.end(&next).unwrap();
        assert_eq!(journal.history().unwrap(), [past(), next]);
    }

    #[test]
    fn what_cannot_be_read_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::of(folder.path());
        let _lock = journal.try_lock(&owner()).unwrap();
        fs::write(folder.path().join(FOLDER).join(UNDER_WAY), "{").unwrap();
        let error = journal.under_way().unwrap_err().to_string();
        assert!(error.contains("and remove the file"), "{error}");
    }
}
