//! Where files are put: below `/`, or below a tree that is prepared for a host that does not run yet.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The top of it.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: PathBuf,
}

/// A file as it is to be. Its path is that of the host that will run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Everybody may read what is put there: nothing of it is secret, and sshd reads the keys as the account that signs in.
const MODE: u32 = 0o644;

impl Tree {
    pub(super) fn of(root: Option<&Path>) -> Self {
        Self { root: root.unwrap_or(Path::new("/")).to_owned() }
    }

    /// Whether it is the host that runs here.
    pub(super) fn is_this_host(&self) -> bool {
        self.root == Path::new("/")
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of the host is here.
    pub(super) fn at(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// What is there, if anything is.
    pub(super) fn text(&self, path: &Path) -> Result<Option<String>, String> {
        let place = self.at(path);
        match fs::read_to_string(&place) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} cannot be read: {error}", place.display())),
        }
    }

    /// Whether it is there to the letter, and nobody but its owner may write there.
    pub(super) fn has(&self, wanted: &Wanted) -> Result<bool, String> {
        let place = self.at(&wanted.path);
        let is_text = self.text(&wanted.path)?.as_ref() == Some(&wanted.text);
        let found = fs::symlink_metadata(&place);
        let is_ours = |found: &fs::Metadata| {
            found.is_file() && found.mode() & 0o7777 == MODE && (found.uid() == 0 || !self.is_this_host())
        };
        Ok(is_text && found.is_ok_and(|found| is_ours(&found)))
    }

    /// Puts a file there as a whole, in the place of one that is.
    pub(super) fn put(&self, wanted: &Wanted) -> Result<(), String> {
        let place = self.at(&wanted.path);
        let put = || {
            let folder = place.parent().unwrap_or(Path::new("/"));
            fs::DirBuilder::new().recursive(true).create(folder)?;
            // No name that sshd or systemd would read.
            let mut name = place.file_name().unwrap_or_default().to_owned();
            name.push(".keyward-new");
            let beside = folder.join(name);
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(wanted.text.as_bytes())?;
            file.set_permissions(fs::Permissions::from_mode(MODE))?;
            file.sync_all()?;
            fs::rename(&beside, &place)?;
            File::open(folder)?.sync_all()
        };
        put().map_err(|error| format!("{} cannot be written: {error}", place.display()))
    }

    /// Takes a file away, if it is there.
    pub(super) fn take_away(&self, path: &Path) -> Result<(), String> {
        let place = self.at(path);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("{} cannot be removed: {error}", place.display()))
            }
            _ => Ok(()),
        }
    }

    /// Makes a folder, with this mode if it was not there.
    pub(super) fn folder(&self, path: &Path, mode: u32) -> Result<(), String> {
        let place = self.at(path);
        if place.is_dir() {
            return Ok(());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .create(&place)
            .and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(mode)))
            .map_err(|error| format!("{} cannot be made: {error}", place.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_below_a_tree_is_there_to_the_letter() {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::of(Some(folder.path()));
        assert!(!tree.is_this_host() && Tree::of(None).is_this_host());
        let wanted = Wanted { path: "/etc/ssh/a.conf".into(), text: "one\n".to_owned() };
        assert!(!tree.has(&wanted).unwrap());
        tree.put(&wanted).unwrap();
        assert!(tree.has(&wanted).unwrap());
        let place = folder.path().join("etc/ssh/a.conf");
        assert_eq!(fs::metadata(&place).unwrap().mode() & 0o7777, 0o644);
        assert_eq!(
            fs::read_dir(folder.path().join("etc/ssh")).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        assert!(!tree.has(&Wanted { text: "two\n".to_owned(), ..wanted.clone() }).unwrap());
        fs::set_permissions(&place, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(!tree.has(&wanted).unwrap(), "others may write there");
        tree.take_away(&wanted.path).unwrap();
        tree.take_away(&wanted.path).unwrap();
        assert_eq!(tree.text(&wanted.path).unwrap(), None);
        tree.folder(Path::new("/var/lib/a"), 0o700).unwrap();
        assert_eq!(fs::metadata(folder.path().join("var/lib/a")).unwrap().mode() & 0o7777, 0o700);
    }
}
