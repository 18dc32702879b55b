//! What came of a deploy, which is the proof of it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use auth_service::admin::{DeployDeed, NoteDeploy};
use serde::Serialize;

use super::clock::now;
use super::journal::{Outcome, Owner, Past, UnderWay};
use super::plan::{Kind, Plan, Settlement};
use super::rolling::{Rolling, Took};
use crate::gate::Fingerprint;
use crate::installation::moment;
use crate::probe;
use crate::status::span;

/// What the shell is told where what is new serves, and requests were lost or may have been.
const LOST: u8 = 3;
/// And where what ran goes on.
const UNDONE: u8 = 1;

/// What came of it.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) past: Past,
    steps: Vec<Took>,
    seconds: f64,
    proof: Option<probe::Report>,
    /// What is not as it should be, one sentence each.
    wrong: Vec<String>,
}

impl Report {
    pub(super) fn of(
        rolling: &Rolling<'_>,
        outcome: Outcome,
        why: Option<String>,
        proof: Option<probe::Report>,
        took: Duration,
    ) -> Self {
        let under_way = &rolling.under_way;
        let (requests, failed) = (
            proof.as_ref().map(|proof| proof.stages.iter().map(|stage| stage.requests).sum()),
            proof.as_ref().map(|proof| proof.stages.iter().map(|stage| stage.failed).sum()),
        );
        let wrong = rolling.wrong.clone();
        let why = why.or_else(|| (!wrong.is_empty()).then(|| wrong.join("; ")));
        let past = Past {
            id: under_way.id,
            plan: under_way.plan.clone(),
            since: under_way.since,
            until: now().micros(),
            outcome,
            why,
            requests,
            failed,
        };
        Self { past, steps: rolling.took.clone(), seconds: took.as_secs_f64(), proof, wrong }
    }

    /// Whether nothing was lost, as far as somebody looked.
    fn is_clean(&self) -> bool {
        self.wrong.is_empty() && self.proof.as_ref().is_none_or(probe::Report::is_clean)
    }

    pub(super) fn code(&self) -> u8 {
        match self.past.outcome {
            Outcome::Undone => UNDONE,
            Outcome::Done if self.is_clean() => 0,
            Outcome::Done => LOST,
        }
    }
}

impl Past {
    /// As it stands in the audit trail, with the key that asked for it.
    pub(super) fn noted(&self, by: Option<&Fingerprint>) -> NoteDeploy {
        let deed = match (self.outcome, self.plan.kind) {
            (Outcome::Undone, _) => DeployDeed::Undo,
            (Outcome::Done, Kind::Deploy) => DeployDeed::Deploy,
            (Outcome::Done, Kind::Rollback) => DeployDeed::Rollback,
        };
        let images = self.plan.turns.iter().map(|turn| turn.to_image.clone()).collect();
        let by = by.map(ToString::to_string);
        NoteDeploy { deed, id: self.id, images, why: self.why.clone(), by }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Past { plan, outcome, why, .. } = &self.past;
        let kind = plan.kind;
        match outcome {
            Outcome::Done => writeln!(formatter, "\nThe {kind} is done, in {:.1} s.", self.seconds)?,
            Outcome::Undone => writeln!(formatter, "\nThe {kind} was undone, and what ran goes on.")?,
        }
        if let (Outcome::Undone, Some(why)) = (outcome, why) {
            writeln!(formatter, "  {why}")?;
        }
        for turn in &plan.turns {
            let (serves, runs) = match outcome {
                Outcome::Done => (turn.to(), &turn.to_image),
                Outcome::Undone => (turn.from, &turn.from_image),
            };
            writeln!(formatter, "  {:<13} {serves:<6} {runs}", turn.service.name())?;
        }
        for wrong in &self.wrong {
            writeln!(formatter, "  {wrong}")?;
        }
        match &self.proof {
            None => {
                write!(formatter, "Nobody asked anything meanwhile (--no-probe), so that nothing is proved.")
            }
            Some(proof) => write!(formatter, "{proof}"),
        }
    }
}

/// What is told whoever comes second.
pub(super) fn busy(who: Option<&Owner>) -> String {
    match who {
        None => "another deploy is under way: try again when it has ended".to_owned(),
        Some(who) => format!(
            "a {} of user {} is under way since {} (process {}), and ends by {} at the latest: try again then",
            who.what,
            who.user,
            moment(who.since),
            who.process,
            moment(who.until)
        ),
    }
}

/// What is told of one that somebody broke off.
pub(crate) fn broken_off(under_way: &UnderWay) -> String {
    let next = match under_way.step.if_broken_off() {
        Settlement::Undo => "undoes it first",
        Settlement::Finish => "finishes it first",
    };
    format!(
        "the {} that began at {} is under way, or was broken off while it was to {}: the next `keyward deploy` or `keyward rollback` {next}",
        under_way.plan.kind,
        moment(under_way.since),
        under_way.step.told()
    )
}

/// `--dry-run`.
pub(super) fn planned(plan: &Plan) -> String {
    let mut told = format!("This {} would run\n", plan.kind);
    for turn in &plan.turns {
        let _ = writeln!(
            told,
            "  {:<13} {} ({}) in the place of {} ({})",
            turn.service.name(),
            turn.to_image,
            turn.to(),
            turn.from_image,
            turn.from
        );
    }
    told.push_str("and\n");
    for step in plan.steps() {
        let _ = writeln!(told, "  {}", step.told());
    }
    told + "Nothing was done."
}

/// One that has ended, in a line.
pub(super) fn line(past: &Past) -> String {
    let outcome = match past.outcome {
        Outcome::Done => "done",
        Outcome::Undone => "undone",
    };
    let images = past.plan.turns.iter().map(|turn| format!("{} ({})", turn.to_image, turn.to()));
    let images = images.collect::<Vec<_>>().join(", ");
    let lost = match (past.failed, past.requests) {
        (Some(failed), Some(requests)) => format!("{failed} of {requests} requests failed"),
        _ => "no probe".to_owned(),
    };
    let why = past.why.as_ref().map(|why| format!("\n    {why}")).unwrap_or_default();
    let (began, took) = (moment(past.since), span(past.until.saturating_sub(past.since)));
    let kind = past.plan.kind.to_string();
    format!("{began}  {kind:<8}  {outcome:<6}  {took:>7}  {lost}  {images}{why}")
}
