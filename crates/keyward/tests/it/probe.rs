//! `keyward probe`: of a server that is well nothing fails; what a proxy before it does wrong is counted, each once.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::command::{run, text};
use crate::running::Running;

fn probe(running: &Running, data: &Path, arguments: &[&str]) -> Output {
    let url = format!("http://localhost:{}", running.port());
    run(&[&["probe", &url, "--data", data.to_str().unwrap()], arguments].concat())
}

fn report(output: &Output) -> Value {
    serde_json::from_str(text(&output.stdout).lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

/// What a proxy does with a request.
#[derive(Clone, Copy, Debug)]
enum Act {
    Pass,
    /// Closes the connection, and the server hears of nothing.
    Cut,
    /// Passes it on, and closes the connection instead of the answer.
    Swallow,
    /// Answers 503.
    Refuse,
    /// Passes it on twice.
    Repeat,
    /// Answers that it was done, and the server hears of nothing.
    Lie,
}

/// Which request it is: its number among all, and among those that change the account.
struct Asked {
    number: usize,
    change: Option<usize>,
}

/// A proxy before the server, a connection for each request.
struct Proxy {
    address: SocketAddr,
    /// How often it did each.
    done: Arc<[AtomicUsize; 6]>,
}

impl Proxy {
    fn before(running: &Running, act: impl Fn(&Asked) -> Act + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, server) = (listener.local_addr().unwrap(), running.port());
        let done: Arc<[AtomicUsize; 6]> = Arc::default();
        let counted = done.clone();
        let (requests, changes) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (act, counted) = (act.clone(), counted.clone());
                let (requests, changes) = (requests.clone(), changes.clone());
                std::thread::spawn(move || {
                    let next = |count: &AtomicUsize| count.fetch_add(1, Ordering::Relaxed) + 1;
                    let Some(request) = read(&stream) else { return };
                    let is_change = request.starts_with(b"PATCH ");
                    let change = is_change.then(|| next(&changes));
                    let act = act(&Asked { number: next(&requests), change });
                    next(&counted[act as usize]);
                    handle(act, stream, &request, server);
                });
            }
        });
        Self { address, done }
    }

    fn done(&self, act: Act) -> usize {
        self.done[act as usize].load(Ordering::Relaxed)
    }

    /// A probe that goes through it.
    fn probe(&self, running: &Running, data: &Path) -> Value {
        let address = self.address.to_string();
        let load = ["--for", "6", "--rate", "60", "--connections", "4", "--json"];
        let output = probe(running, data, &[&["--connect-to", &address], &load[..]].concat());
        let report = report(&output);
        assert_eq!(output.status.code(), Some(1), "{report}");
        assert_eq!(report["unchecked"], json!([]), "{report}");
        assert_eq!(report["sessions_lost"], 0, "{report}");
        report
    }
}

/// A whole request, its body included; nothing if the other end has given up.
fn read(mut stream: &TcpStream) -> Option<Vec<u8>> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let end = request.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if request.len() >= end + length.unwrap_or(0_usize) {
                return Some(request);
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
}

fn handle(act: Act, mut stream: TcpStream, request: &[u8], server: u16) {
    let say = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into_bytes()
    };
    let answer = match act {
        Act::Cut => return,
        Act::Swallow => {
            forward(request, server);
            return;
        }
        Act::Pass => forward(request, server),
        Act::Repeat => {
            let answer = forward(request, server);
            forward(request, server);
            answer
        }
        Act::Refuse => say("503 Service Unavailable", "later"),
        Act::Lie => say("200 OK", "{\"message\":\"Changed.\"}"),
    };
    // Whoever reads slowly may have been cut off by then.
    let _ = stream.write_all(&answer);
}

/// The server's answer. It is asked on a connection of its own, and by no key that would tell a repetition.
fn forward(request: &[u8], server: u16) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&request[..end]).unwrap();
    let kept = head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("idempotency-key:"));
    let head = kept.chain(["connection: close"]).collect::<Vec<_>>().join("\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", server)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&request[end..]).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn of_a_server_that_is_well_nothing_fails_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let data = folder.path().to_str().unwrap();
    let app = running.greeting.lines().find_map(|line| line.trim().strip_prefix("The example app  "));
    let more = ["--app", app.unwrap(), "--for", "5", "--rate", "60", "--json"];
    let output = probe(&running, folder.path(), &more);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    for (name, expected) in [
        ("failed", json!(0)),
        ("failures", json!([])),
        ("sessions_lost", json!(0)),
        ("acknowledged_lost", json!(0)),
        ("executed_twice", json!(0)),
        ("unchecked", json!([])),
    ] {
        assert_eq!(report[name], expected, "{name}: {report}");
    }
    let at_least = |value: &Value, least: u64| assert!(value.as_u64() >= Some(least), "{value}: {report}");
    let [start, measured] = report["stages"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&start["stage"], &measured["stage"]), (&json!("start"), &json!("measured")));
    at_least(&measured["requests"], 5 * 60 - 50);
    // Slow ones are on the way both ways all the time.
    at_least(&measured["slow"], 2);
    assert!(measured["p99_ms"].as_f64() >= measured["p50_ms"].as_f64(), "{report}");
    assert!(measured["p50_ms"].as_f64() > Some(0.0), "{report}");
    // Nine sign in before, and every two seconds somebody again.
    at_least(&report["sessions_begun"], 9 + 2);
    at_least(&report["acknowledged"], 9 + 2 + 4);
    at_least(&report["connections"], 50);

    let listed = text(&run(&["user", "list", "--data", data]).stdout);
    assert!(!listed.contains("canary"), "{listed}");
    let listed = text(&run(&["client", "list", "--data", data]).stdout);
    assert!(!listed.contains("canary"), "{listed}");
    // Its accounts were told that they are gone, as everybody is: by mails to nobody.
    let states = || -> Vec<String> {
        let mails = text(&run(&["mail", "list", "--json", "--data", data]).stdout);
        let mails = mails.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        mails.map(|mail| mail["state"].as_str().unwrap().to_owned()).collect()
    };
    // What was to nobody is listed no more once its turn has come.
    loop {
        let states = states();
        assert!(!states.iter().any(|state| state == "sent"), "{states:?}");
        if states.is_empty() {
            break;
        }
        std::thread::yield_now();
    }
    assert!(!running.ask("GET", "/dev/mailbox.json", "").contains("canary"));
    assert_eq!(running.stop().code(), Some(0));
    let listed = text(&run(&["audit", "list", "--limit", "1000", "--data", data]).stdout);
    for (act, times) in [("add_client", 1), ("import_user", 4), ("delete_user", 4), ("remove_client", 1)] {
        let by_operator = |line: &&str| line.contains(act) && line.contains("operator: ");
        assert_eq!(listed.lines().filter(by_operator).count(), times, "{act}: {listed}");
    }
}

#[test]
fn whatever_was_cut_or_refused_has_failed_and_only_that() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    // Once all have begun; each request is one connection.
    let proxy = Proxy::before(&running, |asked| match (asked.number, asked.number % 10) {
        (60..160, 0) => Act::Cut,
        (60..160, 3) => Act::Swallow,
        (60..160, 7) => Act::Refuse,
        _ => Act::Pass,
    });
    let report = proxy.probe(&running, folder.path());
    let done = [Act::Cut, Act::Swallow, Act::Refuse].map(|act| proxy.done(act));
    assert_eq!((done, &report["failed"]), ([10; 3], &json!(30)), "{report}");
    let failures = report["failures"].as_array().unwrap();
    let why = |why: &str| failures.iter().filter(|failure| failure["why"] == why).count();
    assert_eq!((why("broken"), why("status")), (20, 10), "{report}");
    for failure in failures {
        assert_eq!(failure["stage"], "measured", "{failure}");
        assert!(failure["at_ms"].as_f64() > Some(0.0) && !failure["over"].is_null(), "{failure}");
        assert!(failure["request"].as_str().unwrap().contains(" /"), "{failure}");
    }
    for name in ["acknowledged_lost", "executed_twice"] {
        assert_eq!(report[name], 0, "{name}: {report}");
    }
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn a_change_that_is_done_twice_and_one_that_is_not_done_are_told_though_no_request_failed() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    // The first is of the way that is gone before anything is measured.
    let proxy = Proxy::before(&running, |asked| match asked.change {
        Some(3 | 5 | 8) => Act::Repeat,
        Some(4 | 9) => Act::Lie,
        _ => Act::Pass,
    });
    let report = proxy.probe(&running, folder.path());
    assert_eq!((proxy.done(Act::Repeat), proxy.done(Act::Lie)), (3, 2), "{report}");
    for (name, expected) in [("failed", 0), ("executed_twice", 3), ("acknowledged_lost", 2)] {
        assert_eq!(report[name], expected, "{name}: {report}");
    }
    // The same proxy does nothing wrong any more.
    let told = probe(&running, folder.path(), &["--for", "1", "--connect-to", &proxy.address.to_string()]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stdout));
    let told = text(&told.stdout);
    assert!(told.contains("\nmeasured ") && told.contains(" sessions begun, 0 of them lost."), "{told}");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn where_not_even_one_gets_through_nothing_is_measured_and_the_canary_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let proxy = Proxy::before(&running, |_| Act::Refuse);
    let through = ["--connect-to", &proxy.address.to_string()];
    let output = probe(&running, folder.path(), &through);
    let error = text(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{error}");
    for part in ["nothing was measured", "POST /api/v1/sign-in: answered 503 in the place of 200: later"] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    let listed = text(&run(&["user", "list", "--data", folder.path().to_str().unwrap()]).stdout);
    assert!(!listed.contains("canary"), "{listed}");
    let wrong = run(&["probe", "https://auth.example.com/sign-in"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("leave out what follows"), "{}", text(&wrong.stderr));
    assert_eq!(running.stop().code(), Some(0));
}

/// A probe that was killed could not clear up after itself.
#[test]
fn what_was_left_behind_is_swept_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let data = folder.path().to_str().unwrap();
    let rows = folder.path().join("people.ndjson");
    let addresses = ["canary-0123456789ab-1@canary.invalid", "canary-bird@example.com"];
    let row = |address: &str| json!({ "email": address }).to_string() + "\n";
    std::fs::write(&rows, addresses.map(row).concat()).unwrap();
    let imported = run(&["user", "import", rows.to_str().unwrap(), "--data", data]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let left = [
        ("canary-0123456789ab", "https://canary.invalid/callback"),
        ("canary-shop", "https://shop.example/"),
    ];
    for (id, uri) in left {
        let added = run(&["client", "add", id, "--public", "--redirect-uri", uri, "--data", data]);
        assert!(added.status.success(), "{}", text(&added.stderr));
    }
    let swept = run(&["probe", "--sweep", "--data", data]);
    assert_eq!(swept.status.code(), Some(0), "{}", text(&swept.stderr));
    assert!(text(&swept.stderr).contains("2 accounts and apps were left behind"), "{}", text(&swept.stderr));
    let users = text(&run(&["user", "list", "--data", data]).stdout);
    assert!(users.contains(addresses[1]) && !users.contains(addresses[0]), "{users}");
    let apps = text(&run(&["client", "list", "--data", data]).stdout);
    assert!(apps.contains("canary-shop") && !apps.contains("canary-0123456789ab"), "{apps}");
    let unnamed = run(&["probe", "--data", data]);
    assert_eq!(unnamed.status.code(), Some(2), "an address is needed");
    assert_eq!(running.stop().code(), Some(0));
}
