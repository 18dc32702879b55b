//! Users of PostgreSQL that OpenBao makes, or whose passwords it exchanges, under load.

use serde_json::json;

use super::openbao::OpenBao;
use super::vault;
use crate::full::{Stack, sign_in, sign_up};
use crate::process::{POSTMARK, Running, write_config, write_secrets};
use crate::rotation::{Load, guarded_servers, hang_up, put, rounds, tell_redis};

/// A server whose database's user is what OpenBao says at `path`, and OpenBao.
async fn stack(policy: &str, made: impl Fn(&OpenBao)) -> Option<(Stack, OpenBao)> {
    let bao = OpenBao::start()?;
    let (postgres, redis) = guarded_servers().await?;
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    put(&folder.path().join("redis"), "k7Qm2xVb9t-redis");
    tell_redis(redis.port(), "k7Qm2xVb9t-redis");
    let port = postgres.port();
    bao.bao(&["secrets", "enable", "database"]);
    bao.bao(&[
        "write",
        "database/config/keyward",
        "plugin_name=postgresql-database-plugin",
        &format!("connection_url=postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{port}/postgres?sslmode=disable"),
        "username=keyward",
        "password=of-no-use-here",
        "allowed_roles=*",
    ]);
    let (role_id, secret_id) = bao.role("keyward", policy);
    let config = write_config(folder.path(), POSTMARK);
    let text = std::fs::read_to_string(&config).unwrap();
    let at = folder.path().display();
    let small = format!("path = \"{at}/keyward.sqlite\"");
    let full = format!(
        "url = \"postgres://127.0.0.1:{port}/postgres\"\nusername = \"vault:database/PATH#username\"\npassword = \"vault:database/PATH#password\"\n\
         migrate_url = \"postgres://keyward@127.0.0.1:{port}/postgres\"\n\
         [redis]\nhost = \"127.0.0.1\"\nport = {}\nusername = \"keyward\"\npassword = \"file:{at}/redis\"\n\
         [accounts]\nrequire_proof = false\n{}",
        redis.port(),
        vault::section(&bao, &role_id, &secret_id),
    );
    assert!(text.contains(&small), "{text}");
    std::fs::write(&config, text.replace(&small, &full)).unwrap();
    let stack = Stack { postgres, redis, folder };
    let migrated = stack.migrate("apply", &[]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    made(&bao);
    Some((stack, bao))
}

fn point_at(stack: &Stack, path: &str) {
    let config = stack.folder.path().join("keyward.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("PATH", path)).unwrap();
}

/// Leases that are renewed, and come to their end: each time another user takes the place of the one before.
#[tokio::test]
async fn users_that_openbao_makes_come_and_go_and_nobody_notices() {
    const POLICY: &str = "path \"database/creds/keyward\" {\n capabilities = [\"read\"]\n}\n\
                          path \"sys/leases/renew\" {\n capabilities = [\"update\"]\n}\n";
    let made = |bao: &OpenBao| {
        let make = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE keyward";
        bao.bao(&[
            "write",
            "database/roles/keyward",
            "db_name=keyward",
            &format!("creation_statements={make}"),
            "default_ttl=12s",
            "max_ttl=26s",
        ]);
        // The sign-in ends before long, too.
        bao.bao(&["write", "auth/approle/role/keyward", "token_ttl=20s", "token_max_ttl=40s"]);
    };
    let Some((stack, bao)) = stack(POLICY, made).await else { return };
    point_at(&stack, "creds/keyward");
    let mut server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (_, cookies) = sign_in(&server, "ana@example.com");
    let load = Load::on(&server, &cookies);
    for _ in 0..rounds(3) {
        // User and password.
        for setting in ["database.username", "database.password"] {
            let line = server.wait_for_line("a changed secret is in force");
            assert!(line.contains(setting), "{line}");
        }
        load.goes_on();
    }
    let (done, failed) = load.end();
    assert!(failed.is_empty(), "{} of {done}: {}", failed.len(), failed[0]);
    let log = server.end();
    assert!(!log.contains("a dependency is lost") && !log.contains("\"level\":\"ERROR\""), "{log}");
    // Of a lease that was renewed the audit log has a line.
    assert!(bao.audit_log().contains("sys/leases/renew"));
}

/// One user whose password OpenBao exchanges, by itself and when it is told to.
#[tokio::test]
async fn the_password_of_a_user_is_exchanged_by_openbao_again_and_again_and_nobody_notices() {
    const POLICY: &str = "path \"database/static-creds/keyward\" {\n capabilities = [\"read\"]\n}\n";
    let Some((stack, bao)) = stack(POLICY, |_| {}).await else { return };
    stack.tamper("CREATE ROLE app LOGIN PASSWORD 'the-very-first' IN ROLE keyward");
    let role =
        ["write", "database/static-roles/keyward", "db_name=keyward", "username=app", "rotation_period=5s"];
    bao.bao(&role);
    point_at(&stack, "static-creds/keyward");
    let mut server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (_, cookies) = sign_in(&server, "ana@example.com");
    let load = Load::on(&server, &cookies);
    server.wait_for_line("a changed secret is in force");
    for _ in 0..rounds(10) {
        bao.bao(&["write", "-f", "database/rotate-role/keyward"]);
        server.wait_for_line("a changed secret is in force");
        load.goes_on();
    }
    let (done, failed) = load.end();
    assert!(failed.is_empty(), "{} of {done}: {}", failed.len(), failed[0]);
    let log = server.end();
    assert!(!log.contains("a dependency is lost"), "{log}");
}

/// A password that OpenBao merely keeps: whoever exchanges it tells PostgreSQL, and then OpenBao. Then it is sealed, and nobody notices.
#[tokio::test]
async fn a_password_is_rotated_in_openbao_and_openbao_sealed_and_nobody_notices() {
    const POLICY: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n";
    let made = |bao: &OpenBao| {
        vault::put(bao, "kv/keyward", &json!({ "username": "app", "password": "k7Qm2xVb9t-first" }));
    };
    let Some((stack, mut bao)) = stack(POLICY, made).await else { return };
    stack.tamper("CREATE ROLE app LOGIN PASSWORD 'k7Qm2xVb9t-first' IN ROLE keyward");
    let config = stack.folder.path().join("keyward.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("vault:database/PATH#", "vault:kv/keyward#")).unwrap();
    let mut server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (_, cookies) = sign_in(&server, "ana@example.com");
    let load = Load::on(&server, &cookies);
    for number in 0..rounds(10) {
        let next = format!("k7Qm2xVb9t-{number}");
        stack.tamper(&format!("ALTER ROLE app PASSWORD '{next}'"));
        vault::put(&bao, "kv/keyward", &json!({ "username": "app", "password": next }));
        hang_up(&server);
        let line = server.wait_for_line("a changed secret is in force");
        assert!(line.contains("database.password"), "{line}");
        load.goes_on();
    }
    for _ in 0..rounds(3) {
        bao.seal();
        hang_up(&server);
        server.wait_for_line("could not be read anew");
        load.goes_on();
        bao.unseal();
        hang_up(&server);
        server.wait_for_line("can be read again");
        load.goes_on();
    }
    let (done, failed) = load.end();
    assert!(failed.is_empty(), "{} of {done}: {}", failed.len(), failed[0]);
    let log = server.end();
    assert!(!log.contains("a dependency is lost") && !log.contains("k7Qm2xVb9t"), "{log}");
}
