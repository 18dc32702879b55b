//! The containers of a stack, as Docker sees them: the proxy, the database, Redis and the app take no orders, and are asked for there.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

/// A daemon that does not answer by then is told to be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// What ends when it has done its work.
const ONE_SHOT: &str = "migrate";

/// A container of the stack that is to run, and how it is.
pub(crate) struct Container {
    pub(crate) service: String,
    /// None if Docker has none of this service.
    found: Option<Found>,
}

/// A container, as `docker compose ps --format json` has it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    service: String,
    state: String,
    /// Empty if nobody looks.
    #[serde(default)]
    health: String,
    #[serde(default)]
    exit_code: i64,
}

impl Container {
    /// Whether it does what it is there for.
    pub(crate) fn is_well(&self) -> bool {
        self.found.as_ref().is_some_and(|found| match found.state.as_str() {
            "running" => matches!(found.health.as_str(), "" | "healthy"),
            "exited" => self.service == ONE_SHOT && found.exit_code == 0,
            _ => false,
        })
    }

    /// In a few words.
    pub(crate) fn how(&self) -> String {
        match &self.found {
            None => "there is none".to_owned(),
            Some(Found { state, exit_code, .. }) if state == "exited" => format!("exited ({exit_code})"),
            Some(Found { state, health, .. }) if health.is_empty() => state.clone(),
            Some(Found { state, health, .. }) => format!("{state}, {health}"),
        }
    }

    pub(crate) fn in_json(&self) -> Value {
        let found = self.found.as_ref();
        json!({
            "container": self.service,
            "state": found.map(|found| &found.state),
            "health": found.map(|found| &found.health).filter(|health| !health.is_empty()),
            "well": self.is_well(),
        })
    }
}

/// The containers that are to run in the stack of a folder, by name.
///
/// # Errors
///
/// Why Docker does not say, in a few words.
pub(crate) async fn of(folder: &Path) -> Result<Vec<Container>, String> {
    let services = docker(folder, &["config", "--services"]).await?;
    let listed = docker(folder, &["ps", "--all", "--format", "json"]).await?;
    let mut found = read(&listed)?;
    let mut services: Vec<_> = services.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    services.sort_unstable();
    let container = |service: &str| Container { service: service.to_owned(), found: found.remove(service) };
    Ok(services.into_iter().map(container).collect())
}

/// By service. An array, or since Compose 2.21 an object a line.
fn read(listed: &str) -> Result<BTreeMap<String, Found>, String> {
    let all: Result<Vec<Found>, _> = match serde_json::from_str(listed) {
        Ok(all) => Ok(all),
        Err(_) => listed.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect(),
    };
    let all = all.map_err(|error| format!("`docker compose ps` says what cannot be read: {error}"))?;
    Ok(all.into_iter().map(|found| (found.service.clone(), found)).collect())
}

/// What `docker compose ARGUMENTS` prints.
async fn docker(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut child = Command::new("docker")
        .arg("compose")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("docker cannot be run ({error})"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = tokio::task::spawn_blocking(move || {
        let (mut said, mut error) = (String::new(), String::new());
        stdout.map(|mut stdout| stdout.read_to_string(&mut said)).transpose()?;
        stderr.map(|mut stderr| stderr.read_to_string(&mut error)).transpose()?;
        Ok::<_, std::io::Error>((said, error))
    });
    let read = tokio::time::timeout(PATIENCE, reading).await;
    if read.is_err() {
        // Its pipes end with it, and so does whoever reads them.
        let _ = child.kill();
    }
    let ended = child.wait();
    let Ok(Ok(Ok((said, error)))) = read else {
        return Err(format!("`docker compose` says nothing for {} s", PATIENCE.as_secs()));
    };
    if ended.is_ok_and(|status| status.success()) {
        return Ok(said);
    }
    let why = error.lines().map(str::trim).rfind(|line| !line.is_empty());
    Err(why.unwrap_or("`docker compose` failed and does not say why").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(service: &str, state: &str, health: &str, exit_code: i64) -> Container {
        let (state, health) = (state.to_owned(), health.to_owned());
        let found = Found { service: service.to_owned(), state, health, exit_code };
        Container { service: service.to_owned(), found: Some(found) }
    }

    #[test]
    fn what_runs_and_is_healthy_is_well_and_of_what_ended_what_was_to_end() {
        for (service, state, health, exit_code, is_well, how) in [
            ("caddy", "running", "healthy", 0, true, "running, healthy"),
            ("own", "running", "", 0, true, "running"),
            ("db", "running", "starting", 0, false, "running, starting"),
            ("db", "running", "unhealthy", 0, false, "running, unhealthy"),
            ("db", "exited", "", 0, false, "exited (0)"),
            ("migrate", "exited", "", 0, true, "exited (0)"),
            ("migrate", "exited", "", 1, false, "exited (1)"),
            ("redis", "restarting", "", 1, false, "restarting"),
        ] {
            let container = container(service, state, health, exit_code);
            assert_eq!((container.is_well(), container.how().as_str()), (is_well, how), "{service}");
        }
        let gone = Container { service: "db".to_owned(), found: None };
        assert_eq!((gone.is_well(), gone.how().as_str()), (false, "there is none"));
    }

    #[test]
    fn both_forms_of_the_list_are_read() {
        let one = r#"{"Service":"db","State":"running","Health":"healthy","ExitCode":0,"Name":"a-db-1"}"#;
        let other = r#"{"Service":"caddy","State":"exited","ExitCode":137}"#;
        for listed in [format!("{one}\n{other}\n"), format!("[{one},{other}]")] {
            let found = read(&listed).unwrap();
            assert_eq!(found.len(), 2);
            assert_eq!((found["db"].health.as_str(), found["caddy"].exit_code), ("healthy", 137));
        }
        assert!(read("").unwrap().is_empty() && read("[]").unwrap().is_empty());
        assert!(read("no such thing").is_err());
    }
}
