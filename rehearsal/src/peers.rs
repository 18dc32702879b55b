//! The server beside others: bare axum, and npm's oidc-provider. Each runs on one core, the same one; the load comes from
//! another. Rounds go through everything in turn, so that whatever disturbs the machine disturbs all alike.
//!
//! What is compared is how much is done in a second of the server's own processor time, which other work on the machine
//! changes little, and not in a second of the day.

mod bars;
mod keyward;
mod load;
mod others;
mod process;
mod report;

use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;

use crate::Failure;
use bars::BARS;
use load::{Load, Subject};
use report::Report;

/// Compare the server with others.
#[derive(Args)]
pub(crate) struct Peers {
    /// Keyward's server.
    #[arg(long, default_value = "target/release/auth-service", value_name = "FILE")]
    auth_service: PathBuf,
    /// Bare axum.
    #[arg(long, default_value = "target/release/bare-axum", value_name = "FILE")]
    bare_axum: PathBuf,
    /// The folder that oidc-provider is installed in, with the program that serves it.
    #[arg(long, default_value = ".test-cache/peers", value_name = "FOLDER")]
    oidc_provider: PathBuf,
    /// The core that the servers run on.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    core: usize,
    /// Keep-alive connections.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Browsers that go through the code flow at once. The memory storage of oidc-provider keeps a thousand things or two,
    /// and loses sessions when there are more.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    browsers: u32,
    /// How long each is under load, in each round.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Rounds, of which the medians are given.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    rounds: u32,
    /// Only what has this in its name, such as "userinfo".
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Ask each once, and measure nothing: whether everything starts and answers rightly.
    #[arg(long)]
    once: bool,
    /// Print what was measured as JSON.
    #[arg(long)]
    json: bool,
}

impl Peers {
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let folder = TempDir::with_prefix("keyward-peers-")?;
        let sessions = if self.once { 1 } else { self.browsers };
        let bare = others::bare_axum(&self.bare_axum, self.core, folder.path()).await?;
        let node = others::oidc_provider(&self.oidc_provider, self.core, sessions, folder.path()).await?;
        let ours = keyward::start(&self.auth_service, self.core, sessions, folder.path()).await?;
        let subjects: Vec<Subject> = [bare, node, ours].into_iter().flatten().collect();
        if self.once {
            for subject in &subjects {
                subject.ask_once().await?;
            }
            println!("{} answered rightly", subjects.len());
            return Ok(true);
        }
        let wanted = |subject: &&Subject| self.only.as_ref().is_none_or(|only| concerns(only, subject));
        let subjects: Vec<&Subject> = subjects.iter().filter(wanted).collect();
        let load = Load { connections: self.connections, browsers: self.browsers, seconds: self.seconds };
        let mut report = Report::new(&self)?;
        for round in 0..=self.rounds {
            for subject in &subjects {
                let sample = load.run(subject).await?;
                // Before the first round is one that warms up: V8 compiles what runs often.
                if round > 0 {
                    report.add(subject.name, sample);
                }
            }
        }
        if self.json {
            println!("{:#}", report.json());
        } else {
            report.print();
        }
        Ok(report.passes())
    }
}

/// Whether a subject has the text in its name, or is what such a one is compared with.
fn concerns(only: &str, subject: &Subject) -> bool {
    let beside = |bar: &bars::Bar| bar.theirs == subject.name || bar.ceiling == Some(subject.name);
    let compared = BARS.iter().any(|bar| bar.ours.contains(only) && beside(bar));
    subject.name.contains(only) || compared
}
