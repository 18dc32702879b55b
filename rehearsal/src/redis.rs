//! A Redis server of a rehearsal's own, in a temporary folder, on a free port of 127.0.0.1. It keeps nothing.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::Failure;

/// Ended when dropped.
pub(crate) struct Redis {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    pub(crate) fn start() -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("keyward-rehearsal-")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("redis-server is needed (./scripts/test installs it): {error}"))?;
        let output = process.stdout.take().ok_or("redis-server says nothing")?;
        let redis = Self { process, port, _folder: folder };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        if !lines.any(|line| line.contains("Ready to accept connections")) {
            return Err("redis-server ended before it was ready".into());
        }
        // Read to its end, or the server would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(redis)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it says of itself.
    pub(crate) fn version() -> Result<String, Failure> {
        let said = Command::new("redis-server").arg("--version").output()?;
        let said = String::from_utf8_lossy(&said.stdout);
        Ok(said.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
