//! GCP Secret Manager: a double of the answers that Google documents, since there is no emulator. It is held to Google's own client.

use std::collections::HashMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{checked, command, serve, shows_none, values, write_config, write_private};
use crate::process::Running;
use crate::rotation::hang_up;

const TOKEN: &str = "ya29.a-token-of-the-double";

/// What the double holds, and who asked it.
#[derive(Clone, Default)]
struct Double {
    /// `encryption`, and its versions from the first.
    secrets: Arc<Mutex<HashMap<String, Vec<String>>>>,
    agents: Arc<Mutex<Vec<String>>>,
    /// Every answer is damaged on its way.
    damages: bool,
}

impl Double {
    fn of(values: &Value) -> Self {
        let secret =
            |key: &str| (key.to_owned(), vec!["before".to_owned(), values[key].as_str().unwrap().to_owned()]);
        Self { secrets: Arc::new(Mutex::new(super::KEYS.map(secret).into())), ..Self::default() }
    }

    async fn serve(self) -> String {
        let routes = Router::new()
            .route("/v1/projects/{project}/secrets/{secret}/versions/{version}", get(access))
            .route("/computeMetadata/v1/instance/service-accounts/default/token", get(of_the_machine))
            .route("/token", post(of_a_person))
            .with_state(self);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, routes).into_future());
        address
    }
}

fn refusal(status: StatusCode, name: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": status.as_u16(), "message": message, "status": name } });
    (status, Json(body)).into_response()
}

async fn access(
    State(double): State<Double>,
    Path((project, secret, version)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let of =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    double.agents.lock().unwrap().push(of("user-agent"));
    if of("authorization") != format!("Bearer {TOKEN}") {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials.",
        );
    }
    let Some(version) = version.strip_suffix(":access") else {
        return refusal(StatusCode::NOT_FOUND, "NOT_FOUND", "Method not found.");
    };
    if project != "keyward" {
        let message = format!(
            "Permission 'secretmanager.versions.access' denied for resource 'projects/{project}/secrets/{secret}/versions/\
             {version}' (or it may not exist)."
        );
        return refusal(StatusCode::FORBIDDEN, "PERMISSION_DENIED", &message);
    }
    let secrets = double.secrets.lock().unwrap();
    let versions = secrets.get(&secret).map_or(&[][..], Vec::as_slice);
    let number = if version == "latest" { versions.len() } else { version.parse().unwrap_or(0) };
    let Some(value) = number.checked_sub(1).and_then(|index| versions.get(index)) else {
        let message = format!("Secret [projects/1/secrets/{secret}] not found or has no versions.");
        return refusal(StatusCode::NOT_FOUND, "NOT_FOUND", &message);
    };
    let checksum = crc32c(value.as_bytes()).to_string();
    let sent = if double.damages { value.replacen(char::is_alphanumeric, "_", 1) } else { value.clone() };
    let name = format!("projects/1/secrets/{secret}/versions/{number}");
    let payload = json!({ "data": STANDARD.encode(sent), "dataCrc32c": checksum });
    Json(json!({ "name": name, "payload": payload })).into_response()
}

/// The metadata server of a machine.
async fn of_the_machine(headers: HeaderMap) -> Response {
    if headers.get("metadata-flavor").is_none_or(|flavor| flavor != "Google") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let token = json!({ "access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer" });
    ([("metadata-flavor", "Google")], Json(token)).into_response()
}

/// Where a person's refresh token is exchanged.
async fn of_a_person(body: String) -> Response {
    if !body.contains("the-refresh-token") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    }
    Json(json!({ "access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer" })).into_response()
}

/// By a table, other than the server's own.
fn crc32c(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| {
            (0..8).fold(byte, |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
        })
        .collect();
    let crc = bytes
        .iter()
        .fold(u32::MAX, |crc, byte| table[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8));
    crc ^ u32::MAX
}

fn section(address: &str) -> String {
    format!("[secrets.gcp]\nendpoint = \"http://{address}\"\n")
}

fn reference(key: &str) -> String {
    format!("gcp:projects/keyward/secrets/{key}#latest")
}

/// As the machine's own account.
fn on_a_machine(arguments: &[&str], config: &std::path::Path, address: &str) -> Command {
    let mut command = command(arguments, config);
    command.env("GCE_METADATA_HOST", address);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_nothing_but_references_serves_by_the_metadata_server_and_by_a_file() {
    let values = values();
    let double = Double::of(&values);
    let agents = double.agents.clone();
    let address = double.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &section(&address), reference);
    let (is_well, report) = checked(&mut on_a_machine(&["secrets", "check"], &config, &address), &values);
    assert!(is_well, "{report}");
    assert_eq!(report["secrets"][0]["version"], "2");
    let log = Running::of(serve(&config).env("GCE_METADATA_HOST", &address)).end();
    shows_none(&log, &values);
    assert!(log.contains("\"TRACE\"") && !log.contains(TOKEN), "{log}");
    let heard = agents.lock().unwrap().clone();
    assert!(heard.len() == 8 && heard.iter().all(|agent| agent.starts_with("keyward/")), "{heard:?}");

    // Application default credentials in a file: a person's.
    let file = folder.path().join("credentials.json");
    let mut person = json!({
        "type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "the-refresh-token",
        "token_uri": format!("http://{address}/token"),
    });
    write_private(&file, &person.to_string());
    let as_a_person = || {
        let mut check = command(&["secrets", "check"], &config);
        check.env("GOOGLE_APPLICATION_CREDENTIALS", &file);
        check
    };
    let (is_well, report) = checked(&mut as_a_person(), &values);
    assert!(is_well, "{report}");
    person["refresh_token"] = "another".into();
    write_private(&file, &person.to_string());
    let (is_well, report) = checked(&mut as_a_person(), &values);
    assert!(!is_well);
    assert_eq!(report["secrets"][0]["cause"], "denied", "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_in_force_without_a_restart() {
    let mut values = values();
    let double = Double::of(&values);
    let secrets = double.secrets.clone();
    let address = double.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &section(&address), reference);
    let mut server = Running::of(serve(&config).env("GCE_METADATA_HOST", &address));
    values["client"] = super::values()["client"].clone();
    let next = values["client"].as_str().unwrap().to_owned();
    secrets.lock().unwrap().get_mut("client").unwrap().push(next);
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is in force");
    assert!(line.contains("clients.secret") && line.contains("\"version\":\"3\""), "{line}");
    shows_none(&server.end(), &values);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_is_told_by_its_name() {
    let values = values();
    let address = Double::of(&values).serve().await;
    let damaging = Double { damages: true, ..Double::of(&values) }.serve().await;
    let folder = tempfile::tempdir().unwrap();
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (endpoint, machine, encryption, kind, words) in [
        (
            &address,
            &address,
            "gcp:projects/other/secrets/encryption",
            "denied",
            "PERMISSION_DENIED: Permission",
        ),
        (&address, &address, "gcp:projects/keyward/secrets/nothing", "missing", "NOT_FOUND: Secret"),
        (&address, &address, "gcp:projects/keyward/secrets/encryption#3", "missing", "NOT_FOUND"),
        (
            &damaging,
            &address,
            "gcp:projects/keyward/secrets/encryption",
            "damaged",
            "does not fit its checksum",
        ),
        (&nobody, &address, "gcp:projects/keyward/secrets/encryption", "unreachable", "does not answer"),
    ] {
        let config = write_config(folder.path(), &section(endpoint), |key| match key {
            "encryption" => encryption.to_owned(),
            key => reference(key),
        });
        let (is_well, report) = checked(&mut on_a_machine(&["secrets", "check"], &config, machine), &values);
        assert!(!is_well);
        assert_eq!(report["secrets"][0]["cause"], kind, "{report}");
        let problems = report["problems"].as_array().unwrap();
        assert!(problems.iter().any(|one| one["message"].as_str().unwrap().contains(words)), "{report}");
    }
}

/// Google's client reads the double as it reads Google, checksum and refusal alike.
#[tokio::test(flavor = "multi_thread")]
async fn the_double_is_what_googles_own_client_takes() {
    let Some(python) = super::program("python") else { return };
    let values = values();
    let address = Double::of(&values).serve().await;
    let script = include_str!("gcp_client.py");
    let mut client = Command::new(python)
        .args(["-", &address, TOKEN])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let told = tokio::task::spawn_blocking(move || client.wait_with_output().unwrap()).await.unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let expected = json!({
        "name": "projects/1/secrets/encryption/versions/2",
        "value": values["encryption"],
        "whole": true,
        // A token that is not taken it would exchange for another, which it cannot here.
        "refusals": ["Forbidden", "NotFound", "RefreshError"],
    });
    assert_eq!(told, expected);
}
