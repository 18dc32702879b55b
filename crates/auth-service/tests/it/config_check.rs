//! `auth-service config check`: what is in force, where it comes from, and everything that is wrong.

use std::process::Command;

use crate::process::{POSTMARK, SMTP, binary, command, write_config, write_secrets};

struct Told {
    code: Option<i32>,
    output: String,
    error: String,
}

/// Runs it, with the folder's name taken out of what it says.
fn told(folder: &tempfile::TempDir, command: &mut Command) -> Told {
    let ran = command.output().unwrap();
    let name = folder.path().display().to_string();
    let plain = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&name, "/etc/keyward");
    Told { code: ran.status.code(), output: plain(ran.stdout), error: plain(ran.stderr) }
}

fn check(folder: &tempfile::TempDir) -> Command {
    write_secrets(folder.path());
    for name in crate::process::NAMES {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.path().join(name), mode).unwrap();
    }
    let mut command = binary();
    command.args(["config", "check", "--config"]).arg(write_config(folder.path(), POSTMARK));
    command
}

#[test]
fn it_prints_what_is_in_force_and_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = check(&folder);
    command
        .env("KEYWARD__LIMITS__MAILS", "7")
        .env("KEYWARD__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, fc00::/7");
    let told = told(&folder, command.args(["--set", "server.listen=127.0.0.1:4000"]));
    assert_eq!((told.code, told.error.as_str()), (Some(0), ""), "{}", told.output);
    let line = |start: &str| -> String {
        let line = told.output.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start} in {}", told.output))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("Mode"), "Mode: small: SQLite and memory, one process.");
    assert_eq!(
        line("public_url"),
        r#"public_url = "https://auth.example.com" # /etc/keyward/keyward.toml:2"#
    );
    assert_eq!(line("listen = \"127.0.0.1:4000\""), r#"listen = "127.0.0.1:4000" # --set server.listen"#);
    assert_eq!(line("mails"), "mails = 7 # environment KEYWARD__LIMITS__MAILS");
    assert_eq!(line("drain"), r#"drain = "2s" # default"#);
    assert_eq!(
        line("trusted_proxies"),
        r#"trusted_proxies = ["10.0.0.0/8", "fc00::/7"] # environment KEYWARD__SERVER__TRUSTED_PROXIES"#
    );
    assert_eq!(
        line("encryption"),
        r#"encryption = "file:/etc/keyward/encryption" # /etc/keyward/keyward.toml:9"#
    );
    assert_eq!(line("# logo"), "# logo is not set");
}

#[test]
fn every_problem_is_told_at_once_each_with_its_place_and_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = check(&folder);
    let config = folder.path().join("keyward.toml");
    let wrong = std::fs::read_to_string(&config)
        .unwrap()
        .replace("https://auth.example.com", "http://auth.example.com")
        .replace("[internal]\nlisten", "[internal]\nlissen")
        .replace("[database]\npath", "[databse]\npath")
        .replace("audit = \"file:", "audit = \"hunter2 file:")
        .replace("from = \"no-reply@example.com\"\n", "")
        + "[limits]\nmails = \"many\"\ntoken_life = \"2h\"\n";
    std::fs::write(&config, wrong).unwrap();
    command.env("KEYWARD__SERVER__PUBLIC_UR", "x").env("REDIS_PORT", "red");
    let told = told(&folder, command.args(["--set", "serve.listen=1"]));
    assert_eq!(told.code, Some(1));
    assert!(
        !told.error.contains("hunter2") && !told.output.contains("hunter2"),
        "{}{}",
        told.error,
        told.output
    );
    insta::assert_snapshot!(told.error, @r#"

    /etc/keyward/keyward.toml:2: server.public_url is http://auth.example.com/: it must begin with https://, or cookies and passwords travel in the open; `keyward dev` serves this machine without
    /etc/keyward/keyward.toml:5: internal.lissen is no setting: did you mean internal.listen?
    /etc/keyward/keyward.toml:6: databse is no setting: did you mean database?
    /etc/keyward/keyward.toml:11: keys.audit cannot be used: this is not a reference to a secret (it is not shown here, as it may be the secret itself), and a configuration holds no secret: move it into a file by `install -m 0400 /dev/stdin /etc/keyward/secrets/NAME` (paste it, then Ctrl-D), owned by the server's user, and write file:/etc/keyward/secrets/NAME, or move all of the server's into Vault or OpenBao by `keyward secrets migrate --to vault:MOUNT/PATH`; the forms are file:/absolute/path, credential:NAME, vault:MOUNT/PATH#KEY, aws:NAME-or-ARN#KEY, gcp:projects/PROJECT/secrets/SECRET#VERSION and env:NAME
    /etc/keyward/keyward.toml:23: limits.mails is of the wrong kind (string): it must be a whole number, such as 5
    /etc/keyward/keyward.toml:24: limits.token_life is 2h: it must be 1m to 1h: an app that checks a token by itself does not hear that its session has ended until the token has
    environment KEYWARD__SERVER__PUBLIC_UR: it names no setting: did you mean KEYWARD__SERVER__PUBLIC_URL?
    environment REDIS_PORT: redis.port is "red": it must be a whole number
    --set serve.listen: serve.listen is no setting: did you mean server.listen?
    mail.from is missing: write from = "no-reply@example.com" under [mail] in keyward.toml, or set KEYWARD__MAIL__FROM
    database.path is missing, and so is database.url, so that there is no place for accounts. For one process on SQLite write path = "/var/lib/keyward/keyward.sqlite" under [database]; for any number on PostgreSQL and Redis set DATABASE_URL=postgres://keyward@HOST/keyward and REDIS_HOST_NAME=HOST
    "#);
}

#[test]
fn secrets_are_masked_and_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = check(&folder);
    command
        .env("DATABASE_URL", "postgres://keyward:hunter2-and-more@db/keyward")
        .env("REDIS_URL", "redis://:hunter2-and-more@redis:6379")
        .arg("--json");
    let said = told(&folder, &mut command);
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""), "{}", said.output);
    assert!(!said.output.contains("hunter2"), "{}", said.output);
    let report: serde_json::Value = serde_json::from_str(&said.output).unwrap();
    assert_eq!(report["mode"], "full: PostgreSQL and Redis, any number of processes");
    let settings = report["settings"].as_array().unwrap();
    let url = settings.iter().find(|one| one["setting"] == "database.url").unwrap();
    assert_eq!(url["value"], "\"postgres://keyward:***@db/keyward\"");
    assert_eq!(url["origin"], serde_json::json!({ "kind": "environment", "name": "DATABASE_URL" }));
    assert_eq!(report["warnings"].as_array().unwrap().len(), 2, "{}", report["warnings"]);
    // A secret that is not there is a problem of its setting.
    std::fs::remove_file(folder.path().join("audit")).unwrap();
    let mut command = binary();
    command.args(["config", "check", "--config"]).arg(folder.path().join("keyward.toml"));
    let told = told(&folder, &mut command);
    assert_eq!(told.code, Some(1));
    assert!(
        told.error.contains(
            "/etc/keyward/keyward.toml:11: keys.audit names a secret that cannot be used: the secret \
                             file:/etc/keyward/audit could not be read"
        ),
        "{}",
        told.error
    );
}

/// The check passed it, and a start said that another program listens there.
#[test]
fn one_address_for_people_and_machines_is_told() {
    for (public, internal) in [("127.0.0.1:4000", "127.0.0.1:4000"), ("0.0.0.0:4000", "127.0.0.1:4000")] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = check(&folder);
        command.args(["--set", &format!("server.listen={public}")]);
        let told = told(&folder, command.args(["--set", &format!("internal.listen={internal}")]));
        assert_eq!(told.code, Some(1), "{}", told.error);
        let why =
            format!("internal.listen is {internal}: server.listen is {public}, and the two cannot be one");
        assert!(told.error.contains(&why), "{}", told.error);
    }
}

/// What a start would refuse both checks refuse, in the same words: a pepper has to be a key.
#[test]
fn a_pepper_that_is_no_key_is_told() {
    for (setting, pepper) in [
        ("password.hashing.pepper", "onlytwentycharacters"),
        ("password.hashing.older_peppers", "zK3!vq9rT2x"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut checked = check(&folder);
        let file = folder.path().join("pepper");
        std::fs::write(&file, pepper).unwrap();
        let set = format!("{setting}=file:{}", file.display());
        let mut secrets = binary();
        secrets.args(["secrets", "check", "--config"]).arg(folder.path().join("keyward.toml"));
        let mut serve = command(folder.path(), POSTMARK);
        for command in [&mut checked, &mut secrets, &mut serve] {
            let told = told(&folder, command.args(["--set", set.as_str()]));
            assert_eq!(told.code, Some(1), "{setting}: {}", told.error);
            let why = format!("{setting} is not a key: it must be 32 bytes");
            assert!(told.error.contains(&why), "{}", told.error);
            assert!(!told.error.contains(pepper) && !told.error.contains("encryption key"), "{}", told.error);
        }
    }
}

#[test]
fn nothing_at_all_is_told_with_the_lines_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let told = told(&folder, binary().args(["config", "check"]).current_dir(folder.path()));
    assert_eq!(told.code, Some(1));
    insta::assert_snapshot!(told.error, @r#"

    keys.audit is missing: write audit = "file:/etc/keyward/secrets/audit" under [keys] in keyward.toml (there is none here; --config names another), or set KEYWARD__KEYS__AUDIT
    keys.encryption is missing: write encryption = "file:/etc/keyward/secrets/encryption" under [keys] in keyward.toml (there is none here; --config names another), or set KEYWARD__KEYS__ENCRYPTION
    mail.from is missing: write from = "no-reply@example.com" under [mail] in keyward.toml (there is none here; --config names another), or set KEYWARD__MAIL__FROM
    mail.transport.kind is missing: write kind = "smtp" under [mail.transport] in keyward.toml (there is none here; --config names another), or set KEYWARD__MAIL__TRANSPORT__KIND
    server.public_url is missing: write public_url = "https://auth.example.com" under [server] in keyward.toml (there is none here; --config names another), or set KEYWARD__SERVER__PUBLIC_URL
    database.path is missing, and so is database.url, so that there is no place for accounts. For one process on SQLite write path = "/var/lib/keyward/keyward.sqlite" under [database]; for any number on PostgreSQL and Redis set DATABASE_URL=postgres://keyward@HOST/keyward and REDIS_HOST_NAME=HOST
    "#);
}

/// What a start refuses, and `config check` passed: each setting, and part of the sentence that both say.
const REFUSED: [(&[&str], &str); 14] = [
    (&["database.url=postgres://db.invalid/keyward", REDIS], "it names no user"),
    (&["database.url=postgres://keyward@db.invalid", REDIS], "it names no database"),
    (&["database.url=postgres://keyward@db.invalid/keyward?sslmode=maybe", REDIS], "its sslmode is none"),
    (
        &["database.url=postgres://keyward@db.invalid/keyward?host=db", REDIS],
        "`host` is nothing that can be set",
    ),
    (
        &[DATABASE, REDIS, "database.root_certificate=/nowhere.pem"],
        "its root_certificate /nowhere.pem cannot be read",
    ),
    (&[DATABASE, "redis.url=rediss://redis.invalid/#insecure"], "#insecure would let anybody answer"),
    (
        &[DATABASE, "redis.url=rediss://redis.invalid", "redis.root_certificate=/nowhere.pem"],
        "its root_certificate /nowhere.pem cannot be read",
    ),
    (
        &[DATABASE, "redis.url=redis://redis.invalid", "redis.tls=true"],
        "redis.tls is true, and redis.url begins with redis://, which speaks without TLS: write url = \"rediss://HOST:PORT\"",
    ),
    (
        &[DATABASE, "redis.url=redis://redis.invalid", "redis.root_certificate=/root.pem"],
        "redis.root_certificate is set, and redis.url begins with redis://",
    ),
    (
        &[DATABASE, REDIS, "redis.root_certificate=/root.pem"],
        "redis.root_certificate is set, and redis.tls is false: write tls = true under [redis]",
    ),
    (
        &[
            "database.url=postgres://keyward@db.invalid/keyward?sslmode=disable",
            REDIS,
            "database.root_certificate=/root.pem",
        ],
        "database.root_certificate is set, and database.url says sslmode=disable",
    ),
    (
        &["database.root_certificate=/root.pem"],
        "database.root_certificate is set, and there is no PostgreSQL",
    ),
    (&["egress.allowed_networks=x"], "allowed_networks: x: "),
    (
        &["egress.root_certificate=/nowhere.pem"],
        "the root certificate /nowhere.pem cannot be used: No such file",
    ),
];
const DATABASE: &str = "database.url=postgres://keyward@db.invalid/keyward";
const REDIS: &str = "redis.host=redis.invalid";

#[test]
fn it_refuses_what_a_start_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let set = |settings: &[&str]| -> Vec<String> {
        settings.iter().flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]).collect()
    };
    for (settings, reason) in REFUSED {
        let checked = told(&folder, check(&folder).args(set(settings)));
        assert_eq!(checked.code, Some(1), "{settings:?}: {}", checked.output);
        assert!(checked.error.contains(reason), "{settings:?}: {}", checked.error);
        let served = told(&folder, command(folder.path(), POSTMARK).args(set(settings)));
        assert_eq!(served.code, Some(1), "{settings:?}: {}", served.error);
        assert!(served.error.lines().last().unwrap().contains(reason), "{settings:?}: {}", served.error);
    }
    // The same without what is wrong.
    let checked = told(&folder, check(&folder).args(set(&[DATABASE, REDIS])));
    assert_eq!((checked.code, checked.error.as_str()), (Some(0), ""));
    let migrating = "database.migrate_url=postgres://migrate@db.invalid";
    let checked = told(&folder, check(&folder).args(set(&[DATABASE, REDIS, migrating])));
    assert!(
        checked.error.contains("database.migrate_url cannot be used: it names no database"),
        "{}",
        checked.error
    );
}

/// The same of a mail server, whose certificate is to be checked by a file.
#[test]
fn it_refuses_what_a_start_refuses_of_a_mail_server() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = "mail.transport.root_certificate=/nowhere.pem";
    for (settings, reason) in [
        (vec![certificate], "the root certificate /nowhere.pem cannot be used: No such file"),
        (
            vec![certificate, "mail.transport.security=none"],
            "mail.transport.root_certificate is set, and mail.transport.security is none",
        ),
    ] {
        let mut checking = check(&folder);
        write_config(folder.path(), SMTP);
        let mut serving = command(folder.path(), SMTP);
        for command in [&mut checking, &mut serving] {
            for setting in &settings {
                command.args(["--set", setting]);
            }
            let told = told(&folder, command);
            assert_eq!(told.code, Some(1), "{settings:?}: {}", told.output);
            assert!(told.error.contains(reason), "{settings:?}: {}", told.error);
        }
    }
}

#[test]
fn a_file_of_the_database_that_this_user_may_not_open_is_told_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("keyward.sqlite");
    let set = format!("database.path={}", database.display());
    // A folder in its place: no user at all can open that.
    std::fs::create_dir(folder.path().join("keyward.sqlite.lock")).unwrap();
    let checked = told(&folder, check(&folder).args(["--set", &set]));
    assert_eq!(checked.code, Some(1));
    assert!(
        checked.error.contains("database.path cannot be used: the file /etc/keyward/keyward.sqlite.lock"),
        "{}",
        checked.error
    );
    assert!(checked.error.contains("It belongs to user "), "{}", checked.error);
    let served = told(&folder, command(folder.path(), POSTMARK).args(["--set", &set]));
    assert!(served.error.contains("the file /etc/keyward/keyward.sqlite.lock"), "{}", served.error);
}

/// What `libpq` would be told by the environment is no setting of ours.
#[test]
fn what_would_be_heard_besides_the_settings_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["PGSSLCERT", "PGSSLKEY", "PGOPTIONS"] {
        let mut checking = check(&folder);
        let told =
            told(&folder, checking.args(["--set", DATABASE, "--set", REDIS]).env(name, "-c work_mem=1MB"));
        assert_eq!(told.code, Some(1), "{}", told.output);
        assert!(told.error.contains(&format!("{name} is set in the environment")), "{}", told.error);
    }
}

#[test]
fn what_decides_the_log_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let level = |filter: &str| {
        let told = told(&folder, check(&folder).env("KEYWARD_LOG", filter));
        let line = told.output.lines().find(|line| line.starts_with("level = ")).unwrap();
        (told.code, line.split_whitespace().collect::<Vec<_>>().join(" "), told.error)
    };
    let (code, line, _) = level("debug,store=trace");
    assert_eq!((code, line.as_str()), (Some(0), "level = \"debug,store=trace\" # environment KEYWARD_LOG"));
    let (code, line, _) = level("");
    assert_eq!((code, line.as_str()), (Some(0), "level = \"info\" # default"));
    let (code, _, error) = level("store=loud");
    assert!(code == Some(1) && error.contains("environment KEYWARD_LOG: log.level is none of"), "{error}");
}
