//! Whether a release is signed by somebody whose signature counts: by `ssh-keygen`, which is on every host that SSH leads to (ADR 9). It is
//! called with a list of arguments, and what was signed goes in by its standard input.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What a signature is for: one that somebody gave for another purpose (a commit, a file) does not count.
pub(crate) const NAMESPACE: &str = "keyward-release";
/// Whom the file of signers calls those whose signatures count.
pub(crate) const SIGNER: &str = "release";

const PROGRAM: &str = "/usr/bin/ssh-keygen";
const PATIENCE: Duration = Duration::from_secs(10);

/// Nothing, if it is good; who signed is in what `ssh-keygen` says, which is given back.
pub(super) async fn check(signers: &Path, signed: &[u8], signature: &Path) -> Result<String, String> {
    let cannot = |error: &dyn std::fmt::Display| {
        format!("the release's signature cannot be checked: {PROGRAM}: {error}")
    };
    let mut child = Command::new(PROGRAM)
        .args(["-Y", "verify", "-n", NAMESPACE, "-I", SIGNER, "-f"])
        .arg(signers)
        .arg("-s")
        .arg(signature)
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| cannot(&error))?;
    let input = child.stdin.take();
    let looking = async {
        if let Some(mut input) = input {
            // Who has read enough to say no reads no more.
            let _ = input.write_all(signed).await;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(PATIENCE, looking).await;
    let output = output.map_err(|_| cannot(&"it says nothing"))?.map_err(|error| cannot(&error))?;
    if output.status.success() {
        return Ok(first_line(&output.stdout));
    }
    let said = [first_line(&output.stdout), first_line(&output.stderr)];
    let said = said.into_iter().rfind(|line| !line.is_empty()).unwrap_or_default();
    Err(format!(
        "the release is not signed by anybody whose signature counts here ({said}); {} has whose does",
        signers.display()
    ))
}

fn first_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    /// What `ssh-keygen` prints, which has to end well.
    fn keygen(folder: &Path, arguments: &[&str]) {
        let ended = std::process::Command::new(PROGRAM)
            .current_dir(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        let ended = ended.unwrap();
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    /// Somebody with a key.
    fn somebody(folder: &TempDir, name: &str) -> String {
        keygen(folder.path(), &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name]);
        fs::read_to_string(folder.path().join(format!("{name}.pub"))).unwrap()
    }

    fn signed(folder: &TempDir, by: &str, namespace: &str, text: &str) -> PathBuf {
        let path = folder.path().join(format!("{by}-{namespace}"));
        fs::write(&path, text).unwrap();
        keygen(folder.path(), &["-q", "-Y", "sign", "-f", by, "-n", namespace, path.to_str().unwrap()]);
        path.with_file_name(format!("{by}-{namespace}.sig"))
    }

    #[tokio::test]
    async fn only_what_was_signed_for_this_by_who_may_counts() {
        if !Path::new(PROGRAM).exists() {
            assert!(std::env::var("CI").is_err(), "{PROGRAM} is not there; ./scripts/test installs it");
            println!("NOT RUN, since {PROGRAM} is not there; ./scripts/test installs it");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (ours, _) = (somebody(&folder, "ours"), somebody(&folder, "stranger"));
        let signers = folder.path().join("signers");
        fs::write(&signers, format!("{SIGNER} namespaces=\"{NAMESPACE}\" {ours}")).unwrap();
        let text = "{\"version\":\"1.3.0\"}";
        let good = signed(&folder, "ours", NAMESPACE, text);
        let said = check(&signers, text.as_bytes(), &good).await.unwrap();
        assert!(said.contains("SHA256:"), "{said}");
        let broken = folder.path().join("broken.sig");
        fs::write(&broken, "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n").unwrap();
        let empty = folder.path().join("empty.sig");
        fs::write(&empty, "").unwrap();
        for (text, signature) in [
            ("{\"version\":\"1.3.1\"}", &good),
            ("", &good),
            (text, &signed(&folder, "stranger", NAMESPACE, text)),
            (text, &signed(&folder, "ours", "file", text)),
            (text, &broken),
            (text, &empty),
            (text, &folder.path().join("none.sig")),
        ] {
            let error = check(&signers, text.as_bytes(), signature).await.unwrap_err();
            assert!(
                error.contains("not signed by anybody whose signature counts"),
                "{}: {error}",
                signature.display()
            );
        }
        // Nobody's, where the file names nobody.
        fs::write(&signers, "").unwrap();
        assert!(check(&signers, text.as_bytes(), &good).await.is_err());
    }
}
