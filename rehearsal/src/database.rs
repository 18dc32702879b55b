//! The database, looked at and touched from outside: by SQLite's own tool, so that our code does not vouch for itself.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;

/// What must be, of all accounts but that of nobody (`users::NOBODY`), and the question whose answer is that nothing is otherwise.
const CHECKS: [(&str, &str, &str); 8] = [
    ("the file is whole", "PRAGMA integrity_check", "ok"),
    ("every reference leads somewhere", "PRAGMA foreign_key_check", ""),
    (
        "every account has an address",
        "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM emails)",
        "0",
    ),
    (
        "every account has a password",
        "SELECT COUNT(*) FROM users WHERE created_at > 0 AND id NOT IN (SELECT user_id FROM passwords)",
        "0",
    ),
    (
        "every account has a pseudonym",
        "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM audit_people)",
        "0",
    ),
    (
        "every account has a proof to give",
        "SELECT COUNT(*) FROM users WHERE created_at > 0 AND id NOT IN
         (SELECT user_id FROM artefacts WHERE purpose = 'prove_address' AND user_id IS NOT NULL)",
        "0",
    ),
    (
        "every sign-up is in the audit trail",
        "SELECT COUNT(*) FROM audit_people WHERE user_id IN (SELECT id FROM users WHERE created_at > 0) AND pseudonym NOT IN
         (SELECT subject FROM audit WHERE act = 'sign_up' AND subject IS NOT NULL)",
        "0",
    ),
    (
        "every account has a mail, and every mail an account",
        "SELECT (SELECT COUNT(*) FROM users WHERE created_at > 0) - (SELECT COUNT(*) FROM outbox WHERE kind = 'prove_address')",
        "0",
    ),
];

/// Whether SQLite's tool is here.
pub(crate) fn can_be_checked() -> bool {
    let version = Command::new("sqlite3").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Disables these accounts while the server runs, as an operator would: no one signs in to them any more.
pub(crate) fn disable(folder: &Path, emails: &[String]) -> Result<(), Failure> {
    let listed = emails.iter().map(|email| format!("'{email}'")).collect::<Vec<_>>().join(",");
    let owners = format!("SELECT user_id FROM emails WHERE normalized IN ({listed})");
    let sql = format!("UPDATE users SET disabled_at = 1 WHERE id IN ({owners}); SELECT changes()");
    let done = Command::new("sqlite3")
        .args(["-cmd", ".timeout 10000"])
        .arg(folder.join("data/keyward.sqlite"))
        .arg(sql)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            format!("sqlite3 is needed, to disable accounts (apt-get install sqlite3): {error}")
        })?;
    let changed = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    if changed != emails.len().to_string() {
        let told = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(
            format!("{} accounts were to be disabled, and {changed} were: {told}", emails.len()).into()
        );
    }
    Ok(())
}

/// What is wrong with the database in `folder`.
pub(crate) fn wrongs(folder: &Path) -> Result<Vec<String>, Failure> {
    let file = folder.join("data/keyward.sqlite");
    let mut wrongs = Vec::new();
    for (what, question, expected) in CHECKS {
        let asked = Command::new("sqlite3").arg(&file).arg(question).stdin(Stdio::null()).output()?;
        let answer = String::from_utf8_lossy(&[asked.stdout, asked.stderr].concat()).trim().to_owned();
        if answer != expected {
            wrongs.push(format!("not so: {what} ({answer})"));
        }
    }
    Ok(wrongs)
}
