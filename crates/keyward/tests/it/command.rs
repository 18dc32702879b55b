//! What a person sees of `keyward`, exit code included.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::running::{Running, free_port};

pub(crate) const KEYWARD: &str = env!("CARGO_BIN_EXE_keyward");

pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(KEYWARD).args(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_taken_port_says_which_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // A browser asks `localhost` at [::1] first: what listens there was shown in our place.
    let everywhere = ["127.0.0.1", "[::1]"].map(|host| (host, TcpListener::bind(format!("{host}:0"))));
    // A machine may have no [::1].
    let taken: Vec<_> =
        everywhere.into_iter().filter_map(|(host, taken)| Some((host, taken.ok()?))).collect();
    assert!(!taken.is_empty());
    for (host, taken) in taken {
        let port = taken.local_addr().unwrap().port().to_string();
        for (flag, other, what) in
            [("--port", "--app-port", "auth-service"), ("--app-port", "--port", "app-service")]
        {
            let output = run(&[flag, &port, other, "0", "--data", data.to_str().unwrap()]);
            assert_eq!(output.status.code(), Some(1));
            let error = text(&output.stderr);
            assert!(error.contains(&format!("{what} cannot listen on {host}:{port}")), "{error}");
            assert!(error.contains(&format!("{flag} 0 takes a free one")), "{error}");
        }
    }
    assert!(!data.exists(), "nothing was half started");
}

/// While it runs nobody else can take it either.
#[test]
fn the_port_is_kept_wherever_a_browser_may_ask() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&folder.path().join("data"));
    let port = running.port();
    for host in ["127.0.0.1", "[::1]"] {
        if TcpListener::bind(format!("{host}:0")).is_ok() {
            let taken = TcpListener::bind(format!("{host}:{port}")).expect_err("it is kept");
            assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse, "{host}");
        }
    }
    assert_eq!(running.stop().code(), Some(0));
}

/// A mistake in the settings left keys behind; the administrator's keys in another's folder kept its owner out.
#[test]
fn what_cannot_begin_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("keyward.toml"));
    std::fs::write(&config, "[limits]\npassword_minimum = \"many\"\n").unwrap();
    let data_text = data.to_str().unwrap();
    let ports = ["--port", "0", "--app-port", "0", "--data", data_text];
    let output = run(&[&ports[..], &["--config", config.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("password_minimum"), "{}", text(&output.stderr));
    assert!(!data.exists());

    std::fs::create_dir(&data).unwrap();
    // Only the administrator can give a folder away.
    if std::os::unix::fs::chown(&data, Some(65_534), Some(65_534)).is_ok() {
        let output = run(&ports);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("belongs to another user (uid 65534): run keyward as that user"), "{error}");
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }
}

#[test]
fn data_is_for_its_owner_alone_and_a_signal_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("encryption.key")), 0o600);
    assert_eq!(mode(&data.join("audit.key")), 0o600);
    for file in ["keyward.sqlite", "keyward.sqlite-wal", "keyward.sqlite-shm", "keyward.sqlite.lock"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    assert_eq!(running.stop().code(), Some(0));
    // The keys are the same at the next start, or nothing sealed could be read.
    let key = std::fs::read(data.join("encryption.key")).unwrap();
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    assert_eq!(std::fs::read(data.join("encryption.key")).unwrap(), key);
}

/// A folder that was there, with other files in it, once became its owner's alone without a word.
#[test]
fn a_folder_of_somebody_s_own_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("pictures");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("cat.png"), "").unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["--port", "0", "--app-port", "0", "--data", data.to_str().unwrap()];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("it holds cat.png, and no keyward.sqlite"), "{error}");
    assert!(error.contains("name one that is empty, or not there yet, with --data"), "{error}");
    let mode = || std::fs::metadata(&data).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(), std::fs::read_dir(&data).unwrap().count()), (0o755, 1));
    // An empty one is taken, and closed; so is ours, whatever somebody has put into it since.
    std::fs::remove_file(data.join("cat.png")).unwrap();
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    assert_eq!(mode(), 0o700);
    std::fs::write(data.join("note.txt"), "").unwrap();
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    // Keys alone are what a first start leaves that was cut short.
    let cut = folder.path().join("cut");
    std::fs::create_dir(&cut).unwrap();
    std::fs::copy(data.join("encryption.key"), cut.join("encryption.key")).unwrap();
    assert_eq!(Running::start(&cut).stop().code(), Some(0));
}

/// A second server once started on the same data, with limits of its own.
#[test]
fn a_second_server_on_the_same_data_is_refused_and_operators_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let arguments = ["--port", "0", "--app-port", "0", "--data", data.to_str().unwrap()];
    let refused = run(&arguments);
    assert_eq!(refused.status.code(), Some(1));
    let error = text(&refused.stderr);
    assert!(
        error.contains(&format!("already served by another process (number {})", running.id())),
        "{error}"
    );
    assert!(error.contains("Stop that one first, or give this one a database of its own"), "{error}");
    for verb in ["audit", "mail"] {
        let listed = run(&[verb, "list", "--data", data.to_str().unwrap()]);
        assert_eq!(listed.status.code(), Some(0), "{}", text(&listed.stderr));
    }
    // Killed, it leaves a file behind and no lock.
    drop(running);
    assert_eq!(Running::start(&data).stop().code(), Some(0));
}

#[test]
fn settings_that_are_not_dev_s_to_set_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keyward.toml");
    let data = folder.path().join("data");
    for (settings, error) in [
        ("[server]\nlisten = \"0.0.0.0:80\"", "[server] is dev's own and cannot be set"),
        ("[limits]\nmail = 3", "keyward.toml:2: limits.mail is no setting"),
        (
            "[password.hashing]\nmemory_kib = 1",
            "keyward.toml:2: password.hashing.memory_kib is 1: it must be 7168 to 1048576",
        ),
    ] {
        std::fs::write(&file, settings).unwrap();
        let arguments = ["--port", "0", "--app-port", "0", "--data", data.to_str().unwrap(), "--config"];
        let output = Command::new(KEYWARD).args(arguments).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(error), "{}", text(&output.stderr));
    }
}

#[test]
fn audit_needs_a_database_and_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["audit", "verify", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no database at"), "{}", text(&output.stderr));
    let file = folder.path().join("keyward.sqlite");
    std::fs::write(&file, "").unwrap();
    let output = run(&["user", "list", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is empty, and no database"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(&file).unwrap(), b"", "nothing is made of it");
}

#[test]
fn audit_of_a_new_installation_has_the_example_app_alone_and_holds() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Running::start(folder.path()).stop().code(), Some(0));
    let data = folder.path().to_str().unwrap();
    let listed = text(&run(&["audit", "list", "--data", data]).stdout);
    assert!(listed.contains("add_client") && listed.ends_with("example-app\n"), "{listed}");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    let mails = run(&["mail", "list", "--data", data]);
    assert_eq!((mails.status.code(), text(&mails.stdout).as_str()), (Some(0), "No mails.\n"));
    let verified = run(&["audit", "verify", "--json", "--data", data]);
    let verified: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&verified["holds"], &verified["number"]), (&true.into(), &1.into()));
    let told = text(&run(&["audit", "verify", "--data", data]).stdout);
    assert!(told.starts_with("The trail holds, up to entry 1. "), "{told}");
    let known = format!("7:{}", "0".repeat(64));
    let truncated = run(&["audit", "verify", "--expect", &known, "--data", data]);
    assert_eq!(truncated.status.code(), Some(1));
    assert!(
        text(&truncated.stderr).contains("ends at entry 1, but entry 7 is known"),
        "{}",
        text(&truncated.stderr)
    );
}

/// The app's secret and key are made at the first start, and are the same at the next.
#[test]
fn the_example_app_is_registered_and_its_secret_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let kept =
        || ["example-app.secret", "example-app.key"].map(|name| std::fs::read(data.join(name)).unwrap());
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    let before = kept();
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    assert_eq!(kept(), before);
    for name in ["example-app.secret", "example-app.key"] {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    let shown = run(&["client", "show", "example-app", "--data", data.to_str().unwrap()]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["declared"], &shown["has_secret"]), (&true.into(), &true.into()), "{shown}");
    // Apps of one's own stand beside it.
    let file = folder.path().join("keyward.toml");
    let own = "[[clients]]\nclient_id = \"own\"\nclient_name = \"Own\"\nscope = \"openid\"\n\
               redirect_uris = [\"http://localhost:5000/callback\"]\ntoken_endpoint_auth_method = \"none\"\n";
    std::fs::write(&file, own).unwrap();
    assert_eq!(Running::with(&data, &file).stop().code(), Some(0));
    let listed = text(&run(&["client", "list", "--data", data.to_str().unwrap()]).stdout);
    assert!(listed.contains("own ") && listed.contains("example-app "), "{listed}");
}

#[test]
fn whoever_quotes_a_support_id_is_found_in_what_dev_logs() {
    let folder = tempfile::tempdir().unwrap();
    let (port, log) = (free_port(), folder.path().join("log"));
    let mut child = Command::new(KEYWARD)
        .args(["--port", &port.to_string(), "--app-port", "0", "--data"])
        .arg(folder.path().join("data"))
        .env_remove("KEYWARD_LOG")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    assert!(BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "Ctrl-C stops."));
    let running = Running::of(child, port);
    let answer = running.ask("GET", "/api/v1/nothing", "");
    let (_, id) = answer.split_once("\"support_id\":\"").expect("a problem names its support id");
    let (id, _) = id.split_once('"').unwrap();
    let page = running.ask("GET", "/nothing", "");
    let (_, shown) = page.split_once("class=\"support\"").expect("a page names it too");
    let (_, shown) = shown.split_once("<code>").unwrap();
    let (shown, _) = shown.split_once("</code>").unwrap();
    assert_eq!(running.stop().code(), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    for (id, path) in [(id, "\"/api/v1/nothing\""), (shown, "\"/nothing\"")] {
        assert!(log.lines().any(|line| line.contains(id) && line.contains(path)), "{id} of {path}: {log}");
    }
}

#[test]
fn open_hands_the_example_app_to_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    let (fake, opened) = (folder.path().join("xdg-open"), folder.path().join("opened"));
    // Whole at once, so that it is not read half-way.
    let script = format!("#!/bin/sh\necho \"$1\" > {0}.new && mv {0}.new {0}\n", opened.display());
    std::fs::write(&fake, script).unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (port, app_port) = (free_port(), free_port());
    let path = std::env::var("PATH").unwrap();
    let child = Command::new(KEYWARD)
        .args(["--open", "--port", &port.to_string(), "--app-port", &app_port.to_string(), "--data"])
        .arg(folder.path().join("data"))
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running::of(child, port);
    while !opened.exists() {
        assert!(running.is_running(), "it ended, and opened nothing");
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(opened).unwrap(), format!("http://localhost:{app_port}/\n"));
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn a_key_that_is_missing_beside_its_data_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    for key in ["encryption.key", "audit.key"] {
        let (path, kept) = (data.join(key), folder.path().join("kept"));
        std::fs::rename(&path, &kept).unwrap();
        let output = run(&["--port", "0", "--app-port", "0", "--data", data.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let error = text(&output.stderr);
        assert!(error.contains(&format!("{key} is missing")) && error.contains("put it back"), "{error}");
        assert!(!path.exists());
        std::fs::rename(&kept, &path).unwrap();
    }
    assert_eq!(Running::start(&data).stop().code(), Some(0));
}
