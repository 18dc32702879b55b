//! Nothing that was acknowledged is lost: while people sign up, change passwords and sign out, the database, Redis and the server
//! itself are killed (SIGKILL), over and over.
//!
//! A few times with every test; `scripts/rehearse loss` does it a hundred times.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use auth::AuditTrail;
use auth_service::server::Secrets;
use secrets::SecretString;
use serde_json::{Value, json};
use store::Store;

use crate::full::{LONG, PASSWORD, Stack, degraded, within};
use crate::process::{Running, try_to_send};

/// How often something is killed.
const ROUNDS: &str = "KEYWARD_LOSS_ROUNDS";
/// People who act at the same time.
const AT_ONCE: u64 = 4;
/// So many acts are acknowledged between two kills.
const BETWEEN: u64 = 6;
const NEW_PASSWORD: &str = "staple of another kind";

/// What people were told.
#[derive(Default)]
struct Told {
    /// Whose account was acknowledged, and the passwords that may be theirs: two where a change had no answer.
    passwords: HashMap<String, Vec<&'static str>>,
    /// Tokens whose end was acknowledged.
    ended: Vec<String>,
    /// What must not be answered to somebody who does nothing wrong.
    wrongs: Vec<String>,
}

#[derive(Default)]
struct Load {
    told: Mutex<Told>,
    /// Where the server is; it moves when it is started anew.
    address: Mutex<String>,
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

impl Load {
    fn send(&self, method: &str, path: &str, body: &Value, cookie: &str) -> Option<(u16, String)> {
        let address = self.address.lock().unwrap().clone();
        let answer = try_to_send(&address, method, path, body, cookie).ok()?;
        // Either it is done, or it can be asked for again.
        if !self.is_over.load(Ordering::SeqCst) && !matches!(answer.0, 200..300 | 503) {
            self.told.lock().unwrap().wrongs.push(format!("{method} {path}: {}", answer.1));
        }
        Some(answer)
    }

    fn acknowledge(&self, note: impl FnOnce(&mut Told)) {
        note(&mut self.told.lock().unwrap());
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// One person after the other signs up, signs in, changes the password, and signs out.
    fn act(&self, of: u64) {
        for number in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            self.live(&format!("person-{of}-{number}@example.com"));
        }
    }

    fn live(&self, email: &str) -> Option<()> {
        let credentials = |password: &str| json!({ "email": email, "password": password });
        // Until it is acknowledged nothing was promised, and it can be asked again: a commit whose answer was lost may have
        // made the account all the same, with the same password.
        while !matches!(self.send("POST", "/signup", &account(email), ""), Some((201, _))) {
            if self.is_over.load(Ordering::SeqCst) {
                return None;
            }
        }
        self.acknowledge(|told| drop(told.passwords.insert(email.to_owned(), vec![PASSWORD])));
        let (status, answer) = self.send("POST", "/login", &credentials(PASSWORD), "")?;
        if status != 200 {
            return None;
        }
        let cookies = cookies(&answer);
        let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
        // Until it is answered, it may be the one or the other.
        self.told.lock().unwrap().passwords.get_mut(email)?.push(NEW_PASSWORD);
        let (status, _) = self.send("PUT", "/api/v1/account/password", &change, &cookies)?;
        match status {
            200..300 => {
                self.acknowledge(|told| drop(told.passwords.insert(email.to_owned(), vec![NEW_PASSWORD])));
            }
            _ => return None,
        }
        let (status, answer) = self.send("POST", "/login", &credentials(NEW_PASSWORD), "")?;
        if status != 200 {
            return None;
        }
        let cookies = self::cookies(&answer);
        let token = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("jwt="))?.to_owned();
        let (status, _) = self.send("POST", "/logout", &json!({}), &cookies)?;
        if status == 200 {
            self.acknowledge(|told| told.ended.push(token));
        }
        Some(())
    }
}

fn account(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "requires2FA": false })
}

fn cookies(answer: &str) -> String {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    lines.collect::<Vec<_>>().join("; ")
}

/// Reads on to where a server tells that something is there again. In all that it said since it was last read there is one line that
/// calls for somebody: what is away. Whoever is turned away meanwhile, and whatever is tried again, adds none.
fn tells_in_one_line(server: &mut Running, name: &str) {
    let read = server.log.len();
    let found = server.wait_for_line("a dependency is found again");
    let name = format!("\"dependency\":\"{name}\"");
    let is_loud =
        |line: &&str| ["ERROR", "WARN"].iter().any(|level| line.contains(&format!("\"level\":\"{level}\"")));
    // Where these tests run nobody takes mail, which is another matter.
    let is_mail = |line: &&str| line.contains("a mail could not be sent");
    let loud = server.log[read..].lines().filter(is_loud).filter(|line| !is_mail(line));
    let loud: Vec<&str> = loud.collect();
    let [lost] = loud[..] else {
        panic!("{} lines, such as {:#?}", loud.len(), loud.iter().take(5).collect::<Vec<_>>())
    };
    assert!(lost.contains("a dependency is lost") && lost.contains(&name), "{lost}");
    assert!(found.contains(&name), "{found}");
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let rounds = std::env::var(ROUNDS).map_or(6, |rounds| rounds.parse().unwrap());
    let settings = ["network_sign_ups=10000", "network_failures=10000", "network_mails=10000", "mails=100"]
        .map(|limit| format!("limits.{limit}"));
    let settings = settings.each_ref().map(String::as_str);
    let mut server = Running::of(&mut stack.server(0, &settings));
    let load = Arc::new(Load::default());
    load.address.lock().unwrap().clone_from(&server.address);
    let people: Vec<JoinHandle<()>> = (0..AT_ONCE)
        .map(|of| {
            let load = load.clone();
            std::thread::spawn(move || load.act(of))
        })
        .collect();
    for round in 0..rounds {
        let before = load.acknowledged.load(Ordering::SeqCst);
        within(LONG, "people are served", || load.acknowledged.load(Ordering::SeqCst) >= before + BETWEEN);
        match round % 3 {
            0 => {
                stack.postgres.kill();
                within(LONG, "the loss of the database is told", || degraded(&server) == ["database"]);
                stack.postgres.restart().await;
                within(LONG, "the database is found again", || degraded(&server).is_empty());
                tells_in_one_line(&mut server, "database");
            }
            1 => {
                stack.redis.kill();
                within(LONG, "the loss of Redis is told", || degraded(&server) == ["redis"]);
                stack.redis.restart();
                within(LONG, "Redis is found again", || degraded(&server).is_empty());
                tells_in_one_line(&mut server, "redis");
            }
            _ => {
                server.child.kill().unwrap();
                server.child.wait().unwrap();
                server = Running::of(&mut stack.server(0, &settings));
                load.address.lock().unwrap().clone_from(&server.address);
            }
        }
    }
    load.is_over.store(true, Ordering::SeqCst);
    for person in people {
        person.join().unwrap();
    }
    let acknowledged = load.acknowledged.load(Ordering::SeqCst);
    println!("{rounds} kills, {acknowledged} acts acknowledged");
    everything_is_there(&load);
    stack.tamper(NO_HALF_MADE_ACCOUNT);
    the_trail_holds(&stack).await;
}

fn everything_is_there(load: &Load) {
    let told = std::mem::take(&mut *load.told.lock().unwrap());
    let wrongs = &told.wrongs;
    assert!(wrongs.is_empty(), "{} wrong answers, such as {:.400}", wrongs.len(), wrongs[0]);
    assert!(told.ended.len() > 1 && told.passwords.len() > told.ended.len(), "{}", told.passwords.len());
    let signs_in = |email: &str, password: &str| {
        let credentials = json!({ "email": email, "password": password });
        let (status, answer) = load.send("POST", "/login", &credentials, "").unwrap();
        assert!(matches!(status, 200 | 401), "{email}: {answer:.40}");
        status == 200
    };
    for (email, passwords) in &told.passwords {
        let working = passwords.iter().filter(|password| signs_in(email, password)).count();
        assert_eq!(working, 1, "{email} signs in with one of {passwords:?}");
        if let [NEW_PASSWORD] = passwords[..] {
            assert!(!signs_in(email, PASSWORD), "{email} changed it");
        }
    }
    for token in &told.ended {
        let (status, _) = load.send("POST", "/verify-token", &json!({ "token": token }), "").unwrap();
        assert_eq!(status, 401, "a session that was ended");
    }
}

/// Of all accounts but that of nobody (`users::NOBODY`).
const NO_HALF_MADE_ACCOUNT: &str = "DO $$ BEGIN
    ASSERT (SELECT count(*) FROM users WHERE created_at > 0) > 0;
    ASSERT NOT EXISTS (SELECT 1 FROM users u WHERE NOT EXISTS (SELECT 1 FROM emails e WHERE e.user_id = u.id));
    ASSERT NOT EXISTS (SELECT 1 FROM users u WHERE u.created_at > 0 AND NOT EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id));
END $$";

/// Every act is in the trail, in the transaction that did it.
async fn the_trail_holds(stack: &Stack) {
    let read =
        |name: &str| SecretString::from(std::fs::read_to_string(stack.folder.path().join(name)).unwrap());
    let secrets =
        Secrets { encryption: read("encryption"), older_encryption: Vec::new(), audit: read("audit") };
    let settings = crate::postgres_server::PostgresServer::settings_at(stack.postgres.port());
    let store = Store::connect(&settings).await.unwrap();
    let trail = AuditTrail::new(store, secrets.audit_key().unwrap());
    while trail.seal().await.unwrap() > 0 {}
    trail.verify(None).await.unwrap();
}
