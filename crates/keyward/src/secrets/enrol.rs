//! `keyward secrets enrol`: the secret id of an AppRole comes to this machine in a wrapping that is opened once.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use auth_service::admin::SecretDeed;
use clap::Args;
use secrets::{EnrolError, Enrolment, SecretCause, SecretId, SecretRef, SecretString, VaultAuth};
use serde_json::json;

use super::generate::group;
use super::manager::{self, Whereabouts};
use super::private_file::Draft;
use super::trail::Note;
use crate::installation::Installation;
use crate::{Failure, say};

/// No wrapping token is longer.
const LONGEST_TOKEN: u64 = 8 * 1024;

/// Give this machine the secret id of its AppRole.
///
/// An administrator has it wrapped (`bao write -wrap-ttl=10m -f auth/approle/role/ROLE/secret-id`) and sends the wrapping token. Here
/// it is looked whether the token wraps what it should, and then unwrapped, which can be done once: if somebody else did it before,
/// that is noticed. The secret id is proved by a sign-in, if the role's id is known, and only then takes its place.
#[derive(Args)]
pub(super) struct Enrol {
    /// The file with the wrapping token, or - for standard input
    #[arg(long, value_name = "FILE")]
    wrapping_token_file: PathBuf,
    /// Where the secret id goes: what `secret_id = "file:…"` under `[secrets.vault]` names; what is there is replaced
    #[arg(long, value_name = "FILE")]
    secret_id_file: PathBuf,
    /// The group that may read it, by name or number, which is the server's: it gets mode 0440; without one 0400
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// The role that it must be of; without it any, which is told
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The id of the role, to sign in by; without it what the configuration says
    #[arg(long, value_name = "ID")]
    role_id: Option<String>,
    /// Where the AppRole method is mounted; without it what the configuration says
    #[arg(long, value_name = "NAME")]
    approle_mount: Option<String>,
    #[command(flatten)]
    whereabouts: Whereabouts,
}

/// How the proof went.
enum Proof {
    SignedIn,
    /// Nobody knows the role's id.
    NoRole,
    /// The manager could not be asked any more.
    NotNow(SecretCause),
}

impl Enrol {
    pub(super) async fn run(self, installation: &Installation, json: bool) -> Result<ExitCode, Failure> {
        let config = manager::configuration(installation);
        let managers = manager::managers(config.as_deref())?;
        let file = std::path::absolute(&self.secret_id_file)?;
        let role_id = self.role_id.clone().or_else(|| managers.vault.role_id.clone());
        let mount = self.approle_mount.clone().unwrap_or_else(|| managers.vault.approle_mount.clone());
        let auth = VaultAuth::AppRole {
            mount: mount.clone(),
            role_id: role_id.clone().unwrap_or_default(),
            secret_id: SecretRef::File(file.clone()),
        };
        let settings = self.whereabouts.settings(&managers, auth)?;
        let enrolment = Enrolment::at(&settings).await.map_err(|cause| format!("the secret id {cause}"))?;
        let token = self.token()?;
        // The token is good for one look: that what it gives can be kept is made sure before.
        let draft = Draft::of_secret(&file, group(self.group.as_deref())?)?;
        let told = |error| advice(error, &mount, self.role.as_deref());
        let role = enrolment.look(&token, self.role.as_deref()).await.map_err(told)?;
        let secret_id = enrolment.unwrap(&token).await.map_err(told)?;
        let proof = match &role_id {
            None => Proof::NoRole,
            Some(role_id) => match enrolment.prove(role_id, &secret_id.value).await {
                Ok(()) => Proof::SignedIn,
                Err(cause) if cause.is_passing() => Proof::NotNow(cause),
                Err(cause) => return Err(not_proved(&cause, &role, &secret_id, &mount)),
            },
        };
        draft.put(&secret_id.value, true)?;
        let note = Note {
            installation,
            config: config.as_deref(),
            deed: SecretDeed::Enrol,
            places: vec![SecretRef::File(file.clone())],
            exposed: 0,
        };
        let is_noted = note.write().await;
        tell(&file, &role, &secret_id, &proof, is_noted, json);
        Ok(if matches!(proof, Proof::NotNow(_)) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn token(&self) -> Result<SecretString, Failure> {
        let path = &self.wrapping_token_file;
        let mut text = String::new();
        let read = if path == Path::new("-") {
            std::io::stdin().take(LONGEST_TOKEN).read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(LONGEST_TOKEN).read_to_string(&mut text))
        };
        read.map_err(|error| format!("the wrapping token in {} cannot be read: {error}", path.display()))?;
        let token = SecretString::from(text.trim());
        if text.trim().is_empty() {
            return Err(format!("there is no wrapping token in {}", path.display()).into());
        }
        Ok(token)
    }
}

/// What to do where there is no secret id: most of it is for whoever wrapped it.
fn advice(error: EnrolError, mount: &str, role: Option<&str>) -> Failure {
    let role = role.unwrap_or("ROLE");
    let at = format!("auth/{mount}/role/{role}");
    match error {
        EnrolError::Spent { .. } => format!(
            "{error}. If nobody here used it, and it was in time, somebody else has the secret id: take it back \
             (`bao list {at}/secret-id`, then `bao write {at}/secret-id-accessor/destroy secret_id_accessor=ACCESSOR`), look in the \
             audit log of the manager who asked sys/wrapping/unwrap, and have another one wrapped: \
             `bao write -wrap-ttl=10m -f {at}/secret-id`"
        ),
        EnrolError::Swapped { .. } => format!(
            "{error}. Ask whoever sent it what they wrapped, by another way than it came; if they wrapped a secret id, take that back, \
             since somebody else may have it, and have another one wrapped: `bao write -wrap-ttl=10m -f {at}/secret-id`"
        ),
        other => other.to_string(),
    }
    .into()
}

fn not_proved(cause: &SecretCause, role: &str, secret_id: &SecretId, mount: &str) -> Failure {
    format!(
        "the secret id of the role {role} {cause}. It was not written; what was there before is still there. Look whether role_id is of \
         that role (`bao read auth/{mount}/role/{role}/role-id`) and whether it may sign in from this machine, take this secret id back \
         (`bao write auth/{mount}/role/{role}/secret-id-accessor/destroy secret_id_accessor={}`), and have another one wrapped",
        secret_id.accessor
    )
    .into()
}

fn tell(file: &Path, role: &str, secret_id: &SecretId, proof: &Proof, is_noted: bool, json: bool) {
    let lifetime = secret_id.lifetime.map(|lifetime| lifetime.as_secs());
    if json {
        say(json!({
            "role": role, "secret_id_file": file, "accessor": secret_id.accessor, "lifetime_seconds": lifetime,
            "uses": secret_id.uses, "proved": matches!(proof, Proof::SignedIn), "audited": is_noted,
        }));
    } else {
        let lasts = lifetime.map_or_else(
            || "does not end by itself".to_owned(),
            |lifetime| format!("is good for {lifetime} s"),
        );
        let uses = match secret_id.uses {
            0 => String::new(),
            uses => format!(", and for {uses} sign-ins, each start and renewal being one"),
        };
        say(format_args!("The secret id of the role {role} is in {}. It {lasts}{uses}.", file.display()));
        say(format_args!("Its accessor, by which it can be taken back: {}", secret_id.accessor));
        if matches!(proof, Proof::SignedIn) {
            say("A sign-in by it went well.");
        }
    }
    match proof {
        Proof::SignedIn => {}
        Proof::NoRole => eprintln!(
            "keyward: it was not proved, since no role id is known: name the configuration by --config, or the id by --role-id"
        ),
        Proof::NotNow(cause) => eprintln!(
            "keyward: it is written, but was not proved, since the sign-in {cause}: `auth-service secrets check` proves it"
        ),
    }
}
