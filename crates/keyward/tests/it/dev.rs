//! `keyward dev`: what it says, and whom it listens to.

use std::net::TcpStream;

use insta::assert_snapshot;

use crate::running::Running;

#[test]
fn it_says_where_everything_is_and_what_to_try_first() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let app = port_of(&running.greeting, "example app");
    let said = running
        .greeting
        .replace(&running.port().to_string(), "[sign-in]")
        .replace(&app.to_string(), "[app]")
        .replace(folder.path().to_str().unwrap(), "[data]");
    assert_snapshot!(said, @r#"
    Keyward is running, for development, on this machine only.

      The example app  http://localhost:[app]
      Sign-in          http://localhost:[sign-in]
      Mail it wrote    http://localhost:[sign-in]/dev/mailbox
      The API          http://localhost:[sign-in]/docs

    Try first: open the example app, press "Sign in", create an account, and read the
    code that was mailed to you at /dev/mailbox. Accounts are kept in [data].

    Ctrl-C stops.
    "#);
}

/// 127.0.0.2 is another address of the same machine: who listens on all of them is reached there, without a packet leaving it.
#[test]
fn it_listens_on_the_one_address_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    for port in [running.port(), port_of(&running.greeting, "example app")] {
        TcpStream::connect(("127.0.0.1", port)).unwrap();
        for elsewhere in ["127.0.0.2", "127.1.2.3", "::1"] {
            let reached = TcpStream::connect((elsewhere, port));
            assert!(reached.is_err(), "{elsewhere}:{port} answers");
        }
    }
}

/// The port behind what the greeting calls so.
fn port_of(greeting: &str, what: &str) -> u16 {
    let line = greeting.lines().find(|line| line.contains(what)).unwrap();
    line.rsplit(':').next().unwrap().parse().unwrap()
}
