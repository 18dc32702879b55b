//! `keyward user import` and `keyward passwords report`, as an operator calls them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::command::{KEYWARD, run, text};
use crate::running::Running;

const BCRYPT: &str = "$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";

/// The line that a rejected row stood in, and why it was refused.
fn told(rejected: &str) -> (u64, String) {
    let (line, reason) = rejected.strip_prefix("line ").unwrap().split_once(": ").unwrap();
    (line.parse().unwrap(), reason.to_owned())
}

fn rejected(folder: &Path, file: &str) -> Vec<(u64, String)> {
    let kept = std::fs::read_to_string(folder.join(format!("{file}.rejects.ndjson"))).unwrap();
    let row = |line: &str| told(serde_json::from_str::<Value>(line).unwrap()["rejected"].as_str().unwrap());
    kept.lines().map(row).collect()
}

/// What an import came to, which is told by its exit code too.
fn result(done: &Output) -> Value {
    let result: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", text(&done.stderr)));
    let code = if result["refused"] == 0 { 0 } else { 3 };
    assert_eq!(done.status.code(), Some(code), "{result}");
    result
}

#[test]
fn accounts_are_imported_and_what_is_refused_is_kept_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    let data = data.to_str().unwrap();
    let import = |file: &str, more: &[&str]| {
        let file = folder.path().join(file);
        result(&run(&[&["user", "import", file.to_str().unwrap(), "--json", "--data", data], more].concat()))
    };
    let rows = [
        json!({ "email": "ana@example.com", "password_hash": BCRYPT, "requires_2fa": true }).to_string(),
        String::new(),
        json!({ "email": "ben@example.com", "password_hash": "{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl" })
            .to_string(),
        json!({ "email": "nobody", "password_hash": BCRYPT }).to_string(),
        json!({ "email": "cleo@example.com", "password_hash": "hunter2" }).to_string(),
        "{ this is no JSON".to_owned(),
        json!({ "email": "ANA@example.com", "password_hash": BCRYPT }).to_string(),
    ];
    std::fs::write(folder.path().join("people.ndjson"), rows.join("\n")).unwrap();

    let looked = import("people.ndjson", &["--dry-run"]);
    assert_eq!((&looked["added"], &looked["refused"]), (&json!(2), &json!(4)), "{looked}");
    let report = run(&["passwords", "report", "--data", data]);
    assert_eq!(text(&report.stdout), "No account has a password.\n");

    let done = import("people.ndjson", &[]);
    assert_eq!((&done["added"], &done["refused"]), (&json!(2), &json!(4)), "{done}");
    let lines = rejected(folder.path(), "people.ndjson");
    let told: Vec<_> =
        lines.iter().map(|(line, reason)| (*line, reason.split(':').next().unwrap())).collect();
    assert_eq!(told[0].0, 4);
    assert_eq!(told[1], (5, "its password hash cannot be verified here"));
    assert_eq!(told[2], (6, "it is no JSON"));
    assert_eq!(told[3], (7, "its address has an account already"));
    assert!(!folder.path().join("people.ndjson.progress").exists(), "it is done");
    let report = text(&run(&["passwords", "report", "--data", data]).stdout);
    assert!(report.contains("1  bcrypt (2b), cost 4\n"), "{report}");
    assert!(
        report.contains("1  salted sha1 within argon2id, 19456 KiB, 2 iterations, parallelism 1\n"),
        "{report}"
    );

    std::fs::write(
        folder.path().join("more.csv"),
        format!("email,password_hash,name\ndan@example.com,{BCRYPT},\"Dan, the man\"\neve@example.com,x\n"),
    )
    .unwrap();
    let done = import("more.csv", &["--unproved"]);
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("more.csv.rejects.csv")).unwrap(),
        "rejected,email,password_hash,name\n\"line 3: it has 2 fields, and the first line names 3\",eve@example.com,x\n"
    );
    // The next server seals what the command did.
    assert_eq!(Running::start(Path::new(data)).stop().code(), Some(0));
    let listed = run(&["audit", "list", "--data", data]);
    assert_eq!(text(&listed.stdout).matches("import_user").count(), 3);
}

/// Of such a file nothing came in and nothing was refused, or each row by itself, or the parser's words were all that was said.
#[test]
fn a_csv_file_that_names_no_addresses_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    let sixteen = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let hash = format!("a@q.example,{BCRYPT}\n");
    for (rows, why) in [
        (b"a@q.example,x\n".to_vec(), "names no column of addresses in its first line"),
        (b"email;password\na@q.example;x\n".to_vec(), "separated by commas"),
        (b"email;password\n".to_vec(), "It has: `email;password`"),
        (hash.into_bytes(), "It has: `a@q.example`, `$2b$04$"),
        (Vec::new(), "is empty"),
        ([b"\xff\xfe".to_vec(), sixteen("email,password\na@q.example,x\n")].concat(), "is no text in UTF-8"),
    ] {
        let file = folder.path().join("people.csv");
        std::fs::write(&file, rows).unwrap();
        let refused = run(&["user", "import", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(why) && told.contains("people.csv"), "{why}: {told}");
        assert!(!told.contains(BCRYPT), "{told}");
        for left in ["people.csv.progress", "people.csv.rejects.csv"] {
            assert!(!folder.path().join(left).exists(), "{left}");
        }
    }
}

/// More rows than are taken at once, and hashes that are wrapped while the server serves.
#[test]
fn accounts_are_imported_by_the_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let data = data.to_str().unwrap();
    let row = |number: usize| {
        let hash = if number < 20 { "{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl" } else { BCRYPT };
        json!({ "email": format!("p{}@example.com", number % 600), "password_hash": hash }).to_string() + "\n"
    };
    // The last address comes twice, in another batch; rows may be long, so that fewer are sent at once, and not without end.
    let mut rows: String = (0..601).map(row).collect();
    let long = |letters: usize| {
        let row = json!({ "email": format!("long{letters}@example.com"), "notes": "x".repeat(letters) });
        row.to_string() + "\n"
    };
    rows.extend((60_000..60_100).map(long));
    rows.push_str(&long(1 << 20));
    let file = folder.path().join("people.ndjson");
    std::fs::write(&file, &rows).unwrap();
    let import = |more: &[&str]| {
        let arguments = ["user", "import", file.to_str().unwrap(), "--json", "--data", data];
        result(&run(&[&arguments, more].concat()))
    };
    for more in [&["--dry-run"][..], &[]] {
        let done = import(more);
        assert_eq!((&done["added"], &done["refused"]), (&json!(700), &json!(2)), "{done}");
        let file = if more.is_empty() { "people.ndjson" } else { "people.ndjson.dry-run" };
        let rejected = rejected(folder.path(), file);
        assert_eq!(rejected[0], (601, "its address has an account already".to_owned()));
        assert!(rejected[1].0 == 702 && rejected[1].1.contains("long"), "{rejected:?}");
    }
    let report = text(&run(&["passwords", "report", "--json", "--data", data]).stdout);
    assert!(report.contains("\"accounts\":580") && report.contains("\"accounts\":20"), "{report}");
    assert_eq!(running.stop().code(), Some(0));
    let listed = text(&run(&["audit", "list", "--limit", "1000", "--data", data]).stdout);
    let by_operator = |line: &&str| line.contains("import_user") && line.contains("operator: ");
    assert_eq!(listed.lines().filter(by_operator).count(), 700);
}

/// The file of refused rows was emptied before anything was read, and removed where nothing was refused: whatever was under that name.
#[test]
fn no_file_that_is_there_is_written_over_by_what_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    let file = folder.path().join("people.ndjson");
    let row = json!({ "email": "ana@example.com", "password_hash": BCRYPT }).to_string() + "\n";
    std::fs::write(&file, &row).unwrap();
    let notes = folder.path().join("notes.ndjson");
    std::fs::write(&notes, "precious").unwrap();
    let link = folder.path().join("link.ndjson");
    std::os::unix::fs::symlink(&notes, &link).unwrap();
    let usual = folder.path().join("people.ndjson.rejects.ndjson");
    std::fs::write(&usual, "being mended").unwrap();
    let import = |more: &[&str]| {
        let known = ["user", "import", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
        run(&[&known[..], more].concat())
    };
    for rejects in [Some(&file), Some(&notes), Some(&link), None] {
        let named = rejects.map(|rejects| ["--rejects", rejects.to_str().unwrap()]);
        let refused = import(named.as_ref().map_or(&[], |named| &named[..]));
        assert_eq!(refused.status.code(), Some(1));
        let told = text(&refused.stderr);
        assert!(told.contains("is there already") && told.contains("--rejects"), "{told}");
    }
    let refused = import(&["--rejects", folder.path().join("people.csv").to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("must end with .ndjson"), "{}", text(&refused.stderr));
    assert_eq!(import(&["--from", "env:OTHER_DATABASE"]).status.code(), Some(2));
    for (name, why) in [("absent.ndjson", "cannot be read"), ("people.json", "must end with .ndjson")] {
        let wrong = folder.path().join(name);
        let refused = run(&["user", "import", wrong.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(why) && told.contains(name), "{told}");
    }
    let refused = run(&["user", "import", "--from", "mysql://foo", "--data", data.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--from wants postgres://"), "{}", text(&refused.stderr));
    // A dry run has a file of its own, which the next one may replace.
    for _ in 0..2 {
        assert!(import(&["--dry-run"]).status.success());
    }
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!((read(&file), read(&notes), read(&usual)), (row, "precious".into(), "being mended".into()));
}

/// What was cut short goes on after the last batch that is in.
#[test]
fn an_import_that_was_cut_short_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    let file = folder.path().join("people.ndjson");
    let rows: String = (0..1200)
        .map(|number| {
            json!({ "email": format!("p{number}@example.com"), "password_hash": BCRYPT }).to_string() + "\n"
        })
        .collect();
    std::fs::write(&file, &rows).unwrap();
    let progress = folder.path().join("people.ndjson.progress");
    let begun = json!({ "line": 500, "length": rows.len(), "added": 499, "refused": 1 });
    std::fs::write(&progress, begun.to_string()).unwrap();
    let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
    // What was refused until then is kept, whoever looks at all of it in between.
    let refused = format!("{}\n", json!({ "rejected": "line 7: it has no email" }));
    std::fs::write(folder.path().join("people.ndjson.rejects.ndjson"), &refused).unwrap();
    let looked = run(&["user", "import", file, "--dry-run", "--data", data]);
    assert!(text(&looked.stdout).contains("1200 accounts would be added"), "{}", text(&looked.stderr));
    let done = run(&["user", "import", file, "--data", data]);
    assert_eq!(done.status.code(), Some(3), "one was refused before it was cut short");
    let told = text(&done.stdout);
    assert!(told.contains("Going on after line 500.\n1199 accounts added, 1 rows refused.\n"), "{told}");
    assert_eq!(std::fs::read_to_string(folder.path().join("people.ndjson.rejects.ndjson")).unwrap(), refused);
    let report = text(&run(&["passwords", "report", "--json", "--data", data]).stdout);
    assert!(report.contains("\"accounts\":700"), "{report}");
    assert!(!progress.exists());
    // Another file under the same name is not taken for the rest of this one.
    std::fs::write(&progress, begun.to_string().replace(&rows.len().to_string(), "7")).unwrap();
    let refused = run(&["user", "import", file, "--data", data]);
    assert!(text(&refused.stderr).contains("was cut short after line 500, and the file is another by now"));
    // Where that is no longer told, it is said which file tells nothing.
    std::fs::write(&progress, "{\"line\":5").unwrap();
    let refused = text(&run(&["user", "import", file, "--data", data]).stderr);
    for words in ["people.ndjson.progress is damaged", "--restart"] {
        assert!(refused.contains(words), "{refused}");
    }
    let file = folder.path().join("people.xlsx");
    std::fs::write(&file, "").unwrap();
    let refused = run(&["user", "import", file.to_str().unwrap(), "--data", data]);
    assert!(text(&refused.stderr).contains("must end with .ndjson or .jsonl"));
}

/// One that was ended before its first rows were in could not be called again: its own file of rejects was in its way.
#[test]
fn an_import_that_was_ended_before_its_first_rows_is_called_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let row = |name: &str, hash: &str| {
        json!({ "email": format!("{name}@example.com"), "password_hash": hash }).to_string() + "\n"
    };
    let place = |name: &str| folder.path().join(name);
    let command = |file: &Path| {
        let mut command = Command::new(KEYWARD);
        command.args(["user", "import", "--json", "--data"]).arg(&data).arg(file);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let running = Running::start(&data);
    std::fs::write(place("people.ndjson"), row("ana", BCRYPT) + &row("ben", "hunter2")).unwrap();
    // Reading from a pipe it waits for its first row: killed there, as by a power cut.
    let fifo = place("late.ndjson");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut killed = command(&fifo).spawn().unwrap();
    let pipe = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    while !place("late.ndjson.rejects.ndjson").exists() {
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    drop(pipe);
    std::fs::remove_file(&fifo).unwrap();
    std::fs::write(&fifo, row("cleo", BCRYPT) + &row("dan", "hunter2")).unwrap();
    let done = result(&command(&fifo).output().unwrap());
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(rejected(folder.path(), "late.ndjson").len(), 1);
    assert!(!place("late.ndjson.progress").exists());

    // One that a server refused before its first row, and whose file was mended since.
    let file = place("people.ndjson");
    std::fs::write(place("people.ndjson.progress"), json!({ "line": 0, "length": 7 }).to_string()).unwrap();
    std::fs::write(place("people.ndjson.rejects.ndjson"), "").unwrap();
    // While another writes to it, it is that one's.
    let held = std::fs::File::open(place("people.ndjson.rejects.ndjson")).unwrap();
    held.lock().unwrap();
    let refused = command(&file).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("by another import"), "{}", text(&refused.stderr));
    drop(held);
    let done = result(&command(&file).output().unwrap());
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!(running.stop().code(), Some(0));
}

/// What is mended in the rejects comes in by importing them: they are of the form of the file that they came from.
#[test]
fn rejects_are_mended_and_imported() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));
    let import = |file: &str| {
        let file = folder.path().join(file);
        let known = ["user", "import", file.to_str().unwrap(), "--json", "--data", data.to_str().unwrap()];
        result(&run(&known))
    };
    let mend = |file: &str, wrong: &str, right: &str| {
        let file = folder.path().join(file);
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(kept.contains(wrong), "{kept}");
        std::fs::write(&file, kept.replace(wrong, right)).unwrap();
    };
    let rows = [
        json!({ "email": "ana@example.com", "password_hash": BCRYPT }).to_string(),
        json!({ "email": "ben@example.com", "password_hash": "hunter2", "name": "Ben" }).to_string(),
        r#"{ "email": "cleo@example.com""#.to_owned(),
    ];
    std::fs::write(folder.path().join("people.ndjson"), rows.join("\n")).unwrap();
    let done = import("people.ndjson");
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(2)), "{done}");
    mend("people.ndjson.rejects.ndjson", "hunter2", BCRYPT);
    let done = import("people.ndjson.rejects.ndjson");
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(1)), "{done}");
    // What is refused again says so of the file that it stands in now, and what was no JSON is all there still.
    let again = folder.path().join("people.ndjson.rejects.ndjson.rejects.ndjson");
    let row: Value = serde_json::from_str(&std::fs::read_to_string(again).unwrap()).unwrap();
    assert_eq!((&row["rejected"], &row["row"]), (&json!("line 2: it has no email"), &json!(rows[2])));

    let rows = format!(
        "name,email,password_hash\n\"Dan, the \"\"man\"\"\",dan@example.com,hunter2\nEve,eve@example.com\nFay,fay@example.com,{BCRYPT}\n"
    );
    std::fs::write(folder.path().join("more.csv"), rows).unwrap();
    let done = import("more.csv");
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(2)), "{done}");
    mend("more.csv.rejects.csv", "hunter2", "also wrong");
    mend("more.csv.rejects.csv", "eve@example.com", &format!("eve@example.com,{BCRYPT}"));
    let done = import("more.csv.rejects.csv");
    assert_eq!((&done["added"], &done["refused"]), (&json!(1), &json!(1)), "{done}");
    mend("more.csv.rejects.csv.rejects.csv", "also wrong", BCRYPT);
    let kept = std::fs::read_to_string(folder.path().join("more.csv.rejects.csv.rejects.csv")).unwrap();
    assert!(kept.starts_with("rejected,name,email,password_hash\nline 2: its password hash"), "{kept}");
    let done = import("more.csv.rejects.csv.rejects.csv");
    assert_eq!(
        (&done["added"], &done["refused"], &done["rejects"]),
        (&json!(1), &json!(0), &Value::Null),
        "{done}"
    );
    let listed = text(&run(&["user", "list", "--data", data.to_str().unwrap()]).stdout);
    for name in ["ana", "ben", "dan", "eve", "fay"] {
        assert_eq!(listed.matches(&format!("{name}@example.com")).count(), 1, "{listed}");
    }
}

/// Of two imports at the same time each account comes in once. One of the very same file is refused before it does anything.
#[test]
fn two_imports_at_the_same_time_bring_in_each_account_once() {
    const ROWS: u64 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let rows: String = (0..ROWS)
        .map(|number| {
            json!({ "email": format!("p{number}@example.com"), "password_hash": BCRYPT }).to_string() + "\n"
        })
        .collect();
    let files = ["one.ndjson", "other.ndjson"].map(|name| folder.path().join(name));
    let import = |file: &Path| {
        let mut command = Command::new(KEYWARD);
        command.args(["user", "import", "--json", "--data"]).arg(&data).arg(file);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for file in &files {
        std::fs::write(file, &rows).unwrap();
    }
    // One that holds the file is at work on it.
    let held = std::fs::File::open(&files[0]).unwrap();
    held.lock().unwrap();
    let refused = import(&files[0]).wait_with_output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let words = text(&refused.stderr);
    assert!(words.contains("another import of") && words.contains("this one did nothing"), "{words}");
    drop(held);

    let both = files.each_ref().map(|file| import(file));
    let done = both.map(|import| result(&import.wait_with_output().unwrap()));
    let sum = |of: &str| done.iter().map(|done| done[of].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("added"), sum("refused"), sum("taken")), (ROWS, ROWS, ROWS), "{done:?}");
    for (file, done) in ["one.ndjson", "other.ndjson"].iter().zip(&done) {
        if done["refused"] != 0 {
            let reasons = rejected(folder.path(), file);
            assert!(reasons.iter().all(|(_, reason)| reason == "its address has an account already"));
        }
    }
    let report = text(&run(&["passwords", "report", "--json", "--data", data.to_str().unwrap()]).stdout);
    assert!(report.contains(&format!("\"accounts\":{ROWS}")), "{report}");
    assert_eq!(running.stop().code(), Some(0));
}
