//! Class 12: one path without the lock-out. Every path that takes a password or a code is tried until it refuses; a path
//! that is not in the list does not take one.

mod evidence;
pub(super) mod mails;
mod passwords;

use serde_json::Value;

use crate::classes::inventory::every;
use crate::support::{Answer, Browser};

const ANA: &str = "ana@example.com";

/// How the body is sent.
#[derive(Clone, Copy)]
pub(super) enum Speech {
    Form,
    Json,
}

async fn send(browser: &mut Browser, method: &str, path: &str, speech: Speech, body: &Value) -> Answer {
    match speech {
        Speech::Json => browser.json(method, path, body).await,
        Speech::Form => {
            let fields: Vec<_> = body
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            browser.post(path, &fields).await
        }
    }
}

fn assert_too_many(answer: &Answer, path: &str, longest: u64) {
    assert_eq!(answer.status, 429, "{path}: {}", answer.body);
    let wait: u64 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("{path}: no Retry-After"));
    assert!((1..=longest).contains(&wait), "{path}: {wait}");
    assert!(!answer.opens_session());
}

/// Unsafe routes that take no credential.
const HARMLESS: [&str; 31] = [
    "DELETE /api/v1/account/apps/{client_id}",
    "DELETE /api/v1/account/email",
    "DELETE /api/v1/account/sessions",
    "DELETE /api/v1/account/sessions/{id}",
    "PATCH /api/v1/account",
    "POST /account/apps/withdraw",
    "POST /account/email",
    "POST /account/email/cancel",
    "POST /account/profile",
    "POST /account/sessions/end",
    "POST /account/sessions/end-others",
    "POST /api/v1/account/email",
    "POST /api/v1/account/token",
    "POST /api/v1/reset",
    "POST /api/v1/sign-in/code/resend",
    "POST /api/v1/sign-out",
    "POST /api/v1/sign-up",
    "POST /api/v1/sign-up/proof/resend",
    "POST /authorize",
    "POST /authorize/account",
    "POST /authorize/consent",
    "POST /end-session",
    "POST /language",
    "POST /logout",
    "POST /reset",
    "POST /sign-in/code/resend",
    "POST /sign-out",
    "POST /sign-up",
    "POST /signup",
    "POST /verify-token",
    "POST /verify/resend",
];

/// A new route has to come into one of the lists: it takes a credential, or it does not.
#[test]
fn the_lists_are_whole() {
    let mut known: Vec<_> = [
        // Of apps, and tokens: `protocol::clients`.
        "POST /token",
        "POST /introspect",
        "POST /revoke",
        "POST /userinfo",
    ]
    .into_iter()
    .chain(HARMLESS)
    .map(ToOwned::to_owned)
    .collect();
    known.extend(passwords::all().iter().map(|(method, path, ..)| format!("{method} {path}")));
    known.extend(evidence::all().iter().map(|(method, path, ..)| format!("{method} {path}")));
    for (method, path) in every().into_iter().filter(|(method, _)| method != "GET") {
        assert!(known.contains(&format!("{method} {path}")), "{method} {path} is in no list");
    }
}
