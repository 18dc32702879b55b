//! Every act that a person can do, and the entry that the audit trail has of it: who, what, on whom, from where, by which
//! request, and how it went.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::protocol::Wiki;
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";

/// Every act that the source names.
fn acts() -> BTreeSet<String> {
    let source = include_str!("../../../../auth/src/audit.rs");
    let (_, names) = source.split_once("fn name(self)").unwrap();
    let (names, _) = names.split_once("\n    }\n").unwrap();
    names.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// Reads what each request adds.
struct Trail<'a> {
    app: &'a TestApp,
    /// The entries that were there before.
    known: BTreeSet<Uuid>,
    /// As the trail calls her.
    ana: Option<Uuid>,
    done: BTreeSet<String>,
    refused: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Trail<'_> {
    /// The entries that a request added are these, as `act outcome`, and each says all that there is to say.
    async fn has(&mut self, answer: &Answer, expected: &[&str]) {
        let trail = self.app.app.auth.audit_trail();
        while trail.seal().await.unwrap() > 0 {}
        let newest = trail.newest(None, None, 100).await.unwrap();
        let added: Vec<_> = newest.into_iter().rev().filter(|entry| self.known.insert(entry.id)).collect();
        let told: Vec<_> = added.iter().map(|entry| format!("{} {}", entry.act, entry.outcome)).collect();
        if told != expected {
            self.wrong.push(format!("{told:?}, not {expected:?}: {} {}", answer.status, answer.body));
        }
        for entry in added {
            let ana = *self.ana.get_or_insert_with(|| entry.subject.unwrap());
            assert_eq!(entry.subject, Some(ana), "on whom: {entry:?}");
            let done = entry.outcome == "done";
            assert_eq!(entry.actor, done.then_some(ana), "who: {entry:?}");
            assert_eq!(entry.network, "127.0.0.0/24", "from where: {entry:?}");
            assert!(entry.at > 0 && entry.support_id.len() == 12, "when, and by which request: {entry:?}");
            if answer.body.starts_with('{') && answer.status.is_client_error() {
                assert!(answer.body.contains(&entry.support_id), "{}: {}", entry.support_id, answer.body);
            }
            if done { &mut self.done } else { &mut self.refused }.insert(entry.act);
        }
    }

    async fn json(
        &mut self,
        browser: &mut Browser,
        operation: &str,
        body: Value,
        expected: &[&str],
    ) -> Answer {
        let (method, path) = operation.split_once(' ').unwrap();
        let answer = if body.is_null() {
            browser.raw(method, path, "", "").await
        } else {
            browser.json(method, path, &body).await
        };
        self.has(&answer, expected).await;
        answer
    }
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn every_act_of_a_person_has_its_entry() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    while app.app.auth.audit_trail().seal().await.unwrap() > 0 {}
    let known = app.app.auth.audit_trail().newest(None, None, 100).await.unwrap();
    let mut trail = Trail {
        app: &app,
        known: known.into_iter().map(|entry| entry.id).collect(),
        ana: None,
        done: BTreeSet::new(),
        refused: BTreeSet::new(),
        wrong: Vec::new(),
    };
    let mut ana = app.browser();
    ana.get("/sign-in").await;
    signs_up(&mut trail, &mut ana).await;
    changes_what_is_hers(&mut trail, &mut ana).await;
    moves(&mut trail, &mut ana).await;
    uses_an_app(&mut trail, &mut ana, &wiki).await;
    forgets_and_ends(&mut trail, &mut ana).await;

    assert!(trail.wrong.is_empty(), "{}", trail.wrong.join("\n"));
    let mut never: BTreeSet<_> = acts().difference(&trail.done).cloned().collect();
    // A code that is exchanged is no act of a person's: that it was given to the app is. What is refused there is kept.
    assert!(never.remove("exchange") && trail.refused.contains("exchange"));
    assert!(never.is_empty(), "nobody did {never:?} here: do it, and say what the trail has of it");
}

async fn signs_up(trail: &mut Trail<'_>, ana: &mut Browser) {
    let body = json!({ "email": ANA, "password": PASSWORD });
    let answer = trail.json(ana, "POST /api/v1/sign-up", body, &["sign_up done"]).await;
    let body = json!({ "proof_id": answer.json()["proof_id"] });
    trail.json(ana, "POST /api/v1/sign-up/proof/resend", body, &["resend_proof done"]).await;
    let token = trail.app.letters().await.pop().unwrap().token();
    for (password, expected) in [(OTHER_PASSWORD, "prove_address refused"), (PASSWORD, "prove_address done")]
    {
        let body = json!({ "token": token, "password": password });
        trail.json(&mut trail.app.program(), "POST /api/v1/sign-up/proof", body, &[expected]).await;
    }
    for (password, expected) in [(OTHER_PASSWORD, "sign_in refused"), (PASSWORD, "sign_in done")] {
        let body = json!({ "email": ANA, "password": password });
        trail.json(ana, "POST /api/v1/sign-in", body, &[expected]).await;
    }
}

async fn changes_what_is_hers(trail: &mut Trail<'_>, ana: &mut Browser) {
    trail.json(ana, "PATCH /api/v1/account", json!({ "name": "Ana" }), &["change_profile done"]).await;
    for (present, expected) in
        [(OTHER_PASSWORD, "change_password refused"), (PASSWORD, "change_password done")]
    {
        let body = json!({ "current_password": present, "new_password": OTHER_PASSWORD });
        trail.json(ana, "PUT /api/v1/account/password", body, &[expected]).await;
    }
    let mut elsewhere = [trail.app.browser(), trail.app.browser()];
    for browser in &mut elsewhere {
        let body = json!({ "email": ANA, "password": OTHER_PASSWORD });
        trail.json(browser, "POST /api/v1/sign-in", body, &["sign_in done"]).await;
    }
    let one = format!("DELETE /api/v1/account/sessions/{}", elsewhere[0].session_id().await);
    trail.json(ana, &one, Value::Null, &["end_session done"]).await;
    trail.json(ana, "DELETE /api/v1/account/sessions", Value::Null, &["end_session done"]).await;
}

async fn moves(trail: &mut Trail<'_>, ana: &mut Browser) {
    trail.app.letters().await;
    let (ask, confirm) = ("POST /api/v1/account/email", "POST /api/v1/account/email/confirm");
    trail.json(ana, ask, json!({ "email": NEW }), &["request_address_change done"]).await;
    trail.json(ana, "DELETE /api/v1/account/email", Value::Null, &["cancel_address_change done"]).await;
    trail.app.letters().await;
    trail.json(ana, ask, json!({ "email": NEW }), &["request_address_change done"]).await;
    let (old, new) = (trail.app.letter(ANA).await.code, trail.app.letter(NEW).await.code);
    for (side, code, expected) in [
        ("old", wrong(&old), &["agree_address_change refused"][..]),
        ("old", &old, &["agree_address_change done"]),
        ("new", &new, &["agree_address_change done", "change_address done"]),
    ] {
        trail.json(ana, confirm, json!({ "side": side, "code": code }), expected).await;
    }
}

async fn uses_an_app(trail: &mut Trail<'_>, ana: &mut Browser, wiki: &Wiki) {
    let answer = ana.get(&wiki.authorize(&[])).await;
    trail.has(&answer, &["authorize done"]).await;
    let code = crate::protocol::returned(&answer, "code");
    let tokens = wiki.exchange(trail.app, &code).await;
    trail.has(&tokens, &[]).await;
    let again = wiki.exchange(trail.app, &code).await;
    assert_eq!(again.text("error"), "invalid_grant");
    trail.has(&again, &["exchange refused"]).await;
    // Again, when there is nothing left to end: it is hers still.
    let again = wiki.exchange(trail.app, &code).await;
    trail.has(&again, &["exchange refused"]).await;
    let code = wiki.code(ana, &[("scope", "openid offline_access")]).await;
    let tokens = wiki.exchange(trail.app, &code).await;
    trail.has(&tokens, &["authorize done"]).await;
    let revoked = wiki.ask(trail.app, "/revoke", &[("token", &tokens.text("refresh_token"))]).await;
    trail.has(&revoked, &["revoke_grant done"]).await;
    let withdraw = format!("DELETE /api/v1/account/apps/{}", wiki.id);
    trail.json(ana, &withdraw, Value::Null, &["withdraw_consent done"]).await;
}

async fn forgets_and_ends(trail: &mut Trail<'_>, ana: &mut Browser) {
    let switch = "PUT /api/v1/account/second-step";
    trail.json(ana, switch, json!({ "enabled": true }), &["set_second_step done"]).await;
    trail.json(ana, "POST /api/v1/sign-out", Value::Null, &["sign_out done"]).await;
    trail.app.letters().await;
    let answer =
        trail.json(ana, "POST /api/v1/reset", json!({ "email": NEW }), &["request_reset done"]).await;
    let code = trail.app.letter(NEW).await.code;
    for (code, expected) in [(wrong(&code), "reset_password refused"), (&code, "reset_password done")] {
        let body = json!({ "reset_id": answer.json()["reset_id"], "code": code, "new_password": PASSWORD });
        trail.json(ana, "POST /api/v1/reset/complete", body, &[expected]).await;
    }
    trail.app.letters().await;
    let body = json!({ "email": NEW, "password": PASSWORD });
    let answer = trail.json(ana, "POST /api/v1/sign-in", body, &["sign_in done"]).await;
    let attempt = answer.json()["attempt_id"].clone();
    trail.app.letters().await;
    let resend = json!({ "attempt_id": attempt });
    trail.json(ana, "POST /api/v1/sign-in/code/resend", resend, &["resend_code done"]).await;
    let code = trail.app.letter(NEW).await.code;
    for (code, expected) in [(wrong(&code), "second_step refused"), (&code, "second_step done")] {
        let body = json!({ "attempt_id": attempt, "code": code });
        trail.json(ana, "POST /api/v1/sign-in/code", body, &[expected]).await;
    }
    let body = json!({ "enabled": false, "password": PASSWORD });
    trail.json(ana, switch, body, &["set_second_step done"]).await;
    for (password, expected) in
        [(OTHER_PASSWORD, "delete_account refused"), (PASSWORD, "delete_account done")]
    {
        trail.json(ana, "DELETE /api/v1/account", json!({ "password": password }), &[expected]).await;
    }
}
