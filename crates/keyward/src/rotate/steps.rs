//! What a person does by hand, step by step.

use std::fmt::Write as _;
use std::path::Path;

use auth_service::admin::SecretShown;

use super::writing::{Writing, both_at_once, made_by_vault};
use super::{ENCRYPTION, Places, There};
use crate::mail;

/// Where what is written is not seen before.
const RESTART: &str = "Restart the servers one after the other.";

/// What ends when the keys that sign are given up.
pub(super) fn given_up(there: &There) -> String {
    format!(
        "Every token that they signed is worthless at once, in all {} apps; {} sessions go on, and whoever holds a token alone signs in \
         again",
        there.apps, there.sessions
    )
}

/// What is left to be done about the key before.
pub(super) fn after_encryption(kept: &Path, is_configured: bool, mailed_ended: bool) -> String {
    let until = if mailed_ended {
        "what was under way when it was exchanged may need it for a minute"
    } else {
        "codes that were mailed before are good, and need it for a day at the most"
    };
    let mut text = format!(
        "Leave {} where it is until `keyward status` says that the key before may be dropped: {until}.",
        kept.display()
    );
    if !is_configured {
        text += " keys.older_encryption does not name it: let it do so before you restart a server in that time, or what needs it ends.";
    }
    text
}

/// Whether whoever has this secret may have read what was mailed, or be able to find it out.
pub(super) fn reveals_mail(setting: &str) -> bool {
    setting == ENCRYPTION || setting.starts_with("mail.transport.")
}

/// Where the key before has its place in the same secret of Vault, one command does both.
fn writing_both(places: &Places<'_>, how: &str) -> Vec<String> {
    if let Some(command) = places.older.and_then(|older| both_at_once(places.secret, older)) {
        return vec![format!(
            "Write a new one, and the present one to where keys.older_encryption looks, at once: {command}."
        )];
    }
    vec![
        "Write the present key to where keys.older_encryption looks.".to_owned(),
        format!(
            "Write a new one (`openssl rand -hex 32`) {how}. If both are values of one secret, write them at once, in one command."
        ),
    ]
}

/// The steps for a secret that this command does not exchange itself. How many codes it has ended, if it has.
pub(super) fn of(places: &Places<'_>, compromised: bool, mailed: Option<u64>, there: &There) -> String {
    let (secret, file) = (places.secret, places.file);
    let reference = &secret.reference;
    let setting = secret.setting.as_str();
    let writing = Writing::of(secret, file);
    let how = &writing.how;
    let (what, steps): (String, Vec<String>) = match setting {
        ENCRYPTION => (
            format!("It ends nothing: {} sessions, their tokens and {} apps go on.", there.sessions, there.apps),
            [
                vec!["Look in `keyward status` whether any value needs another key than the present one: then wait, or that key is lost.".to_owned()],
                writing_both(places, how),
                vec![
                    taken(&writing, "keyward secrets refresh."),
                    "Wait until `keyward status` says that the key before may be dropped.".to_owned(),
                ],
            ]
            .concat(),
        ),
        "keys.audit" => (
            "It ends the chain of the audit trail: what was written before is checked by the key before.".to_owned(),
            vec![
                "keyward audit verify, and keep what it says with the key before.".to_owned(),
                format!("Stop the servers, and write a new key (`openssl rand -hex 32`) {how}."),
                "keyward audit begin-anew (on PostgreSQL: auth-service audit begin-anew), then start the servers.".to_owned(),
            ],
        ),
        "password.hashing.pepper" => (
            "It ends nothing; each password gets the new one at its next sign-in.".to_owned(),
            vec![
                "Let password.hashing.older_peppers of every server name a new one (`openssl rand -hex 32`) at another place, beside those \
                 that it names, and restart the servers one after the other."
                    .to_owned(),
                format!("Let password.hashing.pepper name that, and password.hashing.older_peppers the present one ({reference}). {RESTART}"),
                "Drop the older one once `keyward passwords report` counts nobody under it.".to_owned(),
            ],
        ),
        "clients.secret" => (
            "It ends nothing: both secrets are good for secret_overlap.".to_owned(),
            vec![
                format!("Write a new secret (`openssl rand -hex 32`) {how}."),
                taken(&writing, "keyward secrets refresh."),
                "Give the app the new one before secret_overlap is over.".to_owned(),
            ],
        ),
        "keys.older_encryption" | "password.hashing.older_peppers" => (
            "It opens what was made before, and is not exchanged: it is dropped.".to_owned(),
            vec!["Take it out of the configuration once `keyward status`, or `keyward passwords report`, says that nothing needs it.".to_owned()],
        ),
        _ => (
            "It ends nothing here: what is new is proved before it takes the place of the one before.".to_owned(),
            of_another_server(secret, &writing),
        ),
    };
    let done = mailed
        .map_or_else(|| "Nothing was done yet:".to_owned(), |good| format!("{} But", mail::ended(good)));
    let mut text =
        format!("{done} {setting} ({reference}) is exchanged by you, and not by this command. {what}\n");
    for (number, step) in (1..).zip(&steps) {
        let _ = write!(text, "\n  {number}. {step}");
    }
    if compromised {
        let _ = write!(text, "\n\nSince others may have it: {}", suspected(setting, there));
    }
    text
}

fn of_another_server(secret: &SecretShown, writing: &Writing) -> Vec<String> {
    if let Some(made) = made_by_vault(secret) {
        return vec![made];
    }
    let setting = secret.setting.as_str();
    let (server, _) = setting.trim_start_matches("secrets.").split_once('.').unwrap_or((setting, ""));
    vec![
        format!("Give the user that Keyward is another password (or token) at your {server} server."),
        format!("Write it {}.", writing.how),
        taken(writing, "keyward secrets refresh, which says whether it proved itself."),
    ]
}

/// How running servers come to have what was written.
fn taken(writing: &Writing, refreshed: &str) -> String {
    let taken = if writing.at_start { RESTART } else { refreshed };
    taken.to_owned()
}

/// What else is lost where others have the present one.
fn suspected(setting: &str, there: &There) -> String {
    let told = match setting {
        ENCRYPTION => {
            return format!(
                "once all servers seal by the new one, `keyward keys rotate --compromised`, since it has sealed the keys that sign, and \
                 `keyward mail withdraw`, since codes that are mailed until then are kept by it. {}.",
                given_up(there)
            );
        }
        "keys.audit" => "what was written since they may have it proves nothing.",
        "password.hashing.pepper" => {
            "it is worth something only beside a copy of the table of passwords; with one, have passwords changed."
        }
        "clients.secret" => "set secret_overlap to 0s first, so that the present one ends at once.",
        _ if reveals_mail(setting) => {
            "end the present one at that server at once, and look in its log who used it. Then, once the new one is in force, `keyward mail \
             withdraw`, since what is mailed until then goes by the present one."
        }
        _ if setting.starts_with("database.") => {
            "end the present one at that server at once, and look in its log who used it. What they read there opens nothing without \
             keys.encryption: codes, links and tokens stand there as hashes. What they wrote may: `keyward audit verify` tells whether \
             the trail was changed, and `keyward mail withdraw` ends links that they may have put there."
        }
        _ => "end the present one at that server at once, and look in its log who used it.",
    };
    told.to_owned()
}
