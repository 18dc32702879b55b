//! `keyward deploy`, `keyward rollback`, `keyward deploys`: a new version beside the old one, without a request lost, and the proof of it.
//!
//! The story: nobody else is at it ([`journal`]); what was broken off before is brought to its end; what is wanted is planned ([`plan`]); the
//! stack is looked at, and refused if it cannot be rolled ([`preflight`]); the images are fetched; a probe signs in and goes on asking all the
//! time ([`proof`]); the steps are done ([`rolling`]), or undone; and what came of it is told ([`report`]).

mod bake;
mod clock;
mod daemon;
mod environment;
mod interruption;
mod journal;
mod looking;
mod plan;
mod preflight;
mod proof;
mod release;
mod report;
mod rolling;
mod scrape;
mod teller;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use auth::Random;
use clap::Args;
use serde_json::json;

use self::clock::{Since, now};
use self::environment::Environment;
use self::interruption::Interruption;
pub(crate) use self::journal::{Journal, UnderWay};
use self::journal::{LockError, Outcome, Owner};
use self::looking::Stack;
use self::plan::{Kind, Plan, Step};
use self::proof::Proof;
use self::release::ImageNamed;
use self::report::Report;
pub(crate) use self::report::broken_off;
use self::rolling::{Patience, Rolling};
use self::teller::Teller;
use crate::gate::Fingerprint;
use crate::stack::Service;
use crate::{Failure, misused, say};

/// What the shell is told where it is between both, and the next command settles it.
const BETWEEN: u8 = 4;
/// And where somebody else is at it (`EX_TEMPFAIL` of sysexits.h).
const BUSY: u8 = 75;

/// No deploy takes longer: by then it is broken off.
const LONGEST: Duration = Duration::from_mins(90);

/// Bring a new version to the people without one of them noticing, and prove it.
///
/// In the folder of a stack (`keyward init`), as a user who may ask Docker. The new version starts in the colour that rests, beside the one
/// that serves; once it is ready the proxy sends it requests by itself; it is watched for a while; then the old one answers what it has, and
/// stops. The proxy is neither reloaded nor touched. A probe signs in all the while, renews tokens, posts and never tries twice, and what it
/// lost is said. If the new version does not get ready, or does worse than the old one, or the deploy is broken off, what ran goes on.
///
/// Without an image each service runs what it runs, anew: that is how a change of the configuration comes in.
///
/// The exit code is 0 if it is done and nothing was lost, 1 if nothing was changed or what ran goes on, 3 if what is new serves and
/// requests were lost, 4 if it is left between both, which the next call settles, 75 if another deploy is under way, and 2 if it was called wrongly.
#[derive(Args)]
pub(crate) struct Deploy {
    /// What a service is to run: `auth-service=registry.example.com/auth-service:1.2`. Once for each that is to change.
    #[arg(long, value_name = "SERVICE=IMAGE", conflicts_with = "release")]
    image: Vec<ImageNamed>,
    /// A release manifest: a file of JSON that names the images.
    #[arg(long, value_name = "MANIFEST")]
    release: Option<PathBuf>,
    /// For so long the new version is watched beside the old one, before that stops: `30s`, `5m`.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = bake)]
    bake: Duration,
    #[command(flatten)]
    common: Common,
}

/// Go back to what ran before the last deploy, the same way, without a request lost.
///
/// The tables stay as they are: a release runs on those of the next one.
///
/// The exit code is that of `keyward deploy`.
#[derive(Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    common: Common,
}

/// What both are told.
#[derive(Args)]
struct Common {
    /// The folder of the stack.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Ask nothing meanwhile: then nothing is proved. For whoever mends a version that does not serve.
    #[arg(long)]
    no_probe: bool,
    /// Requests a second of the probe.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    probe_rate: u32,
    /// By then the new version says that it is ready.
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = time)]
    ready_within: Duration,
    /// Print JSON: an object an event, and the report at the end.
    #[arg(long)]
    json: bool,
    /// The fingerprint of the key that asked for it, for the audit trail: `keyward deploy-service` says it.
    #[arg(long, value_name = "FINGERPRINT", hide = true)]
    on_behalf_of: Option<Fingerprint>,
}

/// See what was deployed, the latest at the end.
#[derive(Args)]
pub(crate) struct Deploys {
    /// The folder of the stack.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Print JSON, an object a deploy.
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Duration, String> {
    preflight::go_duration(text).ok_or_else(|| "a time is written like 30s, 5m or 1m30s".to_owned())
}

/// Longer than that a deploy would be broken off.
const LONGEST_BAKE: Duration = Duration::from_hours(1);

fn bake(text: &str) -> Result<Duration, String> {
    let bake = time(text)?;
    if bake > LONGEST_BAKE {
        return Err("both colours are run beside one another for an hour at the most".to_owned());
    }
    Ok(bake)
}

impl Deploy {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let mut images: BTreeMap<Service, String> =
            self.image.into_iter().map(|named| (named.service, named.image)).collect();
        if let Some(manifest) = &self.release {
            images = release::images(manifest).map_err(misused)?;
        }
        self.common.run(Kind::Deploy, images, self.bake).await
    }
}

impl Rollback {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        self.common.run(Kind::Rollback, BTreeMap::new(), Duration::ZERO).await
    }
}

impl Deploys {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let journal = Journal::of(&self.folder);
        for past in journal.history()? {
            if self.json { say(serde_json::to_string(&past)?) } else { say(report::line(&past)) }
        }
        if let Some(under_way) = journal.under_way()?
            && !self.json
        {
            say(report::broken_off(&under_way));
        }
        Ok(())
    }
}

impl Common {
    async fn run(
        self,
        kind: Kind,
        images: BTreeMap<Service, String>,
        bake: Duration,
    ) -> Result<ExitCode, Failure> {
        let journal = Journal::of(&self.folder);
        Environment::read(&self.folder)?;
        if self.dry_run {
            return self.say_what_would_be_done(&journal, kind, &images).await;
        }
        let mut teller = Teller::new(self.json);
        let lock = match journal.lock(&owner(kind)).await {
            Ok(lock) => lock,
            Err(LockError::Failed(failure)) => return Err(failure),
            Err(LockError::Busy(who)) => {
                teller.warns(report::busy(who.as_ref()));
                return Ok(BUSY.into());
            }
        };
        let interruption = Interruption::listen()?;
        let begun = Since::now();
        let stack = Stack::look(&self.folder, Some(&lock)).await?;
        let patience = Patience { ready: self.ready_within, bake };
        rolling::settle(&stack, &journal, &interruption, patience, &mut teller).await?;
        let before = Environment::read(&self.folder)?;
        let plan = wanted(&journal, &before, kind, &images)?;
        let plan = stack.fetched(plan, &interruption, &mut teller).await?;
        stack.can_be_rolled(&plan, !self.no_probe).await?;
        let (id, since) = (Random::system().ordered_id(now()), now().micros());
        let under_way = UnderWay { id, plan, step: Step::Check, since };
        let proof = if self.no_probe {
            None
        } else {
            Some(Proof::begin(&stack, &interruption, self.probe_rate).await?)
        };
        let mut rolling = Rolling {
            stack: &stack,
            journal: &journal,
            before,
            under_way,
            interruption,
            patience,
            proof,
            took: Vec::new(),
            wrong: Vec::new(),
        };
        let done = rolled(&mut rolling, &mut teller).await;
        let proved = match rolling.proof.take() {
            Some(proof) => Some(proof.end(&mut teller).await),
            None => None,
        };
        let (outcome, why) = match done {
            Ok(done) => done,
            Err(error) => {
                if let Some(proved) = proved {
                    teller.event("proof", serde_json::to_value(&proved)?, proved);
                }
                teller.warns(error);
                return Ok(BETWEEN.into());
            }
        };
        let report = Report::of(&rolling, outcome, why, proved, begun.elapsed());
        if let Err(why) = stack.note(&report.past.noted(self.on_behalf_of.as_ref())).await {
            teller.warns(why);
        }
        journal.end(&report.past)?;
        if let Err(why) = stack.forget_all_but_the_last(&journal.history()?).await {
            teller.warns(why);
        }
        teller.event("report", serde_json::to_value(&report)?, &report);
        Ok(report.code().into())
    }

    /// `--dry-run`: what would be done, and whether the stack can be rolled.
    async fn say_what_would_be_done(
        self,
        journal: &Journal,
        kind: Kind,
        images: &BTreeMap<Service, String>,
    ) -> Result<ExitCode, Failure> {
        if let Some(under_way) = journal.under_way()? {
            return Err(format!(
                "{}; what would be done after that depends on it",
                report::broken_off(&under_way)
            )
            .into());
        }
        let environment = Environment::read(&self.folder)?;
        let plan = wanted(journal, &environment, kind, images)?;
        let stack = Stack::look(&self.folder, None).await?;
        stack.can_be_rolled(&plan, !self.no_probe).await?;
        for turn in &plan.turns {
            // One that is to be fetched is looked at when it is there.
            if let Err(why) = stack.fits(&turn.to_image).await {
                eprintln!("keyward: {why}");
            }
        }
        if self.json {
            say(json!({ "plan": plan, "steps": plan.steps() }));
        } else {
            say(report::planned(&plan));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// All steps, or the way back from them. An error is one that leaves the stack between both: the next command settles it.
async fn rolled(
    rolling: &mut Rolling<'_>,
    teller: &mut Teller,
) -> Result<(Outcome, Option<String>), Failure> {
    let done = tokio::time::timeout(LONGEST, rolling.roll(teller)).await;
    let done = done.unwrap_or_else(|_| Err(format!("it was not done within {} s", LONGEST.as_secs()).into()));
    match done {
        Ok(()) => Ok((Outcome::Done, None)),
        Err(error) if rolling.under_way.step == Step::Drain => Err(error),
        Err(error) => {
            teller.warns(&error);
            rolling.undo(teller).await.map_err(|undoing| format!("{error}; and {undoing}"))?;
            Ok((Outcome::Undone, Some(error.to_string())))
        }
    }
}

fn wanted(
    journal: &Journal,
    environment: &Environment,
    kind: Kind,
    images: &BTreeMap<Service, String>,
) -> Result<Plan, Failure> {
    if kind == Kind::Deploy {
        return Plan::deploy(environment, images);
    }
    let history = journal.history()?;
    match history.iter().rfind(|past| past.outcome == Outcome::Done) {
        Some(last) if last.plan.kind == Kind::Deploy => Plan::rollback(environment, &last.plan.turns),
        Some(_) => Err(
            "the last was a rollback, and what ran before that was not wanted: name what is to run, keyward \
                        deploy --image SERVICE=IMAGE (`keyward deploys` has them)"
                .into(),
        ),
        None => Err("nothing was deployed here yet, so that there is nothing to go back to".into()),
    }
}

fn owner(what: Kind) -> Owner {
    let since = now();
    Owner {
        user: rustix::process::getuid().as_raw(),
        process: std::process::id(),
        what,
        since: since.micros(),
        until: since.plus(LONGEST).micros(),
    }
}
