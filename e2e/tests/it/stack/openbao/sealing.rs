//! OpenBao is sealed: by its operator while people are served, and by a start of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::StatusCode;
use serde_json::json;

use super::super::installation::Installation;
use super::super::rises::PASSWORD;
use super::super::visitor::{app, auth};
use super::{SLOTS, bao, keyward, unseal};
use crate::wait::until;

/// People who sign in and look around, one after the other, until it is over.
struct Load {
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    people: tokio::task::JoinHandle<Vec<String>>,
}

impl Load {
    fn on(stack: &Installation) -> Self {
        let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (client, is_over, count) = (stack.stranger(), over.clone(), done.clone());
        let people = tokio::spawn(async move {
            let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
            let mut failed = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let asked = [
                    client.post(auth("/login")).json(&ada),
                    client.get(auth("/sign-in")),
                    client.get(auth("/.well-known/jwks.json")),
                    client.get(app("/")),
                ];
                for asks in asked {
                    match asks.send().await {
                        Ok(answer) if answer.status() == StatusCode::OK => {
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) => failed.push(format!("{} {}", answer.url(), answer.status())),
                        Err(error) => failed.push(error.to_string()),
                    }
                }
            }
            failed
        });
        Self { over, done, people }
    }

    /// Waits until so many more are done.
    async fn goes_on(&self) {
        let aim = self.done.load(Ordering::Relaxed) + 20;
        until("people are served", async || (self.done.load(Ordering::Relaxed) >= aim).then_some(())).await;
    }

    async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        let failed = self.people.await.unwrap();
        assert!(failed.is_empty(), "{} of {}: {failed:?}", failed.len(), self.done.load(Ordering::Relaxed));
    }
}

async fn is_healthy(stack: &Installation, service: &str, expected: &str) {
    until(&format!("{service} to be {expected}"), async || {
        (stack.inspect(service)["State"]["Health"]["Status"] == expected).then_some(())
    })
    .await;
}

pub(super) async fn it_fails_nobody(stack: &Installation, keys: &[String], operator: &str) {
    let (is_well, said) = keyward(stack, &["secrets", "check"]);
    assert!(is_well, "{said}");
    let load = Load::on(stack);
    load.goes_on().await;
    bao(stack, "https://127.0.0.1:8200", operator, &["operator", "seal"]).unwrap();
    is_healthy(stack, "openbao", "unhealthy").await;
    load.goes_on().await;
    let (is_well, said) = keyward(stack, &["secrets", "refresh"]);
    assert!(!is_well && said.contains("sealed"), "{said}");
    load.goes_on().await;
    unseal(stack, keys);
    is_healthy(stack, "openbao", "healthy").await;
    let (is_well, said) = keyward(stack, &["secrets", "refresh"]);
    assert!(is_well, "{said}");
    load.goes_on().await;
    load.end().await;
}

pub(super) async fn whoever_starts_while_it_is_sealed_waits_and_says_so(
    stack: &Installation,
    keys: &[String],
) {
    // It starts sealed, as after a reboot.
    stack.does(&["restart", "openbao"]);
    is_healthy(stack, "openbao", "unhealthy").await;
    let slot = SLOTS[0];
    stack.does(&["restart", slot]);
    until(&format!("{slot} to say that it waits"), async || {
        let log = stack.does(&["logs", "--no-color", "--no-log-prefix", "--tail", "50", slot]);
        log.lines().any(|line| line.contains("waiting for") && line.contains("is sealed")).then_some(())
    })
    .await;
    // The other is not asked to do it all over.
    let client = stack.stranger();
    assert_eq!(client.get(auth("/sign-in")).send().await.unwrap().status(), StatusCode::OK);
    unseal(stack, keys);
    for service in ["openbao", slot] {
        is_healthy(stack, service, "healthy").await;
    }
    let (is_well, said) = keyward(stack, &["secrets", "check"]);
    assert!(is_well && said.contains(slot), "{said}");
}
