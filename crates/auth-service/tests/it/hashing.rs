//! How passwords are hashed, as whoever runs the server and whoever attacks it meet it.

use serde_json::json;

use crate::process::{POSTMARK, Running, command, write_secrets};
use crate::support::{PASSWORD, TestApp};

/// What is below OWASP's minimum is refused, or used if `allow_weak` says so; then every start says that it is.
#[test]
fn weak_parameters_are_refused_or_told_at_every_start() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let weak = ["password.hashing.memory_kib=64", "password.hashing.iterations=1"];
    let refused = command(folder.path(), POSTMARK)
        .args(weak.iter().flat_map(|setting| ["--set", setting]))
        .output()
        .unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("password.hashing.memory_kib") && told.contains("that is allowed is 7168"),
        "{told}"
    );
    let allowed = [&weak[..], &["password.hashing.allow_weak=true"]].concat();
    for _ in 0..2 {
        let running = Running::with(folder.path(), &allowed);
        assert!(running.log.contains("allow_weak: passwords are hashed with less"), "{}", running.log);
    }
    let running = Running::with(folder.path(), &[]);
    assert!(!running.log.contains("allow_weak"), "{}", running.log);
}

/// Whoever sends a huge password must not make the server hash it, wherever a password is taken.
#[tokio::test]
async fn a_password_of_100_kb_is_refused_before_it_is_hashed() {
    let app = TestApp::with(|setup| setup.limits.body = 1_048_576).await;
    let mut member = app.member("ana@example.com").await;
    let done = || app.app.auth.hasher().metrics().done;
    let long = "x".repeat(100_000);
    let before = done();
    for path in ["/login", "/signup", "/api/v1/sign-in", "/api/v1/sign-up"] {
        let body = json!({ "email": "ana@example.com", "password": long, "requires2FA": false });
        let answer = app.program().json("POST", path, &body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{path}: {}", answer.status);
    }
    for path in ["/sign-in", "/sign-up"] {
        let mut browser = app.browser();
        browser.get(path).await;
        let answer = browser.post(path, &[("email", "ana@example.com"), ("password", &long)]).await;
        assert_eq!(answer.status, 422, "{path}");
    }
    let answer =
        member.post("/account/password", &[("current_password", PASSWORD), ("new_password", &long)]).await;
    assert_eq!(answer.status, 422);
    assert_eq!(done(), before, "nothing was hashed");
}
