//! `keyward init`, as an operator types it. That the stack starts from what it writes is tested with Docker
//! (`e2e`).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// All options that it wants.
pub(crate) const ALL: [&str; 12] = [
    "--domain",
    "auth.example.com",
    "--app-domain",
    "app.example.com",
    "--contact",
    "ops@example.com",
    "--mail-from",
    "no-reply@example.com",
    "--mail",
    "mail.example.com:587",
    "--mail-user",
    "keyward",
];

/// Runs it, with nobody to be asked.
pub(crate) fn init(folder: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_keyward"))
        .arg("init")
        .arg(folder)
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Only root may give a file to a service's group; for anybody else the command says so, which is tested then.
pub(crate) fn as_root(parent: &TempDir) -> bool {
    if parent.path().metadata().unwrap().uid() == 0 {
        return true;
    }
    let said = refusal(&init(&parent.path().join("of-nobody"), &ALL));
    assert!(said.contains("run `keyward init` as root"), "{said}");
    false
}

/// Every file below a folder: mode, group, path.
fn listing(folder: &Path) -> String {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let entry = entry.unwrap();
            let data = entry.metadata().unwrap();
            let path = entry.path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            lines.push((name, data.permissions().mode() & 0o7777, data.gid()));
            if data.is_dir() {
                folders.push(path);
            }
        }
    }
    lines.sort();
    let lines: Vec<_> =
        lines.iter().map(|(name, mode, group)| format!("{mode:04o} {group:>5} {name}")).collect();
    lines.join("\n")
}

#[test]
fn it_writes_a_folder_that_compose_starts_from() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let folder = parent.path().join("keyward");
    let output = init(&folder, &ALL);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap().replace(parent.path().to_str().unwrap(), "/srv");
    insta::assert_snapshot!(told, @r"
    Made /srv/keyward. Its secrets are in /srv/keyward/secrets:
    keep copies of auth-service/encryption and auth-service/audit elsewhere, and apart from the backups.

    No option gave the password of the mail server, without which the server does not start. Type this, paste it, then Enter and Ctrl-D:
      install -m 0440 -g 10001 /dev/stdin /srv/keyward/secrets/auth-service/mail-password

    Next:
      cd /srv/keyward
      docker compose up -d --wait
      curl https://auth.example.com/.well-known/openid-configuration
    ");
    insta::assert_snapshot!(listing(&folder), @r"
    0644     0 .env
    0755     0 caddy
    0644     0 caddy/Caddyfile
    0644     0 compose.openbao.yml
    0644     0 compose.yml
    0755     0 config
    0644     0 config/keyward.toml
    0755     0 db
    0755     0 db/users.sh
    0755     0 openbao
    0644     0 openbao/auth-service.hcl
    0644     0 openbao/migrate.hcl
    0644     0 openbao/openbao.hcl
    0644     0 openbao/operator.hcl
    0755     0 openbao/setup
    0750 10001 run
    0700     0 secrets
    0750 10002 secrets/app-service
    0440 10002 secrets/app-service/client-secret
    0440 10002 secrets/app-service/session-key
    0750 10001 secrets/auth-service
    0440 10001 secrets/auth-service/audit
    0440 10001 secrets/auth-service/database-url
    0440 10001 secrets/auth-service/encryption
    0440 10001 secrets/auth-service/encryption-older
    0440 10001 secrets/auth-service/example-app
    0440 10001 secrets/auth-service/redis-password
    0750   999 secrets/db
    0440   999 secrets/db/migrate-password
    0440   999 secrets/db/run-password
    0440   999 secrets/db/superuser-password
    0750 10001 secrets/migrate
    0440 10001 secrets/migrate/database-url
    0750   999 secrets/redis
    0440   999 secrets/redis/password
    0440   999 secrets/redis/redis.conf
    ");

    let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for (written, source) in [
        ("compose.yml", include_str!("../../../../compose.yml")),
        ("caddy/Caddyfile", include_str!("../../../../deploy/Caddyfile")),
        ("db/users.sh", include_str!("../../../../deploy/db/users.sh")),
        ("compose.openbao.yml", include_str!("../../../../compose.openbao.yml")),
        ("openbao/setup", include_str!("../../../../deploy/openbao/setup")),
    ] {
        assert_eq!(text(written), source, "{written}");
    }
    let (configuration, environment) = (text("config/keyward.toml"), text(".env"));
    for written in [&configuration, &environment] {
        assert!(!written.contains(['{', '}']), "a place was left open: {written}");
    }
    assert!(environment.contains(&format!("KEYWARD_SECRETS='{}'\n", folder.join("secrets").display())));
    assert!(environment.contains("\nKEYWARD_GROUP=10001\n"), "{environment}");
}

/// It stood among the commands that come next, which were four.
#[test]
fn what_is_missing_is_told_before_the_three_commands_and_written_by_what_is_told() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let given = parent.path().join("given");
    fs::write(&given, "7d1f60c2b3a94e58").unwrap();
    let given = ["--mail-secret", given.to_str().unwrap()];
    let postmark = [&ALL[..9], &["postmark"]].concat();
    for (name, options, file, is_missing) in [
        ("with-user", ALL.to_vec(), "mail-password", true),
        ("with-postmark", postmark, "postmark-token", true),
        ("with-password", [&ALL[..], &given].concat(), "mail-password", false),
    ] {
        let folder = parent.path().join(name);
        let output = init(&folder, &options);
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        let (before, next) = told.split_once("\nNext:\n").unwrap();
        assert_eq!(next.lines().count(), 3, "{told}");
        let install = before.lines().find(|line| line.starts_with("  install "));
        assert_eq!(install.is_some(), is_missing, "{told}");
        let secret = folder.join("secrets/auth-service").join(file);
        assert_eq!(secret.exists(), !is_missing, "{told}");
        if let Some(install) = install {
            let mut typed = Command::new("sh").args(["-c", install]).stdin(Stdio::piped()).spawn().unwrap();
            typed.stdin.take().unwrap().write_all(b"7d1f60c2b3a94e58\n").unwrap();
            assert!(typed.wait().unwrap().success(), "{install}");
        }
        let known = secret.metadata().unwrap();
        assert_eq!((known.permissions().mode() & 0o7777, known.gid()), (0o440, 10001), "{name}");
        assert_eq!(fs::read_to_string(&secret).unwrap().trim_end(), "7d1f60c2b3a94e58", "{name}");
    }
}

/// Two stacks of one name are one stack to Docker: `docker compose up` in the second folder took the first one down.
#[test]
fn each_installation_is_a_stack_of_its_own() {
    assert!(!include_str!("../../../../compose.yml").contains("\nname:"), "it would be the same everywhere");
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    for name in ["keyward", "Trial"] {
        let folder = parent.path().join(name);
        assert!(init(&folder, &ALL).status.success());
        let environment = fs::read_to_string(folder.join(".env")).unwrap();
        let project = format!("\nCOMPOSE_PROJECT_NAME={}\n", name.to_lowercase());
        assert!(environment.contains(&project), "{environment}");
    }
}

/// Redis 8 with its modules did not start, since CONFIG was renamed; and whoever had the password could do whatever else there is.
#[test]
fn redis_lets_one_user_in_who_may_do_what_the_server_needs() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let folder = parent.path().join("keyward");
    assert!(init(&folder, &ALL).status.success());
    let written = fs::read_to_string(folder.join("secrets/redis/redis.conf")).unwrap();
    let lines: Vec<_> = written.lines().filter(|line| !line.starts_with('#')).collect();
    let [default, user] = lines[..] else { panic!("{} lines", lines.len()) };
    assert_eq!(default, "user default reset off");
    // The tests of the server run as a user with these rights and no more.
    let reference = include_str!("../../../../docs/reference/redis.md");
    let needed =
        reference.split("access list needs `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    assert!(user.starts_with("user keyward reset on >"));
    assert!(user.ends_with(&format!(" {needed} +client|setinfo +scan")), "other rights than {needed}");
    assert!(include_str!("../../../../compose.yml").contains("KEYWARD__REDIS__USERNAME: keyward\n"));
}

/// Containers know no name of this host's groups, so a name that is given is written down by its number.
#[test]
fn a_group_that_may_give_orders_has_the_folder_of_sockets() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let groups = fs::read_to_string("/etc/group").unwrap();
    let daemon = groups.lines().find_map(|line| line.strip_prefix("daemon:x:")).unwrap();
    let daemon = daemon.split(':').next().unwrap();
    for (given, number) in [("4711", "4711"), ("daemon", daemon)] {
        let folder = parent.path().join(given);
        assert!(init(&folder, &[&ALL[..], &["--group", given]].concat()).status.success());
        let environment = fs::read_to_string(folder.join(".env")).unwrap();
        assert!(environment.contains(&format!("\nKEYWARD_GROUP={number}\n")), "{environment}");
        let run = folder.join("run").metadata().unwrap();
        assert_eq!((run.uid(), run.gid().to_string().as_str()), (10001, number));
        assert_eq!(run.permissions().mode() & 0o7777, 0o750);
    }
    // What is written is what compose.yml hands on: to the server, and to its process.
    let compose = include_str!("../../../../compose.yml");
    assert_eq!(compose.matches("${KEYWARD_GROUP:-10001}").count(), 2);
    let folder = parent.path().join("other");
    let said = refusal(&init(&folder, &[&ALL[..], &["--group", "no such"]].concat()));
    assert!(
        said.contains("there is no such group on this host: make it (groupadd --system no such)"),
        "{said}"
    );
    for (given, why) in [("0", "root may give orders anyway"), ("65534", "whoever is unknown")] {
        let said = refusal(&init(&folder, &[&ALL[..], &["--group", given]].concat()));
        assert!(said.contains(why), "{said}");
    }
    assert!(!folder.exists());
}

/// On the host the numbers of the services are other groups': `groupadd --system` gives out 999 first.
#[test]
fn nobody_of_the_host_reads_a_secret_by_having_the_number_of_a_service() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let beside = parent.path().join("installation");
    let apart = parent.path().join("apart");
    fs::create_dir(&apart).unwrap();
    open(parent.path());
    open(&apart);
    let apart_text = apart.to_str().unwrap();
    assert!(init(&beside, &ALL).status.success());
    let other = parent.path().join("other");
    assert!(init(&other, &[&ALL[..], &["--secrets", apart_text]].concat()).status.success());
    for secrets in [beside.join("secrets"), apart] {
        let secret = secrets.join("db/superuser-password");
        let readers = [("0", Some(0)), ("999", Some(1)), ("10001", Some(1)), ("10002", Some(1))];
        for (number, expected) in readers {
            let mut reads = Command::new("setpriv");
            reads.args([format!("--reuid={number}"), format!("--regid={number}")]);
            let read = reads.args(["--clear-groups", "cat"]).arg(&secret).output().unwrap();
            assert_eq!(read.status.code(), expected, "{number}: {read:?}");
        }
    }
}

fn open(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Class 19 of the security notes: what is generated is nobody else's, and differs from use to use.
#[test]
fn class_19_every_secret_is_made_anew_and_stands_nowhere_else() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let mut seen = Vec::new();
    for name in ["one", "two"] {
        let (folder, secrets) = (parent.path().join(name), parent.path().join(format!("{name}-secrets")));
        let apart = [ALL.as_slice(), &["--secrets", secrets.to_str().unwrap()]].concat();
        assert!(init(&folder, &apart).status.success());
        let secret = |place: &str| fs::read_to_string(secrets.join(place)).unwrap();
        for place in [
            "db/superuser-password",
            "auth-service/encryption",
            "auth-service/audit",
            "app-service/session-key",
        ] {
            seen.push(secret(place));
        }
        let (run, migrate) = (secret("db/run-password"), secret("db/migrate-password"));
        let (redis, app) = (secret("redis/password"), secret("app-service/client-secret"));
        assert_eq!(
            secret("auth-service/database-url"),
            format!("postgres://keyward_run:{run}@db:5432/keyward")
        );
        assert_eq!(
            secret("migrate/database-url"),
            format!("postgres://keyward_migrate:{migrate}@db:5432/keyward")
        );
        assert_eq!(secret("auth-service/redis-password"), redis);
        assert!(
            secret("redis/redis.conf").contains(&format!("\nuser keyward reset on >{redis} ~keyward:* "))
        );
        assert_eq!(secret("auth-service/example-app"), app);
        // There was none before it.
        assert_eq!(secret("auth-service/encryption-older"), secret("auth-service/encryption"));
        seen.extend([run, migrate, redis, app]);
        for file in ["compose.yml", ".env", "config/keyward.toml", "caddy/Caddyfile", "db/users.sh"] {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            assert!(!seen.iter().any(|secret| text.contains(secret.as_str())), "{file}");
        }
    }
    assert!(seen.iter().all(|secret| secret.len() == 64), "{seen:?}");
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), all, "two secrets are the same");
}

#[test]
fn it_writes_over_nothing_and_says_what_is_there() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let folder = parent.path().join("keyward");
    assert!(init(&folder, &ALL).status.success());
    let before = listing(&folder);
    let said = refusal(&init(&folder, &ALL));
    assert!(said.contains("keyward is not empty (") && said.contains("name a folder that is new"), "{said}");
    assert_eq!(listing(&folder), before);

    let other = parent.path().join("other");
    let taken = folder.join("secrets");
    let said = refusal(&init(&other, &[ALL.as_slice(), &["--secrets", taken.to_str().unwrap()]].concat()));
    assert!(said.contains("secrets is not empty"), "{said}");
    assert!(!other.exists());
}

/// A folder that was half made was refused at the next try as one that is not empty.
#[test]
fn what_fails_half_way_names_the_file_and_is_taken_back() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let (folder, secrets) = (parent.path().join("keyward"), parent.path().join("secrets"));
    // One that was there, and empty, stays.
    fs::create_dir(&secrets).unwrap();
    let apart = [ALL.as_slice(), &["--secrets", secrets.to_str().unwrap()]].concat();
    // A file may have 2 KiB, as if the disk were full: the secrets have room, the Caddyfile has not.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_keyward"), "init"])
        .arg(&folder)
        .args(&apart)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = refusal(&limited);
    assert!(said.contains("keyward/caddy/Caddyfile cannot be made: File too large"), "{said}");
    assert!(!folder.exists() && listing(&secrets).is_empty() && secrets.exists(), "{said}");
    assert!(init(&folder, &apart).status.success());
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_written() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let folder = parent.path().join("keyward");
    let said = refusal(&init(&folder, &ALL[..2]));
    assert!(
        said.contains("there is nobody to ask: give --app-domain, --contact, --mail-from, --mail"),
        "{said}"
    );
    for (option, value, why) in [
        ("--domain", "https://auth.example.com", "write a host name in small letters"),
        ("--domain", "Auth.example.com", "write a host name in small letters"),
        ("--domain", "auth.example.com\nX=y", "write a host name in small letters"),
        ("--domain", "localhost", "write a host name"),
        ("--app-domain", "192.0.2.1", "it is an address"),
        ("--app-domain", "auth.example.com", "people sign in there"),
        ("--contact", "nobody", "it must be an e-mail address"),
        ("--contact", "o'brien@example.com", "an apostrophe cannot stand in .env"),
        ("--secrets", "/nowhere/there:ro", "a colon in its name"),
        ("--mail-from", "nobody", "it must be an e-mail address"),
        ("--mail", "mail.example.com", "write HOST:PORT"),
        ("--mail", "mail.example.com:smtp", "write HOST:PORT"),
        ("--front", "172.30", "write three numbers"),
        ("--front", "8.8.8", "must be of a private network"),
    ] {
        let mut options = ALL.to_vec();
        match options.iter().position(|given| *given == option) {
            Some(place) => options[place + 1] = value,
            None => options.extend([option, value]),
        }
        let said = refusal(&init(&folder, &options));
        assert!(said.contains(why), "{option} {value}: {said}");
    }
    let said = refusal(&init(&folder, &[ALL.as_slice(), &["--mail-secret", "/nowhere/there"]].concat()));
    assert!(said.contains("--mail-secret: /nowhere/there cannot be read"), "{said}");

    // All at once: whoever mends one option learns of the next, too.
    let said = refusal(&init(&folder, &["--domain", "localhost", "--front", "8.8.8", "--group", "no such"]));
    for why in [
        "give --app-domain, --contact, --mail-from, --mail",
        "--domain is \"localhost\"",
        "--front is \"8.8.8\"",
        "--group is \"no such\"",
    ] {
        assert!(said.contains(why), "{why}: {said}");
    }
    // It was left out of what was written, and nobody was told.
    let secret = parent.path().join("mail-password");
    fs::write(&secret, "7d1f60c2b3a94e58").unwrap();
    let of_nobody = [&ALL[..10], &["--mail-secret", secret.to_str().unwrap()]].concat();
    let said = refusal(&init(&folder, &of_nobody));
    assert!(said.contains("--mail-secret is given, and --mail-user is not"), "{said}");

    let repository = parent.path().join("work");
    fs::create_dir_all(repository.join(".git")).unwrap();
    let said = refusal(&init(&repository.join("keyward"), &ALL));
    assert!(said.contains("is in the repository"), "{said}");
    assert!(!folder.exists() && !repository.join("keyward").exists());
}

/// What a person at a terminal is asked, and answers. `script` gives the command a terminal of its own.
fn converse(folder: &Path, options: &str, answers: &str) -> (bool, String) {
    let command = format!("{} init {} {options}", env!("CARGO_BIN_EXE_keyward"), folder.display());
    let mut person = Command::new("script")
        .args(["--quiet", "--return", "--echo", "never", "--command", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    person.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let ended = person.wait_with_output().unwrap();
    (ended.status.success(), String::from_utf8(ended.stdout).unwrap().replace('\r', ""))
}

#[test]
fn a_person_is_asked_for_what_no_option_says_and_may_mistype() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let folder = parent.path().join("key ward");
    let quoted = parent.path().join("'key ward'");
    let secrets = parent.path().join("se crets#1 $HOME");
    let answers = [
        "auth",
        "auth.example.com",
        "auth.example.com",
        "app.example.com",
        "ops",
        "o$ps@example.com",
        "no-reply@example.com",
        "mail.example.com",
        "mail.example.com:465",
        "keyward",
        secrets.to_str().unwrap(),
    ];
    let (well, said) = converse(&quoted, "", &(answers.join("\n") + "\n"));
    assert!(well, "{said}");
    for why in
        ["write a host name", "people sign in there", "it must be an e-mail address", "write HOST:PORT"]
    {
        assert_eq!(said.matches(&format!("That cannot be used: {why}")).count(), 1, "{why}: {said}");
    }
    let environment = fs::read_to_string(folder.join(".env")).unwrap();
    // Compose takes what stands between these quotes to the letter.
    assert!(environment.contains("\nACME_EMAIL='o$ps@example.com'\n"), "{environment}");
    assert!(environment.contains(&format!("\nKEYWARD_SECRETS='{}'\n", secrets.display())), "{environment}");
    let configuration = fs::read_to_string(folder.join("config/keyward.toml")).unwrap();
    assert!(
        configuration.contains("port = 465\nsecurity = \"tls\"\nusername = \"keyward\""),
        "{configuration}"
    );
    assert!(secrets.join("auth-service").is_dir() && !folder.join("secrets").exists());
}

#[test]
fn an_empty_answer_takes_what_is_usual_and_an_end_writes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let folder = parent.path().join("keyward");
    let (well, said) = converse(&folder, &ALL[..10].join(" "), "\n\n");
    assert!(well && said.contains("Enter for none"), "{said}");
    assert!(folder.join("secrets/auth-service").is_dir());
    assert!(!fs::read_to_string(folder.join("config/keyward.toml")).unwrap().contains("username"));

    let other = parent.path().join("other");
    // Ctrl-D.
    let (well, said) = converse(&other, &ALL[..8].join(" "), "\u{4}");
    assert!(!well && said.contains("nothing was written") && !other.exists(), "{said}");
}
