//! `.env` of a stack: which colours live, and what each runs. Whoever reads it at any moment reads all of it, from before a change or after.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::stack::{Stack, value_of};

/// The text, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    path: PathBuf,
    text: String,
}

impl Environment {
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(".env");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display()).into()),
        }
    }

    /// As it is by now.
    pub(super) fn read_again(earlier: &Self) -> Result<Self, Failure> {
        Self::read(earlier.path.parent().unwrap_or(Path::new("")))
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        value_of(&self.text, name).filter(|value| !value.is_empty())
    }

    pub(super) fn stack(&self) -> Stack {
        Stack::of(&self.text)
    }

    /// The same with other values, each in the line of the old one.
    pub(super) fn with(&self, values: &[(String, String)]) -> Self {
        let mut lines: Vec<String> = self.text.lines().map(str::to_owned).collect();
        for (name, value) in values {
            let begins = format!("{name}=");
            let line = format!("{name}={value}");
            match lines.iter_mut().rfind(|line| line.trim_start().starts_with(&begins)) {
                Some(old) => *old = line,
                None => lines.push(line),
            }
        }
        Self { path: self.path.clone(), text: lines.join("\n") + "\n" }
    }

    /// Replaces the file as a whole; it stays whose it was, and open to whom it was.
    pub(super) fn write(&self) -> Result<(), Failure> {
        self.replace().map_err(|error| format!("{} cannot be written: {error}", self.path.display()).into())
    }

    fn replace(&self) -> std::io::Result<()> {
        let whose = fs::metadata(&self.path)?;
        let beside = self.path.with_file_name(".env.new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(self.text.as_bytes())?;
        fchown(&file, Some(whose.uid()), Some(whose.gid()))?;
        file.set_permissions(fs::Permissions::from_mode(whose.mode() & 0o7777))?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_in_its_line_and_the_rest_stays_to_the_letter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, "# about A\nA=1\nB='two' # said\n\nA=3").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let environment = Environment::read(folder.path()).unwrap();
        assert_eq!(environment.value("A").as_deref(), Some("3"), "the last word counts");
        assert_eq!(environment.value("B").as_deref(), Some("two"));
        assert_eq!(environment.value("C"), None);
        let other = environment.with(&[("A".into(), "4".into()), ("C".into(), "5".into())]);
        other.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# about A\nA=1\nB='two' # said\n\nA=4\nC=5\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    /// What `keyward init` writes is what is changed.
    #[test]
    fn the_file_of_an_installation_has_a_line_for_each_value() {
        let environment = Environment { path: ".env".into(), text: include_str!("../init/env").to_owned() };
        let names =
            ["COMPOSE_PROFILES", "MIGRATE_IMAGE", "AUTH_SERVICE_GREEN_IMAGE", "APP_SERVICE_BLUE_IMAGE"];
        for name in names {
            let changed = environment.with(&[(name.into(), "changed".into())]);
            assert_eq!(changed.text.lines().count(), environment.text.lines().count(), "{name}");
            assert_eq!(changed.value(name).as_deref(), Some("changed"));
        }
    }
}
