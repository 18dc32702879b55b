//! `keyward secrets rotate`: a secret of Keyward's own is exchanged in steps; for one of another server it is said how.

mod needed;
mod own;
mod steps;
mod writing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use auth_service::admin::{
    self, AskStatus, ListClients, LookAtSecrets, NoteRotation, RotateKeys, RotationStep, SecretShown,
    WithdrawMailed,
};
use clap::Args;

use crate::confirm::confirm;
use crate::installation::Installation;
use crate::{Failure, mail, say};
use needed::Way;

/// A secret that is to be exchanged.
#[derive(Args)]
pub(crate) struct Rotate {
    /// Its setting, as `secrets check` shows it; or `signing_keys`, for the keys that sign tokens.
    name: String,
    /// Somebody else may have the present one: what was protected by it is given up, too.
    #[arg(long)]
    assume_compromised: bool,
    /// Do not ask whether it is meant.
    #[arg(long)]
    yes: bool,
}

/// The keys that sign tokens, which no setting names.
const SIGNING_KEYS: &str = "signing_keys";
const ENCRYPTION: &str = "keys.encryption";
const OLDER_ENCRYPTION: &str = "keys.older_encryption";

/// What the shell is told where steps were printed, and nothing was exchanged.
const LEFT_TO_YOU: u8 = 3;

/// The servers of an installation, all of which answer.
struct Servers(Vec<PathBuf>);

/// What there is that may end.
struct There {
    sessions: u64,
    apps: usize,
    /// Codes, each with its link, that were mailed and are good.
    mailed: u64,
}

/// Where a secret is kept, and the key before of the one that seals.
struct Places<'a> {
    secret: &'a SecretShown,
    /// Its file, if this machine has it.
    file: Option<&'a Path>,
    older: Option<&'a SecretShown>,
}

impl Rotate {
    pub(crate) async fn run(self, installation: &Installation) -> Result<ExitCode, Failure> {
        let (place, sockets) = installation.sockets()?;
        let Some(first) = sockets.first().cloned() else {
            return Err(format!(
                "no server has a socket in {}: a secret is exchanged while its servers run, so start them, or name their socket with --socket",
                place.display()
            )
            .into());
        };
        let servers = Servers(sockets);
        let there = servers.there(&first).await?;
        if self.name == SIGNING_KEYS {
            self.signing_keys(&first, &there).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let secrets = admin::call(&first, &LookAtSecrets { refresh: false }).await?;
        let Some(secret) = secrets.iter().find(|one| one.setting == self.name) else {
            let mut names: Vec<_> = secrets.iter().map(|one| one.setting.as_str()).collect();
            names.dedup();
            let names = names.join(", ");
            return Err(format!(
                "{} is no secret of this server; there are {SIGNING_KEYS}, {names}",
                self.name
            )
            .into());
        };
        let stack = installation.stack()?;
        let file = own::file(secret, stack.as_ref())?;
        match &file {
            Some(file) if self.name == ENCRYPTION => {
                let before = own::Before::read(file, &secrets, stack.as_ref())?;
                self.encryption(&servers, &before, &there).await?;
                Ok(ExitCode::SUCCESS)
            }
            _ => {
                let mailed = self.end_what_was_mailed(&servers, secret, &there).await?;
                let older = secrets.iter().find(|one| one.setting == OLDER_ENCRYPTION);
                let places = Places { secret, file: file.as_deref(), older };
                say(steps::of(&places, self.assume_compromised, mailed, &there));
                Ok(ExitCode::from(LEFT_TO_YOU))
            }
        }
    }

    /// Whoever has what a secret lets them read has read what was mailed: that ends, though the secret itself is exchanged by a person.
    async fn end_what_was_mailed(
        &self,
        servers: &Servers,
        secret: &SecretShown,
        there: &There,
    ) -> Result<Option<u64>, Failure> {
        if !self.assume_compromised || !steps::reveals_mail(&secret.setting) {
            return Ok(None);
        }
        let ends = mail::ends(there.mailed);
        let why = "since others may have read them";
        confirm(
            &format!("{ends}, {why}. How {} itself is exchanged is told then.", secret.setting),
            self.yes,
        )?;
        servers.withdraw_mailed().await.map(Some)
    }

    async fn signing_keys(&self, server: &Path, there: &There) -> Result<(), Failure> {
        let ends = if self.assume_compromised {
            steps::given_up(there)
        } else {
            format!(
                "It ends nothing: the next keys are published now and sign in a quarter of an hour; tokens of {} sessions go on",
                there.sessions
            )
        };
        confirm(&format!("This exchanges the keys that sign tokens. {ends}."), self.yes)?;
        for rotated in
            admin::call(server, &RotateKeys { algorithm: None, compromised: self.assume_compromised }).await?
        {
            let next = rotated.next.unwrap_or_else(|| "the next key is on its way already".to_owned());
            say(format_args!("{}: {next}", rotated.algorithm));
        }
        Ok(())
    }

    async fn encryption(
        &self,
        servers: &Servers,
        before: &own::Before,
        there: &There,
    ) -> Result<(), Failure> {
        let (file, place) = (before.file().display(), before.place().display());
        let way = needed::way(before.key_id(), before.kept_id(), &own::counted(servers).await?)
            .map_err(|why| format!("nothing was done to {file} and {place}: {why}"))?;
        let ends = if self.assume_compromised {
            format!(
                "Then the keys that sign are exchanged, since they were sealed by it. {}. {}, since their codes were kept by it",
                steps::given_up(there),
                mail::ends(there.mailed)
            )
        } else {
            format!(
                "It ends nothing: {} sessions, their tokens and {} apps go on",
                there.sessions, there.apps
            )
        };
        let number = servers.0.len();
        let next = match way {
            Way::Anew => {
                let what = format!(
                    "This writes another {ENCRYPTION} into {file}, keeps the one before in {place}, and has {number} servers seal anew what \
                     that has sealed. {ends}."
                );
                confirm(&what, self.yes)?;
                servers.note(ENCRYPTION, RotationStep::Begun).await?;
                before.keep()?;
                servers.note(ENCRYPTION, RotationStep::Kept).await?;
                say(format_args!("The key before is kept in {place}."));
                let next = before.exchange()?;
                servers.note(ENCRYPTION, RotationStep::Written).await?;
                say(format_args!("The next key, {next}, is in {file}."));
                next
            }
            Way::GoOn => {
                let next = before.key_id().to_owned();
                let what = format!(
                    "The next {ENCRYPTION}, {next}, is in {file} already, and the one before in {place}: it was stopped there. This has \
                     {number} servers take it, and seal anew what the one before has sealed. {ends}."
                );
                confirm(&what, self.yes)?;
                servers.note(ENCRYPTION, RotationStep::Begun).await?;
                next
            }
        };
        own::hand_over(servers, before).await?;
        own::until_sealed(servers, &next).await?;
        servers.note(ENCRYPTION, RotationStep::Sealed).await?;
        say(format_args!("All servers seal by {next}, and what the key before had sealed is sealed anew."));
        if self.assume_compromised {
            let first = servers.first()?;
            admin::call(first, &RotateKeys { algorithm: None, compromised: true }).await?;
            say("Other keys sign tokens from now on.");
            // Last: until now codes were kept by the key before.
            let mailed = servers.withdraw_mailed().await?;
            say(mail::ended(mailed));
        }
        say(steps::after_encryption(before.place(), before.is_configured(), self.assume_compromised));
        Ok(())
    }
}

impl Servers {
    fn first(&self) -> Result<&Path, Failure> {
        Ok(self.0.first().ok_or("there is no server any more")?)
    }

    /// What there is; refuses if one of them does not answer, since it would not hear of what is exchanged.
    async fn there(&self, first: &Path) -> Result<There, Failure> {
        let mut sessions = None;
        for socket in &self.0 {
            let status = admin::call(socket, &AskStatus {}).await.map_err(|error| {
                format!(
                    "nothing was done, since every server has to hear of it: {}: {error}",
                    socket.display()
                )
            })?;
            sessions = sessions.or(status.contents.map(|contents| contents.sessions));
        }
        let sessions = sessions.ok_or("nothing was done, since the database does not answer")?;
        let apps = admin::call(first, &ListClients {}).await?.len();
        let mailed = admin::call(first, &WithdrawMailed { only_count: true }).await?.good;
        Ok(There { sessions, apps, mailed })
    }

    /// Ends every code and link that was mailed; says how many were good.
    async fn withdraw_mailed(&self) -> Result<u64, Failure> {
        Ok(admin::call(self.first()?, &WithdrawMailed { only_count: false }).await?.good)
    }

    /// Each step is an entry of the trail.
    async fn note(&self, setting: &str, step: RotationStep) -> Result<(), Failure> {
        admin::call(self.first()?, &NoteRotation { setting: setting.to_owned(), step }).await?;
        Ok(())
    }
}
