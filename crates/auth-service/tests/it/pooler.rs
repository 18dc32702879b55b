//! A server behind PgBouncer in transaction mode.

use serde_json::json;

use crate::full::{PASSWORD, Stack};
use crate::pgbouncer::PgBouncer;
use crate::process::{Running, post};

#[tokio::test]
async fn behind_a_pooler_people_sign_up_and_in_and_are_known() {
    let Some(stack) = Stack::migrated().await else { return };
    let Some(pooler) = PgBouncer::start(stack.postgres.port()) else { return };
    let url = format!("database.url=postgres://keyward@127.0.0.1:{}/postgres", pooler.port());
    let not_told = stack.server(1, &[&url]).output().unwrap();
    let said = String::from_utf8_lossy(&not_told.stderr).into_owned();
    assert_eq!(not_told.status.code(), Some(1), "{said}");
    assert!(!said.contains("waiting for"), "no waiting mends it: {said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.contains("a pooler stands between") && last.contains("set statement_cache = 0 under [database]"),
        "{last}"
    );
    let server = Running::of(&mut stack.server(1, &[&url, "database.statement_cache=0"]));
    for name in ["ana", "ben", "cy"] {
        let account =
            json!({ "email": format!("{name}@example.com"), "password": PASSWORD, "requires2FA": false });
        let login = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        assert_eq!(post(&server.address, "/signup", &account, "").0, 201);
        let (status, answer) = post(&server.address, "/login", &login, "");
        assert_eq!(status, 200, "{answer}");
        let cookies: Vec<_> =
            answer.lines().filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).collect();
        let token = cookies.iter().find_map(|cookie| cookie.strip_prefix("jwt=")).unwrap();
        let token = json!({ "token": token });
        assert_eq!(post(&server.address, "/verify-token", &token, "").0, 200);
        assert_eq!(post(&server.address, "/logout", &json!({}), &cookies.join("; ")).0, 200);
        assert_eq!(post(&server.address, "/verify-token", &token, "").0, 401);
    }
}
