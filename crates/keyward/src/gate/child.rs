//! `keyward deploy` and its like, run for whoever asked: with a list of arguments, and each line told as it comes.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};

use super::asking::{Answering, Told};

/// So many lines wait for whoever reads slowly.
const WAITING: usize = 64;

/// How it ended.
pub(super) struct Ended {
    pub(super) code: u8,
    /// Of a deploy: what ran goes on.
    pub(super) was_undone: bool,
}

/// Runs it to its end, whoever is still there to be told. Where `stop` says so it is told to end, and undoes what it has begun.
pub(super) async fn run<W: AsyncWrite + Unpin>(
    program: &Path,
    folder: &Path,
    arguments: &[&str],
    mut stop: watch::Receiver<bool>,
    to: &mut Answering<W>,
) -> Result<Ended, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} cannot be run in {}: {error}", program.display(), folder.display()))?;
    let (tell, mut told) = mpsc::channel(WAITING);
    if let Some(out) = child.stdout.take() {
        tokio::spawn(each_line(out, Told::Out, tell.clone()));
    }
    if let Some(error) = child.stderr.take() {
        tokio::spawn(each_line(error, Told::Error, tell.clone()));
    }
    drop(tell);
    let (mut was_undone, mut was_told) = (false, false);
    loop {
        let line = tokio::select! {
            line = told.recv() => line,
            _ = stop.changed(), if !was_told => {
                was_told = true;
                terminate(&child);
                continue;
            }
        };
        let Some(line) = line else { break };
        if let Told::Out(line) = &line {
            was_undone |= says_undone(line);
        }
        to.tell(&line).await;
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    if code.is_none() {
        to.error(format!(
            "keyward: `keyward {}` was ended from outside ({status})",
            arguments.first().unwrap_or(&"")
        ))
        .await;
    }
    // Whoever stopped it is to blame, and not the release.
    Ok(Ended { code: code.unwrap_or(1), was_undone: was_undone && !was_told })
}

fn terminate(child: &Child) {
    let process = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(process) = process {
        // It may have ended by itself.
        let _ = kill_process(process, Signal::TERM);
    }
}

async fn each_line(from: impl AsyncRead + Unpin, kind: fn(String) -> Told, tell: mpsc::Sender<Told>) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    // What came before it broke off is all there is.
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        if tell.send(kind(text)).await.is_err() {
            return;
        }
        line.clear();
    }
}

/// The report that `keyward deploy --json` ends with.
fn says_undone(line: &str) -> bool {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    event["event"] == "report" && event["outcome"] == "undone"
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(program: &str, arguments: &[&str]) -> (Ended, String) {
        let mut said = Vec::new();
        let mut answering = Answering::new(&mut said);
        let (_stop, stops) = watch::channel(false);
        let ended = run(Path::new(program), Path::new("/"), arguments, stops, &mut answering).await.unwrap();
        (ended, String::from_utf8(said).unwrap())
    }

    #[tokio::test]
    async fn each_line_is_told_and_how_it_ended() {
        let report = r#"{"event":"report","outcome":"undone"}"#;
        let script = format!("echo one; echo '{report}'; echo two >&2; exit 75");
        let (ended, said) = told("/bin/sh", &["-c", &script]).await;
        assert_eq!((ended.code, ended.was_undone), (75, true));
        for line in [r#"{"out":"one"}"#, r#"{"error":"two"}"#] {
            assert!(said.lines().any(|one| one == line), "{said}");
        }
        let (ended, said) = told("/bin/sh", &["-c", "kill -KILL $$"]).await;
        assert_eq!((ended.code, ended.was_undone), (1, false));
        assert!(said.contains("was ended from outside"), "{said}");
    }

    #[test]
    fn a_deploy_that_is_done_or_never_began_was_not_undone() {
        for line in [
            "",
            "keyward: undone",
            r#"{"event":"report","outcome":"done"}"#,
            r#"{"event":"step","outcome":"undone"}"#,
            "[1]",
        ] {
            assert!(!says_undone(line), "{line}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_told() {
        let mut answering = Answering::new(tokio::io::sink());
        let (_stop, stops) = watch::channel(false);
        let error =
            run(Path::new("/bin/true"), Path::new("/no/such/folder"), &[], stops, &mut answering).await;
        assert!(error.is_err_and(|error| error.contains("/no/such/folder")));
    }

    #[tokio::test]
    async fn it_is_told_to_end_where_the_service_is() {
        let (stop, stops) = watch::channel(false);
        let mut said = Vec::new();
        let mut answering = Answering::new(&mut said);
        // It says so by itself that it can hear.
        let script = "trap 'echo undone; exit 1' TERM; echo begun; while :; do sleep 0.05; done";
        let arguments = ["-c", script];
        let running = run(Path::new("/bin/sh"), Path::new("/"), &arguments, stops, &mut answering);
        // The word is kept until it is listened for; a shell that has no trap yet ends by the signal.
        stop.send_replace(true);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), running).await.unwrap().unwrap();
        assert_eq!(ended.code, 1);
    }
}
