//! `keyward deploy-gate`: what sshd runs for a deploy key, whatever that key asked for (`ForceCommand`).

use std::env;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::net::UnixStream;

use super::asking::{Asked, Told};
use super::fingerprint::Fingerprint;
use super::order::Order;
use super::{REFUSED, SOCKET};
use crate::{Failure, MISUSED, say};

/// What sshd has written about how somebody signed in is shorter.
const LONGEST_LOGIN: u64 = 64 * 1024;
/// Whoever is refused does not wait until that is noted.
const NOTING: Duration = Duration::from_secs(5);

/// Take one order of a deploy key, and hand it to `keyward deploy-service`: what sshd runs for the account `deploy`.
///
/// The order is in `SSH_ORIGINAL_COMMAND`: `deploy sha256:DIGEST` with the digest of a release's manifest, `rollback`, or `status`. It is
/// compared to the letter, and nothing else is taken. `keyward host setup` has sshd call this.
///
/// The exit code is that of `keyward deploy`, `rollback` or `status`; 2 if it is no order, 75 if another one is under way.
#[derive(Args)]
pub(crate) struct DeployGate {}

impl DeployGate {
    /// It has no options.
    pub(crate) async fn run() -> Result<ExitCode, Failure> {
        let asked = env::var_os("SSH_ORIGINAL_COMMAND");
        let order = asked.and_then(|asked| asked.to_str()?.parse::<Order>().ok());
        let Some(order) = order else {
            if let Ok(key) = key() {
                // It is refused anyway.
                let _ = tokio::time::timeout(NOTING, relayed(&Asked { order: None, key }, |_| {})).await;
            }
            complain(REFUSED);
            return Ok(MISUSED.into());
        };
        let code = relayed(&Asked { order: Some(order), key: key()? }, show).await?;
        Ok(code.into())
    }
}

/// The key that signed in.
fn key() -> Result<Fingerprint, String> {
    let unknown = |error: &dyn std::fmt::Display| {
        format!(
            "which key signed in is not known ({error}): sshd tells it where ExposeAuthInfo is yes; run `keyward host setup`"
        )
    };
    let path = env::var_os("SSH_USER_AUTH").ok_or_else(|| unknown(&"SSH_USER_AUTH is not set"))?;
    let mut written = String::new();
    let file = File::open(&path).map_err(|error| unknown(&error))?;
    file.take(LONGEST_LOGIN).read_to_string(&mut written).map_err(|error| unknown(&error))?;
    Fingerprint::of_login(&written).ok_or_else(|| unknown(&"it was not by a key"))
}

/// Asks the service, and shows what it tells; how that ended.
async fn relayed(asked: &Asked, show: impl Fn(Told)) -> Result<u8, String> {
    let nobody = |error: std::io::Error| {
        format!(
            "no service answers at {SOCKET} ({error}): on the host, systemctl status keyward-deploy.socket"
        )
    };
    let stream = UnixStream::connect(SOCKET).await.map_err(nobody)?;
    let (reader, mut writer) = stream.into_split();
    asked.write(&mut writer).await?;
    follow(reader, show).await
}

async fn follow(from: impl AsyncRead + Unpin, show: impl Fn(Told)) -> Result<u8, String> {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(Told::Exit(code)) => return Ok(code),
            Ok(told) => show(told),
            Err(error) => return Err(format!("the deploy service says what is not understood: {error}")),
        }
    }
    Err("the deploy service broke off, and how it ended is not known: ask for `status`".to_owned())
}

fn show(told: Told) {
    match told {
        Told::Out(line) => say(line),
        Told::Error(line) => complain(&line),
        Told::Exit(_) => {}
    }
}

/// A line on standard error. Nobody listening any more is no failure.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_is_shown_until_the_end_that_is_told() {
        let shown = std::cell::RefCell::new(Vec::new());
        let lines = "{\"out\":\"one\"}\n{\"error\":\"two\"}\n{\"exit\":75}\n{\"out\":\"three\"}\n";
        let code = follow(lines.as_bytes(), |told| shown.borrow_mut().push(told)).await;
        assert_eq!(code, Ok(75));
        assert_eq!(shown.into_inner(), [Told::Out("one".to_owned()), Told::Error("two".to_owned())]);
        for (lines, said) in
            [("", "broke off"), ("{\"out\":\"one\"}\n", "broke off"), ("one\n", "not understood")]
        {
            let error = follow(lines.as_bytes(), |_| {}).await.unwrap_err();
            assert!(error.contains(said), "{lines}: {error}");
        }
    }
}
