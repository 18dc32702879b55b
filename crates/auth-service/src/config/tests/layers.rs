//! What the file, the environment and the flags say, one above the other.

use super::*;

#[test]
fn each_layer_is_heard_before_the_one_below() {
    let file = format!("{MINIMAL}\n[limits]\nmails = 3\ncode_tries = 3\n");
    let variables = [("KEYWARD__LIMITS__MAILS", "4"), ("KEYWARD__LIMITS__CODE_TRIES", "4"), ("OTHER", "x")];
    let config =
        read(&file, &variables, &["limits.code_tries=5", "server.trusted_proxies=10.0.0.0/8"]).unwrap();
    assert_eq!((config.limits.mails, config.limits.code_tries), (4, 5));
    assert_eq!(config.server.trusted_proxies.len(), 1);
    // What compose files set to nothing is not set.
    assert_eq!(read(&file, &[("KEYWARD__LIMITS__MAILS", "")], &[]).unwrap().limits.mails, 3);
}

#[test]
fn an_unknown_name_is_refused_in_each_layer_with_the_nearest() {
    for (file, variables, flags, said) in [
        (
            "[limits]\nmail = 3",
            None,
            None,
            "keyward.toml:16: limits.mail is no setting: did you mean limits.mails?",
        ),
        ("[limit]\nmails = 3", None, None, "keyward.toml:15: limit is no setting: did you mean limits?"),
        ("[api]\nrequire_proof = true", None, None, "did you mean accounts.require_proof?"),
        // Where they stood before all numbers were in one table.
        ("[accounts]\npassword_minimum = 15", None, None, "did you mean limits.password_minimum?"),
        (
            "[accounts]\npassword_minimum_with_second_step = 8",
            None,
            None,
            "did you mean limits.password_minimum_with_second_step?",
        ),
        (
            "",
            Some(("KEYWARD__LIMITS__MAIL", "3")),
            None,
            "environment KEYWARD__LIMITS__MAIL: it names no setting: did you mean KEYWARD__LIMITS__MAILS?",
        ),
        (
            "",
            None,
            Some("limits.mail=3"),
            "--set limits.mail: limits.mail is no setting: did you mean limits.mails?",
        ),
        (
            "[[clients]]\nclient_id = \"a\"\nclient_nam = \"A\"\nscope = \"openid\"",
            None,
            None,
            "clients[a].client_nam is nothing that an app has: did you mean client_name?",
        ),
    ] {
        let variables: Vec<_> = variables.into_iter().collect();
        let flags: Vec<_> = flags.into_iter().collect();
        let error = read(&format!("{MINIMAL}\n{file}"), &variables, &flags).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

const FULL: [(&str, &str); 2] =
    [("DATABASE_URL", "postgres://keyward@db/keyward"), ("REDIS_HOST_NAME", "redis")];

#[test]
fn small_or_full_and_nothing_between() {
    let none = MINIMAL.replace("[database]\n    path = \"keyward.sqlite\"", "");
    assert!(matches!(read(MINIMAL, &[], &[]).unwrap().mode(), Some(Mode::Small(_))));
    assert!(matches!(read(&none, &FULL, &[]).unwrap().mode(), Some(Mode::Full(_))));
    let config = read(MINIMAL, &FULL, &[]).unwrap();
    assert!(matches!(config.mode(), Some(Mode::Full(_))), "a variable takes the place of the file's path");
    assert_eq!((config.redis.host.as_deref(), config.redis.port), (Some("redis"), 6379));
    for (file, variables, said) in [
        (none.as_str(), &[][..], "database.path is missing, and so is database.url"),
        (&none, &FULL[..1], "redis.host is missing, and database.url is PostgreSQL"),
        (MINIMAL, &FULL[1..], "database.url is missing, and [redis] is set: SQLite is served by one process"),
        (&none, &FULL[1..], "database.path is missing, and so is database.url"),
    ] {
        let error = read(file, variables, &[]).unwrap_err();
        assert!(error.contains(said), "{said} in {error}");
    }
    let both = MINIMAL.replace("path =", "url = \"postgres://keyward@db/keyward\"\npath =");
    let error = read(&both, &FULL[1..], &[]).unwrap_err();
    assert!(error.contains("are both set, and one of them decides: remove one"), "{error}");
    assert!(!error.contains("faults"), "it is told once: {error}");
}

#[test]
fn one_setting_by_two_variables_is_refused() {
    let variables =
        [("DATABASE_URL", "postgres://a@db/a"), ("KEYWARD__DATABASE__URL", "postgres://b@db/b"), FULL[1]];
    let error = read(MINIMAL, &variables, &[]).unwrap_err();
    assert!(
        error.contains(
            "environment KEYWARD__DATABASE__URL: database.url is set by environment DATABASE_URL too"
        ),
        "{error}"
    );
}

/// A password in the file would be in every backup and diff of it.
#[test]
fn a_password_is_in_no_configuration() {
    let none =
        MINIMAL.replace("path = \"keyward.sqlite\"", "url = \"postgres://keyward:hunter2@db/keyward\"");
    let error = read(&none, &FULL[1..], &[]).unwrap_err();
    assert!(error.contains("database.url a password stands in it") && !error.contains("hunter2"), "{error}");
    let secret =
        [("DATABASE_URL", "postgres://keyward:hunter2@db/keyward"), FULL[1], ("REDIS_PASSWORD", "hunter2")];
    let config = read(MINIMAL, &secret, &[]).unwrap();
    assert_eq!(config.database.url, Some(ConnectionUrl::Kept("env:DATABASE_URL".parse().unwrap())));
    assert_eq!(config.redis.password, Some("env:REDIS_PASSWORD".parse().unwrap()));
    assert!(!format!("{config:?}").contains("hunter2"));
    let named = [FULL[0], FULL[1], ("REDIS_PASSWORD", "file:/run/secrets/redis")];
    assert_eq!(
        read(MINIMAL, &named, &[]).unwrap().redis.password,
        Some("file:/run/secrets/redis".parse().unwrap())
    );
}

#[tokio::test]
async fn a_password_that_is_kept_apart_is_put_into_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "p@ss/w:rd\n").unwrap();
    let password = SecretRef::File(file);
    let url = ConnectionUrl::Plain("postgres://keyward@db/keyward?sslmode=require".parse().unwrap());
    let whole = url.resolve(Some(&password), &secrets::Keeper::local()).await.unwrap();
    let whole = secrets::ExposeSecret::expose_secret(&whole);
    assert_eq!(whole, "postgres://keyward:p%40ss%2Fw%3Ard@db/keyward?sslmode=require");
}
