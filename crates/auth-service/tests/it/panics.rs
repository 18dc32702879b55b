//! A panic is told by its place, and never with what was worked on.

use std::process::Command;

use tracing_subscriber::filter::LevelFilter;

/// Set for a process of its own, in which what is told of panics is exchanged: here it would be for all other tests, too.
const APART: &str = "KEYWARD_TEST_PANICS";
const SECRET: &str = "correct horse bättery staple";

#[test]
fn a_panic_tells_where_it_was_and_not_what_was_worked_on() {
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "panics::apart", "--nocapture"]).env(APART, "1").env_remove("RUST_BACKTRACE");
    let ran = again.output().unwrap();
    let told = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
    assert!(ran.status.success(), "{told}");
    let lines: Vec<_> = told.lines().filter(|line| line.contains("a panic")).collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines.iter().all(|line| line.contains(".rs:")), "{told}");
    assert!(lines[0].contains("something unforeseen"), "{told}");
    assert!(lines[1..].iter().all(|line| line.contains("may hold a secret")), "{told}");
    assert!(!told.contains("horse"), "{told}");
}

/// Does nothing unless it is a process of its own.
#[test]
fn apart() {
    if std::env::var_os(APART).is_none() {
        return;
    }
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    auth_service::panics::tell_by_place();
    let secret = std::hint::black_box(SECRET.to_owned());
    let faults: [Box<dyn FnOnce(String) + Send>; 4] = [
        Box::new(|_| panic!("something unforeseen")),
        Box::new(|secret| panic!("{secret} cannot be used")),
        Box::new(|secret| assert_eq!(secret.parse::<u64>().map_err(|_| secret).unwrap(), 0)),
        // In the middle of a letter: the whole text is told.
        Box::new(|secret| assert_eq!(&secret[..16], "")),
    ];
    for fault in faults {
        let secret = secret.clone();
        assert!(std::thread::spawn(move || fault(secret)).join().is_err());
    }
}
