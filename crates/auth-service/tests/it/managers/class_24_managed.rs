//! Class 24: a secret printed, or kept as it is, where a manager keeps them all: a server whose configuration holds nothing but references to
//! OpenBao, and its database's user made by it. After the way of a person, values that were exchanged and refused, and an OpenBao that was
//! sealed meanwhile, whatever OpenBao gave out is looked for: each value, the secret id, each token and each password that it made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;

use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use serde_json::{Map, Value};

use super::openbao::OpenBao;
use super::{command, vault};
use crate::classes::class_24_everywhere::{every_key, every_row, is_in_nothing, lived};
use crate::classes::class_24_server::{mail_server, transport};
use crate::full::Stack;
use crate::process::{POSTMARK, Running, write_config};
use crate::rotation::{guarded_servers, hang_up, tell_redis};

const POLICY: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n\
                      path \"database/creds/keyward\" {\n capabilities = [\"read\"]\n}\n";
const KEPT: [&str; 6] = ["encryption", "older", "audit", "mail", "client", "redis"];
const PATH: &str = "kv/keyward";

/// What OpenBao keeps, and all that it has ever kept.
#[derive(Default)]
struct Kept {
    values: Map<String, Value>,
    ever: Vec<(String, String)>,
}

impl Kept {
    /// Another value of this name; not there yet before it is put.
    fn draw(&mut self, name: &str) {
        let value = generate_key_text().expose_secret().to_owned();
        self.ever.push((name.to_owned(), value.clone()));
        self.values.insert(name.to_owned(), value.into());
    }

    fn put(&self, bao: &OpenBao) {
        vault::put(bao, PATH, &Value::Object(self.values.clone()));
    }

    fn get(&self, name: &str) -> &str {
        self.values[name].as_str().unwrap()
    }
}

struct Managed {
    stack: Stack,
    bao: OpenBao,
    kept: Kept,
    config: PathBuf,
    secret_id: PathBuf,
}

/// A server with nothing but references.
async fn managed(mail_port: u16) -> Option<Managed> {
    let bao = OpenBao::start_and_tell_all()?;
    let (postgres, redis) = guarded_servers().await?;
    let mut kept = Kept::default();
    for name in KEPT {
        kept.draw(name);
    }
    kept.put(&bao);
    tell_redis(redis.port(), kept.get("redis"));
    let port = postgres.port();
    bao.bao(&["secrets", "enable", "database"]);
    bao.bao(&[
        "write",
        "database/config/keyward",
        "plugin_name=postgresql-database-plugin",
        &format!("connection_url=postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{port}/postgres?sslmode=disable"),
        "username=keyward",
        "password=of-no-use-here",
        "allowed_roles=*",
    ]);
    let make =
        "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE keyward";
    let make = format!("creation_statements={make}");
    bao.bao(&["write", "database/roles/keyward", "db_name=keyward", &make, "default_ttl=1h", "max_ttl=2h"]);
    let (role_id, secret_id) = bao.role("keyward", POLICY);
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), POSTMARK);
    let at = folder.path().display().to_string();
    let mut text = std::fs::read_to_string(&config).unwrap();
    let creds = "vault:database/creds/keyward#";
    let full = format!(
        "url = \"postgres://127.0.0.1:{port}/postgres\"\nusername = \"{creds}username\"\npassword = \"{creds}password\"\n\
         migrate_url = \"postgres://keyward@127.0.0.1:{port}/postgres\"\n\
         [redis]\nhost = \"127.0.0.1\"\nport = {}\nusername = \"keyward\"\npassword = \"file:{at}/redis\"\n{}",
        redis.port(),
        vault::section(&bao, &role_id, &secret_id),
    );
    for (before, after) in [
        (format!("path = \"{at}/keyward.sqlite\""), full),
        (POSTMARK.replace("SECRETS", &at), transport(mail_port).replace("SECRETS", &at)),
    ] {
        assert!(text.contains(&before), "{text}");
        text = text.replace(&before, &after);
    }
    for name in KEPT {
        let file = format!("file:{at}/{name}");
        assert!(text.contains(&file), "{name}: {text}");
        text = text.replace(&format!("{file}\""), &format!("vault:{PATH}#{name}\""));
    }
    assert_eq!(text.matches("\"file:").count(), 1, "the secret id alone is a file: {text}");
    std::fs::write(&config, text).unwrap();
    let stack = Stack { postgres, redis, folder };
    let migrated = stack.migrate("apply", &[]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    Some(Managed { stack, bao, kept, config, secret_id })
}

/// Waits until this is said of a setting.
fn is_said(server: &mut Running, said: &str, setting: &str) {
    while !server.wait_for_line(said).contains(setting) {}
}

/// Each time another user of the database is made, too.
fn change(server: &mut Running, bao: &mut OpenBao, kept: &mut Kept) {
    kept.draw("client");
    kept.put(bao);
    hang_up(server);
    is_said(server, "a changed secret is in force", "clients.secret");
    // One that is not taken while it runs.
    let audit = kept.values["audit"].clone();
    kept.draw("audit");
    kept.put(bao);
    hang_up(server);
    is_said(server, "a changed secret is refused", "keys.audit");
    kept.values.insert("audit".to_owned(), audit);
    kept.put(bao);
    hang_up(server);
    is_said(server, "what is in force is kept there", "keys.audit");
    bao.seal();
    hang_up(server);
    is_said(server, "could not be read anew", "database.password");
    bao.unseal();
    hang_up(server);
    is_said(server, "can be read again", "keys.audit");
}

/// The tokens and the passwords of the database that were given out to the server.
fn given_out(told: &str) -> BTreeSet<(String, String)> {
    let mut given = BTreeSet::new();
    for line in told.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let path = entry["request"]["path"].as_str().unwrap_or_default();
        if entry["type"] != "response" {
            continue;
        }
        let (what, secret) = match path {
            "auth/approle/login" => ("a token", entry.pointer("/response/auth/client_token")),
            "database/creds/keyward" => {
                ("a password of the database", entry.pointer("/response/data/password"))
            }
            _ => continue,
        };
        // What was denied has none.
        if let Some(secret) = secret.and_then(Value::as_str) {
            given.insert((what.to_owned(), secret.to_owned()));
        }
    }
    given
}

/// All that a command says that looks at the secrets, and a start that is refused.
fn sayings(config: &Path) -> String {
    let said = |arguments: &[&str], config: &Path| {
        let Output { stdout, stderr, .. } =
            command(arguments, config).env("KEYWARD_LOG", "trace").output().unwrap();
        String::from_utf8([stdout, stderr].concat()).unwrap()
    };
    let checked = said(&["secrets", "check", "--json"], config);
    assert!(checked.contains("keys.encryption") && checked.contains("database.password"), "{checked}");
    let text = std::fs::read_to_string(config).unwrap();
    let wrong = config.with_file_name("wrong.toml");
    let all: Vec<_> =
        [("#audit\"", "#audti\""), ("kv/keyward#audit", "kv/other#audit"), ("#encryption\"", "#audit\"")]
            .into_iter()
            .map(|(before, after)| {
                assert!(text.contains(before), "{before}");
                std::fs::write(&wrong, text.replace(before, after)).unwrap();
                let refused = said(&["serve"], &wrong);
                assert!(refused.contains("auth-service: "), "{after}: {refused}");
                refused
            })
            .collect();
    checked + &all.concat()
}

#[tokio::test]
async fn class_24_no_secret_that_openbao_gives_out_is_left_by_a_server() {
    let (mail_port, mails) = mail_server();
    let Some(Managed { stack, mut bao, mut kept, config, secret_id }) = managed(mail_port).await else {
        return;
    };
    let (server, socket) = (stack.server(1, &[]), stack.folder.path().join("1.sock"));
    let (mut left, used) = lived(server, &socket, &mails, |server| change(server, &mut bao, &mut kept)).await;
    left.add("PostgreSQL", every_row(&stack));
    left.add("Redis", every_key(&stack));
    left.add("what commands say", sayings(&config));

    let told = bao.told();
    let mut secrets = kept.ever;
    secrets.push(("the secret id".to_owned(), std::fs::read_to_string(secret_id).unwrap().trim().to_owned()));
    let given = given_out(&told);
    for what in ["a token", "a password of the database"] {
        // The server's, and those of the commands; and each time it looked anew.
        assert!(given.iter().filter(|(name, _)| name == what).count() > 1, "{what}: {given:?}");
    }
    secrets.extend(given);
    // Or it would be no wonder that they are found nowhere.
    for (name, secret) in &secrets {
        assert!(told.contains(secret.as_str()), "{name} was given out");
    }
    is_in_nothing(&left, used, secrets);
}
