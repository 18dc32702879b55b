//! OpenBao, whose API is Vault's: a start that waits for it, and what is told when it does not hand a secret out.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use secrets::{Keeper, ManagerSettings, SecretRef, VaultAuth, VaultSettings};
use serde_json::{Value, json};

use super::openbao::OpenBao;
use super::{checked, command, serve, shows_none, told, values, write_config, write_private};
use crate::process::{Running, get};
use crate::rotation::metric;

const POLICY: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n";

pub(super) fn section(bao: &OpenBao, role_id: &str, secret_id: &Path) -> String {
    format!(
        "[secrets.vault]\naddress = \"{}\"\nroot_certificate = \"{}\"\nrole_id = \"{role_id}\"\nsecret_id = \"file:{}\"\n",
        bao.address,
        bao.certificate().display(),
        secret_id.display()
    )
}

fn reference(key: &str) -> String {
    format!("vault:kv/keyward#{key}")
}

pub(super) fn put(bao: &OpenBao, path: &str, values: &Value) {
    let file = bao.folder.path().join("values.json");
    write_private(&file, &values.to_string());
    bao.bao(&["kv", "put", path, &format!("@{}", file.display())]);
}

#[test]
fn a_server_with_nothing_but_references_waits_until_openbao_is_unsealed_and_serves() {
    let Some(mut bao) = OpenBao::start() else { return };
    let values = values();
    put(&bao, "kv/keyward", &values);
    let (role_id, secret_id) = bao.role("keyward", POLICY);
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &section(&bao, &role_id, &secret_id), reference);

    let (is_well, report) = checked(&mut command(&["secrets", "check"], &config), &values);
    assert!(is_well, "{report}");
    assert_eq!(report["problems"], json!([]));
    assert_eq!(report["warnings"], json!([]));
    let first = &report["secrets"][0];
    let length = values["encryption"].as_str().unwrap().len();
    let expected = json!({ "setting": "keys.encryption", "reference": reference("encryption"), "length": length, "version": "1" });
    assert_eq!(*first, expected);

    bao.seal();
    let (is_well, report) = checked(&mut command(&["secrets", "check"], &config), &values);
    assert!(!is_well);
    let managed = |one: &&Value| one["setting"] != "secrets.vault.secret_id";
    assert!(
        report["secrets"].as_array().unwrap().iter().filter(managed).all(|one| one["cause"] == "sealed"),
        "{report}"
    );
    let mut server = Running::begin(&mut serve(&config));
    let line = server.wait_for_line("waiting for the manager");
    assert!(line.contains("is sealed") && line.contains("keys.encryption"), "{line}");
    bao.unseal();
    server.serves();
    let log = server.end();
    shows_none(&log, &values);
    assert!(log.contains("\"TRACE\"") && !log.contains(&read(&secret_id)), "{log}");
    assert!(!log.contains("is in the environment"), "{log}");

    // It named itself, and asked once for all four values of the secret.
    let mut reads = 0;
    for line in bao.audit_log().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let path = entry["request"]["path"].as_str().unwrap_or_default();
        let is_login = path == "auth/approle/login";
        if entry["type"] == "request" && (is_login || path == "kv/data/keyward") {
            let agent = entry["request"]["headers"]["user-agent"][0].as_str().unwrap_or_default().to_owned();
            let is_ours = agent.starts_with("keyward/");
            assert!(is_ours || !is_login, "{line}");
            reads += usize::from(is_ours && !is_login);
        }
    }
    // A check that found it well, and a start.
    assert_eq!(reads, 2);
}

#[test]
fn what_no_waiting_mends_ends_a_start_at_once_in_one_sentence() {
    let Some(bao) = OpenBao::start() else { return };
    let values = values();
    put(&bao, "kv/keyward", &values);
    let (role_id, secret_id) = bao.role("keyward", POLICY);
    let folder = tempfile::tempdir().unwrap();
    let started = |config: &Path| {
        let begun = now();
        let Output { status, stderr, .. } = command(&["serve"], config).output().unwrap();
        let error = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{error}");
        assert!(begun.elapsed().as_secs() < 30, "it waited");
        shows_none(&error, &values);
        error.lines().last().unwrap().replace(&bao.address, "https://bao")
    };
    let section = section(&bao, &role_id, &secret_id);
    let misspelt = |key: &str| if key == "audit" { reference("audti") } else { reference(key) };
    let config = write_config(folder.path(), &section, misspelt);
    assert_eq!(
        started(&config),
        "auth-service: the secret for keys.audit: the secret vault:kv/keyward#audti has no value of that key; the keys that are \
         there: audit, client, encryption, mail, nested, older, retries"
    );
    let config = write_config(folder.path(), &section, |key| format!("vault:kv/other#{key}"));
    assert_eq!(
        started(&config),
        "auth-service: the secret for keys.encryption: the secret vault:kv/other#encryption may not be read: Vault at https://bao \
         denies it (at kv/other: 1 error occurred: * permission denied)"
    );
    write_private(&secret_id, "9f0e0f5c-2f61-7a5e-9f0e-0f5c2f0d9b1e");
    let config = write_config(folder.path(), &section, reference);
    let refused = started(&config);
    assert!(refused.contains("does not let us in as the AppRole at auth/approle, status 400"), "{refused}");
    std::fs::remove_file(&secret_id).unwrap();
    let refused = started(&config);
    assert!(refused.contains("nobody could sign in, since secrets.vault.secret_id"), "{refused}");
}

#[tokio::test]
async fn every_cause_is_told_by_its_name() {
    let Some(mut bao) = OpenBao::start() else { return };
    bao.bao(&["secrets", "enable", "-path=team/old", "-version=1", "kv"]);
    bao.bao(&["secrets", "enable", "transit"]);
    put(&bao, "kv/keyward", &values());
    put(&bao, "kv/keyward", &json!({ "audit": "the second", "retries": 3, "nested": { "a": "b" } }));
    put(&bao, "kv/gone", &json!({ "a": "b" }));
    bao.bao(&["kv", "delete", "kv/gone"]);
    put(&bao, "team/old/a/b", &json!({ "key": "of version one" }));
    let (role_id, secret_id) = bao.role(
        "all",
        "path \"kv/*\" {\n capabilities = [\"read\"]\n}\npath \"team/*\" {\n capabilities = [\"read\"]\n}\n\
         path \"transit/*\" {\n capabilities = [\"read\"]\n}\n",
    );
    let settings = VaultSettings {
        address: bao.address.parse().unwrap(),
        namespace: None,
        root_certificate: Some(bao.certificate()),
        auth: VaultAuth::AppRole {
            mount: "approle".to_owned(),
            role_id,
            secret_id: SecretRef::File(secret_id.clone()),
        },
    };
    let keeper = |settings: &VaultSettings| {
        Keeper::new(ManagerSettings { vault: Some(settings.clone()), ..ManagerSettings::default() })
    };
    let one = keeper(&settings);
    assert_eq!(told(&one, "vault:kv/keyward#audit").await.unwrap(), "the second");
    assert_eq!(told(&one, "vault:kv/keyward#retries").await.unwrap(), "3");
    assert_eq!(told(&one, "vault:team/old/a/b#key").await.unwrap(), "of version one");
    let version = one.read(&"vault:kv/keyward#audit".parse().unwrap()).await.unwrap().version;
    assert_eq!(version.as_deref(), Some("2"));
    for (reference, kind, words) in [
        ("vault:kv/keyward#adiut", "wrong_key", "the keys that are there: audit, nested, retries"),
        ("vault:kv/keyward#nested", "wrong_key", "a list or an object"),
        ("vault:kv/nothing#a", "missing", "nothing at kv/nothing"),
        ("vault:kv/gone#a", "missing", "its last version is deleted"),
        ("vault:team/old/nothing#a", "missing", "nothing at team/old/nothing"),
        ("vault:team/old#a", "missing", "is a whole engine"),
        (
            "vault:transit/keys#a",
            "unusable",
            "an engine of type \"transit\", and only kv and database are read",
        ),
        ("vault:nowhere/a#a", "denied", "or no engine is mounted there"),
    ] {
        let (told, sentence) = told(&one, reference).await.unwrap_err();
        assert_eq!(told, kind, "{sentence}");
        assert!(sentence.contains(words), "{sentence}");
    }

    // A token that is taken back is exchanged for another, by the secret id that is there then.
    bao.bao(&[
        "write",
        "-f",
        "auth/approle/role/all/secret-id/destroy",
        &format!("secret_id={}", read(&secret_id)),
    ]);
    bao.write_secret_id("all", &secret_id);
    put(&bao, "kv/later", &json!({ "a": "later" }));
    let accessors = bao.bao(&["list", "-format=json", "auth/token/accessors"]);
    for accessor in serde_json::from_str::<Vec<String>>(&accessors).unwrap() {
        let display = bao.bao(&["token", "lookup", "-field=display_name", "-accessor", &accessor]);
        if display == "approle" {
            bao.bao(&["token", "revoke", "-accessor", &accessor]);
        }
    }
    assert_eq!(told(&one, "vault:kv/later#a").await.unwrap(), "later");

    // By a token in a file; and it is read anew once it ends.
    let file = bao.folder.path().join("token");
    write_private(&file, "s.nobody");
    let by_token =
        VaultSettings { auth: VaultAuth::Token(SecretRef::File(file.clone())), ..settings.clone() };
    let two = keeper(&by_token);
    assert_eq!(told(&two, "vault:kv/keyward#audit").await.unwrap_err().0, "denied");
    write_private(&file, &bao.bao(&["token", "create", "-policy=all", "-field=token"]));
    assert_eq!(told(&two, "vault:kv/keyward#audit").await.unwrap(), "the second");

    // A namespace has engines of its own.
    bao.bao(&["namespace", "create", "people"]);
    bao.bao(&["secrets", "enable", "-namespace=people", "-path=kv", "-version=2", "kv"]);
    bao.bao(&["kv", "put", "-namespace=people", "kv/keyward", "audit=the people's"]);
    let policy = bao.folder.path().join("all.hcl");
    bao.bao(&["policy", "write", "-namespace=people", "all", &policy.display().to_string()]);
    write_private(&file, &bao.bao(&["token", "create", "-namespace=people", "-policy=all", "-field=token"]));
    let namespaced = VaultSettings { namespace: Some("people".to_owned()), ..by_token };
    assert_eq!(told(&keeper(&namespaced), "vault:kv/keyward#audit").await.unwrap(), "the people's");

    // Nothing is asked of a server that is not who it should be.
    let unknown = VaultSettings { root_certificate: None, ..settings.clone() };
    let (kind, sentence) = told(&keeper(&unknown), "vault:kv/keyward#audit").await.unwrap_err();
    assert_eq!(kind, "unreachable");
    assert!(sentence.contains("certificate"), "{sentence}");
    let empty = bao.folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let unknown = VaultSettings { root_certificate: Some(empty), ..settings.clone() };
    assert_eq!(told(&keeper(&unknown), "vault:kv/keyward#audit").await.unwrap_err().0, "unusable");

    bao.seal();
    let (kind, sentence) = told(&keeper(&settings), "vault:kv/keyward#audit").await.unwrap_err();
    assert_eq!((kind, sentence.contains("unseal")), ("sealed", true), "{sentence}");
    // What is held is held.
    assert_eq!(told(&one, "vault:kv/keyward#audit").await.unwrap(), "the second");
    bao.kill();
    assert_eq!(told(&keeper(&settings), "vault:kv/keyward#audit").await.unwrap_err().0, "unreachable");
}

const RENEWS: &str = "path \"auth/approle/role/keyward/secret-id\" {\n capabilities = [\"update\"]\n}\n\
                      path \"auth/approle/role/keyward/secret-id/lookup\" {\n capabilities = [\"update\"]\n}\n";

/// A secret id cannot be given more time: another is made before it ends, and takes its place for the same readers.
#[test]
fn a_secret_id_is_exchanged_before_it_ends_and_told_by_a_metric() {
    let Some(bao) = OpenBao::start() else { return };
    put(&bao, "kv/keyward", &values());
    let (role_id, secret_id) = bao.role("keyward", &format!("{POLICY}{RENEWS}"));
    bao.bao(&["write", "auth/approle/role/keyward", "secret_id_ttl=43170m"]);
    bao.write_secret_id("keyward", &secret_id);
    std::fs::set_permissions(&secret_id, std::fs::Permissions::from_mode(0o440)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &section(&bao, &role_id, &secret_id), reference);
    let renew = |arguments: &[&str]| {
        let Output { status, stdout, stderr } =
            command(&["secrets", "renew"], &config).args(arguments).output().unwrap();
        let said = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert!(!said.contains(&read(&secret_id)), "{said}");
        (status.success(), said.replace(&secret_id.display().to_string(), "FILE"))
    };
    let first = read(&secret_id);
    assert_eq!(renew(&[]), (true, "It ends in 719 hours: nothing is to be done.\n".to_owned()));
    assert_eq!(read(&secret_id), first);
    let mut server = Running::of(&mut serve(&config));
    let left = metric(&server, "keyward_secret_id_expires_seconds", "");
    assert!((left - 719.5 * 3600.0).abs() < 600.0, "{left}");
    assert_eq!(renew(&["--now"]), (true, "Another secret id is in FILE. It ends in 719 hours.\n".to_owned()));
    let second = read(&secret_id);
    assert_ne!(second, first);
    let known = std::fs::metadata(&secret_id).unwrap();
    assert_eq!(known.permissions().mode() & 0o7777, 0o440);
    let log = server.end();
    assert!(!log.contains(&first) && !log.contains(&second), "it is logged");

    // Without an end it is left as it is; and what the policy does not let it do is told.
    bao.bao(&["write", "auth/approle/role/keyward", "secret_id_ttl=0"]);
    std::fs::set_permissions(&secret_id, std::fs::Permissions::from_mode(0o600)).unwrap();
    bao.write_secret_id("keyward", &secret_id);
    assert_eq!(renew(&[]), (true, "It does not end: nothing is to be done.\n".to_owned()));
    bao.write_policy("keyward", POLICY);
    let (is_well, said) = renew(&["--now"]);
    let why = "the policy has no `update` on auth/approle/role/keyward/secret-id/lookup";
    assert!(!is_well && said.contains(why), "{said}");
    let server = Running::of(&mut serve(&config));
    let metrics = get(&server.internal, "/metrics").1;
    assert!(!metrics.lines().any(|line| line.starts_with("keyward_secret_id_expires_seconds ")), "{metrics}");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "it is the test's own patience")]
fn now() -> Instant {
    Instant::now()
}
