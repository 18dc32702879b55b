//! The containers of a stack, as Docker sees them: the proxy, the database, Redis and the app take no orders, and are asked for there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::compose::Compose;

/// A daemon that does not answer by then is told to be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// What ends when it has done its work. Whoever tidies up may take it away then: the servers have waited for it.
const ONE_SHOT: &str = "migrate";
/// What Compose marks a container by that somebody runs beside those of the stack (`docker compose run`).
const BESIDE: &str = "com.docker.compose.oneoff=True";

/// A container of the stack that is to run, and how it is.
pub(crate) struct Container {
    pub(crate) service: String,
    /// None if Docker has none of this service.
    found: Option<Found>,
}

/// A container, as `docker compose ps --format json` has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    service: String,
    state: String,
    /// Empty if nobody looks.
    #[serde(default)]
    health: String,
    #[serde(default)]
    exit_code: i64,
    /// `name=value`, with commas between.
    #[serde(default)]
    labels: String,
}

impl Found {
    fn is_well(&self) -> bool {
        match self.state.as_str() {
            "running" => matches!(self.health.as_str(), "" | "healthy"),
            "exited" => self.service == ONE_SHOT && self.exit_code == 0,
            _ => false,
        }
    }
}

impl Container {
    /// Whether it does what it is there for.
    pub(crate) fn is_well(&self) -> bool {
        self.found.as_ref().map_or(self.service == ONE_SHOT, Found::is_well)
    }

    /// In a few words.
    pub(crate) fn how(&self) -> String {
        match &self.found {
            None if self.service == ONE_SHOT => "done, and gone".to_owned(),
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
    let compose = Compose::of(folder);
    let services = compose.run(&["config", "--services"], PATIENCE).await?;
    let listed = compose.run(&["ps", "--all", "--format", "json"], PATIENCE).await?;
    let mut found = read(&listed)?;
    let mut services: Vec<_> = services.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    services.sort_unstable();
    let container = |service: &str| Container { service: service.to_owned(), found: found.remove(service) };
    Ok(services.into_iter().map(container).collect())
}

/// By service; of several of one, which somebody has asked for, the first that is not well. It is an array, or since Compose 2.21
/// an object a line.
fn read(listed: &str) -> Result<BTreeMap<String, Found>, String> {
    let all: Result<Vec<Found>, _> = match serde_json::from_str(listed) {
        Ok(all) => Ok(all),
        Err(_) => listed.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect(),
    };
    let all = all.map_err(|error| format!("`docker compose ps` says what cannot be read: {error}"))?;
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for one in all.into_iter().filter(|one| !one.labels.split(',').any(|label| label == BESIDE)) {
        match found.get(&one.service) {
            Some(other) if !other.is_well() => {}
            _ => drop(found.insert(one.service.clone(), one)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(service: &str, state: &str, health: &str, exit_code: i64) -> Container {
        let (state, health) = (state.to_owned(), health.to_owned());
        let found = Found { service: service.to_owned(), state, health, exit_code, labels: String::new() };
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
        for (service, is_well, how) in [("db", false, "there is none"), ("migrate", true, "done, and gone")] {
            let gone = Container { service: service.to_owned(), found: None };
            assert_eq!((gone.is_well(), gone.how().as_str()), (is_well, how));
        }
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
        // Somebody has run another beside it, and of two one has ended.
        let beside =
            r#"{"Service":"db","State":"exited","ExitCode":1,"Labels":"a=b,com.docker.compose.oneoff=True"}"#;
        let third = r#"{"Service":"caddy","State":"running","Labels":"com.docker.compose.oneoff=False"}"#;
        let found = read(&[one, other, third, beside].join("\n")).unwrap();
        assert_eq!((found["db"].state.as_str(), found["caddy"].state.as_str()), ("running", "exited"));
        assert!(read("").unwrap().is_empty() && read("[]").unwrap().is_empty());
        assert!(read("no such thing").is_err());
    }
}
