//! `docker compose`, called with a list of arguments and never through a shell.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::oneshot;

/// Compose in the folder of a stack.
#[derive(Clone, Debug)]
pub(crate) struct Compose {
    folder: PathBuf,
    /// What it is told beside what `.env` says, which counts for less.
    variables: Vec<(String, String)>,
    /// What whoever calls holds, and it with them: it may outlive them.
    lock: Option<Arc<File>>,
}

impl Compose {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), variables: Vec::new(), lock: None }
    }

    /// The same, told this as well.
    pub(crate) fn told(&self, name: &str, value: &str) -> Self {
        let mut told = self.clone();
        told.variables.push((name.to_owned(), value.to_owned()));
        told
    }

    /// The same, which holds this lock for as long as it runs.
    pub(crate) fn holding(mut self, lock: Arc<File>) -> Self {
        self.lock = Some(lock);
        self
    }

    /// What `docker compose ARGUMENTS` prints.
    ///
    /// # Errors
    ///
    /// Why it failed, in the words that it said last.
    pub(crate) async fn run(&self, arguments: &[&str], patience: Duration) -> Result<String, String> {
        self.ended(arguments, patience).await?.well()
    }

    /// How it ended: of a program that says no by its exit code, what it printed counts too.
    ///
    /// # Errors
    ///
    /// That it could not be run, or did not end.
    pub(crate) async fn ended(&self, arguments: &[&str], patience: Duration) -> Result<Ended, String> {
        let mut words = vec!["compose"];
        words.extend_from_slice(arguments);
        let lock = self.lock.as_ref().map(|lock| lock.try_clone()).transpose();
        let lock = lock.map_err(|error| format!("docker cannot be run ({error})"))?;
        run(&self.folder, &words, &self.variables, lock, patience).await
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    is_well: bool,
    pub(crate) said: String,
    error: String,
}

impl Ended {
    /// What it printed, if it ended well; else what it said last.
    pub(crate) fn well(self) -> Result<String, String> {
        if self.is_well {
            return Ok(self.said);
        }
        let why = self.error.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(why.unwrap_or("`docker` failed and does not say why").to_owned())
    }
}

/// How `docker ARGUMENTS` ends. Whatever happens to whoever asks, it ends by itself or when its time is up: what it was told to do is not
/// left half done.
///
/// # Errors
///
/// That it could not be run, or did not end.
pub(crate) async fn docker(folder: &Path, arguments: &[&str], patience: Duration) -> Result<Ended, String> {
    run(folder, arguments, &[], None, patience).await
}

async fn run(
    folder: &Path,
    arguments: &[&str],
    variables: &[(String, String)],
    lock: Option<File>,
    patience: Duration,
) -> Result<Ended, String> {
    let called = format!("docker {}", arguments.first().copied().unwrap_or_default());
    let mut child = Command::new("docker")
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        // A file that was read to its end is as good as none.
        .stdin(lock.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Compose is a program that `docker` starts: both are ended together, and by nothing that is typed at the terminal.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("docker cannot be run ({error})"))?;
    let (said, error) = (read_beside(child.stdout.take()), read_beside(child.stderr.take()));
    let both = async { (said.await.unwrap_or_default(), error.await.unwrap_or_default()) };
    let read = tokio::time::timeout(patience, both).await;
    if read.is_err()
        && let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let ended = child.wait();
    let Ok((said, error)) = read else {
        return Err(format!("`{called}` says nothing for {} s", patience.as_secs()));
    };
    Ok(Ended { is_well: ended.is_ok_and(|status| status.success()), said, error })
}

/// All that comes. By a thread of its own: the runtime would wait at its end for one of its own, and who holds the other end of
/// a pipe may never let go of it.
fn read_beside(pipe: Option<impl Read + Send + 'static>) -> oneshot::Receiver<String> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        // What came before it broke off is all there is.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut said));
        let _ = tell.send(String::from_utf8_lossy(&said).into_owned());
    });
    told
}
