//! The steps of a deploy, each as it is done, and the two ways in which one that was broken off ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bake::{Counted, fails_more, is_slower};
use super::clock::Since;
use super::daemon::{Seen, metrics_at};
use super::environment::Environment;
use super::interruption::Interruption;
use super::journal::{Journal, Outcome, Past, UnderWay};
use super::looking::Stack;
use super::plan::{Plan, Settlement, Step, Turn};
use super::proof::Proof;
use super::report;
use super::scrape::counted;
use super::teller::Teller;
use crate::Failure;
use crate::compose::Compose;

/// All slots of compose.yml, whichever live.
pub(super) const EVERY: [&str; 2] = ["--profile", "*"];
/// How often the slots are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Compose needs no longer to make containers, or to take them away.
const ACT: Duration = Duration::from_mins(2);
/// A migration may have much to do.
const MIGRATION: Duration = Duration::from_mins(20);
/// The longest grace of a container that is waited for.
const STOP: Duration = Duration::from_mins(10);
/// By then the proxy has sent the new slots a request, if it ever will.
const TAKEN_IN: Duration = Duration::from_secs(15);
/// A new process is as fast as it gets after so long, at the latest.
const WARM: Duration = Duration::from_secs(10);
/// Where nobody asks anything, the proxy has looked at the new slots by then.
const LOOKED_AT: Duration = Duration::from_secs(3);

/// How patient it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// By then the new colour says that it is ready.
    pub(super) ready: Duration,
    /// For so long it is watched beside the old one.
    pub(super) bake: Duration,
}

/// How long a step took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Took {
    pub(super) step: Step,
    pub(super) seconds: f64,
}

/// A deploy that goes on.
pub(super) struct Rolling<'a> {
    pub(super) stack: &'a Stack,
    pub(super) journal: &'a Journal,
    /// `.env` before anything was done.
    pub(super) before: Environment,
    pub(super) under_way: UnderWay,
    pub(super) interruption: Interruption,
    pub(super) patience: Patience,
    pub(super) proof: Option<Proof>,
    pub(super) took: Vec<Took>,
    /// What is not as it should be although it goes on.
    pub(super) wrong: Vec<String>,
}

/// What `auth-service migrate plan --json` says.
#[derive(Debug, Deserialize)]
struct MigrationPlan {
    keeps_running_release: bool,
    reason: Option<String>,
}

impl Rolling<'_> {
    fn plan(&self) -> &Plan {
        &self.under_way.plan
    }

    /// Every step, until one fails. Once it is switched nothing breaks it off.
    pub(super) async fn roll(&mut self, teller: &mut Teller) -> Result<(), Failure> {
        for step in self.plan().steps() {
            if step <= Step::Switch {
                self.interruption.check()?;
            }
            self.under_way.step = step;
            self.journal.begin(&self.under_way)?;
            teller.begins(step);
            let since = Since::now();
            match step {
                Step::Check => self.check(teller).await?,
                Step::Migrate => self.migrate().await?,
                Step::Start => self.start().await?,
                Step::Wait => self.wait(teller).await?,
                Step::TakeIn => self.take_in().await?,
                Step::Bake => self.bake(teller).await?,
                Step::Switch => self.switch()?,
                Step::Drain => self.drain().await?,
            }
            let took = since.elapsed();
            teller.ended(step, took);
            self.took.push(Took { step, seconds: took.as_secs_f64() });
        }
        Ok(())
    }

    /// The one-shot service that has the database's owner's password, with the new version.
    fn migrating(&self) -> Compose {
        self.stack.compose.told("MIGRATE_IMAGE", self.plan().server_image().unwrap_or_default())
    }

    async fn check(&self, teller: &mut Teller) -> Result<(), Failure> {
        let mut asked = vec!["run", "--rm", "--no-deps", "--quiet-pull", "migrate"];
        asked.extend(["migrate", "plan", "--json", "--config", CONFIGURATION]);
        // After a rollback the tables are those of a release that does not run.
        let running = match self.stack.running_release().await {
            Ok(release) => Some(release.to_string()),
            // Whoever mends what does not serve goes by what the tables say.
            Err(why) if self.proof.is_none() => {
                teller.warns(format_args!("{why}: the release is taken for that of the tables"));
                None
            }
            Err(why) => return Err(why),
        };
        if let Some(running) = &running {
            asked.extend(["--running", running]);
        }
        let unknown =
            |why: &str| format!("the new version does not say what it would do to the tables: {why}");
        let ended = self.migrating().ended(&asked, ACT).await.map_err(|why| unknown(&why))?;
        // That what runs would not go on is said by its exit code as well.
        let plan: MigrationPlan = match serde_json::from_str(ended.said.trim()) {
            Ok(plan) => plan,
            Err(error) => {
                let why = ended.well().map_or_else(|why| why, |_| error.to_string());
                return Err(unknown(&why).into());
            }
        };
        if plan.keeps_running_release {
            return Ok(());
        }
        let why = plan.reason.unwrap_or_else(|| "it does not say why".to_owned());
        Err(format!("what runs would not go on with the tables of the new version: {why}").into())
    }

    async fn migrate(&self) -> Result<(), Failure> {
        let done =
            self.migrating().run(&["run", "--rm", "--no-deps", "--quiet-pull", "migrate"], MIGRATION).await;
        done.map_err(|why| format!("the tables could not be brought to the new version: {why}"))?;
        Ok(())
    }

    async fn start(&self) -> Result<(), Failure> {
        // As it is by now: somebody may have changed something else meanwhile.
        self.plan().begun(&Environment::read_again(&self.before)?).write()?;
        let up = [
            &EVERY[..],
            &["up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--force-recreate"],
        ]
        .concat();
        self.on(&up, &self.plan().new_slots(), ACT)
            .await
            .map_err(|why| format!("the new colour could not be started: {why}"))?;
        Ok(())
    }

    fn switch(&self) -> Result<(), Failure> {
        self.plan().switched(&Environment::read_again(&self.before)?).write()
    }

    async fn on(&self, words: &[&str], slots: &[String], patience: Duration) -> Result<String, String> {
        let words = [words, &slots.iter().map(String::as_str).collect::<Vec<_>>()].concat();
        self.stack.compose.run(&words, patience).await
    }

    async fn wait(&self, teller: &mut Teller) -> Result<(), Failure> {
        let since = Since::now();
        let slots = self.plan().new_slots();
        loop {
            let mut starting = Vec::new();
            for slot in &slots {
                match self.stack.daemon.new_slot(slot).await? {
                    Seen::Healthy { .. } => {}
                    Seen::Starting => starting.push(slot.as_str()),
                    other => return Err(not_well(slot, &other)),
                }
            }
            if starting.is_empty() {
                return Ok(());
            }
            teller.goes_on(&format!("({} of {} are ready)", slots.len() - starting.len(), slots.len()));
            if since.elapsed() > self.patience.ready {
                return Err(format!(
                    "{} did not get ready within {} s (`docker compose logs` has what it said; --ready-within waits for longer)",
                    starting.join(", "),
                    self.patience.ready.as_secs()
                )
                .into());
            }
            self.interruption.pause(LOOK).await?;
        }
    }

    /// Until each new slot has answered a request that came through the proxy.
    async fn take_in(&self) -> Result<(), Failure> {
        if self.proof.is_none() {
            return self.interruption.pause(LOOKED_AT).await;
        }
        let since = Since::now();
        loop {
            let mut left = Vec::new();
            for turn in &self.plan().turns {
                for slot in turn.new_slots() {
                    if self.counted_by(turn, &slot).await?.requests == 0 {
                        left.push(slot);
                    }
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            if since.elapsed() > TAKEN_IN {
                return Err(format!(
                    "{} got no request within {} s: the proxy does not send it any (is its Caddyfile the one in caddy/?)",
                    left.join(", "),
                    TAKEN_IN.as_secs()
                )
                .into());
            }
            self.interruption.pause(LOOK).await?;
        }
    }

    /// What a slot that serves has counted.
    async fn counted_by(&self, turn: &Turn, slot: &str) -> Result<Counted, Failure> {
        let is_new = turn.new_slots().iter().any(|new| new == slot);
        let daemon = &self.stack.daemon;
        match if is_new { daemon.new_slot(slot).await? } else { daemon.slot(slot).await? } {
            Seen::Healthy { address: Some(address) } => {
                let counted = counted(metrics_at(turn.service, address)).await;
                counted.map_err(|why| format!("{slot} was well, and {why}").into())
            }
            Seen::Healthy { address: None } => {
                Err(format!("Docker does not say where {slot} is reached").into())
            }
            other => Err(not_well(slot, &other)),
        }
    }

    /// What the slots of a colour have counted together. Of the old ones one that ended by itself has counted nothing.
    async fn counted_by_all(
        &self,
        turn: &Turn,
        slots: &[String],
        must_serve: bool,
    ) -> Result<Counted, Failure> {
        let mut all = Counted::default();
        for slot in slots {
            match self.counted_by(turn, slot).await {
                Ok(counted) => all = all.and(&counted),
                Err(why) if must_serve => return Err(why),
                Err(_) => {}
            }
        }
        Ok(all)
    }

    async fn bake(&self, teller: &mut Teller) -> Result<(), Failure> {
        let since = Since::now();
        let look = async |turn: &Turn| {
            let new = self.counted_by_all(turn, &turn.new_slots(), true).await?;
            Ok::<_, Failure>((new, self.counted_by_all(turn, &turn.old_slots(), false).await?))
        };
        // A process that has just begun is slow at first: that is not what it is like.
        let warm = (self.patience.bake / 4).min(WARM);
        let mut begun = Vec::new();
        for turn in &self.plan().turns {
            begun.push(look(turn).await?);
        }
        let mut warmed = begun.clone();
        loop {
            self.interruption.pause(LOOK * 4).await?;
            let is_warm = since.elapsed() >= warm;
            for ((turn, begun), warmed) in self.plan().turns.iter().zip(&begun).zip(&mut warmed) {
                let (new, old) = look(turn).await?;
                let worse = fails_more(&new.since(&begun.0), &old.since(&begun.1));
                let worse = worse.or_else(|| is_slower(&new.since(&warmed.0), &old.since(&warmed.1)));
                match worse {
                    Some(why) => return Err(format!("{}: {why}", turn.service).into()),
                    None if is_warm => {}
                    None => *warmed = (new, old),
                }
            }
            match self.proof.as_ref().map_or(0, Proof::lost) {
                0 => {}
                lost => return Err(format!("{lost} requests of the probe failed").into()),
            }
            let left = self.patience.bake.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            teller.goes_on(&format!("({} s left)", left.as_secs()));
        }
    }

    async fn drain(&mut self) -> Result<(), Failure> {
        let slots = self.plan().old_slots();
        self.stop(&slots).await.map_err(|why| {
            format!("the old colour could not be stopped: {why}; the new one serves, and the next `keyward deploy` or `keyward rollback` stops it first")
        })?;
        for slot in &slots {
            if let Seen::Ended { was_killed: true, code } = self.stack.daemon.slot(slot).await? {
                self.wrong.push(format!(
                    "{slot} did not end in time and was killed ({code}): what it was answering then is lost"
                ));
            }
        }
        Ok(())
    }

    async fn stop(&self, slots: &[String]) -> Result<String, String> {
        self.on(&[&EVERY[..], &["stop"]].concat(), slots, STOP).await
    }

    /// What ran goes on alone: the new colour drains, and is gone.
    pub(super) async fn undo(&mut self, teller: &mut Teller) -> Result<(), Failure> {
        teller.event("undoing", json!({}), "  what runs goes on alone …");
        // Whoever comes after a kill from here on goes on with it, wherever it was.
        if self.under_way.step > Step::Bake {
            self.under_way.step = Step::Bake;
            self.journal.begin(&self.under_way)?;
        }
        let slots = self.plan().new_slots();
        if self.under_way.step >= Step::Start {
            self.the_old_one_serves().await?;
        }
        let cannot = |why: String| -> Failure {
            format!("the new colour could not be taken away: {why}; the next `keyward deploy` or `keyward rollback` tries again").into()
        };
        if self.under_way.step >= Step::Start {
            self.stop(&slots).await.map_err(cannot)?;
            let remove = [&EVERY[..], &["rm", "--force", "--stop"]].concat();
            self.on(&remove, &slots, ACT).await.map_err(cannot)?;
        }
        self.plan().undone(&Environment::read_again(&self.before)?).write()
    }

    /// The only colour that serves is not taken away.
    async fn the_old_one_serves(&self) -> Result<(), Failure> {
        for turn in &self.plan().turns {
            let (old, new) = (self.well(&turn.old_slots()).await?, self.well(&turn.new_slots()).await?);
            if old == 0 && new > 0 {
                let (from, to) = (turn.service.profile(turn.from), turn.service.profile(turn.to()));
                return Err(format!(
                    "no slot of {from} is well, and {new} of {to} are: the new colour is left as it is, since nothing else serves. Mend the \
                     old one (`docker compose --profile '*' up --detach --wait {}`) and call this again, or have the new one live: write {to} in the \
                     place of {from} to COMPOSE_PROFILES in .env, and remove deploys/under-way.json",
                    turn.old_slots().join(" ")
                )
                .into());
            }
        }
        Ok(())
    }

    /// How many of these serve.
    async fn well(&self, slots: &[String]) -> Result<usize, Failure> {
        let mut well = 0;
        for slot in slots {
            well += usize::from(matches!(self.stack.daemon.slot(slot).await?, Seen::Healthy { .. }));
        }
        Ok(well)
    }

    /// What is new goes on alone, although whoever switched to it did not see to the end of it.
    pub(super) async fn finish(&mut self, teller: &mut Teller) -> Result<(), Failure> {
        teller.event("finishing", json!({}), "  the new colour lives: the old one is stopped …");
        self.switch()?;
        let up =
            [&EVERY[..], &["up", "--detach", "--no-deps", "--no-build", "--pull", "never", "--no-recreate"]]
                .concat();
        self.on(&up, &self.plan().new_slots(), ACT).await?;
        self.wait_until_it_serves(teller).await?;
        self.drain().await
    }

    /// One that has served before may have been started anew since.
    async fn wait_until_it_serves(&self, teller: &mut Teller) -> Result<(), Failure> {
        let (since, slots) = (Since::now(), self.plan().new_slots());
        loop {
            let well = self.well(&slots).await?;
            if well == slots.len() {
                return Ok(());
            }
            teller.goes_on(&format!("({well} of {} are ready)", slots.len()));
            if since.elapsed() > self.patience.ready {
                return Err(format!(
                    "{well} of {} are well, after {} s",
                    slots.join(", "),
                    self.patience.ready.as_secs()
                )
                .into());
            }
            self.interruption.pause(LOOK).await?;
        }
    }

    /// Back from a colour that was to live and does not serve, if the one before does.
    async fn go_back(&mut self, teller: &mut Teller, why: &Failure) -> Result<(), Failure> {
        let old = self.plan().old_slots();
        if self.well(&old).await? < old.len() {
            let all = old.into_iter().chain(self.plan().new_slots()).collect::<Vec<_>>().join(" ");
            return Err(format!(
                "{why}; and the old colour does not serve either, so that nothing was taken away. Look at both (`docker compose --profile '*' ps`, \
                 `docker compose logs`), mend one (`docker compose --profile '*' up --detach --wait {all}`), and call this again"
            )
            .into());
        }
        teller.warns(why);
        self.plan().switched_back(&Environment::read_again(&self.before)?).write()?;
        self.undo(teller).await
    }
}

/// Brings what was broken off to its end.
pub(super) async fn settle(
    stack: &Stack,
    journal: &Journal,
    interruption: &Interruption,
    patience: Patience,
    teller: &mut Teller,
) -> Result<(), Failure> {
    let Some(under_way) = journal.under_way()? else { return Ok(()) };
    teller.event("settling", json!({ "id": under_way.id }), report::broken_off(&under_way));
    let before = Environment::read(&stack.folder)?;
    let (settlement, step) = (under_way.step.if_broken_off(), under_way.step);
    let (took, wrong) = (Vec::new(), Vec::new());
    let (interruption, proof) = (interruption.clone(), None);
    let mut rolling =
        Rolling { stack, journal, before, under_way, interruption, patience, proof, took, wrong };
    let outcome = match settlement {
        Settlement::Undo => rolling.undo(teller).await.map(|()| Outcome::Undone)?,
        Settlement::Finish => match rolling.finish(teller).await {
            Ok(()) => Outcome::Done,
            Err(why) => rolling.go_back(teller, &why).await.map(|()| Outcome::Undone)?,
        },
    };
    let UnderWay { id, plan, since, .. } = rolling.under_way;
    let until = super::clock::now().micros();
    let why = Some(format!("it was broken off while it was to {}", step.told()));
    let past = Past { id, plan, since, until, outcome, why, requests: None, failed: None };
    if let Err(why) = stack.note(&past.noted(None)).await {
        teller.warns(why);
    }
    journal.end(&past)
}

/// Where the containers have their configuration.
const CONFIGURATION: &str = "/etc/keyward/keyward.toml";

fn not_well(slot: &str, seen: &Seen) -> Failure {
    format!("{slot} {} (`docker compose logs {slot}` says more)", seen.told()).into()
}
