//! The lean server: what an image holds.

mod verbs;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Small things are allocated and freed all the time, on one thread and the next: glibc takes a tenth of a request for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keyward's sign-in server.
#[derive(Parser)]
#[command(version = auth_service::build::told(), arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until Ctrl-C or SIGTERM.
    Serve(verbs::serve::Serve),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(verbs::config::ConfigVerb),
    /// Look at the secrets that the configuration names.
    #[command(subcommand)]
    Secrets(verbs::secrets::SecretsVerb),
    /// Bring the tables of PostgreSQL to this release's form.
    #[command(subcommand)]
    Migrate(verbs::migrate::Migrate),
    /// See to the audit trail while no server serves. Everything else of it is done by `keyward audit`.
    #[command(subcommand)]
    Audit(verbs::audit::Audit),
    /// Ask the server here how it is: exit code 0 if it is well, 1 if not.
    #[command(name = "healthcheck")]
    HealthCheck(verbs::healthcheck::HealthCheck),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Serve(serve) => serve.run(),
        Verb::Config(verb) => verb.run(),
        Verb::Secrets(verb) => verb.run(),
        Verb::Migrate(verb) => verb.run(),
        Verb::Audit(verb) => verb.run(),
        Verb::HealthCheck(check) => check.run(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("auth-service: {error}");
            ExitCode::FAILURE
        }
    }
}
