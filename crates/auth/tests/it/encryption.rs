//! The key that seals is exchanged while servers run: a new one opens first and seals later, what the old one sealed is sealed
//! anew, and nothing is lost by it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auth::{Auth, Fault, Hasher, HasherSettings, KeyRole, Next, Processes, Random, SealedUnder};
use secrets::SecretString;
use secrets::sealing::{Keyring, generate_key_text};

use crate::artefacts::{Answer, EVERY, mailed, show};
use crate::idempotency::{answer, done_once, repeated};
use crate::in_app::InApp;
use crate::people::{browser, email, password};
use crate::world::{PASSWORD, World};

/// A test that waits for so long has failed.
const LONG: Duration = MINUTE;
const MINUTE: Duration = Duration::from_mins(1);

fn id(key: &SecretString) -> String {
    Keyring::from_text(key, &[]).unwrap().current_key_id().to_string()
}

async fn keep(auth: &Auth) {
    auth.keep_encryption(|| false).await.unwrap();
}

fn seals(auth: &Auth) -> String {
    auth.keyring().current_key_id().to_string()
}

/// What is told of a key.
fn told(auth: &Auth, key: &SecretString) -> SealedUnder {
    let told = auth.sealing().unwrap().keys.into_iter().find(|one| one.key_id == id(key));
    told.unwrap_or_else(|| panic!("{:?}", auth.sealing()))
}

/// How many values an older key has sealed, by table; those of none apart.
fn older(auth: &Auth) -> Vec<(&'static str, u64)> {
    let older = auth.sealed_values().into_iter().map(|(table, [_, older, unknown])| (table, older + unknown));
    older.filter(|(_, number)| *number > 0).collect()
}

#[tokio::test]
async fn what_the_old_key_sealed_is_sealed_anew_and_codes_that_were_mailed_before_are_good() {
    let world = World::new().await;
    let old = world.key_text();
    let mut artefacts = Vec::new();
    for purpose in EVERY {
        artefacts.push(mailed(&world, purpose).await);
    }
    let app = InApp::of("ana", world).await;
    let (world, auth) = (&app.world, &app.world.auth);
    let code = app.code(&app.current).await;
    let first = app.by_code(&app.code(&app.current).await).await.unwrap();
    app.by_refresh(first.refresh_token.unwrap().expose()).await.unwrap();
    assert!(matches!(app.asks(None).await, Next::SignIn { .. }));
    world.sign_up("late", PASSWORD, &browser(1)).await;
    done_once(auth, &app.current, "key").await;
    keep(auth).await;
    let counted: Vec<_> =
        auth.sealed_values().into_iter().map(|(table, [current, ..])| (table, current > 0)).collect();
    assert!(counted.len() == 7 && counted.iter().all(|(_, is_filled)| *is_filled), "{counted:?}");

    let new = generate_key_text();
    auth.keyring().hold(&new, std::slice::from_ref(&old)).unwrap();
    assert_eq!(seals(auth), id(&old));
    keep(auth).await;
    assert_eq!(seals(auth), id(&new));
    let [(table, number)] = older(auth)[..] else { panic!("{:?}", older(auth)) };
    assert_eq!((table, number), ("artefacts", u64::try_from(world.count("artefacts").await).unwrap()));
    assert_eq!(repeated(auth, &app.current, "key").await, answer());
    let left = told(auth, &old);
    assert_eq!((left.role, left.number, left.may_be_dropped), (KeyRole::Older, number, false));
    assert!(left.ends.unwrap() > auth.now());

    // Each is good, in whichever form it is shown; and a code that is sent again is sealed by the new key.
    let proof = artefacts[0].id;
    auth.resend_proof(proof, &browser(1)).await.unwrap();
    artefacts.retain(|artefact| artefact.id != proof);
    for artefact in &artefacts {
        assert_eq!(show(world, artefact.purpose, &artefact.by_code()).await, Answer::Good, "{artefact:?}");
    }
    world.mails("late").await;
    app.by_code(&code).await.unwrap();
    keep(auth).await;
    world.turn(MINUTE);
    keep(auth).await;
    assert!(told(auth, &old).number < number, "{:?}", told(auth, &old));

    // What is left ends by itself; then nothing needs the old key.
    world.turn(Duration::from_hours(48));
    while auth.clean().await.unwrap() > 0 {}
    keep(auth).await;
    assert!(told(auth, &old).may_be_dropped, "{:?}", auth.sealing());
    assert!(world.process_with(Processes::One, &old, &[]).await.is_err(), "or this shows nothing");
    let restarted = world.process_with(Processes::One, &new, &[]).await.unwrap();
    keep(&restarted).await;
    assert!(older(&restarted).is_empty());
    let entries = world.number("SELECT count(*) FROM audit WHERE act = 'exchange_encryption_key'").await;
    assert_eq!(entries, 1);
}

#[tokio::test]
async fn a_key_that_the_configuration_does_not_name_opens_until_the_process_ends_and_that_is_told() {
    let world = World::new().await;
    let (old, new) = (world.key_text(), generate_key_text());
    mailed(&world, EVERY[0]).await;
    world.auth.keyring().hold(&new, &[]).unwrap();
    keep(&world.auth).await;
    let held = told(&world.auth, &old);
    assert!(held.role == KeyRole::Held && held.number > 0 && !held.may_be_dropped, "{held:?}");
    let restarted = world.process_with(Processes::One, &new, &[]).await.unwrap();
    keep(&restarted).await;
    assert_eq!(told(&restarted, &old).role, KeyRole::Unknown);
}

#[tokio::test]
async fn a_round_that_is_cut_is_gone_on_with_by_the_next_start() {
    let world = World::new().await;
    let (old, new) = (world.key_text(), generate_key_text());
    for name in ["ana", "ben", "cleo"] {
        world.sign_up(name, PASSWORD, &browser(1)).await;
    }
    world.auth.keyring().hold(&new, std::slice::from_ref(&old)).unwrap();
    let asked = AtomicUsize::new(0);
    world.auth.keep_encryption(|| asked.fetch_add(1, Ordering::Relaxed) > 2).await.unwrap();
    let left = older(&world.auth);
    assert!(left.iter().any(|(table, number)| *table == "outbox" && *number > 0), "it was cut: {left:?}");
    let restarted = world.process_with(Processes::One, &new, &[old]).await.unwrap();
    keep(&restarted).await;
    assert!(older(&restarted).iter().all(|(table, _)| *table == "artefacts"), "{:?}", older(&restarted));
    assert_eq!(restarted.take_mail(10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_new_key_seals_once_every_process_opens_by_it() {
    let world = World::new().await;
    let (old, new) = (world.key_text(), generate_key_text());
    let several = async |key: &SecretString, older: &[SecretString]| {
        world.process_with(Processes::Several, key, older).await.unwrap()
    };
    let (one, other) = (several(&old, &[]).await, several(&old, &[]).await);
    let before = [old.clone()];
    one.keyring().hold(&new, &before).unwrap();
    for _ in 0..3 {
        keep(&one).await;
        keep(&other).await;
    }
    assert_eq!(seals(&one), id(&old), "the other would not open it");
    assert_eq!((told(&one, &new).role, one.sealing().unwrap().lacking), (KeyRole::Next, 1));
    other.keyring().hold(&new, &before).unwrap();
    keep(&other).await;
    assert_eq!(seals(&other), id(&new));
    keep(&one).await;
    assert_eq!(seals(&one), id(&new));
    assert!(!told(&one, &old).may_be_dropped, "what the other is about to commit may be sealed by it");
    world.turn(MINUTE);
    keep(&one).await;
    keep(&other).await;
    keep(&one).await;
    assert!(told(&one, &old).may_be_dropped, "{:?}", one.sealing());

    // A start with the next key seals by that of those who run, until they have it or are gone.
    let next = generate_key_text();
    let third = several(&next, std::slice::from_ref(&new)).await;
    keep(&third).await;
    assert_eq!((seals(&third), third.sealing().unwrap().lacking), (id(&new), 2));
    one.stop().await;
    keep(&third).await;
    assert_eq!((seals(&third), third.sealing().unwrap().lacking), (id(&new), 1), "one has said good-bye");
    world.turn(Duration::from_mins(4));
    keep(&third).await;
    assert_eq!(seals(&third), id(&new), "nor was this one heard of: the other has a minute to come back");
    world.turn(MINUTE);
    keep(&third).await;
    assert_eq!(seals(&third), id(&next), "of the other nobody has heard for long");
}

/// Each such start was waited for, for three minutes: one that was tried again and again held an exchange up for good.
#[tokio::test]
async fn a_start_that_fails_is_waited_for_by_nobody() {
    let world = World::new().await;
    let (old, new, wrong) = (world.key_text(), generate_key_text(), generate_key_text());
    world.account("ana", &browser(1)).await;
    let one = world.process_with(Processes::Several, &old, &[]).await.unwrap();
    let holders = async || world.number("SELECT count(*) FROM key_holders").await;
    let known = holders().await;
    for _ in 0..3 {
        let refused = world.process_with(Processes::Several, &wrong, &[]).await.unwrap_err();
        assert!(matches!(refused, Fault::Sealed(_)), "{refused:?}");
    }
    assert_eq!(holders().await, known, "they never held a key that opens anything");
    one.keyring().hold(&new, std::slice::from_ref(&old)).unwrap();
    keep(&one).await;
    assert_eq!(seals(&one), id(&new));

    // So is one whose key is right, and that fails later.
    let peppers = auth::Peppers::new(Some(&generate_key_text()), &[]).unwrap();
    let settings = HasherSettings { memory_kib: 64, iterations: 1, ..HasherSettings::default() };
    let peppered = Hasher::with_peppers(&settings, 1, peppers, Random::system()).unwrap();
    let hash = peppered.hash(&password(PASSWORD)).await.unwrap();
    let mut tx = world.store.begin().await.unwrap();
    let owner = store::emails::owner(&mut tx, &email("ana")).await.unwrap().unwrap();
    store::passwords::set(&mut tx, owner.user_id.into(), &hash, one.now()).await.unwrap();
    tx.commit().await.unwrap();
    let refused = world.process_with(Processes::Several, &new, std::slice::from_ref(&old)).await.unwrap_err();
    assert!(matches!(refused, Fault::MissingPepper { .. }), "{refused:?}");
    assert_eq!(holders().await, known, "it took back that it holds keys");
}

/// It was given up at once as one that cannot be read.
#[tokio::test]
async fn a_mail_whose_key_is_not_here_yet_waits_for_it() {
    let world = World::new().await;
    let (old, new) = (world.key_text(), generate_key_text());
    let ahead = world.process_with(Processes::One, &new, std::slice::from_ref(&old)).await.unwrap();
    keep(&ahead).await;
    ahead.sign_up(crate::people::form("ana", PASSWORD), &browser(1)).await.unwrap();
    let missed = world.auth.keyring();
    assert!(world.auth.take_mail(10).await.unwrap().is_empty());
    tokio::time::timeout(LONG, missed.missed().notified()).await.unwrap();
    missed.hold(&new, &[old]).unwrap();
    world.turn(MINUTE);
    assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 1);
}

/// People who go from one process to the other, with what the first has sealed.
async fn use_both(
    app: Arc<InApp>,
    [one, other]: [Arc<Auth>; 2],
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) {
    while !over.load(Ordering::Relaxed) {
        let code = app.code_at(&one, &app.current).await;
        let tokens = app.by_code_at(&other, &code).await.unwrap();
        let refresh = tokens.refresh_token.unwrap();
        app.by_refresh_at(&one, refresh.expose()).await.unwrap();
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_key_is_exchanged_again_and_again_while_two_processes_work_and_nothing_is_lost() {
    let world = World::new().await;
    let mut present = world.key_text();
    let app = Arc::new(InApp::of("ana", world).await);
    let world = &app.world;
    let several = async || world.process_with(Processes::Several, &present, &[]).await.unwrap();
    let processes = [several().await, several().await];
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let turned = [processes[1].clone(), processes[0].clone()];
    let people: Vec<_> = [processes.clone(), turned, processes.clone()]
        .map(|both| tokio::spawn(use_both(app.clone(), both, over.clone(), done.clone())))
        .into();
    let go_on = async || {
        let (aim, begun) = (done.load(Ordering::Relaxed) + 5, now());
        while done.load(Ordering::Relaxed) < aim {
            assert!(begun.elapsed() < LONG && people.iter().all(|one| !one.is_finished()), "nobody is done");
            tokio::task::yield_now().await;
        }
    };
    for _ in 0..6 {
        let next = generate_key_text();
        for process in &processes {
            process.keyring().hold(&next, std::slice::from_ref(&present)).unwrap();
            keep(process).await;
            go_on().await;
        }
        for process in &processes {
            keep(process).await;
            assert_eq!(seals(process), id(&next));
        }
        go_on().await;
        present = next;
    }
    over.store(true, Ordering::Relaxed);
    for one in people {
        one.await.unwrap();
    }
    world.turn(MINUTE);
    for process in processes.iter().chain(&processes) {
        keep(process).await;
    }
    assert!(
        older(&processes[0]).iter().all(|(table, _)| *table == "artefacts"),
        "{:?}",
        older(&processes[0])
    );
    let restarted = world.process_with(Processes::Several, &present, &[]).await.unwrap();
    app.by_code_at(&restarted, &app.code_at(&processes[0], &app.current).await).await.unwrap();
}

/// A place that is not one of the listed columns would not be sealed anew.
#[test]
fn what_is_sealed_is_sealed_into_a_listed_column() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs")
                && std::fs::read_to_string(&path).unwrap().contains("Place {")
            {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert_eq!(found, ["encryption.rs"]);
}

#[expect(clippy::disallowed_methods, reason = "a limit to how long a test waits")]
fn now() -> Instant {
    Instant::now()
}
