//! Accounts are kept: what was done before a restart holds after it.

use crate::running::Running;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The value of a text of JSON, up to the next quotation mark.
fn value<'a>(json: &'a str, name: &str) -> &'a str {
    let (_, rest) = json.split_once(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("no {name}: {json}"));
    rest.split_once('"').unwrap().0
}

fn sign_in(running: &Running, password: &str) -> String {
    let body = format!("{{\"email\":\"ana@example.com\",\"password\":\"{password}\"}}");
    running.ask("POST", "/api/v1/sign-in", &body)
}

/// Somebody who has not proved their address yet: the proof, and the code that was mailed.
pub(crate) fn sign_up(running: &Running) -> (String, String) {
    let body = format!("{{\"email\":\"ana@example.com\",\"password\":\"{PASSWORD}\"}}");
    let answer = running.ask("POST", "/api/v1/sign-up", &body);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let proof = value(&answer, "proof_id").to_owned();
    loop {
        let mailbox = running.ask("GET", "/dev/mailbox.json", "");
        if let Some((_, codes)) = mailbox.split_once("\"codes\":[\"") {
            return (proof, codes.split_once('"').unwrap().0.to_owned());
        }
        assert!(mailbox.starts_with("HTTP/1.1 200 "), "{mailbox}");
        std::thread::yield_now();
    }
}

/// What the code of a proof is answered with.
pub(crate) fn prove(running: &Running, proof: &str, code: &str) -> String {
    let body = format!("{{\"proof_id\":\"{proof}\",\"code\":\"{code}\",\"password\":\"{PASSWORD}\"}}");
    running.ask("POST", "/api/v1/sign-up/proof", &body)
}

#[test]
fn accounts_survive_a_restart_and_so_does_their_proof() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let (proof, code) = sign_up(&running);
    // Before the address is proved, too: what was mailed is good after the restart.
    assert_eq!(running.stop().code(), Some(0));
    let running = Running::start(&data);
    let answer = prove(&running, &proof, &code);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(running.stop().code(), Some(0));
    let running = Running::start(&data);
    let answer = sign_in(&running, PASSWORD);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("set-cookie: "), "{answer}");
    let refused = sign_in(&running, "another password altogether");
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    // Killed in the middle of things, it keeps what it has answered for.
    drop(running);
    let running = Running::start(&data);
    let answer = sign_in(&running, PASSWORD);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Two rounds of what `scripts/rehearse crash` does twenty times with a hundred people.
#[test]
fn whoever_was_told_that_they_have_an_account_has_one_after_a_kill_in_the_middle_of_sign_ups() {
    const PEOPLE: usize = 20;
    const TOLD_BEFORE_THE_KILL: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("keyward.toml");
    let settings =
        "[accounts]\nrequire_proof = false\n[limits]\nnetwork_sign_ups = 1000\nnetwork_mails = 1000\n";
    std::fs::write(&config, settings).unwrap();
    let person = |number| format!("{{\"email\":\"p{number}@example.com\",\"password\":\"{PASSWORD}\"}}");
    let mut people = Vec::new();
    for round in 0..2 {
        let running = Running::with(&data, &config);
        let (told, tells) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for number in round * PEOPLE..(round + 1) * PEOPLE {
                let (told, running, body) = (told.clone(), &running, person(number));
                scope.spawn(move || {
                    let answer = running.try_to_ask("POST", "/api/v1/sign-up", &body);
                    if answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 201 ")) {
                        told.send(number).unwrap();
                    }
                });
            }
            drop(told);
            people.extend(tells.iter().take(TOLD_BEFORE_THE_KILL));
            running.kill();
            people.extend(tells.iter());
        });
        assert!(people.len() >= (round + 1) * TOLD_BEFORE_THE_KILL, "{people:?}");
    }
    let running = Running::with(&data, &config);
    for number in &people {
        let answer = running.ask("POST", "/api/v1/sign-in", &person(*number));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{number}: {answer}");
    }
}
