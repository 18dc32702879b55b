//! Redis, asked past the server who is connected to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use serde_json::json;

use crate::full::{PASSWORD, Stack, sign_up};
use crate::process::{Running, post};

const PEOPLE: usize = 4;
const SIGN_INS: usize = 5;

/// Somebody who asks Redis.
struct Past(BufReader<TcpStream>);

impl Past {
    fn of(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap()))
    }

    /// Asks what is answered with a number or a text.
    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut head = String::new();
        self.0.read_line(&mut head).unwrap();
        let (kind, told) = head.trim_end().split_at(1);
        match kind {
            ":" => told.to_owned(),
            "$" => {
                let mut text = vec![0; told.parse::<usize>().unwrap() + "\r\n".len()];
                self.0.read_exact(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            }
            _ => panic!("{command}: {head}"),
        }
    }

    /// Who else is connected.
    fn others(&mut self) -> Vec<String> {
        let own = format!("id={} ", self.ask("CLIENT ID"));
        let all = self.ask("CLIENT LIST");
        let others = all.lines().filter(|line| !line.is_empty() && !line.starts_with(&own));
        others.map(ToOwned::to_owned).collect()
    }

    /// A number of what it has counted, which stands behind `name`.
    fn counted(&mut self, section: &str, name: &str) -> u64 {
        let told = self.ask(&format!("INFO {section}"));
        let number = told.lines().find_map(|line| line.strip_prefix(name)?.split(',').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("{name} is not in {told}"))
    }

    /// How many connections were ever made to it, and how many scripts were run.
    fn counts(&mut self) -> (u64, u64) {
        (
            self.counted("stats", "total_connections_received:"),
            self.counted("commandstats", "cmdstat_evalsha:calls="),
        )
    }
}

#[tokio::test]
async fn whoever_asks_at_a_time_a_server_has_one_connection_to_redis_and_makes_no_other() {
    let Some(stack) = Stack::migrated().await else { return };
    let limits = ["network_sign_ups=100", "network_failures=1000", "network_mails=10000", "mails=100"]
        .map(|limit| format!("limits.{limit}"));
    let server = Running::of(&mut stack.server(1, &limits.each_ref().map(String::as_str)));
    let people: Vec<_> = (0..PEOPLE).map(|number| format!("person-{number}@example.com")).collect();
    for email in &people {
        assert_eq!(sign_up(&server, email), 201);
    }
    let mut past = Past::of(stack.redis.port());
    let (made, run) = past.counts();
    std::thread::scope(|threads| {
        let signing_in: Vec<_> = people
            .iter()
            .map(|email| {
                let address = &server.address;
                let credentials = json!({ "email": email, "password": PASSWORD });
                threads.spawn(move || {
                    for _ in 0..SIGN_INS {
                        let (status, answer) = post(address, "/login", &credentials, "");
                        assert_eq!(status, 200, "{answer}");
                    }
                })
            })
            .collect();
        let mut looked = 0;
        while looked == 0 || !signing_in.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let others = past.others();
            assert_eq!(others.len(), 1, "{others:#?}");
            looked += 1;
        }
    });
    let (made_then, run_then) = past.counts();
    assert_eq!(made_then, made, "none was made and closed in between");
    let asked = (PEOPLE * SIGN_INS) as u64;
    assert!(run_then >= run + asked, "each sign-in counts: {run} to {run_then}");
    // It is the one that hears of changes, too.
    let others = past.others();
    assert!(others.len() == 1 && others[0].contains(" sub=1 "), "{others:#?}");
}
