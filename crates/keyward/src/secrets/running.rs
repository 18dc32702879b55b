//! `keyward secrets check` and `refresh`: running servers are asked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use auth_service::admin::{self, LookAtSealed, LookAtSecrets, SealedShown, SecretShown};
use serde_json::json;

use crate::installation::Installation;
use crate::status::{name, span};
use crate::{Failure, say, sealed};

/// Managers may be slow, and a mail server that is to prove a password.
const PATIENCE: Duration = Duration::from_mins(2);

/// Asks every running server.
pub(super) async fn look(
    installation: &Installation,
    refresh: bool,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (place, sockets) = installation.sockets()?;
    if sockets.is_empty() {
        return Err(format!(
            "no server has a socket in {}: start one, or name its socket, or the folder of several, with --socket. Before the first \
             start `auth-service secrets check` reads the secrets of a configuration",
            place.display()
        )
        .into());
    }
    let asking: Vec<_> = sockets.into_iter().map(|socket| tokio::spawn(ask(socket, refresh))).collect();
    let mut well = true;
    for one in asking {
        let (socket, said) = one.await?;
        match said {
            Ok((secrets, under)) => {
                well &= secrets.iter().all(|secret| secret.problem.is_none());
                well &= under.as_ref().is_none_or(sealed::is_well);
                if json {
                    for secret in &secrets {
                        let under = under.as_ref().filter(|_| secret.setting == "keys.encryption");
                        say(in_json(&socket, secret, under));
                    }
                } else {
                    say(table(&name(&socket), &secrets).trim_end());
                    for line in under.iter().flat_map(sealed::lines) {
                        say(format_args!("  sealed  {line}"));
                    }
                }
            }
            Err(error) => {
                well = false;
                eprintln!("keyward: {}: {error}", name(&socket));
            }
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Its secrets, and what they have sealed.
type Told = (Vec<SecretShown>, Option<SealedShown>);

async fn ask(socket: PathBuf, refresh: bool) -> (PathBuf, Result<Told, String>) {
    let asked = async {
        let secrets = admin::call(&socket, &LookAtSecrets { refresh }).await?;
        Ok::<_, admin::CallError>((secrets, admin::call(&socket, &LookAtSealed {}).await?))
    };
    let said = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(said) => said.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the server says nothing for {} s", PATIENCE.as_secs())),
    };
    (socket, said)
}

fn in_json(socket: &Path, secret: &SecretShown, under: Option<&SealedShown>) -> serde_json::Value {
    let mut told = json!({
        "socket": socket, "setting": secret.setting, "reference": secret.reference, "length": secret.length,
        "version": secret.version, "age_seconds": secret.age, "stale_seconds": secret.stale, "problem": secret.problem,
    });
    if let Some(under) = under {
        told["sealed"] = sealed::in_json(under);
    }
    told
}

fn table(server: &str, secrets: &[SecretShown]) -> String {
    let width = |of: fn(&SecretShown) -> usize| secrets.iter().map(of).max().unwrap_or_default();
    let (settings, references) = (width(|one| one.setting.len()), width(|one| one.reference.len()));
    let mut text = format!("{server}\n");
    for one in secrets {
        let version = one.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
        let age = span(i64::try_from(one.age).unwrap_or_default() * 1_000_000);
        let (setting, reference, length) = (&one.setting, &one.reference, one.length);
        let _ = writeln!(
            text,
            "  {setting:settings$}  {reference:references$}  {length} bytes{version}, in use for {age}"
        );
        if let Some(problem) = &one.problem {
            let _ = writeln!(text, "  {:settings$}  {problem}", "");
        }
    }
    text
}
