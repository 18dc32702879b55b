//! `keyward probe`: a running installation, measured from outside by requests that are never sent twice.
//!
//! The same is what a deploy is proved by. Somebody who is made for it ([`Canary`]) goes their way again and again ([`journey`]), on
//! [connections](connection) that are kept and on new ones, at a rate that does not wait for answers ([`schedule`]); what was
//! acknowledged is held against the audit trail in the end ([`ledger`]).

mod body;
mod canary;
mod connection;
mod histogram;
mod journey;
mod ledger;
mod report;
mod running;
mod schedule;
mod site;
mod tally;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use url::Url;

pub(crate) use canary::{Canary, Whose};
pub(crate) use report::Report;
pub(crate) use running::{Load, Probe};
pub(crate) use site::Site;

use crate::channel::Channel;
use crate::installation::Installation;
use crate::{Failure, misused, say};

/// What the figures of `keyward probe` are told of.
const STAGE: &str = "measured";
/// The progress is told so often in a second.
const TOLD: u64 = 4;

/// Measure a running installation from outside.
#[derive(Args)]
pub(crate) struct ProbeCommand {
    /// Where people reach sign-in, such as `https://auth.example.com`.
    #[arg(value_name = "URL", required_unless_present = "sweep")]
    auth: Option<Url>,
    /// The address of an app, whose page is asked for too.
    #[arg(long, value_name = "URL")]
    app: Option<Url>,
    /// Go there instead of where the names lead: to this proxy before the names lead to it, for instance. Names and certificates stay
    /// those of the addresses.
    #[arg(long, value_name = "ADDRESS:PORT")]
    connect_to: Option<SocketAddr>,
    /// Certificates in PEM that are believed besides the system's: those of an authority of your own.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long, in seconds.
    #[arg(long = "for", default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Requests a second in all, whatever has become of those before.
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    rate: u32,
    /// How many ask beside one another. Where all of them wait, the next request is late, and counted from when it was due.
    #[arg(long, default_value_t = 8, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Remove first what a probe or a deploy left behind that was killed: accounts and apps whose names begin with `canary-`. Not while
    /// another one runs. Without an address that is all.
    #[arg(long)]
    sweep: bool,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON: an object when it begins to measure, and the report in the last line.
    #[arg(long)]
    json: bool,
}

impl ProbeCommand {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        // What is wrong with the addresses is told before anything is made.
        let site = self.site();
        if let Some(site) = &site {
            site.check().map_err(misused)?;
        }
        let Channel::Server(socket) = self.installation.server(None).await? else {
            return Err("a probe is of a server that runs".into());
        };
        if self.sweep {
            let removed = Canary::sweep(&socket, Whose::Probe).await?;
            eprintln!("keyward: {removed} accounts and apps were left behind, and are removed.");
        }
        let Some(site) = site else { return Ok(ExitCode::SUCCESS) };
        let report = self.measure(site, &socket).await?;
        if self.json {
            say(serde_json::to_string(&report)?);
        } else {
            say(&report);
        }
        Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn site(&self) -> Option<Site> {
        let Self { auth, app, connect_to, ca_file, .. } = self;
        let (app, ca_file) = (app.clone(), ca_file.clone());
        auth.clone().map(|auth| Site { auth, app, connect_to: *connect_to, ca_file })
    }

    /// Whatever comes of it, the canary is removed.
    async fn measure(&self, site: Site, socket: &Path) -> Result<Report, Failure> {
        let canary = Canary::make(socket, &site, Whose::Probe).await?;
        let measured = self.measure_by(site, &canary).await;
        let removed = canary.remove().await;
        let report = measured?;
        if let Err(error) = removed {
            eprintln!("keyward: {error}");
        }
        Ok(report)
    }

    async fn measure_by(&self, site: Site, canary: &Canary) -> Result<Report, Failure> {
        let load = Load { rate: self.rate, connections: self.connections.into(), ..Load::default() };
        let probe = tokio::select! {
            begun = Probe::start(site, canary, load) => begun?,
            _ = tokio::signal::ctrl_c() => return Err("stopped before anything was measured".into()),
        };
        probe.enter(STAGE);
        if self.json {
            say(json!({ "event": "measuring" }));
        }
        let bar = self.bar();
        // Stopped sooner, it tells of what there is.
        tokio::select! {
            () = self.tell(&probe, &bar) => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        bar.finish_and_clear();
        Ok(probe.end().await)
    }

    /// Tells how it is, for as long as it is to last.
    async fn tell(&self, probe: &Probe, bar: &ProgressBar) {
        let mut ticks = tokio::time::interval(Duration::from_millis(1_000 / TOLD));
        for tick in 0..=self.seconds * TOLD {
            ticks.tick().await;
            bar.set_position(tick / TOLD);
            if let Some(now) = probe.figures().last() {
                let (p50, p99) = (now.p50, now.p99);
                let (requests, failed) = (now.requests, now.failed);
                bar.set_message(format!(
                    "{requests} requests, {failed} failed, p50 {p50:.0?}, p99 {p99:.0?}"
                ));
            }
        }
    }

    /// Shown while somebody watches.
    fn bar(&self) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(self.seconds), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} s, {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }
}
