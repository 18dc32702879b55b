//! What a batch chose is looked at once more as it is touched: somebody may have changed it in between, where acts overlap.

use std::time::Duration;

use domain::{Email, GrantId, MessageId, SessionId, Timestamp};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::{
    Error, Tx, artefacts, clients, email_changes, grants, known_browsers, outbox, refresh_tokens, sessions,
};
use uuid::Uuid;

use crate::file::{File, NOW, Past, add_user, user};
use crate::rows::{LATER, artefact, session};

/// A test that waits for so long has failed.
const LONG: Duration = Duration::from_secs(30);

const EVEN_LATER: Timestamp = Timestamp::from_seconds(1_800_000_120);

type Act = for<'t> fn(&'t mut Tx) -> BoxFuture<'t, Result<u64, Error>>;

/// What changes a row that was due, so that it no longer is; and the batch that had chosen it.
const PAIRS: [(&str, Act, Act); 7] = [
    (
        "a mail that was just sent",
        |tx| outbox::finish(tx, mail(), "sent", None, LATER).map(|done| done.map(|()| 1)).boxed(),
        |tx| outbox::expire(tx, LATER, 10).boxed(),
    ),
    (
        "a mail that was sent, and whose other holder has given it up",
        |tx| outbox::finish(tx, mail(), "sent", None, LATER).map(|done| done.map(|()| 1)).boxed(),
        |tx| outbox::finish(tx, mail(), "failed", Some("?"), LATER).map(|done| done.map(|()| 0)).boxed(),
    ),
    (
        "a session that was just used",
        |tx| {
            sessions::set_used(tx, SessionId(Uuid::from_u128(7)), LATER).map(|done| done.map(|()| 1)).boxed()
        },
        |tx| sessions::delete_expired(tx, NOW, NOW, 10).boxed(),
    ),
    (
        "a browser that was just seen",
        |tx| known_browsers::remember(tx, &[1], user(1), EVEN_LATER).map(|done| done.map(|()| 1)).boxed(),
        |tx| known_browsers::delete_unused(tx, LATER, 10).boxed(),
    ),
    (
        "a change of address that was asked for anew",
        |tx| begin_change(tx, EVEN_LATER).boxed(),
        |tx| email_changes::delete_expired(tx, LATER, 10).boxed(),
    ),
    (
        "an artefact with another code, by a clock that is behind",
        |tx| {
            async move {
                let renewed = artefacts::Artefact { expires_at: EVEN_LATER.micros(), ..artefact(1, None) };
                artefacts::renew(tx, &renewed, NOW).await.map(u64::from)
            }
            .boxed()
        },
        |tx| artefacts::delete_expired(tx, LATER, 10).boxed(),
    ),
    (
        "a token that was just used: its reuse will end the family",
        |tx| refresh_tokens::set_used(tx, &[1], b"sealed", NOW).map(|done| done.map(u64::from)).boxed(),
        |tx| refresh_tokens::delete_expired(tx, LATER, 10).boxed(),
    ),
];

fn mail() -> MessageId {
    MessageId(Uuid::from_u128(1))
}

async fn begin_change(tx: &mut Tx, until: Timestamp) -> Result<u64, Error> {
    let next = Email::parse("next@example.com").unwrap();
    let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
    email_changes::begin(tx, user(1), &next, ids, until).await.map(|()| 1)
}

async fn fill(tx: &mut Tx) {
    let ana = add_user(tx, 1, "ana", Some(NOW)).await;
    outbox::insert(tx, mail(), "proof", b"sealed", NOW, LATER).await.unwrap();
    assert!(sessions::insert(tx, &session(7, 1), &[7], None).await.unwrap());
    known_browsers::remember(tx, &[1], ana, NOW).await.unwrap();
    begin_change(tx, LATER).await.unwrap();
    artefacts::insert(tx, &artefact(1, None)).await.unwrap();
    let app = clients::Client {
        id: "wiki".to_owned(),
        settings: "{}".to_owned(),
        secret_hash: None,
        older_secret_hash: None,
        older_secret_until: None,
        declared: false,
        created_at: NOW.micros(),
        updated_at: NOW.micros(),
    };
    assert!(clients::insert(tx, &app).await.unwrap());
    let grant = grants::NewGrant {
        id: GrantId(Uuid::from_u128(1)),
        client_id: "wiki",
        user: ana,
        session: SessionId(Uuid::from_u128(7)),
        offline: false,
        scope: "openid".to_owned(),
        resources: String::new(),
        expires_at: LATER,
    };
    assert!(grants::insert(tx, &grant, NOW, Timestamp(0)).await.unwrap().is_some());
    refresh_tokens::insert(tx, &[1], grant.id, NOW, LATER).await.unwrap();
}

/// Waits until somebody waits for a lock: where acts overlap.
async fn somebody_waits(file: &File) {
    let Past::Postgres(database) = &file.past else { return };
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut past = database.past().await;
    let waiting = async {
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut past).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.unwrap();
}

#[tokio::test]
async fn what_is_no_longer_due_is_let_be() {
    for (what, change, batch) in PAIRS {
        let file = File::new().await;
        let mut tx = file.store.begin().await.unwrap();
        fill(&mut tx).await;
        tx.commit().await.unwrap();
        let mut changing = file.store.begin().await.unwrap();
        assert_eq!(change(&mut changing).await.unwrap(), 1, "{what}");
        let store = file.store.clone();
        let cleaning = tokio::spawn(async move {
            let mut tx = store.begin().await.unwrap();
            let gone = batch(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            gone
        });
        somebody_waits(&file).await;
        changing.commit().await.unwrap();
        assert_eq!(tokio::time::timeout(LONG, cleaning).await.unwrap().unwrap(), 0, "{what}");
        let sent = "SELECT count(*) FROM outbox WHERE state = 'sent'";
        assert_eq!(file.number(sent).await, i64::from(what.contains("mail that was")), "{what}");
    }
}

/// A worker that was held up for longer than its claim once made due, at once, what another was sending.
#[tokio::test]
async fn who_has_lost_a_claim_puts_nothing_off() {
    let file = File::new().await;
    let mut tx = file.store.begin().await.unwrap();
    outbox::insert(&mut tx, mail(), "proof", b"sealed", NOW, EVEN_LATER).await.unwrap();
    let first = outbox::claim(&mut tx, NOW, LATER, 1).await.unwrap();
    let second = outbox::claim(&mut tx, LATER, EVEN_LATER, 1).await.unwrap();
    assert_eq!((first[0].attempts, second[0].attempts), (1, 2));
    outbox::retry(&mut tx, mail(), first[0].attempts, "slow", LATER).await.unwrap();
    assert!(outbox::claim(&mut tx, LATER, EVEN_LATER, 1).await.unwrap().is_empty(), "it is the second's");
    outbox::retry(&mut tx, mail(), second[0].attempts, "busy", LATER).await.unwrap();
    assert_eq!(outbox::claim(&mut tx, LATER, EVEN_LATER, 1).await.unwrap().len(), 1);
}
