//! `keyward client`: what is refused, and what is told.

use crate::command::{run, text};
use crate::running::Running;

#[test]
fn what_a_client_lacks_is_told_in_the_words_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Running::start(folder.path()).stop().code(), Some(0));
    let client = |arguments: &[&str]| {
        let output = run(&[&["client"], arguments, &["--data", folder.path().to_str().unwrap()]].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, error) = client(&["add", "wiki"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("--redirect-uri") && !error.contains("grant_types"), "{error}");

    let uri = ["--redirect-uri", "https://wiki.example.com/callback"];
    let (code, _, error) = client(&[&["add", "wiki", "--name", "Wiki\u{1b}[2J"], &uri[..]].concat());
    assert_eq!(code, Some(1));
    assert!(error.contains("client_name has a line break, another control character"), "{error}");

    // Nobody would hear of a sign-out, and only the log of the server would say so.
    let told = ["--backchannel-logout-uri", "https://10.1.2.3/signed-out"];
    let (code, said, error) = client(&[&["add", "wiki"], &uri[..], &told[..]].concat());
    assert_eq!(code, Some(0), "{error}");
    assert!(said.contains("Registered wiki."), "{said}");
    assert!(error.contains("could not be told of sign-outs at https://10.1.2.3/signed-out: "), "{error}");
    let told = ["--backchannel-logout-uri", "http://localhost:5000/signed-out"];
    let (code, _, error) = client(&[&["add", "notes"], &uri[..], &told[..]].concat());
    assert_eq!((code, error.as_str()), (Some(0), ""));

    // The last once ended the command with a panic.
    for hours in ["721", "18446744073709551615"] {
        let (code, _, error) = client(&["rotate-secret", "wiki", "--overlap", hours]);
        assert_eq!(code, Some(2));
        assert!(error.contains("720"), "{error}");
    }
    assert_eq!(client(&["rotate-secret", "wiki", "--overlap", "720"]).0, Some(0));
}
