//! What no test of a single request can show, tried on the real program: that time tells nobody who has an account, that
//! a crash loses nothing that was acknowledged, and how fast it is. Talks to loopback only.

mod accounts;
mod connection;
mod crash;
mod database;
mod draw;
mod figures;
mod hashing;
mod import;
mod machine;
mod overlap;
mod peers;
mod psql;
mod readiness;
mod redis;
mod scale;
mod server;
mod statistics;
mod timing;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Anything that went wrong, as one sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Rehearse what must hold in production, against a built `keyward`.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    program: server::Program,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Try to tell by time whether an address has an account.
    Timing(timing::Timing),
    /// Kill the server in the middle of many sign-ups, again and again, and look for what was lost.
    Crash(crash::Crash),
    /// Measure cold start, idle memory, and token checks a second.
    Figures(figures::Figures),
    /// Measure password hashing under load, and hold it to its bars.
    Hashing(hashing::Hashing),
    /// Import many accounts, and hold it to its bar.
    Import(import::Import),
    /// Hash on this core and do nothing else: what hashing is compared with.
    #[command(hide = true)]
    Alone(hashing::Alone),
    /// Take what nobody else wants of a core, so that it does not sleep.
    #[command(hide = true)]
    Awake,
    /// Measure the server's own binary: from its start to ready, on an empty database and on one that is there; idle memory.
    Start(readiness::Readiness),
    /// Measure how long a look-up takes among ten million.
    Scale(scale::Scale),
    /// Compare the server with others, side by side.
    Peers(peers::Peers),
    /// Run the release before beside this one, and look whether what is in flight at the one goes on at the other.
    Overlap(overlap::Overlap),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.verb {
        Verb::Timing(timing) => timing.run(&arguments.program).await,
        Verb::Crash(crash) => crash.run(&arguments.program).await,
        Verb::Figures(figures) => figures.run(&arguments.program).await,
        Verb::Hashing(hashing) => hashing.run(&arguments.program).await,
        Verb::Import(import) => import.run(&arguments.program).await,
        Verb::Alone(alone) => alone.run(),
        Verb::Awake => scale::stay(),
        Verb::Start(readiness) => readiness.run(&arguments.program).await,
        Verb::Scale(scale) => scale.run().await,
        Verb::Peers(peers) => peers.run().await,
        Verb::Overlap(overlap) => overlap.run(&arguments.program).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rehearsal: {error}");
            ExitCode::from(2)
        }
    }
}
