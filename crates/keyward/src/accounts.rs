//! The accounts of a host, as its files have them: who there is, in which groups, and whether anybody could sign in by a password.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the files are: below `/`, or below a tree that is prepared.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    folder: PathBuf,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Its number.
    pub(crate) user: u32,
    /// Its first group's.
    pub(crate) group: u32,
    pub(crate) shell: String,
}

impl Accounts {
    pub(crate) fn of(root: &Path) -> Self {
        Self { folder: root.join("etc") }
    }

    /// The account of this name.
    pub(crate) fn account(&self, name: &str) -> Result<Account, String> {
        account_in(&self.text("passwd")?, name).ok_or_else(|| {
            format!(
                "{} has no account {name}: `keyward host setup` makes it",
                self.folder.join("passwd").display()
            )
        })
    }

    /// The groups that it is in besides its first, by name, and its first.
    pub(crate) fn groups(&self, name: &str) -> Result<Vec<String>, String> {
        let first = self.account(name)?.group;
        Ok(groups_in(&self.text("group")?, name, first))
    }

    /// What stands where the hash of a password would. Root alone can read it.
    pub(crate) fn password(&self, name: &str) -> Result<String, String> {
        let found = fields_of(&self.text("shadow")?, name).and_then(|fields| fields.get(1).cloned());
        found.ok_or_else(|| format!("{} has no line of {name}", self.folder.join("shadow").display()))
    }

    fn text(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    }
}

fn fields_of(text: &str, name: &str) -> Option<Vec<String>> {
    text.lines()
        .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
        .find(|fields| fields.first().is_some_and(|first| first == name))
}

fn account_in(passwd: &str, name: &str) -> Option<Account> {
    let fields = fields_of(passwd, name)?;
    let number = |index: usize| fields.get(index)?.parse().ok();
    Some(Account { user: number(2)?, group: number(3)?, shell: fields.get(6)?.clone() })
}

fn groups_in(group: &str, name: &str, first: u32) -> Vec<String> {
    let is_in = |fields: &[&str]| {
        let members = fields.get(3).copied().unwrap_or_default();
        let is_first = fields.get(2).and_then(|number| number.parse().ok()) == Some(first);
        is_first || members.split(',').any(|member| member == name)
    };
    let groups = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    groups
        .filter(|fields| is_in(fields))
        .filter_map(|fields| fields.first().map(|name| (*name).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndeploy:x:999:995::/:/bin/sh\nbroken:x:a:b\n";
    const GROUP: &str = "root:x:0:\ndocker:x:998:ana,deploy\nsudo:x:27:ana,deploy2\ndeploy:x:995:\n";

    #[test]
    fn an_account_is_found_by_its_whole_name_with_its_groups() {
        let deploy = Account { user: 999, group: 995, shell: "/bin/sh".to_owned() };
        assert_eq!(account_in(PASSWD, "deploy"), Some(deploy));
        for name in ["dep", "", "broken", "DEPLOY"] {
            assert_eq!(account_in(PASSWD, name), None, "{name}");
        }
        assert_eq!(groups_in(GROUP, "deploy", 995), ["docker", "deploy"]);
        assert_eq!(groups_in(GROUP, "ana", 1000), ["docker", "sudo"]);
        assert!(groups_in(GROUP, "an", 1000).is_empty());
    }

    #[test]
    fn what_stands_in_a_tree_is_read_there() {
        let tree = tempfile::tempdir().unwrap();
        let accounts = Accounts::of(tree.path());
        assert!(accounts.account("deploy").unwrap_err().contains("etc/passwd"));
        fs::create_dir(tree.path().join("etc")).unwrap();
        for (name, text) in [("passwd", PASSWD), ("group", GROUP), ("shadow", "deploy:*:20785::::::\n")] {
            fs::write(tree.path().join("etc").join(name), text).unwrap();
        }
        assert_eq!(accounts.account("deploy").unwrap().user, 999);
        assert_eq!(accounts.groups("deploy").unwrap(), ["docker", "deploy"]);
        assert_eq!(accounts.password("deploy").unwrap(), "*");
        assert!(accounts.password("ana").unwrap_err().contains("no line of ana"));
        assert!(accounts.account("ana").unwrap_err().contains("keyward host setup"));
    }
}
