//! The cookies of signing in and out, over https and in development.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{PASSWORD, TestApp, redact};

async fn cookies(public_url: &'static str) -> (String, String) {
    let app = TestApp::with(|setup| setup.public_url = public_url).await;
    app.account("ana@example.com", false).await;
    let mut program = app.program();
    let login = json!({ "email": "ana@example.com", "password": PASSWORD });
    let set = program.json("POST", "/login", &login).await;
    let cleared = program.raw("POST", "/logout", "", "").await;
    (redact(&set.cookies().join("\n")), cleared.cookies().join("\n"))
}

#[tokio::test]
async fn over_https_every_cookie_is_secure() {
    let (set, cleared) = cookies("https://auth.example.com/").await;
    assert_snapshot!(set, @"
    __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    __Host-keyward-browser=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000
    ");
    assert_snapshot!(cleared, @"
    __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    ");
}

#[tokio::test]
async fn in_development_no_cookie_is() {
    let (set, cleared) = cookies("http://localhost:3000/").await;
    assert_snapshot!(set, @"
    keyward-session=[token]; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000
    jwt=[jwt]; HttpOnly; SameSite=Lax; Path=/; Max-Age=600
    keyward-browser=[token]; HttpOnly; SameSite=Lax; Path=/; Max-Age=34560000
    ");
    assert_snapshot!(cleared, @"
    keyward-session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0
    jwt=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0
    ");
}
