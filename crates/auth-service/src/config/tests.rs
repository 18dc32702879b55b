//! What a file may say, and what it is told.

use std::path::Path;

use super::*;

mod layers;
mod references;

const MINIMAL: &str = r#"
    [server]
    public_url = "https://auth.example.com"
    [database]
    path = "keyward.sqlite"
    [keys]
    encryption = "file:/run/secrets/encryption"
    audit = "file:/run/secrets/audit"
    [mail]
    from = "no-reply@example.com"
    [mail.transport]
    kind = "postmark"
    token = "file:/run/secrets/postmark"
"#;

fn parse(text: &str) -> Result<(), String> {
    Sources::of_text(Path::new("keyward.toml"), text)
        .read()
        .into_config()
        .map(drop)
        .map_err(|error| error.to_string())
}

#[test]
fn a_minimal_file_is_enough() {
    assert_eq!(parse(MINIMAL), Ok(()));
}

#[test]
fn an_unknown_key_is_named() {
    let error = parse(&format!("{MINIMAL}\n[limits]\nmail = 3")).unwrap_err();
    assert_eq!(
        error,
        "the configuration cannot be used: keyward.toml:16: limits.mail is no setting: did you mean limits.mails?"
    );
}

/// Issue 5: a number that no `u32` holds was told to be none, and not what it may be.
#[test]
fn a_number_beyond_all_measure_is_told_its_bound() {
    for (setting, written, told) in [
        ("hashing]\nmemory_kib", "5_000_000_000", "memory_kib is 5000000000: it must be 7168 to 1048576"),
        ("hashing]\nmemory_kib", "-1", "memory_kib is -1: it must be 7168 to 1048576"),
        ("hashing]\niterations", "4_294_967_298", "iterations is 4294967298: it must be 1 to 32"),
        ("hashing]\nmax_memory_kib", "99_999_999_999_999_999_999", "it must be 19456 to 67108864"),
        ("hashing]\nparallelism", "0xFFFF_FFFF_FFFF", "parallelism is 281474976710655: it must be 1 to 16"),
    ] {
        let error = parse(&format!("{MINIMAL}\n[password.{setting} = {written}")).unwrap_err();
        assert!(error.contains("keyward.toml:16: password.hashing.") && error.contains(told), "{error}");
        assert!(error.contains("the nearest that is allowed is "), "{error}");
        assert!(!error.contains("faults"), "{error}");
    }
    let error = parse(&format!("{MINIMAL}\n[limits]\nmails = -5")).unwrap_err();
    assert!(error.contains("keyward.toml:16: limits.mails is -5: "), "{error}");
    let flags = ["password.hashing.output_length=99999999999999999999"];
    let told = Sources::of_text(Path::new("keyward.toml"), MINIMAL).with_flags(&flags).read().into_config();
    let told = told.unwrap_err().to_string();
    assert!(told.contains("output_length is 9223372036854775807: it must be 16 to 64"), "{told}");
}

/// The parser shows the line it stumbled over, which was the secret that somebody had written there.
#[test]
fn a_secret_in_the_place_of_a_reference_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyward.toml");
    let wrong = MINIMAL.replace("file:/run/secrets/encryption", "hunter2-the-very-secret");
    for text in [wrong, MINIMAL.replace("\"file:/run/secrets/audit\"", "\"hunter2-the-very-secret")] {
        std::fs::write(&file, text).unwrap();
        let error = Config::load(&file).unwrap_err();
        let (shown, whole) = (error.to_string(), format!("{error:?}"));
        let why = ["this is not a reference to a secret", "this is not TOML: "];
        assert!(shown.contains("keyward.toml:") && why.iter().any(|why| shown.contains(why)), "{shown}");
        assert!(!shown.contains("hunter2") && !whole.contains("hunter2"), "{shown} {whole}");
    }
}

#[test]
fn durations_are_written_as_people_write_them() {
    assert_eq!(parse(&format!("{MINIMAL}\n[limits]\nsession_idle = \"3d\"\ncode_life = \"5m\"")), Ok(()));
    assert!(parse(&format!("{MINIMAL}\n[limits]\nsession_idle = \"soon\"")).is_err());
}

#[test]
fn no_limit_is_zero() {
    let error = parse(&format!("{MINIMAL}\n[limits]\nnetwork_sign_ups = 0")).unwrap_err();
    assert!(error.contains("limits.network_sign_ups is 0: it must be 1 to 10000"), "{error}");
    assert_eq!(parse(&format!("{MINIMAL}\n[limits]\nnetwork_sign_ups = 1")), Ok(()));
}

#[test]
fn clear_text_on_the_network_and_weak_hashing_are_refused() {
    let error = parse(&MINIMAL.replace("https://auth", "http://auth")).unwrap_err();
    assert!(error.contains("server.public_url is http://auth.example.com/"), "{error}");
    let error = parse(&format!("{MINIMAL}\n[password.hashing]\nmemory_kib = 1024")).unwrap_err();
    assert!(error.contains("password.hashing.memory_kib is 1024: it must be 7168 to 1048576"), "{error}");
}

#[test]
fn what_would_not_work_later_is_refused_at_start() {
    let from = |from: &str| parse(&MINIMAL.replace("no-reply@example.com", from));
    for address in ["nobody", "", "Ana <ana@example.com>", "a@b@", "ana@", "@example.com"] {
        let error = from(address).unwrap_err();
        assert!(
            error.contains(&format!("mail.from is {address:?}: it must be an e-mail address")),
            "{error}"
        );
    }
    assert_eq!(from("keyward@localhost"), Ok(()));
    assert_eq!(from("no-reply@müller.example"), Ok(()));

    let proxies = |networks: &str| {
        let listed = format!("[server]\ntrusted_proxies = [{networks}]");
        parse(&MINIMAL.replace("[server]", &listed))
    };
    for network in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "10.0.0.0/7", "fc00::/6"] {
        let error = proxies(&format!("\"10.0.0.0/8\", \"{network}\"")).unwrap_err();
        assert!(error.contains(&format!("server.trusted_proxies is {network}: ")), "{error}");
    }
    assert_eq!(proxies("\"10.0.0.0/8\", \"fc00::/7\", \"127.0.0.1/32\""), Ok(()));

    let app = |url: &str| parse(&format!("{MINIMAL}\n[apps]\nreturn_to = [\"{url}\"]"));
    for url in
        ["http://app.example.com/", "javascript:alert(1)", "ftp://localhost/", "http://127.0.0.1.example/"]
    {
        let error = app(url).unwrap_err();
        assert!(
            error.contains("apps.return_to is ") && error.contains("it must begin with https://"),
            "{error}"
        );
    }
    for url in
        ["https://app.example.com/", "http://localhost:8000/", "http://app.localhost/", "http://[::1]/"]
    {
        assert_eq!(app(url), Ok(()), "{url}");
    }

    let accent = |name: &str, colour: &str| parse(&format!("{MINIMAL}\n[branding]\n{name} = \"{colour}\""));
    for (name, colour) in
        [("accent_light", "#ffff99"), ("accent_light", "#ffffff"), ("accent_dark", "#222222")]
    {
        let error = accent(name, colour).unwrap_err();
        assert!(
            error.contains(&format!("branding.{name} is {colour}: it must have a contrast of 3 to 1")),
            "{error}"
        );
    }
    assert_eq!(accent("accent_light", "#222222"), Ok(()));
    assert_eq!(accent("accent_dark", "#ffff99"), Ok(()));
}

#[test]
fn a_collector_is_an_address_without_a_key() {
    let traces = |line: &str| parse(&format!("{MINIMAL}\n[traces]\n{line}"));
    for url in ["http://collector:4318", "https://otel.example.com/tenant"] {
        assert_eq!(traces(&format!("endpoint = \"{url}\"")), Ok(()), "{url}");
    }
    for url in
        ["ftp://collector", "http://ana:hunter2@collector:4318", "https://otel.example.com/?key=hunter2"]
    {
        let error = traces(&format!("endpoint = \"{url}\"")).unwrap_err();
        assert!(
            error.contains("traces.endpoint must be http://HOST:4318") && !error.contains("hunter2"),
            "{error}"
        );
    }
    assert!(traces("one_in = 0").unwrap_err().contains("traces.one_in is 0: it must be 1 (all) or more"));
}

#[test]
fn a_socket_has_a_path_that_it_can_have_and_a_group_a_name() {
    let admin = |line: &str| parse(&format!("{MINIMAL}\n[admin]\n{line}"));
    for line in [
        "socket = \"\"".to_owned(),
        "socket = \"/run/keyward/blue.sock\"".to_owned(),
        format!("socket = \"/{}\"", "k".repeat(102)),
        format!("group = \"{}\"", "k".repeat(32)),
        "group = \"domain-admins\"".to_owned(),
        "group = \"990\"".to_owned(),
    ] {
        assert_eq!(admin(&line), Ok(()), "{line}");
    }
    let long = "k".repeat(103);
    for (line, told) in [
        (
            format!("socket = \"/{long}/blue.sock\""),
            "bytes, and has 114: a Unix socket has no longer path; the nearest that is allowed is /run/keyward/blue.sock",
        ),
        (format!("socket = \"/{long}\""), "the nearest that is allowed is /run/keyward/auth-service.sock"),
        (
            "socket = \"run/blue.sock\"".to_owned(),
            "admin.socket is \"run/blue.sock\": it must begin with /: the server and `keyward` are seldom started in the same \
             folder; the nearest that is allowed is /run/keyward/blue.sock",
        ),
        ("socket = \"/run/a\\u0000b\"".to_owned(), "it must hold no byte 0"),
        ("group = \"\"".to_owned(), "admin.group is \"\": it must be 1 to 32 characters"),
        ("group = \"a:b\"".to_owned(), "no group is called so"),
        (format!("group = \"{}\"", "k".repeat(33)), "it must be 1 to 32 characters"),
    ] {
        let error = admin(&line).unwrap_err();
        assert!(error.contains(told), "{line}: {error}");
    }
}

#[test]
fn an_address_to_listen_on_that_is_none_is_told_with_what_to_write() {
    for text in ["localhost:3000", "3000", "127.0.0.1"] {
        let listen = format!("[server]\nlisten = {text:?}");
        let error = parse(&MINIMAL.replace("[server]", &listen)).unwrap_err();
        assert!(
            error.contains(&format!("server.listen cannot be used: {text:?} is not one to listen on: write an IP address and a port")),
            "{error}"
        );
    }
}

fn limits() -> toml::Table {
    toml::Table::try_from(Limits::default()).unwrap()
}

/// The numbers that were agreed, all in one table. Whoever changes one changes what people, apps and auditors were told.
#[test]
fn every_number_has_the_default_that_was_agreed() {
    let agreed = r#"
        session_idle = "7d"
        session_absolute = "30d"
        fresh_proof = "10m"
        token_life = "10m"
        max_staleness = "5s"
        code_life = "10m"
        code_tries = 5
        reset_life = "30m"
        proof_life = "1d"
        account_failures = 10
        account_window = "15m"
        account_spacing = "1m"
        second_step_guesses = 20
        network_failures = 100
        network_window = "15m"
        network_requests = 1000
        network_sign_ups = 20
        mails = 5
        network_mails = 50
        second_step_mails = 10
        refresh_idle = "30d"
        refresh_absolute = "90d"
        key_rotation = "90d"
        body = 65536
        password_minimum = 15
        password_minimum_with_second_step = 8
        password_bytes = 512
        audit_retention = "400d"
        mail_retention = "7d"
        browser_retention = "400d"
    "#;
    assert_eq!(limits(), toml::from_str(agreed).unwrap());
}

/// A limit that is added is found here without its bounds.
#[test]
fn every_limit_has_bounds() {
    for (name, value) in limits() {
        let (least, most) = if value.is_str() { ("\"0s\"", "\"36525d\"") } else { ("0", "4294967295") };
        let low = parse(&format!("{MINIMAL}\n[limits]\n{name} = {least}"));
        match name.as_str() {
            // Then memory is never believed while nobody can be heard.
            "max_staleness" => assert_eq!(low, Ok(())),
            _ => assert!(low.unwrap_err().contains(&format!("limits.{name} is ")), "{name}"),
        }
        let high = parse(&format!("{MINIMAL}\n[limits]\n{name} = {most}"));
        // How long a trail must be kept is for the law to say.
        match name.as_str() {
            "audit_retention" => assert_eq!(high, Ok(())),
            _ => assert!(high.unwrap_err().contains(&format!("limits.{name} is ")), "{name}"),
        }
    }
}

#[test]
fn the_ends_of_a_range_are_in_it_and_the_next_value_is_not() {
    for (setting, good, bad) in [
        ("account_spacing", "60s", "61s"),
        ("token_life", "1h", "3601s"),
        ("code_life", "30m", "31m"),
        ("code_life", "1m", "59s"),
        ("reset_life", "1d", "25h"),
        ("proof_life", "7d", "8d"),
        ("session_absolute", "90d", "91d"),
        ("audit_retention", "30d", "29d"),
    ] {
        let with = |value: &str| parse(&format!("{MINIMAL}\n[limits]\n{setting} = \"{value}\""));
        assert_eq!(with(good), Ok(()), "{setting}");
        assert!(with(bad).unwrap_err().contains(&format!("limits.{setting} is {bad}")), "{setting}");
    }
    for (setting, good, bad) in [("password_minimum", 8, 7), ("password_minimum", 64, 65)] {
        let with = |value: usize| parse(&format!("{MINIMAL}\n[limits]\n{setting} = {value}"));
        assert_eq!(with(good), Ok(()), "{setting}");
        assert!(with(bad).unwrap_err().contains(&format!("limits.{setting} is {bad}")), "{setting}");
    }
}

#[test]
fn every_violation_is_named_and_not_only_the_first() {
    let text = MINIMAL.replace("https://auth", "http://auth")
        + "[limits]\npassword_minimum = 4\npassword_minimum_with_second_step = 6\n\
           token_life = \"2h\"\nmails = 0\nsession_idle = \"31d\"\n\
           [password.hashing]\niterations = 0\nparallelism = 0\n";
    let error = parse(&text).unwrap_err();
    for setting in [
        "server.public_url is",
        "limits.password_minimum is 4",
        "limits.password_minimum_with_second_step is 6",
        "limits.token_life is 2h",
        "limits.mails is 0",
        "limits.session_idle is 31d",
        "password.hashing.iterations is 0",
        "password.hashing.parallelism is 0",
    ] {
        assert!(error.contains(setting), "{setting} in {error}");
    }
}

/// As `keyward dev` reads it.
fn develop(file: &str) -> Result<Config, String> {
    let own = MINIMAL.to_owned()
        + "[[clients]]\nclient_id = \"own\"\nclient_name = \"Own\"\nscope = \"openid\"\nredirect_uris = [\"http://localhost:8000/\"]\n";
    let sources = Sources::of_text(Path::new("keyward.toml"), file).for_development(own.parse().unwrap());
    sources.read().into_config().map_err(|error| error.to_string())
}

#[test]
fn development_may_count_as_high_as_it_likes_and_no_more() {
    assert!(develop("[limits]\nmails = 1000000\ncode_tries = 1000000").is_ok());
    assert!(develop("[limits]\nmails = 0").is_err());
    assert!(develop("[limits]\ntoken_life = \"2h\"").is_err());
}

#[test]
fn development_knows_the_apps_of_the_file_and_its_own() {
    let config =
        develop("[[clients]]\nclient_id = \"mine\"\nclient_name = \"Mine\"\nscope = \"openid\"\nredirect_uris = [\"http://localhost:9000/\"]").unwrap();
    let ids: Vec<&str> = config.clients.iter().map(|client| client.client.client_id.as_str()).collect();
    assert_eq!(ids, ["mine", "own"]);
}

#[test]
fn everything_that_development_cannot_use_is_told_at_once() {
    let file = "[server]\nlisten = \"0.0.0.0:80\"\npublic_url = \"http://localhost\"\n[limits]\nmail = 3\nmails = 0\n\
                [mail]\nfrom = 3\n[[clients]]\nclient_id = \"mine\"\nredirect = 3\n";
    let error = develop(file).unwrap_err();
    for said in [
        "keyward.toml:2: [server] is dev's own and cannot be set: remove it from the file",
        "keyward.toml:5: limits.mail is no setting",
        "keyward.toml:6: limits.mails is 0",
        "keyward.toml:8: mail.from",
        "clients[mine].redirect",
    ] {
        assert!(error.contains(said), "{said} in {error}");
    }
    assert_eq!(error.matches("dev's own").count(), 1, "{error}");
}

fn read(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Config, String> {
    let sources =
        Sources::of_text(Path::new("keyward.toml"), file).with_environment(variables).with_flags(flags);
    sources.read().into_config().map_err(|error| error.to_string())
}

/// A key that an app has and the schema has not would be refused, and one that only the schema has would be taken.
#[test]
fn the_schema_of_an_app_is_that_of_the_protocol() {
    let table = toml::Table::from_iter([("no_such_key".to_owned(), toml::Value::from(1))]);
    let error = ConfiguredClient::try_from(table).unwrap_err().to_string();
    let (_, known) = error.split_once("expected one of ").unwrap();
    let mut known: Vec<_> =
        known.lines().next().unwrap().split(", ").map(|name| name.trim_matches('`')).collect();
    known.extend(["secret", "secret_overlap"]);
    known.sort_unstable();
    let settings = settings::Settings::known();
    let shown: Vec<_> = settings.client_keys.iter().map(|setting| setting.name.as_str()).collect();
    assert_eq!(shown, known);
}

#[test]
fn every_setting_is_described_and_can_be_said_by_a_variable() {
    let settings = settings::Settings::known();
    assert!(settings.all.len() > 60, "{}", settings.all.len());
    let mut variables: Vec<_> =
        settings.all.iter().map(|setting| environment::variable(&setting.name)).collect();
    variables.sort_unstable();
    variables.dedup();
    assert_eq!(variables.len(), settings.all.len(), "no two settings have the same variable");
    for setting in settings.all.iter().chain(&settings.client_keys) {
        assert!(!setting.description.is_empty(), "{}", setting.name);
        let has_text = setting.default.is_some() || setting.example.is_some() || !setting.choices.is_empty();
        assert!(
            has_text || !setting.required || settings.client_keys.iter().any(|key| key.name == setting.name),
            "{}: what is missing is told with a line to add",
            setting.name
        );
    }
}
