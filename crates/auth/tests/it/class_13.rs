//! Class 13: an answer, or the work behind it, that tells whether an address has an account.

use auth::{EmailChangeError, Evidence, SignInError};

use crate::artefacts::{Answer, Purpose, show};
use crate::on_postgres::is_on_postgres;
use crate::overheard::Overheard;
use crate::people::{browser, code, email};
use crate::world::{OTHER, PASSWORD, World};

/// An address and what is known of it.
const NAMES: [&str; 4] = ["proved", "unproved", "disabled", "nobody"];

async fn world() -> World {
    world_where(true).await
}

async fn world_where(require_proof: bool) -> World {
    let world = World::with(|settings| settings.accounts.require_proof = require_proof).await;
    for name in ["proved", "disabled"] {
        world.account(name, &browser(1)).await;
    }
    world.sign_up("unproved", PASSWORD, &browser(1)).await;
    world.set_disabled("disabled", true).await;
    world.mail("unproved").await;
    world
}

/// Rows of every table that grows whoever is asked about.
async fn rows(world: &World) -> [i64; 4] {
    [
        world.count("artefacts").await,
        world.count("outbox").await,
        world.count("audit").await,
        world.count("sessions").await,
    ]
}

fn grown(before: [i64; 4], after: [i64; 4]) -> [i64; 4] {
    std::array::from_fn(|index| after[index] - before[index])
}

#[tokio::test]
async fn class_13_sign_up_answers_and_works_alike() {
    for name in NAMES {
        let world = world().await;
        let before = rows(&world).await;
        let signed_up = world.sign_up(name, OTHER, &browser(2)).await;
        assert_eq!(grown(before, rows(&world).await), [1, 1, 1, 0], "{name}");
        let pending = world.auth.pending_proof(signed_up.proof, &browser(2)).await.unwrap().unwrap();
        assert_eq!((pending.email, pending.same_browser), (email(name), true), "{name}");
        assert_eq!(world.mails(name).await.len(), 1, "{name}");
        let before = rows(&world).await;
        world.auth.resend_proof(signed_up.proof, &browser(2)).await.unwrap();
        assert_eq!(grown(before, rows(&world).await), [0, 1, 1, 0], "{name}");
        for left in (0..5).rev() {
            // No code is seven digits long: wrong for whomever.
            let answer = show(&world, Purpose::Prove, &code(signed_up.proof, "1234567")).await;
            assert_eq!(answer, Answer::Wrong(left), "{name}");
        }
        assert_eq!(show(&world, Purpose::Prove, &code(signed_up.proof, "1234567")).await, Answer::Gone);
    }
}

/// Whom an operator sees.
async fn listed(world: &World) -> Vec<String> {
    let people = world.auth.people("", "", 100).await.unwrap();
    people.into_iter().map(|person| person.address).collect()
}

/// What was written for an address that has an account was deleted again at once, which took longer than to find nothing.
#[tokio::test]
async fn class_13_a_sign_up_for_an_address_that_has_an_account_deletes_nothing_and_leaves_nothing() {
    const TABLES: [&str; 4] = ["users", "emails", "passwords", "audit_people"];
    for require_proof in [true, false] {
        for name in NAMES {
            let world = world_where(require_proof).await;
            let mut before = Vec::new();
            for table in TABLES {
                before.push(world.count(table).await);
            }
            world.sign_up(name, OTHER, &browser(2)).await;
            for (table, before) in TABLES.iter().zip(&before) {
                assert_eq!(world.count(table).await, before + 1, "{name}: {table}");
            }
            let listed = listed(&world).await;
            assert_eq!(world.auth.totals().await.unwrap().users, listed.len() as u64, "{name}");
            while world.auth.clean().await.unwrap() > 0 {}
            let made = i64::from(name == "nobody");
            for (table, before) in TABLES.iter().zip(&before) {
                assert_eq!(world.count(table).await, before + made, "{name}: {table}");
            }
            let expected = NAMES.iter().filter(|one| **one != "nobody" || made == 1).map(|name| email(name));
            let mut expected: Vec<_> = expected.map(|email| email.address().to_owned()).collect();
            expected.sort();
            assert_eq!(listed, expected, "{name}: hidden before it is gone");
        }
    }
}

#[tokio::test]
async fn class_13_a_reset_answers_and_works_alike() {
    for name in NAMES {
        let world = world().await;
        let before = rows(&world).await;
        let id = world.auth.request_reset(&email(name), None, &browser(2)).await.unwrap();
        assert_eq!(grown(before, rows(&world).await), [1, 1, 1, 0], "{name}");
        for left in (0..5).rev() {
            let before = rows(&world).await;
            let answer = show(&world, Purpose::Reset, &code(id, "1234567")).await;
            assert_eq!(answer, Answer::Wrong(left), "{name}");
            assert_eq!(grown(before, rows(&world).await), [0, 0, 1, 0], "{name}: a wrong code is recorded");
        }
        let sent = world.mails(name).await.len();
        assert_eq!(sent, usize::from(["proved", "unproved"].contains(&name)), "{name}");
    }
}

#[tokio::test]
async fn class_13_a_wrong_password_is_answered_and_counted_alike() {
    let mut answers = Vec::new();
    for name in NAMES {
        let world = world().await;
        let before = rows(&world).await;
        let refused = world.sign_in(name, "not it", &browser(2)).await.unwrap_err();
        assert!(matches!(refused, SignInError::Incorrect), "{name}: {refused:?}");
        assert_eq!(grown(before, rows(&world).await), [0, 0, 1, 0], "{name}");
        for _ in 0..9 {
            world.sign_in(name, "not it", &browser(2)).await.unwrap_err();
        }
        answers.push(world.sign_in(name, "not it", &browser(2)).await.unwrap_err().to_string());
    }
    assert!(answers.iter().all(|answer| *answer == "too many tries: come back in 60 s"), "{answers:?}");
}

/// A stranger who signs an address up knows the password of that sign-up: it must not tell them whether the address had an
/// account before.
#[tokio::test]
async fn class_13_the_password_of_a_sign_up_is_answered_and_counted_like_any_wrong_one() {
    for name in NAMES {
        let world = world().await;
        world.sign_up(name, OTHER, &browser(2)).await;
        world.mails(name).await;
        for number in 0..12 {
            let before = rows(&world).await;
            let refused = world.sign_in(name, OTHER, &browser(2)).await.unwrap_err().to_string();
            if number < 10 {
                assert_eq!(refused, SignInError::Incorrect.to_string(), "{name} {number}");
                assert_eq!(grown(before, rows(&world).await), [0, 0, 1, 0], "{name} {number}");
            } else {
                assert_eq!(refused, "too many tries: come back in 60 s", "{name} {number}");
            }
        }
        assert!(world.mails(name).await.is_empty(), "{name}: a mail by the way would tell");
    }
}

#[tokio::test]
async fn class_13_mails_are_counted_alike() {
    for name in ["somebody", "nobody"] {
        let world = World::new().await;
        if name != "nobody" {
            let account = crate::people::form(name, PASSWORD);
            world.auth.sign_up(account, &browser(1)).await.unwrap();
            world.turn(std::time::Duration::from_hours(1));
        }
        for _ in 0..5 {
            world.auth.request_reset(&email(name), None, &browser(2)).await.unwrap();
        }
        assert!(world.auth.request_reset(&email(name), None, &browser(3)).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn class_13_an_address_change_answers_and_works_alike() {
    for name in NAMES {
        let world = world().await;
        world.account("eve", &browser(6)).await;
        let current = world.signed_in("eve", &browser(6)).await;
        let before = rows(&world).await;
        world.auth.request_email_change(&current, &email(name), &browser(6)).await.unwrap();
        assert_eq!(grown(before, rows(&world).await), [2, 2, 1, 0], "{name}");
        for left in (0..5).rev() {
            let refused = world
                .auth
                .confirm_email_change_by_code(&current, auth::Side::New, "1234567", &browser(6))
                .await;
            let Err(EmailChangeError::Evidence(auth::EvidenceError::WrongCode { tries_left })) = refused
            else {
                panic!("{name}: {refused:?}");
            };
            assert_eq!(tries_left, left, "{name}");
        }
        assert_eq!(world.mails(name).await.len(), 1, "{name}");
        let link = Evidence::Link { token: "nothing".to_owned() };
        assert_eq!(show(&world, Purpose::New, &link).await, Answer::Gone);
    }
}

/// A statement less, or a row that is not there, is another answer's time: a look-up finds a row for whomever (`users::NOBODY`).
#[tokio::test]
async fn class_13_the_database_is_asked_alike_and_answers_with_as_many_rows() {
    let mut heard_of = Vec::new();
    for name in NAMES {
        let world = world().await;
        world.account("eve", &browser(6)).await;
        let eve = world.signed_in("eve", &browser(6)).await;
        let overheard = Overheard::begin();
        let mut heard = Vec::new();
        let mut note = |act| {
            let said = overheard.said();
            assert!(!said.is_empty(), "{act}");
            assert!(
                !is_on_postgres() || said.iter().any(|said| said.contains("rows_returned: 1")),
                "{act}: {said:#?}"
            );
            heard.push((act, said));
        };
        let reset = world.auth.request_reset(&email(name), None, &browser(2)).await.unwrap();
        note("reset");
        world.post().await;
        note("mails, sent and not");
        show(&world, Purpose::Reset, &code(reset, "1234567")).await;
        note("wrong code of a reset");
        for _ in 0..10 {
            world.sign_in(name, "not it", &browser(2)).await.unwrap_err();
        }
        note("wrong password");
        world.sign_in(name, "not it", &browser(2)).await.unwrap_err();
        note("one try too many");
        world.sign_in(name, "not it", &browser(2)).await.unwrap_err();
        note("another");
        world.auth.request_email_change(&eve, &email(name), &browser(6)).await.unwrap();
        note("change of address");
        // Last: from then on the address of nobody is somebody's.
        let signed_up = world.sign_up(name, OTHER, &browser(2)).await;
        note("sign-up");
        world.auth.resend_proof(signed_up.proof, &browser(2)).await.unwrap();
        note("proof once more");
        show(&world, Purpose::Prove, &code(signed_up.proof, "1234567")).await;
        note("wrong code of a proof");
        heard_of.push(heard);
    }
    let (first, others) = heard_of.split_first().unwrap();
    for (other, name) in others.iter().zip(&NAMES[1..]) {
        for ((act, said), (_, said_of_other)) in first.iter().zip(other) {
            assert_eq!(said, said_of_other, "{act}: {} and {name}", NAMES[0]);
        }
    }
}
