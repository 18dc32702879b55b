//! The stack with OpenBao (compose.openbao.yml), made ready by its own script as the guide has it: nothing but references where the
//! server's secrets were, and nobody notices that OpenBao is sealed.

mod sealing;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::docker::{Docker, success};
use super::installation::Installation;
use super::rises::{UP, somebody_signs_up_and_in};
use crate::service::binary;
use crate::wait::until;

const SLOTS: [&str; 2] = ["auth-service-blue-1", "auth-service-blue-2"];
/// As many as `openbao/setup` says by default.
const THRESHOLD: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn with_openbao_the_server_has_references_alone_and_sealing_it_fails_nobody() {
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker).with_openbao();
    let secrets = stack.secrets();
    let Said { keys, password } = set_up(&stack);
    for moved in ["auth-service", "migrate"] {
        fs::remove_dir_all(stack.folder.join("secrets").join(moved)).unwrap();
    }
    stack.does(&UP);

    nothing_but_references_is_there(&stack, &secrets);
    only_who_has_secrets_there_reaches_it(&stack);
    somebody_signs_up_and_in(&stack).await;
    a_service_reads_its_own_secret_and_does_nothing_else(&stack);
    a_secret_id_is_exchanged(&stack);
    every_read_is_written_down_and_no_value(&stack, &secrets);
    let operator = the_operator_changes_a_secret(&stack, &password).await;
    sealing::it_fails_nobody(&stack, &keys, &operator).await;
    sealing::whoever_starts_while_it_is_sealed_waits_and_says_so(&stack, &keys).await;
    // By the same command again, which has nothing to do.
    stack.does(&UP);
}

/// What is shown once.
struct Said {
    /// What unseals, in parts.
    keys: Vec<String>,
    /// That of the operator.
    password: String,
}

/// `openbao/setup`, as an operator runs it.
fn set_up(stack: &Installation) -> Said {
    let setup = stack.folder.join("openbao/setup");
    let said = success(&stack.told_of(&mut Command::new(setup)).stdin(Stdio::null()).output().unwrap());
    let keys: Vec<_> =
        said.lines().filter_map(|line| line.strip_prefix("Unseal Key ")?.split_once(": ")).collect();
    assert_eq!(keys.len(), 3, "{said}");
    for found in
        ["keys.encryption", "keys.audit", "database.url", "redis.password", "mail.transport.password"]
    {
        assert!(said.contains(found), "{found}: {said}");
    }
    let environment = fs::read_to_string(stack.folder.join(".env")).unwrap();
    assert!(environment.ends_with("\nCOMPOSE_FILE=compose.yml:compose.openbao.yml\n"), "{environment}");
    let password = said.lines().find_map(|line| line.strip_prefix("Password: ")).unwrap().to_owned();
    Said { keys: keys.into_iter().map(|(_, key)| key.to_owned()).collect(), password }
}

fn unseal(stack: &Installation, keys: &[String]) {
    for key in &keys[..THRESHOLD] {
        // As a person does, but for the terminal that `bao operator unseal` asks at.
        bao(stack, "https://127.0.0.1:8200", "", &["write", "sys/unseal", &format!("key={key}")]).unwrap();
    }
}

/// `bao ARGUMENTS` in its container, by a token; what it prints, or what is wrong.
fn bao(stack: &Installation, address: &str, token: &str, arguments: &[&str]) -> Result<String, String> {
    let (address, token) = (format!("BAO_ADDR={address}"), format!("BAO_TOKEN={token}"));
    let exec = ["exec", "-T", "-e", &address, "-e", &token, "openbao", "bao"];
    let output = stack.compose(&[&exec[..], arguments].concat());
    let [said, wrong] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    if output.status.success() { Ok(said) } else { Err(wrong) }
}

/// In what the daemon tells of the server's containers, in their processes' environment, and in every file that they have.
fn nothing_but_references_is_there(stack: &Installation, secrets: &[(String, String)]) {
    let moved = |place: &str| ["/auth-service/", "/migrate/"].iter().any(|folder| place.contains(folder));
    assert!(secrets.iter().filter(|(place, _)| moved(place)).count() >= 7, "they are looked for");
    let shows_none = |what: &str, text: &str| {
        for (place, secret) in secrets {
            assert!(!text.contains(secret.trim()), "{what} shows what was in {place}");
        }
    };
    for service in SLOTS.into_iter().chain(["migrate"]) {
        let known = stack.inspect(service);
        shows_none(service, &known.to_string());
        let mut names = Vec::new();
        for mount in known["Mounts"].as_array().unwrap() {
            let folder = mount["Source"].as_str().unwrap();
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    let text = fs::read_to_string(entry.path()).unwrap();
                    shows_none(&format!("{service}: {}", entry.path().display()), &text);
                    if mount["Destination"] == "/run/secrets" {
                        names.push(entry.file_name().into_string().unwrap());
                    }
                }
            }
        }
        names.sort();
        assert_eq!(names, ["ca.pem", "secret-id"], "{service}");
        let process = known["State"]["Pid"].as_u64().unwrap();
        if process > 0 {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap();
            let environment = String::from_utf8_lossy(&environment).into_owned();
            assert!(
                environment.contains("DATABASE_URL=vault:kv/keyward/auth-service#database-url"),
                "{service}"
            );
            shows_none(&format!("the environment of {service}"), &environment);
        }
    }
    let configuration = fs::read_to_string(stack.folder.join("config/keyward.toml")).unwrap();
    assert!(!configuration.contains("\"file:/run/secrets/"), "{configuration}");
    for key in ["encryption", "encryption-older", "audit", "mail-password", "example-app"] {
        assert!(
            configuration.contains(&format!("\"vault:kv/keyward/auth-service#{key}\"")),
            "{configuration}"
        );
    }
}

fn only_who_has_secrets_there_reaches_it(stack: &Installation) {
    let known = stack.inspect("openbao");
    let networks: Vec<_> = known["NetworkSettings"]["Networks"].as_object().unwrap().keys().collect();
    let manager = format!("{}_manager", stack.project);
    assert_eq!(networks, [&manager]);
    assert!(known["NetworkSettings"]["Ports"].as_object().unwrap().values().all(Value::is_null));
    let network = stack.docker.inspect(&manager);
    assert_eq!(network["Internal"], true);
    let members = network["Containers"].as_object().unwrap().keys();
    let mut members: Vec<_> = members
        .map(|id| stack.docker.inspect(id)["Config"]["Labels"]["com.docker.compose.service"].clone())
        .collect();
    members.sort_by_key(Value::to_string);
    assert_eq!(members, [SLOTS[0], SLOTS[1], "openbao"]);

    let host = &known["HostConfig"];
    assert_eq!((&host["ReadonlyRootfs"], &host["Privileged"]), (&json!(true), &json!(false)));
    assert_eq!((&host["CapDrop"], &host["CapAdd"]), (&json!(["ALL"]), &Value::Null));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]));
    // -1: a kernel that counts no swap.
    assert!(host["MemorySwap"] == host["Memory"] || host["MemorySwap"] == -1, "it may be swapped");
    assert!(host["Memory"].as_u64().unwrap() > 0 && host["PidsLimit"].as_u64().unwrap() > 0);
    assert_eq!(known["Config"]["User"], "100:1000");
    for mount in known["Mounts"].as_array().unwrap() {
        assert!(mount["RW"] != true || mount["Type"] == "volume", "{mount}");
    }
}

/// By what the server itself signs in with, and from its network alone.
fn a_service_reads_its_own_secret_and_does_nothing_else(stack: &Installation) {
    // The container's own address in the network, and not the machine's own.
    let (inside, elsewhere) = ("https://openbao:8200", "https://127.0.0.1:8200");
    for (service, other) in [("auth-service", "migrate"), ("migrate", "auth-service")] {
        let file = stack.folder.join(format!("secrets/approle-{service}/secret-id"));
        let secret_id = format!("secret_id={}", fs::read_to_string(file).unwrap().trim());
        let role = format!("role_id=keyward-{service}");
        let login = ["write", "-field=token", "auth/approle/login", &role, &secret_id];
        let wrong = bao(stack, elsewhere, "", &login).unwrap_err();
        assert!(wrong.contains("400") || wrong.contains("403"), "{wrong}");
        let token = bao(stack, inside, "", &login).unwrap();
        let token = token.trim();
        let wrong = bao(stack, elsewhere, token, &["token", "lookup"]).unwrap_err();
        assert!(wrong.contains("permission denied"), "{wrong}");
        let (own, foreign) = (format!("kv/keyward/{service}"), format!("kv/keyward/{other}"));
        bao(stack, inside, token, &["kv", "get", "-field=database-url", &own]).unwrap();
        let secret_ids = format!("auth/approle/role/keyward-{other}/secret-id");
        for denied in [
            ["kv", "get", &foreign].as_slice(),
            &["kv", "put", &own, "a=b"],
            &["kv", "patch", &own, "a=b"],
            &["kv", "delete", &own],
            &["kv", "metadata", "get", &own],
            &["kv", "list", "kv/keyward"],
            &["secrets", "list"],
            &["policy", "list"],
            &["write", "-f", &secret_ids],
            &["operator", "seal"],
        ] {
            let wrong = bao(stack, inside, token, denied).unwrap_err();
            assert!(wrong.contains("403") || wrong.contains("denied"), "{service} {denied:?}: {wrong}");
        }
        bao(stack, inside, token, &["token", "revoke", "-self"]).unwrap();
    }
}

/// By the one-shots that a timer starts; what runs goes on, and the next start signs in by the new one.
fn a_secret_id_is_exchanged(stack: &Installation) {
    for service in ["auth-service", "migrate"] {
        let file = stack.folder.join(format!("secrets/approle-{service}/secret-id"));
        let looked = || {
            let known = fs::metadata(&file).unwrap();
            (known.uid(), known.gid(), known.mode() & 0o7777)
        };
        let (before, known) = (fs::read_to_string(&file).unwrap(), looked());
        assert_eq!(known, (10001, 10001, 0o440));
        let renew = format!("renew-{service}");
        let said = stack.does(&["run", "--rm", "--no-TTY", &renew]);
        assert!(said.contains("It ends in 719 hours: nothing is to be done."), "{said}");
        let at_once = ["secrets", "renew", "--now", "--config", "/etc/keyward/keyward.toml"];
        let said = stack.does(&[&["run", "--rm", "--no-TTY", &renew][..], &at_once].concat());
        assert!(said.contains("Another secret id is in /run/secrets/secret-id"), "{said}");
        assert_ne!(fs::read_to_string(&file).unwrap(), before);
        assert_eq!(looked(), known);
    }
}

fn every_read_is_written_down_and_no_value(stack: &Installation, secrets: &[(String, String)]) {
    let log = stack.does(&["exec", "-T", "openbao", "cat", "/openbao/logs/audit.log"]);
    let ours = format!("keyward/{}", env!("CARGO_PKG_VERSION"));
    for path in ["kv/data/keyward/auth-service", "kv/data/keyward/migrate"] {
        let is_read = |line: &str| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let request = &entry["request"];
            request["path"] == path && request["headers"]["user-agent"][0] == ours.as_str()
        };
        assert!(log.lines().any(is_read), "nobody by the name {ours} has read {path}");
    }
    for (place, secret) in secrets {
        assert!(!log.contains(secret.trim()), "the audit log shows what was in {place}");
    }
}

/// `keyward ARGUMENTS` on the host, of every slot.
fn keyward(stack: &Installation, arguments: &[&str]) -> (bool, String) {
    let run = stack.folder.join("run");
    let output = Command::new(binary()).args(arguments).arg("--socket").arg(run).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said)
}

/// As the guide has it; the token that it takes.
async fn the_operator_changes_a_secret(stack: &Installation, password: &str) -> String {
    let (inside, elsewhere) = ("https://127.0.0.1:8200", "https://openbao:8200");
    let password = format!("password={password}");
    let login = ["login", "-method=userpass", "-token-only", "username=operator", &password];
    let token = bao(stack, inside, "", &login).unwrap().trim().to_owned();
    let wrong = bao(stack, elsewhere, &token, &["kv", "get", "kv/keyward/auth-service"]).unwrap_err();
    assert!(wrong.contains("permission denied"), "{wrong}");
    let changed = "example-app=7d1f60c2b3a94e580b6e2d91c7a5f348";
    bao(stack, inside, &token, &["kv", "patch", "kv/keyward/auth-service", changed]).unwrap();
    let (is_well, said) = keyward(stack, &["secrets", "refresh"]);
    assert!(is_well, "{said}");
    let logs = stack.does(&["logs", "--no-color", "--no-log-prefix", SLOTS[0]]);
    let is_taken =
        |line: &str| line.contains("a changed secret is in force") && line.contains("clients.secret");
    assert!(logs.lines().any(is_taken), "{logs}");

    // A copy, and another file of the audit log.
    bao(stack, inside, &token, &["operator", "raft", "snapshot", "save", "/tmp/copy"]).unwrap();
    assert!(
        stack.does(&["exec", "-T", "openbao", "sh", "-c", "wc -c </tmp/copy"]).trim().parse::<u64>().unwrap()
            > 0
    );
    stack.does(&["exec", "-T", "openbao", "mv", "/openbao/logs/audit.log", "/openbao/logs/audit.1.log"]);
    stack.does(&["kill", "--signal", "HUP", "openbao"]);
    until("another file of the audit log", async || {
        bao(stack, inside, &token, &["kv", "get", "kv/keyward/auth-service"]).unwrap();
        let there = stack.compose(&["exec", "-T", "openbao", "test", "-s", "/openbao/logs/audit.log"]);
        there.status.success().then_some(())
    })
    .await;
    token
}
