//! Secrets that are kept elsewhere, and where they are said.

use super::*;

#[test]
fn a_manager_is_told_of_in_full_or_not_at_all() {
    let role = "role_id = \"a\"\nsecret_id = \"file:/b\"\n";
    let by_role = format!("address = \"https://vault:8200\"\n{role}");
    for (section, expected) in [
        (by_role.as_str(), None),
        ("address = \"http://[::1]:8200\"\ntoken = \"credential:token\"", None),
        ("address = \"https://vault:8200\"", Some("secrets.vault.role_id is missing, and so is token")),
        ("address = \"https://vault:8200\"\nrole_id = \"a\"", Some("secrets.vault.secret_id is missing")),
        (
            "address = \"https://vault:8200\"\nsecret_id = \"file:/b\"",
            Some("secrets.vault.role_id is missing"),
        ),
        (&format!("{by_role}token = \"file:/c\""), Some("secrets.vault.token and an AppRole are both set")),
        (
            &format!("address = \"http://vault:8200\"\n{role}"),
            Some("secrets.vault.address is http://vault: it must be https://HOST"),
        ),
        (
            &format!("address = \"https://a:hunter2@vault\"\n{role}"),
            Some("secrets.vault.address is https://vault: it must be https://HOST"),
        ),
        (
            "address = \"https://vault:8200\"\nrole_id = \"a\"\nsecret_id = \"vault:kv/a#b\"",
            Some("secrets.vault.secret_id is vault:kv/a#b: it must be on this machine"),
        ),
        (&format!("{by_role}approle_mount = \"a/../b\""), Some("secrets.vault.approle_mount is \"a/../b\"")),
        (&format!("{by_role}namespace = \"a b\""), Some("secrets.vault.namespace is \"a b\"")),
    ] {
        let read = parse(&format!("{MINIMAL}\n[secrets.vault]\n{section}"));
        match expected {
            None => assert_eq!(read, Ok(()), "{section}"),
            Some(expected) => {
                let error = read.unwrap_err();
                assert!(error.contains(expected) && !error.contains("hunter2"), "{section}: {error}");
            }
        }
    }
    let kept = MINIMAL.replace("file:/run/secrets/audit", "vault:kv/keyward#audit");
    let error = parse(&kept).unwrap_err();
    assert!(error.contains("secrets.vault.address is missing, and keys.audit is kept there"), "{error}");
    let elsewhere =
        "[secrets.gcp]\nendpoint = \"http://metadata\"\n[secrets.aws]\nendpoint = \"https://a?b=c\"";
    let error = parse(&format!("{MINIMAL}\n{elsewhere}")).unwrap_err();
    assert!(error.contains("secrets.gcp.endpoint") && error.contains("secrets.aws.endpoint"), "{error}");
}

/// Every reference that a configuration can hold, each of which leads to a file that is called as its setting is.
const REFERENCES: &str = r#"
        [server]
        public_url = "https://auth.example.com"
        [database]
        url = "file:/database.url"
        username = "file:/database.username"
        password = "file:/database.password"
        migrate_url = "file:/database.migrate_url"
        migrate_password = "file:/database.migrate_password"
        [redis]
        url = "file:/redis.url"
        password = "file:/redis.password"
        [keys]
        encryption = "file:/keys.encryption"
        older_encryption = ["file:/keys.older_encryption"]
        audit = "file:/keys.audit"
        [secrets.vault]
        secret_id = "file:/secrets.vault.secret_id"
        token = "file:/secrets.vault.token"
        [password.hashing]
        pepper = "file:/password.hashing.pepper"
        older_peppers = ["file:/password.hashing.older_peppers"]
        [mail]
        from = "no-reply@example.com"
        [mail.transport]
    "#;
const TRANSPORTS: [&str; 2] = [
    "kind = \"postmark\"\ntoken = \"file:/mail.transport.token\"",
    "kind = \"smtp\"\nhost = \"mail\"\nusername = \"a\"\npassword = \"file:/mail.transport.password\"",
];

/// What is looked at before a start, is waited for at a start, and is read later is one list.
#[test]
fn every_reference_of_the_schema_is_among_those_that_are_looked_at() {
    let mut found = std::collections::BTreeSet::from(["clients.secret".to_owned()]);
    for transport in TRANSPORTS {
        let config = read(&format!("{REFERENCES}{transport}"), &[], &[]).unwrap();
        for Named { setting, reference, .. } in config.references() {
            assert_eq!(reference.to_string(), format!("file:/{setting}"));
            found.insert(setting.to_owned());
        }
    }
    let known = settings::Settings::known();
    let is_reference =
        |kind| matches!(kind, settings::Kind::Secret | settings::Kind::Secrets | settings::Kind::Url);
    let expected =
        known.all.iter().filter(|setting| is_reference(setting.kind)).map(|setting| setting.name.clone());
    let mut expected: std::collections::BTreeSet<String> = expected.collect();
    expected.extend(
        known
            .client_keys
            .iter()
            .filter(|key| is_reference(key.kind))
            .map(|key| format!("clients.{}", key.name)),
    );
    assert_eq!(found, expected);
}

/// A sample in any of them is refused by name, and nothing that is good is.
#[tokio::test]
async fn class_19_a_sample_is_refused_in_every_reference_of_the_schema() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().display().to_string();
        let text = format!("{REFERENCES}{transport}").replace("file:/", &format!("file:{name}/"));
        let config = read(&text, &[], &[]).unwrap();
        let (scheme, settings) = ("postgres://keyward", config.references());
        assert!(settings.len() > 10, "{settings:?}");
        let write = |setting: &str, secret: &str| {
            let is_url = setting.ends_with("url");
            let text = if is_url { format!("{scheme}:{secret}@db/keyward") } else { secret.to_owned() };
            std::fs::write(folder.path().join(setting), text).unwrap();
        };
        let good = || secrets::sealing::generate_key_text();
        for named in &settings {
            write(named.setting, secrets::ExposeSecret::expose_secret(&good()));
        }
        let problems = crate::server::secrets_of(&config).await.problems;
        assert!(problems.is_empty(), "{problems:?}");
        // A name is no secret: any will do.
        let secret = settings.iter().filter(|named| !matches!(named.whose, Whose::Name));
        for setting in secret.map(|named| named.setting) {
            let kept = std::fs::read_to_string(folder.path().join(setting)).unwrap();
            write(setting, "changeme");
            let problems = crate::server::secrets_of(&config).await.problems;
            let told: Vec<_> = problems.iter().map(|(setting, _)| setting.as_str()).collect();
            assert_eq!(told, [setting], "{problems:?}");
            assert!(!problems[0].1.contains("changeme"), "{problems:?}");
            std::fs::write(folder.path().join(setting), kept).unwrap();
        }
    }
}
