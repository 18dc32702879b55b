//! The database after a crash, looked at from outside: by SQLite's own tool, so that our code does not vouch for itself.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;

/// What must be, and the question whose answer is that nothing is otherwise.
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
        "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM passwords)",
        "0",
    ),
    (
        "every account has a pseudonym",
        "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM audit_people)",
        "0",
    ),
    (
        "every account has a proof to give",
        "SELECT COUNT(*) FROM users WHERE id NOT IN
         (SELECT user_id FROM artefacts WHERE purpose = 'prove_address' AND user_id IS NOT NULL)",
        "0",
    ),
    (
        "every sign-up is in the audit trail",
        "SELECT COUNT(*) FROM audit_people WHERE pseudonym NOT IN
         (SELECT subject FROM audit WHERE act = 'sign_up' AND subject IS NOT NULL)",
        "0",
    ),
    (
        "every account has a mail, and every mail an account",
        "SELECT (SELECT COUNT(*) FROM users) - (SELECT COUNT(*) FROM outbox WHERE kind = 'prove_address')",
        "0",
    ),
];

/// Whether SQLite's tool is here.
pub(crate) fn can_be_checked() -> bool {
    let version = Command::new("sqlite3").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
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
