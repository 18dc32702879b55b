//! What was let in, on the disk: written before a deploy begins, so that no cut of the power lets an older release in.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::sequence::Accepted;

const ACCEPTED: &str = "accepted.json";
/// What is handed to `keyward deploy`.
const RELEASE: &str = "release.json";
/// What is handed to `ssh-keygen`.
const SIGNATURE: &str = "release.json.sig";

/// The folder of it.
#[derive(Clone, Debug)]
pub(super) struct State {
    folder: PathBuf,
}

impl State {
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The latest release that was let in. One that cannot be read lets nothing in: it would be as if there had been none.
    pub(super) fn accepted(&self) -> Result<Option<Accepted>, String> {
        let path = self.folder.join(ACCEPTED);
        let told = |error: &dyn std::fmt::Display| {
            format!(
                "{} says which releases may follow, and cannot be read ({error}): nothing is let in until somebody has looked at it",
                path.display()
            )
        };
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| told(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    /// Writes down what is let in. It is on the disk when this returns.
    pub(super) fn accept(&self, accepted: &Accepted) -> Result<(), String> {
        let text = serde_json::to_string(accepted).map_err(|error| error.to_string())?;
        self.write(ACCEPTED, text.as_bytes()).map(drop)
    }

    /// Writes what was signed; where it is.
    pub(super) fn write_release(&self, signed: &[u8]) -> Result<PathBuf, String> {
        self.write(RELEASE, signed)
    }

    /// Writes a signature; where it is.
    pub(super) fn write_signature(&self, signature: &[u8]) -> Result<PathBuf, String> {
        self.write(SIGNATURE, signature)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
        let path = self.folder.join(name);
        let replace = || {
            let beside = self.folder.join(format!("{name}.new"));
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        match replace() {
            Ok(()) => Ok(path),
            Err(error) => Err(format!("{} cannot be written: {error}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::gate::order::Digest;

    #[test]
    fn what_was_let_in_is_found_again_and_what_is_broken_lets_nothing_in() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::of(folder.path());
        assert_eq!(state.accepted().unwrap(), None);
        let accepted =
            Accepted { sequence: 3, digest: Digest::of(b"3"), version: "1.0.0".to_owned(), is_bad: false };
        state.accept(&accepted).unwrap();
        assert_eq!(state.accepted().unwrap(), Some(accepted.clone()));
        let bad = Accepted { is_bad: true, ..accepted };
        state.accept(&bad).unwrap();
        assert_eq!(state.accepted().unwrap(), Some(bad));
        let path = folder.path().join(ACCEPTED);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        for broken in ["", "{", "{}", "{\"sequence\":3}"] {
            fs::write(&path, broken).unwrap();
            assert!(state.accepted().unwrap_err().contains("nothing is let in"), "{broken}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = State::of(Path::new("/no/such/folder")).write_release(b"").unwrap_err();
        assert!(error.contains("/no/such/folder/release.json"), "{error}");
    }
}
