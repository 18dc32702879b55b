//! AWS Secrets Manager, as moto has it. moto looks at neither signatures nor rights, so that "denied" comes from a double.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Html;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{checked, command, serve, shows_none, values, write_config, write_private};
use crate::process::Running;
use crate::rotation::hang_up;

/// moto's server, on a port that it chose itself.
struct Moto {
    process: Child,
    address: String,
}

impl Moto {
    fn start() -> Option<Self> {
        let program = super::program("moto_server")?;
        let mut process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let running = lines.find_map(|line| Some(line.split_once("Running on ")?.1.trim().to_owned()));
        // It goes on to write of every request, and must not be held up by it.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, address: running.unwrap() })
    }

    /// A request of the API.
    async fn call(&self, action: &str, body: Value) -> Value {
        let settings = outbound::EgressSettings {
            allowed_networks: vec!["127.0.0.1".parse().unwrap()],
            plain_http_hosts: vec!["127.0.0.1".to_owned()],
            ..outbound::EgressSettings::default()
        };
        let request = outbound::EgressRequest::post(&self.address)
            .header("x-amz-target", &format!("secretsmanager.{action}"))
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body("application/x-amz-json-1.1", body.to_string().into_bytes());
        let answer = outbound::EgressClient::new(&settings).unwrap().send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn section(address: &str) -> String {
    format!("[secrets.aws]\nregion = \"eu-central-1\"\nendpoint = \"{address}\"\n")
}

/// Signed in by the environment, the first that the default chain looks at.
fn as_test(arguments: &[&str], config: &Path) -> Command {
    let mut command = command(arguments, config);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    command
}

/// What a check says of `keys.encryption`: its cause, and the sentence.
fn cause(command: &mut Command, values: &Value) -> (String, String) {
    let (is_well, report) = checked(command, values);
    assert!(!is_well, "{report}");
    let first = &report["secrets"][0];
    let problems = report["problems"].as_array().unwrap();
    let problem = problems.iter().find(|one| one["setting"] == "keys.encryption").unwrap();
    (first["cause"].as_str().unwrap().to_owned(), problem["message"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_nothing_but_references_serves_and_every_stage_is_read() {
    let Some(moto) = Moto::start() else { return };
    let (before, values) = (values(), values());
    let made = moto
        .call("CreateSecret", json!({ "Name": "prod/keyward", "SecretString": before.to_string() }))
        .await;
    let arn = made["ARN"].as_str().unwrap();
    moto.call("PutSecretValue", json!({ "SecretId": "prod/keyward", "SecretString": values.to_string() }))
        .await;
    let mail = json!({ "Name": "mail", "SecretString": values["mail"] });
    moto.call("CreateSecret", mail).await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &section(&moto.address), |key| match key {
        "mail" => "aws:mail".to_owned(),
        "audit" => format!("aws:{arn}#audit"),
        key => format!("aws:prod/keyward#{key}"),
    });
    let (is_well, report) = checked(&mut as_test(&["secrets", "check"], &config), &values);
    assert!(is_well, "{report}");
    let versions: Vec<_> = report["secrets"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert!(versions.iter().all(|version| version.is_string()), "{report}");
    let mut signed_in = serve(&config);
    signed_in
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "a-key-that-signs-and-is-never-sent");
    let log = Running::of(&mut signed_in).end();
    shows_none(&log, &values);
    assert!(log.contains("\"TRACE\"") && !log.contains("a-key-that-signs"), "{log}");

    // The version before is another; and one that is not there is missing.
    let staged = |stage: &str| {
        let stage = stage.to_owned();
        write_config(folder.path(), &section(&moto.address), move |key| match key {
            "encryption" => format!("aws:prod/keyward?stage={stage}#encryption"),
            key => format!("aws:prod/keyward#{key}"),
        })
    };
    let previous = staged("AWSPREVIOUS");
    let (is_well, report) = checked(&mut as_test(&["secrets", "check"], &previous), &before);
    assert!(is_well, "{report}");
    assert_ne!(report["secrets"][0]["version"], report["secrets"][1]["version"]);
    let (kind, sentence) = cause(&mut as_test(&["secrets", "check"], &staged("AWSPENDING")), &values);
    assert_eq!(kind, "missing", "{sentence}");
    for (reference, kind, words) in [
        ("aws:prod/keyward#encrpytion", "wrong_key", "the keys that are there: audit, client, encryption"),
        ("aws:mail#mail", "wrong_key", "no JSON object"),
        ("aws:nothing", "missing", "ResourceNotFoundException"),
    ] {
        let config = write_config(folder.path(), &section(&moto.address), |key| match key {
            "encryption" => reference.to_owned(),
            key => format!("aws:prod/keyward#{key}"),
        });
        let (found, sentence) = cause(&mut as_test(&["secrets", "check"], &config), &values);
        assert!(found == kind && sentence.contains(words), "{found}: {sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_value_is_in_force_without_a_restart() {
    let Some(moto) = Moto::start() else { return };
    let mut values = values();
    let kept = |values: &Value| values.to_string();
    moto.call("CreateSecret", json!({ "Name": "prod/keyward", "SecretString": kept(&values) })).await;
    let folder = tempfile::tempdir().unwrap();
    let reference = |key: &str| format!("aws:prod/keyward#{key}");
    let config = write_config(folder.path(), &section(&moto.address), reference);
    let mut signed_in = serve(&config);
    signed_in.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let mut server = Running::of(&mut signed_in);
    values["client"] = super::values()["client"].clone();
    moto.call("PutSecretValue", json!({ "SecretId": "prod/keyward", "SecretString": kept(&values) })).await;
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is in force");
    assert!(line.contains("clients.secret") && line.contains("aws:prod/keyward#client"), "{line}");
    shows_none(&server.end(), &values);
}

async fn double(routes: Router) -> (String, JoinHandle<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, tokio::spawn(axum::serve(listener, routes).into_future()))
}

/// A double, which answers as whatever stands before AWS does while that is away: with a page.
#[tokio::test(flavor = "multi_thread")]
async fn trouble_that_may_pass_is_not_taken_for_a_refusal() {
    let away = || async { (StatusCode::SERVICE_UNAVAILABLE, Html("<html>come back later</html>")) };
    let (address, _double) = double(Router::new().fallback(away)).await;
    let (folder, values) = (tempfile::tempdir().unwrap(), values());
    let config = write_config(folder.path(), &section(&address), |key| match key {
        "encryption" => "aws:prod/keyward#encryption".to_owned(),
        key => {
            let file = folder.path().join(key);
            write_private(&file, values[key].as_str().unwrap());
            format!("file:{}", file.display())
        }
    });
    let (kind, sentence) = cause(&mut as_test(&["secrets", "check"], &config), &values);
    assert!(kind == "unreachable" && sentence.contains("status 503"), "{kind}: {sentence}");
    // So does whoever tells a container as whom it signs in.
    let mut contained = command(&["secrets", "check"], &config);
    contained.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{address}/credentials"));
    let (kind, sentence) = cause(contained.env("AWS_EC2_METADATA_DISABLED", "true"), &values);
    assert_eq!(kind, "unreachable", "{sentence}");
    // What is written wrongly for AWS's own chain does not pass, and is nobody's refusal either.
    let profiles = folder.path().join("profiles");
    write_private(&profiles, "[default]\nrole_arn = arn:aws:iam::123456789012:role/keyward\n");
    let mut misled = command(&["secrets", "check"], &config);
    misled.env("AWS_CONFIG_FILE", &profiles).env("AWS_EC2_METADATA_DISABLED", "true");
    let (kind, sentence) = cause(&mut misled, &values);
    assert_eq!(kind, "unusable", "{sentence}");
}

/// A double, which says no to everybody as AWS documents it, and remembers who asked.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_or_away_is_told_so_and_we_name_ourselves() {
    let agents: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = agents.clone();
    let refuse = move |headers: HeaderMap| async move {
        heard.lock().unwrap().push(headers["user-agent"].to_str().unwrap().to_owned());
        let body = json!({
            "__type": "AccessDeniedException",
            "Message": "User: arn:aws:iam::123456789012:user/keyward is not authorized to perform: secretsmanager:GetSecretValue",
        });
        (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.1")], body.to_string())
    };
    let (address, double) = double(Router::new().fallback(refuse)).await;
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), &section(&address), |key| format!("aws:prod/keyward#{key}"));
    let values = values();
    let (kind, sentence) = cause(&mut as_test(&["secrets", "check"], &config), &values);
    assert_eq!(kind, "denied");
    assert!(
        sentence.contains("AccessDeniedException: User: arn:aws:iam") && sentence.contains(&address),
        "{sentence}"
    );
    let agents = agents.lock().unwrap().clone();
    assert!(!agents.is_empty() && agents.iter().all(|agent| agent.contains("app/keyward-")), "{agents:?}");

    // Nobody to sign in as: the machine's own role is not asked for here.
    let mut nobody = command(&["secrets", "check"], &config);
    let (kind, sentence) = cause(nobody.env("AWS_EC2_METADATA_DISABLED", "true"), &values);
    assert_eq!(kind, "denied", "{sentence}");
    assert!(sentence.contains("default chain finds nobody"), "{sentence}");
    // Nor a region.
    let mut nowhere = as_test(&["secrets", "check"], &config);
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap().replace("region =", "# region ="))
        .unwrap();
    let (kind, sentence) = cause(nowhere.env("AWS_EC2_METADATA_DISABLED", "true"), &values);
    assert!(kind == "not_configured" && sentence.contains("AWS_REGION"), "{sentence}");

    double.abort();
    let _ = double.await;
    let config = write_config(folder.path(), &section(&address), |key| format!("aws:prod/keyward#{key}"));
    let (kind, sentence) = cause(&mut as_test(&["secrets", "check"], &config), &values);
    assert_eq!(kind, "unreachable", "{sentence}");
}
