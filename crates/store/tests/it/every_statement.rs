//! A life of the tables in which every statement is run, each on rows that it is about.

use domain::{ArtefactId, GrantId, MessageId, NoticeId, Pseudonym, RequestId, SessionId, Timestamp};
use store::sealed::Column;
use store::users::Unchanged;
use store::{
    Tx, artefacts, audit, authorization_codes, authorization_requests, backlog, changes, client_assertions,
    clients, consents, email_changes, emails, grants, idempotency_keys, installation, key_holders,
    known_browsers, logout_notices, outbox, passwords, refresh_tokens, retired_keys, revoked_tokens, sealed,
    sessions, signing_keys, users,
};
use uuid::Uuid;

use crate::file::{NOW, add_user, email, user};
use crate::rows::{LATER, artefact, session};

const EVEN_LATER: Timestamp = Timestamp::from_seconds(1_800_000_120);
const LONG_AGO: Timestamp = Timestamp(0);
const MANY: i64 = 100;
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b3V0";
const NEXT_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b3V1";
/// What an account still is.
const ANA: Unchanged<'static> =
    Unchanged { address: "ana@example.com", second_step: true, password_hash: NEXT_HASH };

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Accounts. What follows is for when an older release has written one of the rows.
pub(crate) async fn begin(tx: &mut Tx) {
    users::insert_nobody(tx, &[1]).await.unwrap();
    assert_eq!(installation::rp_id(tx, "example.com", NOW).await.unwrap(), "example.com");
    let ana = add_user(tx, 1, "ana", None).await;
    let ben = add_user(tx, 2, "ben", Some(NOW)).await;
    add_user(tx, 3, "eve", None).await;
    add_user(tx, 4, "dan", Some(NOW)).await;
    assert!(emails::set_proved(tx, ana, NOW).await.unwrap());
    assert!(emails::owner(tx, &email("ana")).await.unwrap().is_some());
    assert!(emails::replace(tx, ben, &email("next"), LATER).await.unwrap());
    users::set_profile(tx, ana, "Ana", Some("de"), LATER).await.unwrap();
    users::set_second_step(tx, ana, true, NOW).await.unwrap();
    users::set_disabled(tx, ben, Some(NOW)).await.unwrap();
    users::set_disabled(tx, ben, None).await.unwrap();
    assert!(users::find(tx, ana).await.unwrap().is_some());
    assert!(users::find_listed(tx, ana).await.unwrap().is_some());
    assert_eq!(users::list(tx, "%@example.com", "", MANY).await.unwrap().len(), 4);

    passwords::set(tx, ana, HASH, NOW).await.unwrap();
    assert!(passwords::rehash(tx, ana, HASH, NEXT_HASH).await.unwrap());
    passwords::ask_for_code_if_short(tx, ana).await.unwrap();
    assert!(passwords::find(tx, ana).await.unwrap().is_some());
    assert_eq!(passwords::schemes(tx).await.unwrap().len(), 1);
    assert_eq!(passwords::count_by_scheme(tx).await.unwrap().len(), 1);
    assert!(users::find_for_sign_in(tx, "ana@example.com", Some(&[1])).await.unwrap().is_some());
}

/// A release that knew of no schemes wrote this.
pub(crate) const BY_AN_OLDER_RELEASE: &str =
    "UPDATE passwords SET scheme = NULL WHERE user_id = '00000000-0000-0000-0000-000000000001'";

/// All that follows.
pub(crate) async fn go_on(tx: &mut Tx) {
    assert_eq!(passwords::fill_in(tx, MANY).await.unwrap(), 1);
    run_sessions(tx).await;
    run_browsers(tx).await;
    run_artefacts(tx).await;
    run_changes_of_address(tx).await;
    run_apps(tx).await;
    run_grants(tx).await;
    begin_what_is_sealed(tx).await;
    run_sealed(tx).await;
    end_what_is_sealed(tx).await;
    run_refresh_tokens(tx).await;
    run_notices(tx).await;
    begin_trail(tx).await;
    end_trail(tx).await;
    run_what_others_are_told(tx).await;
    backlog::look(tx).await.unwrap();
    backlog::count(tx).await.unwrap();
    end(tx).await;
}

async fn run_sessions(tx: &mut Tx) {
    let (ana, first) = (user(1), SessionId(id(7)));
    assert!(sessions::insert(tx, &session(7, 1), &[7], None).await.unwrap());
    assert!(sessions::insert(tx, &session(8, 1), &[8], Some(ANA)).await.unwrap());
    let (old, next) = (SessionId(id(8)), session(9, 1));
    assert!(sessions::replace(tx, old, &next, &[9], Some(ANA), LONG_AGO).await.unwrap());
    let last = SessionId(id(10));
    assert!(sessions::replace_id(tx, SessionId(id(9)), last, &[10]).await.unwrap().is_some());
    sessions::set_used(tx, first, LATER).await.unwrap();
    assert!(sessions::find_by_token(tx, &[7], NOW, LONG_AGO).await.unwrap().is_some());
    assert!(sessions::find_open(tx, first, NOW, LONG_AGO).await.unwrap().is_some());
    assert!(sessions::find(tx, first, NOW, LONG_AGO).await.unwrap().is_some());
    let behind_none = (EVEN_LATER.micros(), first);
    assert_eq!(sessions::list(tx, ana, NOW, LONG_AGO, behind_none, MANY).await.unwrap().len(), 2);
    assert_eq!(sessions::count(tx, ana, NOW, LONG_AGO).await.unwrap(), 2);
    assert_eq!(sessions::count_others(tx, ana, first).await.unwrap(), 1);
    assert!(sessions::delete(tx, ana, last).await.unwrap());
    assert!(sessions::insert(tx, &session(11, 1), &[11], None).await.unwrap());
    assert_eq!(sessions::delete_others(tx, ana, Some(first)).await.unwrap(), [id(11)]);
    let over = sessions::Session { expires_at: NOW.micros(), ..session(12, 1) };
    assert!(sessions::insert(tx, &over, &[12], None).await.unwrap());
    assert_eq!(sessions::delete_expired(tx, NOW, LONG_AGO, MANY).await.unwrap(), 1);
}

async fn run_browsers(tx: &mut Tx) {
    let ana = user(1);
    known_browsers::remember(tx, &[1], ana, NOW).await.unwrap();
    known_browsers::remember(tx, &[2], ana, NOW).await.unwrap();
    assert!(known_browsers::is_known(tx, &[1], ana).await.unwrap());
    known_browsers::forget_others(tx, ana, &[1]).await.unwrap();
    assert_eq!(known_browsers::delete_unused(tx, LATER, MANY).await.unwrap(), 1);
    known_browsers::remember(tx, &[3], ana, NOW).await.unwrap();
    known_browsers::forget_all(tx, ana).await.unwrap();
}

async fn run_artefacts(tx: &mut Tx) {
    let (ana, first) = (user(1), ArtefactId(id(1)));
    artefacts::insert(tx, &artefact(1, Some(1))).await.unwrap();
    assert!(artefacts::insert_if(tx, &artefact(2, Some(1)), ANA).await.unwrap());
    assert!(artefacts::find(tx, first, "reset", NOW).await.unwrap().is_some());
    assert!(artefacts::find_owned(tx, first, "reset", Some(&[1]), NOW).await.unwrap().is_some());
    assert!(artefacts::find_by_link(tx, &[1; 32], "reset", NOW).await.unwrap().is_some());
    assert!(artefacts::use_try(tx, first, "reset", NOW).await.unwrap().is_some());
    assert!(artefacts::renew(tx, &artefact(1, Some(1)), NOW).await.unwrap());
    assert!(artefacts::take(tx, first, "reset", NOW).await.unwrap().is_some());
    assert!(artefacts::take_unchanged(tx, &artefact(2, Some(1)), NOW).await.unwrap());
    artefacts::insert(tx, &artefact(3, Some(1))).await.unwrap();
    artefacts::delete_of(tx, ana, "reset").await.unwrap();
    artefacts::insert(tx, &artefact(4, Some(1))).await.unwrap();
    artefacts::delete_all_of(tx, ana).await.unwrap();
    let in_a_browser = artefacts::Artefact { browser_hash: Some(vec![3]), ..artefact(5, None) };
    artefacts::insert(tx, &in_a_browser).await.unwrap();
    assert_eq!(artefacts::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
    artefacts::insert(tx, &artefact(8, Some(1))).await.unwrap();
    assert_eq!(artefacts::count(tx, NOW).await.unwrap(), 1);
    assert_eq!(artefacts::delete_any(tx, MANY).await.unwrap(), 1);
}

async fn run_changes_of_address(tx: &mut Tx) {
    let (ana, sent) = (user(1), (id(1), id(2)));
    email_changes::begin(tx, ana, &email("other"), sent, LATER).await.unwrap();
    assert!(email_changes::find(tx, ana, NOW).await.unwrap().is_some());
    assert!(email_changes::set_proved(tx, ana, sent.0, NOW).await.unwrap().is_some());
    assert!(email_changes::delete(tx, ana).await.unwrap());
    email_changes::begin(tx, user(2), &email("another"), sent, LATER).await.unwrap();
    assert_eq!(email_changes::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
    email_changes::begin(tx, user(2), &email("a.third"), sent, LATER).await.unwrap();
    assert_eq!(email_changes::delete_any(tx, MANY).await.unwrap(), 1);
}

async fn run_apps(tx: &mut Tx) {
    let app = |id: &str| clients::Client {
        id: id.to_owned(),
        settings: "{}".to_owned(),
        secret_hash: Some(vec![1]),
        older_secret_hash: None,
        older_secret_until: None,
        declared: false,
        created_at: NOW.micros(),
        updated_at: NOW.micros(),
    };
    assert!(clients::insert(tx, &app("wiki")).await.unwrap());
    assert!(clients::insert(tx, &app("blog")).await.unwrap());
    assert!(clients::find(tx, "wiki").await.unwrap().is_some());
    assert_eq!(clients::list(tx, "", MANY).await.unwrap().len(), 2);
    assert!(clients::set_settings(tx, "wiki", "{\"name\":\"it's a wiki\"}", true, LATER).await.unwrap());
    assert!(clients::set_secret(tx, "wiki", Some(&[2]), LATER, NOW).await.unwrap());
    assert!(clients::end_older_secret(tx, "wiki", NOW, NOW).await.unwrap());
    assert!(clients::delete(tx, "blog").await.unwrap());

    let ana = user(1);
    consents::set(tx, ana, "wiki", "openid", "", NOW).await.unwrap();
    assert!(consents::find(tx, ana, "wiki").await.unwrap().is_some());
    assert_eq!(consents::list(tx, ana, MANY).await.unwrap().len(), 1);
    assert!(consents::delete(tx, ana, "wiki").await.unwrap());
    consents::set(tx, ana, "wiki", "openid", "", NOW).await.unwrap();
    assert_eq!(consents::delete_of(tx, "wiki").await.unwrap(), 1);
    consents::set(tx, ana, "wiki", "openid", "", NOW).await.unwrap();

    assert!(client_assertions::insert(tx, "wiki", &[1], LATER).await.unwrap());
    assert_eq!(client_assertions::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
    revoked_tokens::insert(tx, id(1), LATER).await.unwrap();
    assert!(revoked_tokens::contains(tx, id(1)).await.unwrap());
    assert_eq!(revoked_tokens::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
}

async fn grant(tx: &mut Tx, number: u128, session: u128) -> GrantId {
    let grant = grants::NewGrant {
        id: GrantId(id(number)),
        client_id: "wiki",
        user: user(1),
        session: SessionId(id(session)),
        offline: false,
        scope: "openid".to_owned(),
        resources: String::new(),
        expires_at: LATER,
    };
    assert!(grants::insert(tx, &grant, NOW, LONG_AGO).await.unwrap().is_some());
    grant.id
}

async fn run_grants(tx: &mut Tx) {
    let (ana, here) = (user(1), SessionId(id(7)));
    let first = grant(tx, 1, 7).await;
    assert!(grants::find_live(tx, first, NOW, LONG_AGO).await.unwrap().is_some());
    assert!(grants::pseudonym_of(tx, first).await.unwrap().is_some());
    assert_eq!(grants::held_in(tx, ana, here).await.unwrap().len(), 1);
    assert_eq!(grants::held_in_others(tx, ana, None).await.unwrap().len(), 1);
    assert!(grants::end(tx, first, NOW).await.unwrap());
    grant(tx, 2, 7).await;
    assert_eq!(grants::delete_replaced(tx, NOW, MANY).await.unwrap(), 1);
    let unused = grant(tx, 3, 7).await;
    authorization_codes::insert(tx, &[3], unused, b"sealed", NOW).await.unwrap();
    assert_eq!(grants::delete_unused(tx, NOW, MANY).await.unwrap(), 1);
    assert!(sessions::insert(tx, &session(13, 1), &[13], None).await.unwrap());
    grant(tx, 4, 13).await;
    assert!(sessions::delete(tx, ana, SessionId(id(13))).await.unwrap());
    assert_eq!(grants::delete_ended(tx, NOW, MANY).await.unwrap(), 1);
    assert_eq!(grants::delete_of(tx, ana, "wiki").await.unwrap().len(), 1);
    grant(tx, 5, 7).await;
    assert_eq!(grants::delete_others(tx, ana, None).await.unwrap().len(), 1);
}

/// A row in each table that has something sealed.
async fn begin_what_is_sealed(tx: &mut Tx) {
    let grant = grant(tx, 6, 7).await;
    authorization_codes::insert(tx, &[1], grant, b"a sealed code", LATER).await.unwrap();
    assert!(authorization_codes::find(tx, &[1]).await.unwrap().is_some());
    assert!(authorization_codes::set_used(tx, &[1], NOW).await.unwrap());
    refresh_tokens::insert(tx, &[1], grant, NOW, LATER).await.unwrap();
    assert!(refresh_tokens::find(tx, &[1]).await.unwrap().is_some());
    assert!(refresh_tokens::set_used(tx, &[1], b"a sealed token", NOW).await.unwrap());
    let ana = user(1);
    assert!(idempotency_keys::insert(tx, &[1], ana, b"a sealed answer", NOW, LATER).await.unwrap());
    assert!(idempotency_keys::find(tx, &[1], ana, NOW).await.unwrap().is_some());
    assert_eq!(idempotency_keys::count(tx, ana, NOW).await.unwrap(), (1, Some(LATER.micros())));
    let request = authorization_requests::AuthorizationRequest {
        id: id(1),
        client_id: "wiki".to_owned(),
        browser_hash: vec![1],
        request: b"a request that is sealed".to_vec(),
        created_at: NOW.micros(),
        expires_at: LATER.micros(),
    };
    authorization_requests::insert(tx, &request).await.unwrap();
    assert!(authorization_requests::find(tx, RequestId(id(1)), &[1], NOW).await.unwrap().is_some());
    authorization_requests::set_request(tx, RequestId(id(1)), b"a sealed request").await.unwrap();
    let key = signing_keys::SigningKey {
        kid: "one".to_owned(),
        algorithm: "EdDSA".to_owned(),
        private_key: b"a sealed key".to_vec(),
        created_at: NOW.micros(),
        signs_from: Some(NOW.micros()),
        signs_until: None,
    };
    signing_keys::insert(tx, &key).await.unwrap();
    assert_eq!(signing_keys::list(tx).await.unwrap().len(), 1);
    let decoy = artefacts::Artefact { payload: b"a sealed decoy".to_vec(), ..artefact(6, None) };
    artefacts::insert(tx, &decoy).await.unwrap();

    for number in 1..=3 {
        let mail = MessageId(id(number));
        outbox::insert(tx, mail, "prove_address", b"a sealed mail", NOW, LATER).await.unwrap();
    }
    assert_eq!(outbox::claim(tx, NOW, LATER, MANY).await.unwrap().len(), 3);
    outbox::release(tx, NOW).await.unwrap();
    outbox::retry(tx, MessageId(id(1)), 1, "slow", LATER).await.unwrap();
    assert!(outbox::next_due(tx).await.unwrap().is_some());
}

/// Sealed anew by another key: all but what ends by itself.
async fn run_sealed(tx: &mut Tx) {
    for column in Column::ALL {
        assert_eq!(sealed::count(tx, column).await.unwrap().len(), 1, "{column:?}");
        let waiting = sealed::waiting(tx, column, b"other", None, MANY).await.unwrap();
        assert_eq!(waiting.is_empty(), column.ends_by_itself(), "{column:?}");
        for (row, before) in waiting {
            assert!(sealed::exchange(tx, column, &row, &before, b"other key").await.unwrap(), "{column:?}");
        }
    }
}

async fn end_what_is_sealed(tx: &mut Tx) {
    assert_eq!(idempotency_keys::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
    assert!(authorization_requests::take(tx, RequestId(id(1)), &[1]).await.unwrap());
    let request = authorization_requests::AuthorizationRequest {
        id: id(2),
        client_id: "wiki".to_owned(),
        browser_hash: vec![1],
        request: b"a sealed request".to_vec(),
        created_at: NOW.micros(),
        expires_at: LATER.micros(),
    };
    authorization_requests::insert(tx, &request).await.unwrap();
    assert_eq!(authorization_requests::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
    signing_keys::set_signs_until(tx, "one", LATER).await.unwrap();
    assert!(signing_keys::delete(tx, "one").await.unwrap());
    let retired = retired_keys::RetiredKey {
        kid: "one".to_owned(),
        algorithm: "EdDSA".to_owned(),
        public_key: "{}".to_owned(),
        expires_at: LATER.micros(),
    };
    retired_keys::insert(tx, &retired).await.unwrap();
    assert_eq!(retired_keys::list(tx).await.unwrap().len(), 1);
    retired_keys::delete_expired(tx, LATER).await.unwrap();
    retired_keys::insert(tx, &retired).await.unwrap();
    retired_keys::delete_of(tx, "EdDSA").await.unwrap();
    assert_eq!(artefacts::delete_expired(tx, LATER, MANY).await.unwrap(), 1);

    outbox::finish(tx, MessageId(id(1)), "sent", None, NOW).await.unwrap();
    assert_eq!(outbox::list(tx, MANY).await.unwrap().len(), 3);
    assert_eq!(outbox::expire(tx, LATER, MANY).await.unwrap(), 2);
    outbox::insert(tx, MessageId(id(4)), "prove_address", b"a sealed mail", NOW, LATER).await.unwrap();
    assert_eq!(outbox::withdraw(tx, NOW, MANY).await.unwrap(), 1);
    assert_eq!(outbox::delete_finished(tx, EVEN_LATER, MANY).await.unwrap(), 4);
}

async fn run_refresh_tokens(tx: &mut Tx) {
    let grant = GrantId(id(6));
    assert_eq!(refresh_tokens::wipe_successors(tx, LATER, MANY).await.unwrap(), 1);
    refresh_tokens::insert(tx, &[2], grant, NOW, NOW).await.unwrap();
    assert_eq!(refresh_tokens::delete_expired(tx, NOW, MANY).await.unwrap(), 1);
    assert_eq!(refresh_tokens::delete_ended(tx, LATER, MANY).await.unwrap(), 1);
}

async fn run_notices(tx: &mut Tx) {
    let first = NoticeId(id(101));
    logout_notices::insert(tx, first, "wiki", user(1), id(7), NOW, LATER).await.unwrap();
    logout_notices::insert_of_client(tx, "wiki", NOW, LATER).await.unwrap();
    assert_eq!(grants::delete_of_client(tx, "wiki").await.unwrap(), 1);
    assert_eq!(logout_notices::claim(tx, NOW, LATER, MANY).await.unwrap().len(), 2);
    logout_notices::release(tx, NOW).await.unwrap();
    assert!(logout_notices::next_due(tx, NOW).await.unwrap().is_some());
    logout_notices::retry(tx, first, 1, "slow", LATER).await.unwrap();
    logout_notices::delete(tx, first).await.unwrap();
    assert_eq!(logout_notices::delete_expired(tx, LATER, MANY).await.unwrap(), 1);
}

/// Who the trail calls Ana.
fn pseudonym() -> Uuid {
    id(1001)
}

async fn begin_trail(tx: &mut Tx) {
    for number in 1..=10 {
        let entry = audit::Entry {
            id: id(number),
            at: NOW.micros(),
            act: "sign_in".to_owned(),
            outcome: "done".to_owned(),
            actor: Some(pseudonym()),
            subject: Some(pseudonym()),
            network: "192.0.2.0/24".to_owned(),
            support_id: "0123456789ab".to_owned(),
            detail: "it's so".to_owned(),
            number: None,
            mac: Some(vec![1]),
        };
        audit::insert(tx, &entry).await.unwrap();
    }
    assert_eq!(audit::unsealed(tx, Uuid::nil(), MANY).await.unwrap().len(), 10);
    assert!(audit::seal(tx, id(1), 1, &[1]).await.unwrap());
    let places: [audit::Place; 8] =
        [2, 3, 4, 5, 6, 7, 8, 9].map(|number: u8| (id(number.into()), number.into(), vec![number]));
    assert_eq!(audit::seal_eight(tx, &places).await.unwrap(), 8);
    assert_eq!(audit::count_unsealed(tx).await.unwrap(), 1);
    assert!(audit::head(tx).await.unwrap().is_some());
    assert_eq!(audit::after(tx, 0, MANY).await.unwrap().len(), 9);
    assert_eq!(audit::newest(tx, Some(Pseudonym(pseudonym())), MANY, MANY).await.unwrap().len(), 9);
    assert!(audit::is_told(tx, pseudonym(), "sign_in", "it's so").await.unwrap());
}

async fn end_trail(tx: &mut Tx) {
    assert!(audit::person(tx, Pseudonym(pseudonym())).await.unwrap().is_some());
    assert!(!audit::people(tx, Uuid::nil(), MANY).await.unwrap().is_empty());
    audit::set_person_mac(tx, pseudonym(), &[2]).await.unwrap();
    assert!(audit::pseudonym_of(tx, user(1)).await.unwrap().is_some());
    assert!(audit::pseudonym_at(tx, "ana@example.com").await.unwrap().is_some());
    assert!(audit::first_until(tx, 5).await.unwrap().is_some());
    assert_eq!(audit::count_between(tx, 0, 5).await.unwrap(), 5);
    assert!(audit::mac_of(tx, 1).await.unwrap().is_some());
    assert!(audit::ends(tx).await.unwrap().is_some());
    assert!(audit::last_before(tx, LATER, MANY).await.unwrap().is_some());
    let checkpoint =
        |number: i64| audit::Checkpoint { number, mac: vec![1], at: NOW.micros(), signature: vec![2] };
    audit::set_checkpoint(tx, &checkpoint(1)).await.unwrap();
    assert_eq!(audit::checkpoints(tx).await.unwrap().len(), 1);
    assert_eq!(audit::prune(tx, &checkpoint(2)).await.unwrap(), 2);
}

async fn run_what_others_are_told(tx: &mut Tx) {
    let change = changes::Change { id: id(1), at: NOW.micros(), what: "{\"session\":\"7\"}".to_owned() };
    changes::insert(tx, &change).await.unwrap();
    assert_eq!(changes::since(tx, NOW).await.unwrap().len(), 1);
    assert_eq!(changes::delete_before(tx, LATER, MANY).await.unwrap(), 1);
    let holder = |process: u128| key_holders::KeyHolder {
        process: id(process),
        opens: "one two".to_owned(),
        seals: "one".to_owned(),
        seals_since: NOW.micros(),
        seen_at: NOW.micros(),
    };
    key_holders::put(tx, &holder(1)).await.unwrap();
    key_holders::put(tx, &holder(2)).await.unwrap();
    assert_eq!(key_holders::list(tx, NOW).await.unwrap().len(), 2);
    key_holders::delete(tx, id(1)).await.unwrap();
    assert_eq!(key_holders::delete_before(tx, LATER, MANY).await.unwrap(), 1);
}

async fn end(tx: &mut Tx) {
    let eve = user(3);
    assert_eq!(users::unproved(tx, LATER, MANY).await.unwrap(), [(eve.0, "eve@example.com".to_owned())]);
    assert!(users::delete_unproved(tx, eve, LATER).await.unwrap());
    assert!(users::delete(tx, user(4)).await.unwrap());
}
