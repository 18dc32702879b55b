//! PostgreSQL by its own command: it ships with the server, and takes COPY.

use std::process::{Command, Stdio};

use crate::Failure;

/// Where a server is, without a database.
pub(crate) struct Server(String);

impl Server {
    pub(crate) fn of_environment() -> Result<Self, Failure> {
        let url = std::env::var("KEYWARD_TEST_POSTGRES_URL")
            .map_err(|_| "KEYWARD_TEST_POSTGRES_URL is not set: run this by `scripts/rehearse`")?;
        let (server, _) = url.rsplit_once('/').ok_or("KEYWARD_TEST_POSTGRES_URL names no database")?;
        Ok(Self(server.to_owned()))
    }

    /// The URL of one of its databases.
    pub(crate) fn of(&self, database: &str) -> String {
        format!("{}/{database}", self.0)
    }
}

/// A session that ends at the first error.
pub(crate) fn psql(url: &str) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url]).stderr(Stdio::inherit());
    psql
}

/// Runs what `psql` understands, and gives what it prints.
pub(crate) fn on_postgres(url: &str, text: &str) -> Result<String, Failure> {
    let mut child = psql(url).args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().ok_or("psql takes nothing")?;
    std::io::Write::write_all(&mut input, text.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("psql ended with {}: {text}", output.status).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
