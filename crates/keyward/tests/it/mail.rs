//! `keyward mail list` over mails in every state, and the end of what was mailed.

use std::net::Ipv4Addr;
use std::path::Path;

use auth::{
    AccountSettings, Auth, Context, Hasher, HasherSettings, Limits, Parts, Processes, Random, Settings,
    SignUp,
};
use auth_service::server::system_clock;
use domain::{DisplayName, Email, Network, Password};
use secrets::SecretString;
use secrets::sealing::{Keyring, load_or_create_key_file};
use serde_json::Value;
use store::Store;
use store::ephemeral::Ephemeral;

use crate::command::{run, text};
use crate::restart::{prove, sign_up};
use crate::running::Running;

/// The server of a stopped installation, without its worker.
async fn server(data: &Path) -> Auth {
    let key = |name: &str| -> SecretString { load_or_create_key_file(&data.join(name)).unwrap() };
    let audit = Keyring::from_text(&key("audit.key"), &[]).unwrap();
    let random = Random::system();
    let weak = HasherSettings { memory_kib: 64, iterations: 1, ..HasherSettings::default() };
    Auth::start(Parts {
        processes: Processes::One,
        store: Store::open(&data.join("keyward.sqlite")).await.unwrap(),
        ephemeral: Ephemeral::memory(),
        keyring: Keyring::from_text(&key("encryption.key"), &[]).unwrap(),
        audit_key: audit.derive("audit trail"),
        hasher: Hasher::new(&weak, 1, random.clone()).unwrap(),
        clock: system_clock(),
        random,
        settings: Settings {
            public_url: "http://localhost:3000/".parse().unwrap(),
            product: "Keyward".to_owned(),
            return_to: Vec::new(),
            algorithms: vec![oidc::Algorithm::EdDsa],
            accounts: AccountSettings::default(),
            limits: Limits::default(),
        },
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn mails_that_wait_were_sent_and_failed_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Running::start(folder.path()).stop().code(), Some(0));
    let auth = server(folder.path()).await;
    let context = Context {
        network: Network::of(Ipv4Addr::LOCALHOST.into()),
        device: String::new(),
        support_id: String::new(),
        browser: None,
        new_browser: None,
        locale: "en".to_owned(),
        once: None,
    };
    for name in ["ana", "ben", "cleo", "dan"] {
        let form = SignUp {
            email: Email::parse(&format!("{name}@example.com")).unwrap(),
            password: Password::parse("correct horse battery").unwrap(),
            name: DisplayName::default(),
            second_step: false,
            return_to: None,
            takes_code: true,
        };
        auth.sign_up(form, &context).await.unwrap();
    }
    let taken = auth.take_mail(3).await.unwrap();
    auth.delivered(&taken[0]).await.unwrap();
    auth.give_up(taken[1].id, "no such mailbox").await.unwrap();
    auth.put_off(&taken[2], "the mail server is away").await.unwrap();
    auth.stop().await;

    let data = folder.path().to_str().unwrap();
    let listed = run(&["mail", "list", "--json", "--data", data]);
    let mails: Vec<Value> =
        text(&listed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = mails
        .iter()
        .map(|mail| {
            let waits = mail["next_attempt_at"].is_string();
            assert_eq!(waits, mail["finished_at"].is_null(), "{mail}");
            assert_eq!(mail["kind"], "prove_address", "{mail}");
            let word = |name: &str| mail[name].as_str().unwrap_or("-").to_owned();
            (word("state"), word("to"), mail["attempts"].as_i64().unwrap(), word("last_error"), waits)
        })
        .collect();
    let mail = |state: &str, to: &str, attempts, error: &str, waits| {
        (state.to_owned(), to.to_owned(), attempts, error.to_owned(), waits)
    };
    assert_eq!(
        told,
        [
            mail("queued", "d•••@example.com", 0, "-", true),
            mail("queued", "c•••@example.com", 1, "the mail server is away", true),
            mail("failed", "-", 1, "no such mailbox", false),
            mail("sent", "-", 1, "-", false),
        ],
        "newest first"
    );
    let listed = text(&run(&["mail", "list", "--data", data]).stdout);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 4, "{listed}");
    assert!(
        lines[0].contains("queued") && lines[0].contains("d•••@example.com  0 tries  next try "),
        "{listed}"
    );
    assert!(
        lines[1].ends_with("the mail server is away") && lines[2].ends_with("1 try  no such mailbox"),
        "{listed}"
    );
    assert!(!listed.contains("ana@") && !listed.contains("dan@"), "{listed}");
    let newest = text(&run(&["mail", "list", "--limit", "1", "--data", data]).stdout);
    assert_eq!(newest.lines().collect::<Vec<_>>(), lines[..1]);
}

/// By a server that runs it is done in `secrets/rotate.rs`.
#[test]
fn what_was_mailed_ends_where_no_server_runs_too() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(folder.path());
    let (proof, code) = sign_up(&running);
    assert_eq!(running.stop().code(), Some(0));
    let asked = run(&["mail", "withdraw", "--data", data]);
    let error = text(&asked.stderr);
    assert!(asked.status.code() == Some(1) && error.contains("(1 is good now)"), "{error}");
    for good in [1, 0] {
        let told = run(&["mail", "withdraw", "--yes", "--json", "--data", data]);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told["withdrawn"], good);
    }
    let running = Running::start(folder.path());
    let answer = prove(&running, &proof, &code);
    assert!(answer.starts_with("HTTP/1.1 410 "), "{answer}");
    assert_eq!(running.stop().code(), Some(0));
}
