//! An import that is killed just as the server has done what it was asked, and before the command has heard so.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::command::{KEYWARD, run, text};
use crate::running::Running;

const BCRYPT: &str = "$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";
/// An answer that does not come by then is not going to.
const LONG: Duration = Duration::from_mins(1);
/// What asks for an import.
const ASKS: &[u8] = b"/v1/users/import";

/// Listens at `socket` in the place of a server, passes on so many of its answers to imports, and keeps the next one back: says that it
/// has it, by when what was asked is done.
fn keep_back(server: PathBuf, socket: &Path, passed: usize) -> Receiver<()> {
    let listener = UnixListener::bind(socket).unwrap();
    let (told, kept) = channel();
    let left = Arc::new(AtomicUsize::new(passed));
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = UnixStream::connect(&server) else { return };
            let (told, left) = (told.clone(), left.clone());
            thread::spawn(move || relay(client, server, &told, &left));
        }
    });
    kept
}

/// One connection, which is for one question.
fn relay(mut client: UnixStream, mut server: UnixStream, told: &Sender<()>, left: &AtomicUsize) {
    let imports = Arc::new(AtomicBool::new(false));
    let asking = thread::spawn({
        let imports = imports.clone();
        let (mut client, mut server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        move || {
            let (mut head, mut buffer) = (Vec::new(), [0; 16 * 1024]);
            while let Ok(read @ 1..) = client.read(&mut buffer) {
                if head.len() < 4096 {
                    head.extend_from_slice(&buffer[..read]);
                    if head.windows(ASKS.len()).any(|part| part == ASKS) {
                        imports.store(true, Ordering::SeqCst);
                    }
                }
                if server.write_all(&buffer[..read]).is_err() {
                    return;
                }
            }
        }
    });
    let mut buffer = [0; 16 * 1024];
    let mut first = true;
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        let is_answer = std::mem::take(&mut first) && imports.load(Ordering::SeqCst);
        let passes = |left: usize| left.checked_sub(1);
        if is_answer && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, passes).is_err() {
            let _ = told.send(());
            // The command waits for it until it is killed.
            let _ = asking.join();
            return;
        }
        if client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The server has answered and closed.
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = asking.join();
}

fn import(file: &Path, socket: &Path) -> Command {
    let mut command = Command::new(KEYWARD);
    command.args(["user", "import", "--json"]).arg(file).arg("--socket").arg(socket);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn result(done: &Output, code: i32) -> Value {
    assert_eq!(done.status.code(), Some(code), "{}{}", text(&done.stdout), text(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Issue 5: the accounts that a killed import had just brought in were reported as refused, with their hashes among the rejects.
#[test]
fn an_import_that_is_killed_before_it_hears_the_answer_knows_its_accounts_again() {
    const ROWS: usize = 1_200;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let server = data.join("keyward.sqlite.sock");
    let place = |name: &str| folder.path().join(name);
    let row =
        |address: &str, hash: &str| json!({ "email": address, "password_hash": hash }).to_string() + "\n";
    // An account that is there already, and was not brought in by this import.
    std::fs::write(place("before.ndjson"), row("before@example.com", BCRYPT)).unwrap();
    let before = result(&import(&place("before.ndjson"), &server).output().unwrap(), 0);
    assert_eq!(before["added"], 1);
    let rows: String = (0..ROWS)
        .map(|number| match number {
            // Its address is that of a row before it: of the same batch, and of another.
            10 | 600 => row("p5@example.com", BCRYPT),
            20 => row("p20@example.com", "hunter2"),
            700 => row("before@example.com", BCRYPT),
            number => row(&format!("p{number}@example.com"), BCRYPT),
        })
        .collect();
    let file = place("people.ndjson");
    std::fs::write(&file, rows).unwrap();
    // Killed in its first batch; called again, once more in its first, once in its second and in its third.
    for (number, passed) in [0, 0, 1, 1].into_iter().enumerate() {
        let socket = place(&format!("{number}.sock"));
        let kept = keep_back(server.clone(), &socket, passed);
        let mut killed = import(&file, &socket).spawn().unwrap();
        kept.recv_timeout(LONG).unwrap();
        killed.kill().unwrap();
        let ended = killed.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), None, "{}", text(&ended.stderr));
    }
    let done = result(&import(&file, &server).output().unwrap(), 3);
    let (refused, added) = (4, ROWS - 4);
    assert_eq!(
        (&done["added"], &done["refused"], &done["taken"]),
        (&json!(added), &json!(refused), &json!(3))
    );
    let rejects = std::fs::read_to_string(place("people.ndjson.rejects.ndjson")).unwrap();
    let mut lines = Vec::new();
    for rejected in rejects.lines() {
        let row: Value = serde_json::from_str(rejected).unwrap();
        let line = row["rejected"].as_str().unwrap().split(':').next().unwrap().to_owned();
        lines.push(line);
    }
    assert_eq!(lines, ["line 11", "line 21", "line 601", "line 701"]);
    let report = text(&run(&["passwords", "report", "--json", "--data", data.to_str().unwrap()]).stdout);
    assert!(report.contains(&format!("\"accounts\":{}", added + 1)), "{report}");
    // One that begins anew is another import, to which all of them are somebody's.
    std::fs::remove_file(place("people.ndjson.rejects.ndjson")).unwrap();
    let again = result(&import(&file, &server).output().unwrap(), 3);
    assert_eq!((&again["added"], &again["taken"]), (&json!(0), &json!(ROWS - 1)), "{again}");
    assert_eq!(running.stop().code(), Some(0));
}
