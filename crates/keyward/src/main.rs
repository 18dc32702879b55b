//! `keyward`: the one command a person types. A file a verb.

mod accounts;
mod audit;
mod channel;
mod client;
mod completions;
mod compose;
mod confirm;
mod containers;
mod deploy;
mod dev;
mod gate;
mod host;
mod init;
mod installation;
mod keys;
mod mail;
mod man;
mod passwords;
mod probe;
mod rotate;
mod sealed;
mod secrets;
mod stack;
mod status;
mod user;

use std::process::{ExitCode, Termination};

use clap::{CommandFactory as _, Parser, Subcommand};

/// Keyward: sign-in for the apps of a small team, on machines it owns.
///
/// Without a verb it is `keyward dev`.
#[derive(Parser)]
#[command(version = auth_service::build::told(), args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    dev: dev::Dev,
}

#[derive(Subcommand)]
enum Verb {
    /// Run sign-in and an example app on this machine, to try and to develop against.
    Dev(dev::Dev),
    /// Write an installation: what `docker compose up` starts from.
    Init(init::Init),
    /// See how the whole stack is, at one look: each server, the database, mail, keys.
    ///
    /// Asks every server whose socket (`*.sock`) is in the folder of the one that the configuration says; without a configuration, in
    /// the folder of `keyward dev`, if it has run here, else in run/ beside compose.yml, and else in /run/keyward. --socket names one
    /// socket, or another folder. The exit code is 1 if no server answers, and beside compose.yml also if a slot of the colours that are
    /// to live (`COMPOSE_PROFILES` in .env) does not.
    Status(status::Status),
    /// Measure a running installation from outside: how fast it answers, and whether anything fails, is lost, or is done twice.
    ///
    /// An account and an app that are made for it, and removed at the end, sign in, use their tokens and change something, at an even rate
    /// and through the public address. Nothing is ever asked twice: what fails has failed. The exit code is 1 if anything did. It asks the
    /// server's socket for them, as `keyward status` does.
    Probe(Box<probe::ProbeCommand>),
    Deploy(deploy::Deploy),
    Rollback(deploy::Rollback),
    Deploys(deploy::Deploys),
    Host(host::Host),
    DeployGate(gate::DeployGate),
    DeployService(gate::DeployService),
    /// Read the audit trail, or prove that nobody changed it.
    Audit(audit::Audit),
    /// See what became of each mail, and end what was mailed.
    Mail(mail::Mail),
    /// Register apps that sign people in here.
    Client(client::ClientCommand),
    /// See and exchange the keys that sign tokens.
    Keys(keys::Keys),
    /// See to the accounts of people.
    User(user::User),
    /// See how passwords are hashed, and how they should be on this machine.
    Passwords(passwords::Passwords),
    /// See to secrets: whether those of running servers are what is kept, new keys, the way of values into a manager.
    Secrets(secrets::Secrets),
    /// Print a script that teaches a shell to complete this command.
    Completions(completions::Completions),
    /// Write manual pages into a folder.
    Man(man::Man),
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    // There is no second thread yet.
    if let Some(Verb::DeployService(service)) = &mut arguments.verb
        && let Err(error) = service.take_socket()
    {
        return end(Err::<ExitCode, Failure>(error));
    }
    run(arguments)
}

#[tokio::main]
async fn run(arguments: Arguments) -> ExitCode {
    match arguments.verb.unwrap_or(Verb::Dev(arguments.dev)) {
        Verb::Dev(dev) => end(Box::pin(dev.run()).await),
        Verb::Init(init) => end(init.run().await),
        Verb::Status(status) => end(status.run().await),
        Verb::Probe(probe) => end(Box::pin(probe.run()).await),
        Verb::Deploy(deploy) => end(Box::pin(deploy.run()).await),
        Verb::Rollback(rollback) => end(Box::pin(rollback.run()).await),
        Verb::Deploys(deploys) => end(deploys.run()),
        Verb::Host(host) => end(host.run().await),
        Verb::DeployGate(_) => end(gate::DeployGate::run().await),
        Verb::DeployService(service) => end(service.run().await),
        Verb::Audit(audit) => end(audit.run().await),
        Verb::Mail(mail) => end(mail.run().await),
        Verb::Client(client) => end(client.run().await),
        Verb::Keys(keys) => end(keys.run().await),
        Verb::User(user) => end(user.run().await),
        Verb::Passwords(passwords) => end(passwords.run().await),
        Verb::Secrets(secrets) => end(secrets.run().await),
        Verb::Completions(completions) => end(completions.run(Arguments::command())),
        Verb::Man(man) => end(man.run(Arguments::command())),
    }
}

/// What the shell is told of a verb that has ended.
fn end(done: Result<impl Termination, Failure>) -> ExitCode {
    match done {
        Ok(done) => done.report(),
        Err(error) => {
            eprintln!("keyward: {error}");
            if error.is::<Misused>() { ExitCode::from(MISUSED) } else { ExitCode::FAILURE }
        }
    }
}

/// Says something on standard output. Nobody listening any more (`keyward audit list | head`) is no failure.
fn say(text: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What the shell is told of a command that was called wrongly, as clap has it.
const MISUSED: u8 = 2;

/// A failure of whoever called: nothing was done, and called the same way again it fails again.
#[derive(Debug)]
struct Misused(Failure);

impl std::fmt::Display for Misused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, formatter)
    }
}

impl std::error::Error for Misused {}

/// The same failure, as one of whoever called.
fn misused(failure: Failure) -> Failure {
    Box::new(Misused(failure))
}

/// Any verb's failure: one sentence that says what happened, why, and what to do next.
type Failure = Box<dyn std::error::Error>;
