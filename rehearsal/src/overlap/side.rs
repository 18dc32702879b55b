//! One of the two servers, as a process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Failure;

/// A server that has not started, or not ended, by then is not going to.
const LONGEST: Duration = Duration::from_mins(1);
/// How often it is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// A server that serves; killed when dropped.
pub(super) struct Side {
    child: Child,
    pub(super) port: u16,
}

impl Side {
    /// Starts a server on the settings in `folder`, and waits until it serves.
    pub(super) async fn start(name: &str, binary: &Path, folder: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(binary)
            .args(["serve", "--config"])
            .arg(folder.join("keyward.toml"))
            .arg("--set")
            .arg(format!("admin.socket={}/{name}.sock", folder.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", binary.display()))?;
        let output = child.stderr.take().ok_or("the server has no log")?;
        let mut side = Self { child, port: 0 };
        let serving = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let mut said = String::new();
            let serving = lines.find(|line| {
                said.clone_from(line);
                line.contains("\"serving\"")
            });
            // Read to its end, or the server would block on a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            serving.ok_or(said)
        });
        let serving = tokio::time::timeout(LONGEST, serving).await;
        let serving = serving.map_err(|_| format!("the {name} server does not serve after a minute"))??;
        let line = serving.map_err(|said| format!("the {name} server did not start: {said}"))?;
        let line: Value = serde_json::from_str(&line)?;
        let port = line["fields"]["address"].as_str().and_then(|address| address.rsplit(':').next());
        side.port = port.ok_or("the server does not say where it is asked")?.parse()?;
        Ok(side)
    }

    /// Asks it to end, as a deploy does, and waits until it has.
    pub(super) async fn end(mut self) -> Result<(), Failure> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        if !told.success() {
            return Err("the server had ended by itself".into());
        }
        let ending = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    return Ok::<_, Failure>(status);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let status = tokio::time::timeout(LONGEST, ending).await;
        let status = status.map_err(|_| "the server does not end within a minute")??;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `migrate` of a server, and gives what it prints.
pub(super) fn migrate(binary: &Path, folder: &Path, verb: &[&str]) -> Result<String, Failure> {
    let done = Command::new(binary)
        .arg("migrate")
        .args(verb)
        .arg("--config")
        .arg(folder.join("keyward.toml"))
        .stdin(Stdio::null())
        .output()?;
    let (said, errors) = (String::from_utf8(done.stdout)?, String::from_utf8_lossy(&done.stderr));
    if !done.status.success() {
        return Err(format!("migrate {}: {said}{errors}", verb.join(" ")).into());
    }
    Ok(said)
}
