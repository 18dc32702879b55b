//! How machines ask the server how it is.

use std::process::Output;

use crate::process::{POSTMARK, Running, binary, get, write_config, write_secrets};

#[test]
fn health_is_told_on_the_internal_address_and_not_to_the_public() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let running = Running::start(folder.path(), POSTMARK);
    for path in ["/livez", "/startupz", "/readyz"] {
        assert_eq!(get(&running.internal, path).0, 200, "{path}");
        assert_eq!(get(&running.address, path).0, 404, "{path}");
    }
    assert_eq!(get(&running.internal, "/sign-in").0, 404);
}

#[test]
fn healthcheck_says_by_its_exit_code_how_the_server_is() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let config = write_config(folder.path(), POSTMARK);
    let running = Running::start(folder.path(), POSTMARK);
    let check = |internal: &str, arguments: &[&str]| -> Output {
        let listen = format!("internal.listen={internal}");
        let mut command = binary();
        command.arg("healthcheck").arg("--config").arg(&config).args(["--set", &listen]).args(arguments);
        command.output().unwrap()
    };
    for probe in ["live", "started", "ready"] {
        let told = check(&running.internal, &["--probe", probe]);
        assert_eq!(told.status.code(), Some(0), "{told:?}");
    }
    // A server that runs is well, whatever the file says by now to the next.
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[of_the_next_release]\nsetting = 1\n")).unwrap();
    let told = check(&running.internal, &[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    std::fs::write(&config, text).unwrap();
    // What listens everywhere is asked on this machine.
    let port = running.internal.rsplit(':').next().unwrap();
    let everywhere = check(&format!("0.0.0.0:{port}"), &[]);
    assert_eq!(String::from_utf8_lossy(&everywhere.stdout), "{\"status\":\"ready\",\"degraded\":[]}\n");
    // Somebody who takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hung = check(&silent.local_addr().unwrap().to_string(), &["--timeout", "1"]);
    assert_eq!(hung.status.code(), Some(1), "{hung:?}");
    let internal = running.internal.clone();
    drop(running);
    let gone = check(&internal, &[]);
    let error = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert_eq!(gone.status.code(), Some(1));
    assert!(error.contains("nobody answers at http://127.0.0.1:") && error.contains("/readyz"), "{error}");
}
