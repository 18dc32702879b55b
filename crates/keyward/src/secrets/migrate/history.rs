//! Whether values have been in the history of a git repository: whoever has a copy of it has them. Values are compared in this process;
//! git is only asked for what it keeps, and no value is ever on a command line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use secrets::SecretString;

use super::needles::{Found, Needles, SHORTEST};

/// What a search found.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Where each value was, in the order of the values.
    pub(super) found: Vec<BTreeSet<String>>,
    /// Why it cannot be said of the others that they were nowhere.
    pub(super) gaps: Vec<String>,
    /// Whether there is a repository at all.
    pub(super) has_repository: bool,
}

/// Searches the repositories in which folders lie, each for so long.
pub(super) async fn search(folders: &[PathBuf], values: &[&SecretString], limit: Duration) -> History {
    let mut history = History { found: vec![BTreeSet::new(); values.len()], ..History::default() };
    if limit.is_zero() {
        history.gaps.push("git histories were not searched (--history-seconds 0)".to_owned());
        return history;
    }
    let needles = Needles::of(values);
    if needles.is_short {
        history.gaps.push(format!(
            "values of less than {SHORTEST} bytes were not searched for, since they stand everywhere"
        ));
    }
    // By where git keeps it, so that two folders of one are searched once.
    let mut repositories = BTreeMap::new();
    for folder in folders {
        match repository_of(folder) {
            Ok(Some((kept, is_whole))) => {
                if !is_whole {
                    let why = "is in a shallow copy of a repository: the rest of its history is elsewhere";
                    history.gaps.push(format!("{} {why}", folder.display()));
                }
                repositories.entry(kept).or_insert(folder);
            }
            Ok(None) => {}
            Err(gap) => history.gaps.push(gap),
        }
    }
    history.has_repository = !repositories.is_empty();
    let mut needles = Some(needles);
    for folder in repositories.into_values() {
        let Some(taken) = needles.take() else { break };
        let (left, found, gap) = search_one(folder, taken, limit).await;
        needles = left;
        for (index, place) in found {
            if let Some(places) = history.found.get_mut(index) {
                places.insert(place);
            }
        }
        history.gaps.extend(gap.map(|gap| format!("the history of {}: {gap}", folder.display())));
    }
    history
}

/// One repository; the needles come back, unless the search broke down.
async fn search_one(
    folder: &Path,
    needles: Needles,
    limit: Duration,
) -> (Option<Needles>, Found, Option<String>) {
    let (mut children, objects) = match objects(folder) {
        Ok(running) => running,
        Err(error) => return (Some(needles), Vec::new(), Some(format!("git could not be run: {error}"))),
    };
    let message = format!("searching the history of {}", folder.display());
    let bar = ProgressBar::new_spinner().with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {human_pos} objects, {elapsed}") {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let mut reading = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        let done = needles.search(objects, &mut found, || shown.inc(1));
        (needles, found, done)
    });
    let ended = tokio::time::timeout(limit, &mut reading).await;
    let is_late = ended.is_err();
    if is_late {
        // Then what it reads from ends.
        for child in &mut children {
            let _ = child.kill();
        }
    }
    let read = match ended {
        Ok(read) => read,
        Err(_) => reading.await,
    };
    bar.finish_and_clear();
    let is_well = children.iter_mut().all(|child| child.wait().is_ok_and(|status| status.success()));
    match read {
        Ok((needles, found, _)) if is_late => {
            let gap =
                format!("it was searched for {} s and not to its end (--history-seconds)", limit.as_secs());
            (Some(needles), found, Some(gap))
        }
        Ok((needles, found, Ok(()))) if is_well => (Some(needles), found, None),
        Ok((needles, found, done)) => {
            let why = done.err().map_or_else(|| "git failed".to_owned(), |error| error.to_string());
            (Some(needles), found, Some(format!("it could not be read to its end: {why}")))
        }
        Err(error) => (None, Vec::new(), Some(error.to_string())),
    }
}

/// Git here, and nowhere else: no other repository by the environment, nothing fetched.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).stdin(Stdio::null()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            git.env_remove(name);
        }
    }
    git.envs([
        ("LC_ALL", "C"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_TERMINAL_PROMPT", "0"),
    ]);
    git
}

/// Where git keeps the repository that a folder is in, and whether it has all of its history. None if it is in none.
fn repository_of(folder: &Path) -> Result<Option<(PathBuf, bool)>, String> {
    let gap = |why: &str| format!("whether {} is in a git repository is not known: {why}", folder.display());
    let asked = git(folder).args(["rev-parse", "--is-shallow-repository", "--absolute-git-dir"]).output();
    let asked = asked.map_err(|error| gap(&format!("git cannot be run ({error})")))?;
    let (said, error) = (String::from_utf8_lossy(&asked.stdout), String::from_utf8_lossy(&asked.stderr));
    if !asked.status.success() {
        let is_none = error.contains("not a git repository");
        return if is_none { Ok(None) } else { Err(gap(error.lines().next().unwrap_or_default())) };
    }
    let (shallow, folder) = said.trim_end().split_once('\n').ok_or_else(|| gap("git says something else"))?;
    Ok(Some((PathBuf::from(folder), shallow == "false")))
}

/// Every object that a name, a log of names or the index leads to: its header, and what it holds.
fn objects(top: &Path) -> std::io::Result<(Vec<Child>, ChildStdout)> {
    let mut listing = git(top)
        .args(["rev-list", "--objects", "--all", "--reflog", "--indexed-objects"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let names = listing.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let reading = git(top)
        .args(["cat-file", "--buffer", "--batch=%(objectname) %(objecttype) %(objectsize) %(rest)"])
        .stdin(names)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut reading = match reading {
        Ok(reading) => reading,
        Err(error) => {
            let _ = listing.kill();
            let _ = listing.wait();
            return Err(error);
        }
    };
    let output = reading.stdout.take().ok_or_else(|| std::io::Error::other("git says nothing"))?;
    Ok((vec![listing, reading], output))
}
