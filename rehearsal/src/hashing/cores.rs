//! Which core this process runs on.

use std::process::{Command, Stdio};

use crate::Failure;

/// Keeps all threads of this process to these cores.
pub(super) fn keep_to(cores: &str) -> Result<(), Failure> {
    let done = Command::new("taskset")
        .args(["-a", "-c", "-p", cores, &std::process::id().to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("taskset (util-linux) is needed: {error}"))?;
    if !done.status.success() {
        return Err(format!("two cores are needed: {}", String::from_utf8_lossy(&done.stderr).trim()).into());
    }
    Ok(())
}
