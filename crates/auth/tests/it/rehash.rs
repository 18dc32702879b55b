//! Hashes that were made otherwise: verified, replaced once, and told from others by nobody.

use std::time::Duration;

use auth::{
    Auth, Fault, Foreign, Hasher, HasherSettings, Import, Imported, ImportedAccount, Random, SignInError,
    SignedIn,
};
use domain::DisplayName;
use secrets::SecretString;
use secrets::sealing::generate_key_text;
use tokio::task::JoinSet;

use crate::people::{browser, email, password};
use crate::world::{OTHER, PASSWORD, World};

/// Of [`PASSWORD`], by Python's bcrypt, cost 4.
const BCRYPT: &str = "$2b$04$hnUMGOWsPk2/FRjB3xXT4uARZvUSQiazLoGaNw17mYCF1vWmSjJHG";
/// Of [`PASSWORD`], by Python's hashlib, in Django's form.
const DJANGO: &str = "pbkdf2_sha256$1200$aSaltOfDjangos$N20pULtuGXhqZ8eSx0nTRBocA6NNMOYWXoY3oUNSS+o=";

async fn hash_of(world: &World, name: &str) -> String {
    let mut tx = world.store.read().await.unwrap();
    let owner = store::emails::owner(&mut tx, &email(name)).await.unwrap().unwrap();
    store::passwords::find(&mut tx, owner.user_id.into()).await.unwrap().unwrap()
}

async fn import(world: &World, name: &str, hash: &str, second_step: bool) -> Imported {
    let account = ImportedAccount {
        email: email(name),
        proved: true,
        name: DisplayName::default(),
        locale: None,
        second_step,
        password: Some(Foreign::parse(hash).unwrap()),
    };
    let hasher = world.auth.hasher().clone();
    let import = Import::new(world.store.clone(), world.auth.audit_trail(), hasher, Random::system());
    import.add(vec![account], auth::Batches::default(), world.auth.now()).await.unwrap()[0]
}

#[tokio::test]
async fn an_account_from_elsewhere_signs_in_and_its_hash_is_replaced() {
    for (hash, stored) in [(BCRYPT, "$2b$04$"), (DJANGO, "$wrapped$pbkdf2-sha256,i=1200,l=32$argon2id$")] {
        for second_step in [false, true] {
            let world = World::new().await;
            assert_eq!(import(&world, "ana", hash, second_step).await, Imported::Added);
            assert_eq!(import(&world, "ana", hash, second_step).await, Imported::AddressTaken);
            let before = hash_of(&world, "ana").await;
            assert!(before.starts_with(stored), "{before}");
            let wrong = world.sign_in("ana", OTHER, &browser(1)).await;
            assert!(matches!(wrong, Err(SignInError::Incorrect)), "{wrong:?}");
            assert_eq!(hash_of(&world, "ana").await, before, "a wrong password replaces nothing");
            let right = world.sign_in("ana", PASSWORD, &browser(1)).await.unwrap();
            assert_eq!(matches!(right, SignedIn::SecondStep { .. }), second_step);
            let after = hash_of(&world, "ana").await;
            assert!(after.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{after}");
            world.sign_in("ana", PASSWORD, &browser(1)).await.unwrap();
            assert_eq!(hash_of(&world, "ana").await, after, "and only once");
            assert!(world.auth.audit_trail().seal().await.unwrap() > 0);
            world.auth.audit_trail().verify(None).await.unwrap();
        }
    }
}

/// Many sign-ins to one account at once: each gets in, and there is one new hash in the end.
#[tokio::test]
async fn sign_ins_at_once_all_get_in_and_replace_the_hash_once() {
    let world = World::new().await;
    import(&world, "ana", BCRYPT, false).await;
    let before = world.auth.hasher().metrics().done;
    let mut all = JoinSet::new();
    for number in 0..8 {
        let auth = world.auth.clone();
        let request = auth::SignIn {
            email: email("ana"),
            password: password(PASSWORD),
            replaces: None,
            return_to: None,
        };
        all.spawn(async move { auth.sign_in(request, &browser(number)).await.map(|_| ()) });
    }
    for done in all.join_all().await {
        done.unwrap();
    }
    assert!(hash_of(&world, "ana").await.starts_with("$argon2id$"));
    // Eight looks at the old hash; a new one, and one more of each who had looked before the first was stored, and is late with it;
    // and a second look of all who were overtaken.
    let hashes = world.auth.hasher().metrics().done - before;
    assert!((9..=23).contains(&hashes), "{hashes}");
}

/// Issue 5: who had a hash from elsewhere was told by the time of a failed sign-in, or by what the next request met.
#[tokio::test]
async fn every_failure_does_the_work_of_every_kind_of_hash_there_is() {
    let world = World::with(|settings| {
        settings.limits.account_failures = 100;
        settings.limits.network_failures = 1_000;
    })
    .await;
    world.account("bea", &browser(2)).await;
    let decoys = || world.auth.hasher().metrics().decoys;
    let fails = async |name: &str, tried: &str, kinds: u64| {
        let before = decoys();
        let failed = world.sign_in(name, tried, &browser(1)).await;
        assert!(matches!(failed, Err(SignInError::Incorrect)), "{name}: {failed:?}");
        assert_eq!(decoys() - before, kinds - 1, "{name}");
    };
    fails("bea", OTHER, 1).await;
    fails("nobody", OTHER, 1).await;
    for (name, hash) in [
        ("ana", BCRYPT.to_owned()),
        ("cleo", BCRYPT.replace("$2b$", "$2y$")),
        ("dan", BCRYPT.replace("$2b$04$", "$2b$05$")),
        ("eve", DJANGO.to_owned()),
        ("fay", DJANGO.replace("1200", "1000")),
        ("gil", "{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl".to_owned()),
    ] {
        assert_eq!(import(&world, name, &hash, false).await, Imported::Added);
    }
    // Ours (which salted SHA is wrapped in), two costs of bcrypt, and PBKDF2 within Argon2id.
    let kinds = 4;
    // One who has a hash from elsewhere is the first to be asked about: it counts from then on, and not when it is looked next.
    for name in ["ana", "bea", "nobody", "cleo", "dan", "eve", "fay", "gil", "nobody"] {
        fails(name, OTHER, kinds).await;
    }
    // A right password that lets nobody in is a failure as any.
    world.tamper("UPDATE users SET disabled_at = 1 WHERE id IN (SELECT user_id FROM emails WHERE address LIKE 'bea%')").await;
    for tried in [OTHER, PASSWORD] {
        fails("bea", tried, kinds).await;
    }
    // Who gets in has ours worked, which comes first, and their own.
    let before = decoys();
    world.sign_in("ana", PASSWORD, &browser(1)).await.unwrap();
    assert!(decoys() - before < kinds - 1, "a success tells by its answer");
    let before = decoys();
    world.sign_in("ana", PASSWORD, &browser(1)).await.unwrap();
    assert_eq!(decoys(), before, "ours comes first");
    // Once none is left but ours, a failure costs one hash again.
    world.tamper("DELETE FROM passwords WHERE scheme LIKE '$2%' OR scheme LIKE '$wrapped%'").await;
    world.turn(Duration::from_mins(1));
    fails("nobody", OTHER, 1).await;
}

/// Issue 5: a hash that takes more memory than there is was brought in, and the server died of it at the next start, again and again.
#[tokio::test]
async fn a_hash_that_takes_more_memory_than_there_is_neither_comes_in_nor_keeps_the_server_down() {
    /// As Django makes them: 100 MiB.
    const DEAR: &str =
        "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdA$v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig";
    let world = World::new().await;
    let refused = import(&world, "ana", DEAR, false).await;
    assert_eq!(refused, Imported::TooMuchMemory { needed: 102_400, available: 34 * 1024 });
    // One that is there, from before or from when there was more.
    world.account("bea", &browser(1)).await;
    let mut tx = world.store.begin().await.unwrap();
    let owner = store::emails::owner(&mut tx, &email("bea")).await.unwrap().unwrap();
    store::passwords::set(&mut tx, owner.user_id.into(), DEAR, world.auth.now()).await.unwrap();
    tx.commit().await.unwrap();
    let world = world.restart().await;
    let metrics = || world.auth.hasher().metrics();
    let mut work = Vec::new();
    for name in ["bea", "nobody"] {
        let before = metrics();
        let failed = world.sign_in(name, PASSWORD, &browser(1)).await;
        assert!(matches!(failed, Err(SignInError::Incorrect)), "{failed:?}");
        work.push((metrics().done - before.done, metrics().decoys - before.decoys));
    }
    assert_eq!(work, [(1, 0); 2], "nothing tells whose it is");
    world.auth.request_reset(&email("bea"), None, &browser(1)).await.unwrap();
    let link = world.mail("bea").await.link();
    world.auth.reset_password(&link, &password(OTHER), &browser(1)).await.unwrap();
    world.sign_in("bea", OTHER, &browser(1)).await.unwrap();
}

#[tokio::test]
async fn a_reset_does_not_set_the_password_that_was_there() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    world.auth.request_reset(&email("ana"), None, &browser(1)).await.unwrap();
    let link = world.mail("ana").await.link();
    let same = world.auth.reset_password(&link, &password(PASSWORD), &browser(1)).await;
    assert!(matches!(same, Err(auth::RecoverError::Weak(domain::Weakness::Unchanged))), "{same:?}");
    world.auth.reset_password(&link, &password(OTHER), &browser(1)).await.unwrap();
    world.sign_in("ana", OTHER, &browser(1)).await.unwrap();
}

#[tokio::test]
async fn a_common_password_is_refused_wherever_one_is_set() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    let common = password("sunshine1");
    world.auth.request_reset(&email("ana"), None, &browser(1)).await.unwrap();
    let link = world.mail("ana").await.link();
    let reset = world.auth.reset_password(&link, &common, &browser(1)).await;
    assert!(matches!(reset, Err(auth::RecoverError::Weak(domain::Weakness::Common))), "{reset:?}");
    let mut form = crate::people::form("bea", PASSWORD);
    form.second_step = true;
    form.password = common;
    let signed_up = world.auth.sign_up(form, &browser(2)).await;
    assert!(matches!(signed_up, Err(auth::SignUpError::Weak(domain::Weakness::Common))), "{signed_up:?}");
}

/// The server says which pepper is missing, and does not start.
#[tokio::test]
async fn a_missing_pepper_is_named_at_start() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let peppers = auth::Peppers::new(Some(&generate_key_text()), &[]).unwrap();
    let settings = HasherSettings { memory_kib: 64, iterations: 1, ..HasherSettings::default() };
    let peppered = Hasher::with_peppers(&settings, 1, peppers, Random::system()).unwrap();
    let hash = peppered.hash(&password(PASSWORD)).await.unwrap();
    let id = hash.split("keyid=").nth(1).unwrap().split('$').next().unwrap();
    let mut tx = world.store.begin().await.unwrap();
    let owner = store::emails::owner(&mut tx, &email("ana")).await.unwrap().unwrap();
    store::passwords::set(&mut tx, owner.user_id.into(), &hash, world.auth.now()).await.unwrap();
    tx.commit().await.unwrap();
    let refused = world.start_again().await.unwrap_err();
    assert!(matches!(&refused, Fault::MissingPepper { key_id, .. } if key_id == id), "{refused:?}");
    assert!(
        refused.to_string().contains(&format!("the pepper {id}, which is not here (known: none)")),
        "{refused}"
    );
}

/// A process with these peppers, the current one first.
async fn process_with(world: &World, current: Option<&SecretString>, older: &[SecretString]) -> Auth {
    let peppers = auth::Peppers::new(current, older).unwrap();
    let settings = HasherSettings { memory_kib: 64, iterations: 1, ..HasherSettings::default() };
    let hasher = Hasher::with_peppers(&settings, 2, peppers, Random::system()).unwrap();
    world.another_that_hashes(hasher).await.unwrap()
}

async fn shows(process: &Auth, name: &str, tried: &str) -> Result<SignedIn, SignInError> {
    let request =
        auth::SignIn { email: email(name), password: password(tried), replaces: None, return_to: None };
    process.sign_in(request, &browser(1)).await
}

/// Issue 5: a server that was given a pepper made accounts that one of before answered 500 for, and 401 for anybody else.
#[tokio::test]
async fn class_13_an_account_whose_pepper_is_elsewhere_is_answered_as_one_that_is_not() {
    let world = World::new().await;
    let pepper = generate_key_text();
    let before = process_with(&world, None, &[]).await;
    let after = process_with(&world, Some(&pepper), &[]).await;
    for name in ["ana", "bea"] {
        after.sign_up(crate::people::form(name, PASSWORD), &browser(1)).await.unwrap();
        assert!(hash_of(&world, name).await.contains(",keyid="));
        world.mails(name).await;
    }
    world.tamper("UPDATE emails SET proved_at = 1 WHERE created_at > 0").await;
    // One that no release can read is answered alike.
    world.tamper("UPDATE passwords SET hash = 'plain' WHERE user_id IN (SELECT user_id FROM emails WHERE address LIKE 'bea%')").await;
    shows(&after, "ana", PASSWORD).await.unwrap();
    let mut work = Vec::new();
    for (name, tried) in
        [("ana", PASSWORD), ("ana", OTHER), ("bea", PASSWORD), ("bea", OTHER), ("nobody", PASSWORD)]
    {
        let metrics = before.hasher().metrics();
        let refused = shows(&before, name, tried).await;
        assert!(matches!(refused, Err(SignInError::Incorrect)), "{name}, {tried}: {refused:?}");
        let now = before.hasher().metrics();
        work.push((now.done - metrics.done, now.decoys - metrics.decoys));
    }
    assert!(work.iter().all(|done| *done == work[0]), "the work tells: {work:?}");
    assert_eq!(before.hasher().metrics().unusable, 4);
    // A new password is the way out of it at that one too.
    before.request_reset(&email("ana"), None, &browser(1)).await.unwrap();
    let link = world.mail("ana").await.link();
    before.reset_password(&link, &password(OTHER), &browser(1)).await.unwrap();
    shows(&before, "ana", OTHER).await.unwrap();
    for process in [before, after] {
        process.stop().await;
    }
}

/// A pepper is exchanged as the guide says: one process after the other is given the new one to verify with, and then one after the other
/// hashes with it. At no moment is anybody turned away, and a process of the step before starts.
#[tokio::test]
async fn a_pepper_is_exchanged_in_two_steps_and_nobody_is_turned_away() {
    for old in [None, Some(generate_key_text())] {
        let world = World::with(|settings| settings.accounts.require_proof = false).await;
        let (new, old_ones) = (generate_key_text(), old.iter().cloned().collect::<Vec<_>>());
        let known = std::slice::from_ref(&new);
        let steps = [(old.as_ref(), &[][..]), (old.as_ref(), known), (Some(&new), &old_ones[..])];
        for (step, pair) in steps.windows(2).enumerate() {
            let mut both = Vec::new();
            for (current, older) in pair {
                both.push(process_with(&world, *current, older).await);
            }
            for (number, process) in both.iter().enumerate() {
                let name = format!("p{step}{number}");
                process.sign_up(crate::people::form(&name, PASSWORD), &browser(1)).await.unwrap();
                // The last of them hashes anew what the first did, and the other way round.
                for asked in both.iter().rev().chain(&both) {
                    shows(asked, &name, PASSWORD).await.unwrap();
                }
            }
            let (current, older) = pair[0];
            process_with(&world, current, older).await.stop().await;
            for process in both {
                assert_eq!(process.hasher().metrics().unusable, 0);
                process.stop().await;
            }
        }
    }
}

/// Rows that an older release wrote have no scheme: they are filled in at start.
#[tokio::test]
async fn rows_of_an_older_release_are_filled_in() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    assert_eq!(world.tamper("UPDATE passwords SET scheme = NULL WHERE changed_at > 0").await, 1);
    world.start_again().await.unwrap();
    let schemes = store::passwords::schemes(&mut world.store.read().await.unwrap()).await.unwrap();
    assert_eq!(schemes, ["$argon2id$v=19$m=64,t=1,p=1"]);
}
