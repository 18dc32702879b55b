//! The account that deploy keys sign in to: nobody has its password, and it is in no group that is as good as root.

use super::program;
use super::tree::Tree;
use crate::accounts::Accounts;
use crate::gate::ACCOUNT;

/// No password's hash is this, and unlike `!` it is not taken for an account that is locked.
const NO_PASSWORD: &str = "*";
/// sshd runs the gate by it.
const SHELL: &str = "/bin/sh";

/// What is not as it should be.
pub(super) fn amiss(accounts: &Accounts) -> Vec<String> {
    let account = match accounts.account(ACCOUNT) {
        Ok(account) => account,
        Err(why) => return vec![why],
    };
    let mut amiss = Vec::new();
    if account.user == 0 {
        amiss.push(format!(
            "{ACCOUNT} is root by another name (user 0): remove it, and run `keyward host setup`"
        ));
    }
    if account.shell != SHELL {
        amiss.push(format!(
            "the shell of {ACCOUNT} is {:?} and not {SHELL}: sshd runs the gate by it",
            account.shell
        ));
    }
    match accounts.password(ACCOUNT) {
        Ok(password) if password == NO_PASSWORD => {}
        Ok(_) => {
            amiss.push(format!("{ACCOUNT} has a password, or is locked: usermod --password '*' {ACCOUNT}"));
        }
        Err(why) => amiss.push(why),
    }
    match accounts.groups(ACCOUNT) {
        Ok(groups) => amiss.extend(groups.iter().filter(|group| *group != ACCOUNT).map(|group| {
            format!("{ACCOUNT} is in the group {group}, which may be as good as root: gpasswd --delete {ACCOUNT} {group}")
        })),
        Err(why) => amiss.push(why),
    }
    amiss
}

/// Systems give people numbers from here on (`UID_MIN` of login.defs).
const FIRST_PERSON: u32 = 1000;

/// Why one of this name that is there already is not made the gate's: somebody signs in by it, or it has rights, and nobody could give it back
/// what was taken from it.
pub(super) fn is_somebodys(accounts: &Accounts) -> Result<(), String> {
    // One that is not there is made.
    let Ok(account) = accounts.account(ACCOUNT) else { return Ok(()) };
    let refused = |why: &str| {
        format!(
            "there is an account {ACCOUNT} already, and {why}: it would be able to do nothing any more but ask for deploys, so nothing was \
             changed. Give it another name (usermod --login NAME {ACCOUNT}; groupmod --new-name NAME {ACCOUNT}), or take from it what it has, and \
             run this again"
        )
    };
    if account.user == 0 {
        return Err(refused("it is root by another name (user 0)"));
    }
    if account.user >= FIRST_PERSON {
        return Err(refused(&format!("its number is a person's (user {})", account.user)));
    }
    if let Some(group) = accounts.groups(ACCOUNT)?.iter().find(|group| *group != ACCOUNT) {
        return Err(refused(&format!("it is in the group {group} (gpasswd --delete {ACCOUNT} {group})")));
    }
    match accounts.password(ACCOUNT) {
        Ok(password) if !password.is_empty() && !password.starts_with(['*', '!']) => {
            Err(refused(&format!("somebody has its password (usermod --password '*' {ACCOUNT})")))
        }
        _ => Ok(()),
    }
}

/// Makes it, or mends it. What it was told to do, if anything.
pub(super) fn ensure(tree: &Tree) -> Result<Option<&'static str>, String> {
    let accounts = Accounts::of(tree.root());
    if amiss(&accounts).is_empty() {
        return Ok(None);
    }
    let root = tree.root().display().to_string();
    // In a tree that is prepared nothing is run that belongs to it.
    let there: &[&str] = if tree.is_this_host() { &[] } else { &["--prefix", &root] };
    let common = ["--shell", SHELL, "--password", NO_PASSWORD];
    let told = if accounts.account(ACCOUNT).is_ok() {
        // One that is somebody's was refused before.
        program("usermod", &[there, &common, &[ACCOUNT]].concat()).map(|_| "mended")
    } else {
        // Its home is root's: nothing that it could write to says how it is let in.
        let own = ["--system", "--user-group", "--home-dir", "/", "--no-create-home", ACCOUNT];
        program("useradd", &[there, &common, &own].concat()).map(|_| "made")
    };
    let told = told.map_err(|why| format!("the account {ACCOUNT} cannot be made: {why}"))?;
    match amiss(&accounts).first() {
        None => Ok(Some(told)),
        Some(why) => Err(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn host(shadow: &str, shell: &str, group: &str) -> (tempfile::TempDir, Accounts) {
        numbered(999, shadow, shell, group)
    }

    fn numbered(user: u32, shadow: &str, shell: &str, group: &str) -> (tempfile::TempDir, Accounts) {
        let tree = tempfile::tempdir().unwrap();
        let etc = tree.path().join("etc");
        fs::create_dir(&etc).unwrap();
        fs::write(etc.join("passwd"), format!("root:x:0:0::/root:/bin/sh\ndeploy:x:{user}:995::/:{shell}\n"))
            .unwrap();
        fs::write(etc.join("shadow"), format!("deploy:{shadow}:20785::::::\n")).unwrap();
        fs::write(etc.join("group"), format!("deploy:x:995:\n{group}")).unwrap();
        let accounts = Accounts::of(tree.path());
        (tree, accounts)
    }

    #[test]
    fn what_makes_the_account_more_than_a_door_is_told() {
        for (shadow, shell, group, said) in [
            ("*", "/bin/sh", "docker:x:9:ana\n", None),
            ("!", "/bin/sh", "", Some("or is locked")),
            ("", "/bin/sh", "", Some("has a password")),
            ("$y$j9T$a", "/bin/sh", "", Some("has a password")),
            ("*", "/usr/sbin/nologin", "", Some("and not /bin/sh")),
            ("*", "/bin/sh", "docker:x:9:deploy\n", Some("in the group docker")),
            ("*", "/bin/sh", "sudo:x:27:ana,deploy\n", Some("in the group sudo")),
        ] {
            let (_tree, accounts) = host(shadow, shell, group);
            let amiss = amiss(&accounts);
            match said {
                None => assert!(amiss.is_empty(), "{amiss:?}"),
                Some(said) => assert!(amiss.len() == 1 && amiss[0].contains(said), "{said}: {amiss:?}"),
            }
        }
    }
    /// An administrator of this name lost their groups, their password and their key.
    #[test]
    fn an_account_of_this_name_that_is_somebodys_is_left_alone() {
        for (user, shadow, group, said) in [
            (999, "*", "docker:x:9:ana\n", None),
            (999, "!", "", None),
            (0, "*", "", Some("root by another name")),
            (1000, "*", "", Some("a person's (user 1000)")),
            (60_000, "*", "", Some("a person's (user 60000)")),
            (999, "*", "sudo:x:27:ana,deploy\n", Some("in the group sudo")),
            (999, "$y$j9T$a", "", Some("somebody has its password")),
        ] {
            let (_tree, accounts) = numbered(user, shadow, "/bin/bash", group);
            match (is_somebodys(&accounts), said) {
                (Ok(()), None) => {}
                (Err(why), Some(said)) => assert!(why.contains(said), "{said}: {why}"),
                (other, said) => panic!("{user} {shadow} {group}: {said:?}: {other:?}"),
            }
        }
        let nobody = tempfile::tempdir().unwrap();
        assert_eq!(is_somebodys(&Accounts::of(nobody.path())), Ok(()));
    }
}
