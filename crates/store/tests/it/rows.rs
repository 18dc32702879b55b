//! What statements do to rows.

use std::time::Duration;

use domain::{MessageId, SessionId, Timestamp};
use store::sessions::Session;
use store::{Store, artefacts, emails, installation, known_browsers, outbox, passwords, sessions, users};
use uuid::Uuid;

use crate::file::{File, NOW, Past, add_user, email, user};

pub(crate) const LATER: Timestamp = Timestamp::from_seconds(1_800_000_060);

pub(crate) fn session(number: u128, user: u128) -> Session {
    Session {
        id: Uuid::from_u128(number),
        sid: Uuid::from_u128(number),
        user_id: Uuid::from_u128(user),
        proofs: "pwd".to_owned(),
        proved_at: NOW.micros(),
        created_at: NOW.micros(),
        used_at: NOW.micros(),
        expires_at: LATER.micros(),
        device: String::new(),
        network: String::new(),
    }
}

pub(crate) fn artefact(number: u8, user: Option<u128>) -> artefacts::Artefact {
    artefacts::Artefact {
        id: Uuid::from_u128(number.into()),
        purpose: "reset".to_owned(),
        user_id: user.map(Uuid::from_u128),
        link_hash: vec![number; 32],
        code_mac: vec![1; 32],
        tries_left: 2,
        browser_hash: None,
        payload: vec![0],
        created_at: NOW.micros(),
        expires_at: LATER.micros(),
    }
}

#[tokio::test]
async fn what_is_not_committed_did_not_happen() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    add_user(&mut tx, 1, "ana", None).await;
    drop(tx);
    assert_eq!(file.number("SELECT count(*) FROM users WHERE created_at > 0").await, 0);
    let mut tx = file.store.begin().await.unwrap();
    add_user(&mut tx, 1, "ana", None).await;
    tx.commit().await.unwrap();
    assert_eq!(file.number("SELECT count(*) FROM users WHERE created_at > 0").await, 1);
}

/// Whoever looks for somebody finds a row in any case, and nobody only if there is nobody.
#[tokio::test]
async fn nobody_has_one_row_that_is_nobodys() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    users::insert_nobody(&mut tx, &[]).await.unwrap();
    add_user(&mut tx, 1, "ana", None).await;
    // The row that is found for an address of nobody is whoever's comes next, or its own after the last. It is told of to nobody.
    for name in ["a", "an", "anaa", "ben", "nobodx", "nobodz", "zoe"] {
        let email = email(name);
        assert!(emails::owner(&mut tx, &email).await.unwrap().is_none(), "{name}");
        let found = users::find_for_sign_in(&mut tx, email.normalized(), None).await.unwrap();
        assert!(found.is_none(), "{name}: {found:?}");
    }
    let ana = users::find_for_sign_in(&mut tx, "ana@example.com", None).await.unwrap();
    assert_eq!(ana.unwrap().user.id, user(1).0);
    assert_eq!(emails::owner(&mut tx, &email("ana")).await.unwrap().unwrap().user_id, user(1).0);
    assert!(users::find_for_sign_in(&mut tx, "ben@example.com", None).await.unwrap().is_none());
    assert!(users::find_for_sign_in(&mut tx, "nobody", None).await.unwrap().is_none());
    assert!(store::audit::pseudonym_of(&mut tx, users::NOBODY).await.unwrap().is_none());
    assert_eq!(users::list(&mut tx, "%", "", 10).await.unwrap().len(), 1);
    assert_eq!(store::backlog::count(&mut tx).await.unwrap().users, 1);
    assert!(users::unproved(&mut tx, NOW, 10).await.unwrap().iter().all(|(id, _)| *id != users::NOBODY.0));
    tx.commit().await.unwrap();
    assert_eq!(file.number("SELECT count(*) FROM users").await, 2);
}

#[tokio::test]
async fn a_row_of_no_account_is_refused_and_goes_with_its_account() {
    let file = File::new().await;
    // Each in a transaction of its own, which it spoils in PostgreSQL.
    let mut tx = file.store.begin().await.unwrap();
    assert!(!sessions::insert(&mut tx, &session(1, 1), &[1], None).await.unwrap());
    drop(tx);
    let mut tx = file.store.begin().await.unwrap();
    let refused = artefacts::insert(&mut tx, &artefact(1, Some(1))).await.unwrap_err();
    assert!(refused.is_missing_reference(), "foreign keys are off: {refused}");
    drop(tx);
    let mut tx = file.store.begin().await.unwrap();
    let refused = known_browsers::remember(&mut tx, &[1], user(1), NOW).await.unwrap_err();
    assert!(refused.is_missing_reference(), "{refused}");
    drop(tx);
    let mut tx = file.store.begin().await.unwrap();
    let ana = add_user(&mut tx, 1, "ana", Some(NOW)).await;
    assert!(sessions::insert(&mut tx, &session(1, 1), &[1], None).await.unwrap());
    artefacts::insert(&mut tx, &artefact(1, Some(1))).await.unwrap();
    artefacts::insert(&mut tx, &artefact(2, None)).await.unwrap();
    known_browsers::remember(&mut tx, &[1], ana, NOW).await.unwrap();
    passwords::set(&mut tx, ana, "hash", NOW).await.unwrap();
    assert!(users::delete(&mut tx, ana).await.unwrap());
    assert!(!users::delete(&mut tx, ana).await.unwrap());
    tx.commit().await.unwrap();
    for table in ["emails", "sessions", "known_browsers", "passwords", "audit_people"] {
        let of_nobody = i64::from(["emails", "passwords", "audit_people"].contains(&table));
        assert_eq!(file.number(&format!("SELECT count(*) FROM {table}")).await, of_nobody, "{table}");
    }
    assert_eq!(file.number("SELECT count(*) FROM artefacts").await, 1, "a decoy is nobody's");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let file = File::new().await;
    let mut tx = file.store.read().await.unwrap();
    assert!(installation::rp_id(&mut tx, "example.com", NOW).await.is_err());
}

#[tokio::test]
async fn the_database_opens_again_and_keeps_what_it_was_told_first() {
    let File { store, past } = File::new().await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(installation::rp_id(&mut tx, "example.com", NOW).await.unwrap(), "example.com");
    tx.commit().await.unwrap();
    store.close().await;
    assert!(store.begin().await.is_err(), "closed");
    let store = match &past {
        Past::Sqlite(raw, folder) => {
            raw.close().await;
            Store::open(&folder.path().join("keyward.db")).await.unwrap()
        }
        Past::Postgres(database) => Store::connect(&database.settings()).await.unwrap(),
    };
    let mut tx = store.begin().await.unwrap();
    assert_eq!(installation::rp_id(&mut tx, "another.example", LATER).await.unwrap(), "example.com");
}

#[tokio::test]
async fn an_address_is_one_accounts_whatever_its_case() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    let ana = add_user(&mut tx, 1, "ana", None).await;
    let shouted = domain::Email::parse("ANA@Example.com").unwrap();
    let id = domain::EmailId(Uuid::from_u128(9));
    assert!(!emails::insert(&mut tx, id, ana, &shouted, None, NOW).await.unwrap());
    assert_eq!(emails::owner(&mut tx, &shouted).await.unwrap().unwrap().user_id, ana.0);
    assert!(emails::set_proved(&mut tx, ana, NOW).await.unwrap());
    assert!(!emails::set_proved(&mut tx, ana, LATER).await.unwrap(), "proved once");
}

#[tokio::test]
async fn an_address_is_replaced_unless_it_is_anothers() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    let ana = add_user(&mut tx, 1, "ana", None).await;
    let ben = add_user(&mut tx, 2, "ben", Some(NOW)).await;
    assert!(!emails::replace(&mut tx, ana, &email("ben"), LATER).await.unwrap());
    assert!(emails::owner(&mut tx, &email("ana")).await.unwrap().unwrap().proved_at.is_none());
    assert!(emails::replace(&mut tx, ana, &email("next"), LATER).await.unwrap());
    assert!(emails::owner(&mut tx, &email("ana")).await.unwrap().is_none());
    let owner = emails::owner(&mut tx, &email("next")).await.unwrap().unwrap();
    assert_eq!((owner.user_id, owner.proved_at), (ana.0, Some(LATER.micros())));
    assert!(
        emails::replace(&mut tx, ana, &email("NEXT"), LATER).await.unwrap(),
        "its own, written otherwise"
    );
    assert_eq!(emails::owner(&mut tx, &email("ben")).await.unwrap().unwrap().user_id, ben.0);
}

#[tokio::test]
async fn a_browser_is_known_to_the_account_it_signed_in_to() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    let (ana, ben) = (add_user(&mut tx, 1, "ana", None).await, add_user(&mut tx, 2, "ben", None).await);
    known_browsers::remember(&mut tx, &[1], ana, NOW).await.unwrap();
    known_browsers::remember(&mut tx, &[1], ana, LATER).await.unwrap();
    known_browsers::remember(&mut tx, &[2], ana, NOW).await.unwrap();
    assert!(known_browsers::is_known(&mut tx, &[1], ana).await.unwrap());
    assert!(!known_browsers::is_known(&mut tx, &[1], ben).await.unwrap());
    let found = users::find_for_sign_in(&mut tx, "ana@example.com", Some(&[1])).await.unwrap().unwrap();
    assert!(found.known_browser);
    let found = users::find_for_sign_in(&mut tx, "ana@example.com", None).await.unwrap().unwrap();
    assert!(!found.known_browser);
    assert_eq!(known_browsers::delete_unused(&mut tx, LATER, 10).await.unwrap(), 1);
    assert!(known_browsers::is_known(&mut tx, &[1], ana).await.unwrap(), "seen since");
    known_browsers::forget_all(&mut tx, ana).await.unwrap();
    assert!(!known_browsers::is_known(&mut tx, &[1], ana).await.unwrap());
}

#[tokio::test]
async fn an_artefact_is_taken_once_for_its_purpose_while_it_lives() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    artefacts::insert(&mut tx, &artefact(1, None)).await.unwrap();
    let id = Uuid::from_u128(1).into();
    let just_before = LATER.minus(Duration::from_micros(1));
    assert!(artefacts::take(&mut tx, id, "another", NOW).await.unwrap().is_none());
    assert!(artefacts::take(&mut tx, id, "reset", LATER).await.unwrap().is_none(), "expired");
    for left in [1, 0] {
        let tried = artefacts::use_try(&mut tx, id, "reset", NOW).await.unwrap().unwrap();
        assert_eq!(tried.tries_left, left);
    }
    assert!(artefacts::use_try(&mut tx, id, "reset", NOW).await.unwrap().is_none(), "no try left");
    assert!(artefacts::take(&mut tx, id, "reset", just_before).await.unwrap().is_some());
    assert!(artefacts::take(&mut tx, id, "reset", just_before).await.unwrap().is_none());
    assert!(!artefacts::renew(&mut tx, &artefact(1, None), NOW).await.unwrap());
}

#[tokio::test]
async fn of_two_changes_of_one_password_one_wins() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    let ana = add_user(&mut tx, 1, "ana", None).await;
    passwords::set(&mut tx, ana, "old", NOW).await.unwrap();
    assert!(passwords::rehash(&mut tx, ana, "old", "first").await.unwrap());
    assert!(!passwords::rehash(&mut tx, ana, "old", "second").await.unwrap());
    assert_eq!(passwords::find(&mut tx, ana).await.unwrap().as_deref(), Some("first"));
}

#[tokio::test]
async fn a_session_is_its_accounts_alone_and_of_an_enabled_one() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    let (ana, ben) = (add_user(&mut tx, 1, "ana", None).await, add_user(&mut tx, 2, "ben", None).await);
    assert!(sessions::insert(&mut tx, &session(7, 1), &[7], None).await.unwrap());
    assert!(sessions::insert(&mut tx, &session(8, 2), &[8], None).await.unwrap());
    let id = SessionId(Uuid::from_u128(7));
    let long_ago = Timestamp(0);
    assert!(!sessions::delete(&mut tx, ben, id).await.unwrap());
    assert!(sessions::find_by_token(&mut tx, &[7], NOW, long_ago).await.unwrap().is_some());
    assert!(sessions::find_by_token(&mut tx, &[7], LATER, long_ago).await.unwrap().is_none(), "too old");
    assert!(sessions::find_by_token(&mut tx, &[7], NOW, NOW).await.unwrap().is_none(), "unused");
    users::set_disabled(&mut tx, ana, Some(NOW)).await.unwrap();
    assert!(sessions::find_by_token(&mut tx, &[7], NOW, long_ago).await.unwrap().is_none());
    assert!(sessions::find(&mut tx, id, NOW, long_ago).await.unwrap().is_none());
    users::set_disabled(&mut tx, ana, None).await.unwrap();
    assert!(sessions::find(&mut tx, id, NOW, long_ago).await.unwrap().is_some());
    assert_eq!(sessions::delete_others(&mut tx, ana, None).await.unwrap(), [id.0]);
    assert_eq!(sessions::delete_expired(&mut tx, LATER, long_ago, 10).await.unwrap(), 1);
}

/// Whoever opens a session has it only of an account that is as it was, and in the place of one of the same account that lives.
#[tokio::test]
async fn a_session_is_opened_and_replaced_only_where_nothing_has_changed() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    let (ana, ben) = (add_user(&mut tx, 1, "ana", None).await, add_user(&mut tx, 2, "ben", None).await);
    for user in [ana, ben] {
        passwords::set(&mut tx, user, "hash", NOW).await.unwrap();
    }
    let as_it_is = users::Unchanged { address: "ana@example.com", second_step: false, password_hash: "hash" };
    let changed = [
        users::Unchanged { address: "ben@example.com", ..as_it_is },
        users::Unchanged { second_step: true, ..as_it_is },
        users::Unchanged { password_hash: "another", ..as_it_is },
    ];
    assert!(sessions::insert(&mut tx, &session(7, 1), &[7], Some(as_it_is)).await.unwrap());
    let (old, new, before) = (SessionId(Uuid::from_u128(7)), session(8, 1), Timestamp(0));
    for changed in changed {
        assert!(!sessions::insert(&mut tx, &new, &[8], Some(changed)).await.unwrap(), "{changed:?}");
        let replaced = sessions::replace(&mut tx, old, &new, &[8], Some(changed), before).await.unwrap();
        assert!(!replaced, "{changed:?}");
    }
    users::set_disabled(&mut tx, ana, Some(NOW)).await.unwrap();
    for unchanged in [None, Some(as_it_is)] {
        assert!(!sessions::insert(&mut tx, &new, &[8], unchanged).await.unwrap());
        assert!(!sessions::replace(&mut tx, old, &new, &[8], unchanged, before).await.unwrap());
    }
    users::set_disabled(&mut tx, ana, None).await.unwrap();
    let of_ben = session(9, 2);
    assert!(!sessions::replace(&mut tx, old, &of_ben, &[9], None, before).await.unwrap(), "not ben's");
    assert!(!sessions::replace(&mut tx, old, &new, &[8], None, LATER).await.unwrap(), "unused");
    let gone = SessionId(Uuid::from_u128(70));
    assert!(!sessions::replace(&mut tx, gone, &new, &[8], None, before).await.unwrap(), "none there");
    assert!(sessions::replace(&mut tx, old, &new, &[8], Some(as_it_is), before).await.unwrap());
    assert!(sessions::find_by_token(&mut tx, &[7], NOW, before).await.unwrap().is_none());
    let found = sessions::find_by_token(&mut tx, &[8], NOW, before).await.unwrap().unwrap();
    assert_eq!((found.session.id, found.session.sid), (new.id, old.0), "apps call it what they did");
    assert_eq!(sessions::count(&mut tx, ana, NOW, before).await.unwrap(), 1);
}

/// A code that was found right is worth something only as long as it is the code, and tries are left.
#[tokio::test]
async fn a_code_that_was_replaced_or_has_no_try_left_takes_nothing() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    add_user(&mut tx, 1, "ana", None).await;
    let artefact = artefact(1, Some(1));
    artefacts::insert(&mut tx, &artefact).await.unwrap();
    let of_before = artefacts::Artefact { code_mac: vec![99], ..artefact.clone() };
    assert!(!artefacts::take_unchanged(&mut tx, &of_before, NOW).await.unwrap());
    let elsewhere = artefacts::Artefact { purpose: "another".to_owned(), ..artefact.clone() };
    assert!(!artefacts::take_unchanged(&mut tx, &elsewhere, NOW).await.unwrap());
    let id = domain::ArtefactId(artefact.id);
    while artefacts::use_try(&mut tx, id, &artefact.purpose, NOW).await.unwrap().is_some() {}
    assert!(!artefacts::take_unchanged(&mut tx, &artefact, NOW).await.unwrap());
    artefacts::renew(&mut tx, &artefact, NOW).await.unwrap();
    assert!(!artefacts::take_unchanged(&mut tx, &artefact, Timestamp(artefact.expires_at)).await.unwrap());
    assert!(artefacts::take_unchanged(&mut tx, &artefact, NOW).await.unwrap());
    assert!(!artefacts::take_unchanged(&mut tx, &artefact, NOW).await.unwrap());
}

/// Decoys once took the places of mails in a list that is cut.
#[tokio::test]
async fn what_was_to_nobody_takes_no_place_in_the_list_of_mails() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    for number in 1..=6 {
        let id = MessageId(Uuid::from_u128(number));
        outbox::insert(&mut tx, id, "proof", b"sealed", NOW, LATER).await.unwrap();
        if number > 3 {
            outbox::finish(&mut tx, id, "decoy", None, NOW).await.unwrap();
        }
    }
    let listed: Vec<_> =
        outbox::list(&mut tx, 2).await.unwrap().iter().map(|mail| mail.id.as_u128()).collect();
    assert_eq!(listed, [3, 2]);
}
