//! Files that hold a secret, and texts that held one: made whole beside their place, and put there in one step, so that whoever reads
//! finds the one before or the new one, and never half of one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use secrets::{ExposeSecret as _, SecretString, constant_time_equal, random_bytes};

use crate::Failure;

/// For its owner alone, or for the group that it is given to as well. Nobody writes there: what changes it puts another in its place.
const OWNERS: u32 = 0o400;
const GROUPS: u32 = 0o440;

/// A file that is not in its place yet. Dropped, it is gone.
pub(super) struct Draft {
    file: File,
    /// Where it is.
    path: PathBuf,
    /// Where it is going to be.
    target: PathBuf,
    mode: u32,
}

impl Draft {
    /// Begins one for a secret. That it may be written there, and given to the group, is known from here on.
    pub(super) fn of_secret(target: &Path, group: Option<u32>) -> Result<Self, Failure> {
        let mode = if group.is_some() { GROUPS } else { OWNERS };
        let draft = Self::begin(target, mode)?;
        if let Some(group) = group {
            fchown(&draft.file, None, Some(group)).map_err(|error| {
                let target = target.display();
                format!("{target} cannot be given to the group {group}: {error}; run this as root, or leave out --group")
            })?;
        }
        Ok(draft)
    }

    fn begin(target: &Path, mode: u32) -> Result<Self, Failure> {
        let name = target.file_name().ok_or_else(|| format!("{} names no file", target.display()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:016x}", u64::from_be_bytes(random_bytes())));
        let path = folder_of(target).join(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| {
            let folder = folder_of(target).display();
            format!("{} cannot be written: {error}; the folder {folder} must be there, and this user must be allowed to write \
                     into it", target.display())
        })?;
        Ok(Self { file, path, target: target.to_owned(), mode })
    }

    /// Puts the secret into its place. What is there already stays, unless it is to be written `over`.
    pub(super) fn put(mut self, secret: &SecretString, over: bool) -> Result<(), Failure> {
        let done = self.finish(secret.expose_secret()).and_then(|()| {
            if over { fs::rename(&self.path, &self.target) } else { fs::hard_link(&self.path, &self.target) }
        });
        match done {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(is_there(&self.target)),
            done => self.told(done.and_then(|()| sync(&self.target))),
        }
    }

    fn finish(&mut self, text: &str) -> std::io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.file.set_permissions(Permissions::from_mode(self.mode))?;
        self.file.sync_all()
    }

    fn told(&self, done: std::io::Result<()>) -> Result<(), Failure> {
        done.map_err(|error| format!("{} could not be written: {error}", self.target.display()).into())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Refuses a file that is there already, before anything is made that would be lost.
pub(super) fn is_free(path: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(path).is_ok() { Err(is_there(path)) } else { Ok(()) }
}

fn is_there(path: &Path) -> Failure {
    format!("{} is there already, and was left as it is; --force writes over it", path.display()).into()
}

/// Puts another text in the place of the one that was read, with the owner and mode that it had. No copy of the one before is left.
pub(super) fn replace_text(path: &Path, before: &SecretString, after: &SecretString) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| format!("{} could not be written anew: {error}", path.display());
    // A link goes on leading to the file.
    let target = fs::canonicalize(path).map_err(wrong)?;
    let was = fs::metadata(&target).map_err(wrong)?;
    let mut draft = Draft::begin(&target, was.mode() & 0o7777)?;
    let now = draft.file.metadata().map_err(wrong)?;
    if (now.uid(), now.gid()) != (was.uid(), was.gid()) {
        fchown(&draft.file, Some(was.uid()), Some(was.gid())).map_err(wrong)?;
    }
    draft.finish(after.expose_secret()).map_err(wrong)?;
    if !constant_time_equal(&fs::read(&target).map_err(wrong)?, before.expose_secret().as_bytes()) {
        return Err(
            format!("{} was changed by somebody else meanwhile: run this again", path.display()).into()
        );
    }
    let placed = fs::rename(&draft.path, &target).and_then(|()| sync(&target));
    draft.told(placed)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_secret_is_put_in_its_place_whole_and_over_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let put = |text: &str, over| Draft::of_secret(&path, None).unwrap().put(&text.into(), over);
        put("one", false).unwrap();
        let mode = || fs::metadata(&path).unwrap().mode() & 0o7777;
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"one".to_vec(), 0o400));
        let refused = put("two", false).unwrap_err().to_string();
        assert!(refused.contains("--force") && is_free(&path).is_err(), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        put("two", true).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode()), (b"two".to_vec(), 0o400));
        drop(Draft::of_secret(&path, None).unwrap());
        assert_eq!(names(folder.path()), ["key"], "nothing is left beside it");
        let group = fs::metadata(&path).unwrap().gid();
        Draft::of_secret(&path, Some(group)).unwrap().put(&"three".into(), true).unwrap();
        assert_eq!(mode(), 0o440);
    }

    #[test]
    fn a_text_keeps_its_mode_and_its_link_and_what_others_wrote_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace_text(&link, &"one".into(), &"two".into()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        let refused = replace_text(&path, &"one".into(), &"three".into()).unwrap_err().to_string();
        assert!(refused.contains("run this again"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()).len(), 2);
    }
}
