//! `keys.encryption` is exchanged while servers run, under load.

use std::path::Path;

use auth_service::admin::{AskStatus, SealedShown, call};
use secrets::sealing::{Keyring, generate_key_text};
use secrets::{ExposeSecret as _, SecretString};

use crate::full::{LONG, Stack, sign_in, sign_up, verify, within};
use crate::process::{POSTMARK, Running, write_secrets};
use crate::rotation::{Load, hang_up, metric, put};

fn read(file: &Path) -> SecretString {
    SecretString::from(std::fs::read_to_string(file).unwrap())
}

fn id(key: &SecretString) -> String {
    Keyring::from_text(key, &[]).unwrap().current_key_id().to_string()
}

/// As an operator does it: the key before is kept first, then the next takes its place.
fn exchange(folder: &Path) -> SecretString {
    put(&folder.join("older"), read(&folder.join("encryption")).expose_secret());
    let next = generate_key_text();
    put(&folder.join("encryption"), next.expose_secret());
    next
}

async fn sealed(folder: &Path, number: usize) -> SealedShown {
    let status = call(&folder.join(format!("{number}.sock")), &AskStatus {}).await.unwrap();
    status.sealed.unwrap_or(SealedShown { keys: Vec::new(), lacking: 0, at: 0 })
}

/// What another key than the present one has sealed; mailed codes apart, which end by themselves.
fn left(server: &Running) -> f64 {
    let tables = [
        "signing_keys",
        "outbox",
        "authorization_requests",
        "authorization_codes",
        "refresh_tokens",
        "idempotency_keys",
    ];
    let of = |table: &str, key: &str| {
        metric(server, "keyward_sealed_values", &format!("table=\"{table}\",key=\"{key}\""))
    };
    tables.iter().map(|table| of(table, "older") + of(table, "unknown")).sum()
}

/// Until the server seals by this key, and has sealed anew what another has sealed.
async fn seals_by(server: &Running, folder: &Path, number: usize, key: &SecretString) {
    let seals = async || {
        loop {
            let sealed = sealed(folder, number).await;
            let is_it = sealed.keys.first().is_some_and(|first| first.key_id == id(key));
            if is_it && sealed.lacking == 0 && left(server) < 0.1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let limit = tokio::time::timeout(LONG, seals()).await;
    assert!(limit.is_ok(), "{number}: {} is to seal: {:?}", id(key), sealed(folder, number).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_exchange_the_key_under_load_and_nothing_is_lost() {
    let Some(stack) = Stack::migrated().await else { return };
    let folder = stack.folder.path();
    let servers = [Running::of(&mut stack.server(1, &[])), Running::of(&mut stack.server(2, &[]))];
    assert_eq!(sign_up(&servers[0], "ana@example.com"), 201);
    let (token, cookies) = sign_in(&servers[0], "ana@example.com");
    let loads: Vec<_> = servers.iter().map(|server| Load::on(server, &cookies)).collect();
    let mut last = read(&folder.join("encryption"));
    for round in 0..4 {
        let next = exchange(folder);
        // Once nobody gives a sign, and once one server alone is told at first.
        if round > 0 {
            hang_up(&servers[round % 2]);
        }
        if round > 1 {
            hang_up(&servers[(round + 1) % 2]);
        }
        for (server, number) in servers.iter().zip([1, 2]) {
            seals_by(server, folder, number, &next).await;
        }
        for load in &loads {
            load.goes_on();
        }
        assert!(servers.iter().all(|server| verify(server, &token) == 200));
        let kept = "SELECT count(*), count(*) FILTER (WHERE encode(substr(private_key, 2, 4), 'hex') <> '";
        let kept = stack.asked(&format!("{kept}{}') FROM signing_keys", id(&next)));
        assert_eq!(kept, "3|0");
        last = next;
    }
    for load in loads {
        let (done, failed) = load.end();
        assert!(failed.is_empty(), "{} of {done}: {}", failed.len(), failed[0]);
    }
    for server in &servers {
        let sealed = metric(server, "keyward_sealed_values", "table=\"signing_keys\",key=\"current\"");
        assert!((sealed - 3.0).abs() < 0.1, "{sealed}");
    }
    let entries = stack.asked("SELECT count(*) FROM audit WHERE act = 'exchange_encryption_key'");
    assert_eq!(entries, "8", "each server's own");

    // A server that is started with the last key alone opens everything.
    put(&folder.join("older"), generate_key_text().expose_secret());
    let third = Running::of(&mut stack.server(3, &[]));
    assert_eq!(verify(&third, &token), 200);
    seals_by(&third, folder, 3, &last).await;
    assert_eq!(stack.asked("SELECT count(*) FROM key_holders"), "3");
    for mut server in servers.into_iter().chain([third]) {
        let log = server.end();
        for trouble in ["does not open", "do not open", "cannot be read"] {
            assert!(!log.contains(trouble), "{log}");
        }
        assert!(!log.contains(last.expose_secret()), "{log}");
    }
    assert_eq!(stack.asked("SELECT count(*) FROM key_holders"), "0", "each said good-bye");
}

#[test]
fn what_is_no_key_is_refused_and_a_lone_server_takes_a_good_one_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut server = Running::start(folder.path(), POSTMARK);
    let file = folder.path().join("encryption");
    let first = read(&file);
    put(&file, "changeme");
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(line.contains("keys.encryption"), "{line}");
    put(&file, read(&folder.path().join("audit")).expose_secret());
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(line.contains("the same as keys.encryption"), "{line}");
    put(&file, first.expose_secret());
    hang_up(&server);
    server.wait_for_line("what is in force is kept there");

    // What else is kept, and cannot be read just now, has nothing to do with it.
    let audit = folder.path().join("audit");
    std::fs::rename(&audit, audit.with_extension("away")).unwrap();
    let next = exchange(folder.path());
    hang_up(&server);
    let line = server.wait_for_line("is sealed by another key from now on");
    assert!(line.contains(&id(&next)) && line.contains(&id(&first)), "{line}");
    std::fs::rename(audit.with_extension("away"), &audit).unwrap();
    server.wait_for_line("what an older key had sealed is sealed anew");
    within(LONG, "all is sealed anew", || left(&server) < 0.1);
    server.end();
    // The one before is not there any more, and nothing needs it.
    put(&folder.path().join("older"), generate_key_text().expose_secret());
    Running::start(folder.path(), POSTMARK).end();
}
