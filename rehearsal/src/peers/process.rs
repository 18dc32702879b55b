//! A server as a child process, on one core; it ends with the value.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;

/// Linux counts processor time for programs in hundredths of a second (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// A running server.
#[derive(Debug)]
pub(super) struct Process(Child);

impl Process {
    /// Starts `command` on that core. What it says on standard error goes to `log`.
    pub(super) fn start(command: &Command, core: usize, log: &Path) -> Result<Self, Failure> {
        let mut pinned = Command::new("taskset");
        pinned.arg("--cpu-list").arg(core.to_string()).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            pinned.env(name, value.unwrap_or_default());
        }
        pinned.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(log)?);
        let child = pinned.spawn().map_err(|error| format!("taskset does not start: {error}"))?;
        Ok(Self(child))
    }

    /// The first line of its output, by which it says that it serves.
    pub(super) async fn first_line(&mut self, log: &Path) -> Result<String, Failure> {
        let output = self.0.stdout.take().ok_or("the server has no output")?;
        let read = move || BufReader::new(output).lines().next().transpose();
        let said = tokio::task::spawn_blocking(read).await??;
        Ok(said.ok_or_else(|| {
            format!("it did not start: {}", std::fs::read_to_string(log).unwrap_or_default())
        })?)
    }

    /// Whether it still runs.
    pub(super) fn is_running(&mut self) -> Result<bool, Failure> {
        Ok(self.0.try_wait()?.is_none())
    }

    /// The processor time that all its threads have had, in its own code and in the kernel.
    pub(super) fn processor_time(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name, in brackets, may hold anything; the state follows it, as field 3.
        let fields =
            stat.rsplit_once(") ").map(|(_, fields)| fields.split(' ')).ok_or("no fields in stat")?;
        let ticks: Result<Vec<u32>, _> = fields.skip(14 - 3).take(2).map(str::parse).collect();
        Ok(TICK * ticks?.iter().sum())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
