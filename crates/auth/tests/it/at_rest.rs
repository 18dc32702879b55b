//! What somebody reads who has the database file and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use tempfile::TempDir;

use crate::artefacts::{EVERY, mailed};
use crate::backend::Backend;
use crate::idempotency::{answer, done_once};
use crate::people::{browser, password};
use crate::world::{OTHER, PASSWORD, World};

/// Every byte of the file, its write-ahead log, and whatever else lies there.
fn everything(folder: &TempDir) -> Vec<u8> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        all.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    all
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn hex(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The forms in which a secret might lie about.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex = hex(secret);
    let mut forms = vec![secret.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    forms.push(secret.encode_utf16().flat_map(u16::to_le_bytes).collect());
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret).into_bytes());
    }
    // A token is itself base64url of bytes that should not lie about either.
    forms.extend(URL_SAFE_NO_PAD.decode(secret).ok().filter(|bytes| bytes.len() == 32));
    forms
}

#[tokio::test]
async fn nothing_secret_can_be_read_in_the_database_file() {
    let world = World::new().await;
    // The rows are the same in PostgreSQL, whose files are not a test's own.
    let Backend::Small(folder) = &world.backend else { return };
    let mut secrets: Vec<String> = vec![PASSWORD.to_owned(), OTHER.to_owned()];
    let mut codes = Vec::new();
    for purpose in EVERY {
        let artefact = mailed(&world, purpose).await;
        codes.push(artefact.code);
        secrets.extend(artefact.token);
    }
    world.account("ana", &browser(1)).await;
    let first = world.session("ana", PASSWORD, &browser(1)).await;
    let current = world.current(&first).await.unwrap();
    let key = "8e03978e-40d5-43dd-bc93-6894a57f9324";
    done_once(&world.auth, &current, key).await;
    secrets.extend([key.to_owned(), answer().body]);
    let change =
        world.auth.change_password(&current, &password(PASSWORD), &password(OTHER), &browser(1)).await;
    for session in [first, change.unwrap()] {
        secrets.push(session.expose_token().to_owned());
        secrets.push(session.expose_jwt().to_owned());
    }
    // Mail still on its way is in there too.
    world.sign_up("late", PASSWORD, &browser(1)).await;
    let held = world.auth.take_mail(100).await.unwrap();
    assert!(!held.is_empty());

    let all = everything(folder);
    assert!(holds(&all, b"ana@example.com"), "the scan reads what is there");
    for secret in &secrets {
        for form in forms(secret) {
            assert!(!holds(&all, &form), "{secret} as {:?}", String::from_utf8_lossy(&form));
        }
    }
    // Six digits turn up by chance inside numbers; as JSON wrote them, or alone in a column, they do not.
    for code in codes {
        for form in [format!("\"code\":\"{code}\""), format!("\"{code}\"")] {
            assert!(!holds(&all, form.as_bytes()), "{code}");
        }
        for (table, column) in [("artefacts", "code_mac"), ("artefacts", "payload"), ("outbox", "payload")] {
            let digits = hex(&code).to_uppercase();
            let sql = format!("SELECT count(*) FROM {table} WHERE hex({column}) LIKE '%{digits}%'");
            assert_eq!(world.number(&sql).await, 0, "{code} in {table}.{column}");
        }
    }
}

#[tokio::test]
async fn a_code_is_bound_to_its_artefact_and_its_key() {
    let world = World::new().await;
    let step = mailed(&world, crate::artefacts::Purpose::Step).await;
    let reset = mailed(&world, crate::artefacts::Purpose::Reset).await;
    // Whoever can write to the file moves one's HMAC, or what it carries, to the other's row.
    world
        .tamper("UPDATE artefacts SET code_mac = (SELECT code_mac FROM artefacts WHERE purpose = 'reset_password')")
        .await;
    let moved = crate::people::code(step.id, &reset.code);
    let answer = crate::artefacts::show(&world, step.purpose, &moved).await;
    assert!(matches!(answer, crate::artefacts::Answer::Wrong(_)), "{answer:?}");
    world
        .tamper(
            "UPDATE artefacts SET payload = (SELECT payload FROM artefacts WHERE purpose = 'second_step')
             WHERE purpose = 'reset_password'",
        )
        .await;
    let answer = crate::artefacts::show(&world, reset.purpose, &reset.by_code()).await;
    assert_eq!(answer, crate::artefacts::Answer::Other, "a sealed value that was moved does not open");
}

#[tokio::test]
async fn neither_debug_nor_errors_tell_a_secret() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let session = world.session("ana", PASSWORD, &browser(1)).await;
    let shown = format!("{session:?} {:?}", password(PASSWORD));
    for secret in [session.expose_token(), session.expose_jwt(), PASSWORD] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// It was readable in pages that the database had freed.
#[tokio::test]
async fn what_a_deleted_account_was_called_is_in_the_file_no_longer() {
    let world = World::new().await;
    let Backend::Small(folder) = &world.backend else { return };
    let here = browser(1);
    world.account("zuleika.quest", &here).await;
    let current = world.signed_in("zuleika.quest", &here).await;
    let name = domain::DisplayName::parse("Zuleika of the Quest").unwrap();
    world.auth.change_profile(&current, &name, None, &here).await.unwrap();
    let called = [&b"zuleika.quest"[..], b"Zuleika of the Quest"];
    assert!(called.iter().all(|called| holds(&everything(folder), called)), "or this shows nothing");
    world.auth.delete_account(&current, &password(PASSWORD), &here).await.unwrap();
    world.post().await;
    while world.auth.clean().await.unwrap() > 0 {}
    world.store.close().await;
    for called in called {
        assert!(!holds(&everything(folder), called), "{}", String::from_utf8_lossy(called));
    }
}
