//! A probe that runs: workers that ask at an even rate, and what is slow beside them.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::canary::{ACCOUNTS, Canary, Known};
use super::connection::{Answer, Ask, Habit, Line, Why, Wrong};
use super::journey::{FIRST, Step, Traveller, slow_reading, take_slow_reading};
use super::ledger::{self, Told};
use super::report::Report;
use super::schedule::{Gate, Schedule};
use super::site::{Site, Target};
use super::tally::{Asked, Counted, Figures, Tally};
use crate::Failure;

/// A sign-in costs the server a hash: there is one in so long, however much else is asked.
const SIGN_IN_EVERY: Duration = Duration::from_secs(2);
/// More connections than this for a request a second would go round so slowly that what they hold expires.
const CONNECTIONS_A_REQUEST: usize = 8;
/// Whether a session lives is asked so often, if the question itself fails…
const LOOKS: usize = 5;
/// …with this between.
const BETWEEN: Duration = Duration::from_millis(500);

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests a second in all.
    pub(crate) rate: u32,
    /// How many ask beside one another.
    pub(crate) connections: usize,
    /// How many send slowly, and as many read slowly.
    pub(crate) slow: usize,
    /// What is not answered by then has failed.
    pub(crate) patience: Duration,
}

impl Default for Load {
    /// Far below what any limit of the server is by default.
    fn default() -> Self {
        Self { rate: 50, connections: 8, slow: 1, patience: Duration::from_secs(20) }
    }
}

/// A probe that runs, until its [`end`](Self::end).
pub(crate) struct Probe {
    known: Arc<Known>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    workers: JoinSet<Traveller>,
    readers: Vec<JoinHandle<()>>,
    /// By which sessions are asked after in the end.
    line: Line,
}

/// What those who ask have in common.
struct Shared {
    tally: Tally,
    schedule: Schedule,
    sign_ins: Gate,
    begun: Instant,
}

impl Probe {
    /// Begins. Whoever asks has signed in by then, and one of them has gone the whole way: where that does not work nothing is measured.
    /// What was asked for it is of the stage `start`.
    pub(crate) async fn start(site: Site, canary: &Canary, load: Load) -> Result<Self, Failure> {
        let (auth, app) = site.targets()?;
        let known = canary.0.clone();
        let connections =
            load.connections.clamp(1, CONNECTIONS_A_REQUEST.saturating_mul(load.rate.max(1) as usize));
        let tally = Tally::new(now(), "start");
        let mut askers = Vec::with_capacity(connections);
        for number in 0..connections {
            let traveller = Traveller::new(known.clone(), number, true, site.app.as_ref());
            let habit = habit(number);
            let line = |target: &Target| Line::new(target.clone(), habit, load.patience);
            let mut asker = Asker { traveller, auth: line(&auth), app: app.as_ref().map(line) };
            let steps = if number == 0 { &FIRST[..] } else { &FIRST[..1] };
            for step in steps.iter().copied() {
                if asker.traveller.can(step) {
                    asker.take(step, now(), &tally).await.map_err(|wrong| not_begun(&wrong))?;
                }
            }
            askers.push(asker);
        }
        let mut slow = Vec::with_capacity(load.slow);
        for _ in 0..load.slow {
            let traveller = Traveller::new(known.clone(), 0, false, None);
            let line = Line::new(auth.clone(), Habit::Narrow, load.patience);
            let mut asker = Asker { traveller, auth: line, app: None };
            asker.take(Step::SignIn, now(), &tally).await.map_err(|wrong| not_begun(&wrong))?;
            slow.push(asker);
        }
        let begun = now();
        let (schedule, sign_ins) = (Schedule::new(load.rate), Gate::new(SIGN_IN_EVERY));
        let shared = Arc::new(Shared { tally, schedule, sign_ins, begun });
        let (stop, stopped) = watch::channel(false);
        let mut workers = JoinSet::new();
        let mut readers = Vec::with_capacity(load.slow);
        for asker in askers {
            workers.spawn(asker.work(shared.clone(), stopped.clone()));
        }
        for asker in slow {
            workers.spawn(asker.send_slowly(shared.clone(), stopped.clone()));
            let line = Line::new(auth.clone(), Habit::Narrow, load.patience);
            readers.push(tokio::spawn(read_slowly(line, shared.clone(), stopped.clone())));
        }
        let line = Line::new(auth, Habit::KeptHttp1, load.patience);
        Ok(Self { known, shared, stop, workers, readers, line })
    }

    /// From here on requests that end are of this stage.
    pub(crate) fn enter(&self, stage: &'static str) {
        self.shared.tally.enter(stage);
    }

    /// The figures up to now, a stage each.
    pub(crate) fn figures(&self) -> Vec<Figures> {
        self.shared.tally.figures()
    }

    /// Lets what is in flight finish, and then looks whether every session lives, and whether all that was acknowledged was done once.
    pub(crate) async fn end(mut self) -> Report {
        let unsent = self.shared.schedule.behind(self.shared.begun.elapsed());
        // Whoever has ended by itself need not be told.
        self.stop.send_replace(true);
        let mut report = Report { unsent, ..Report::default() };
        let mut told = vec![Told::default(); ACCOUNTS];
        let mut cookies = Vec::new();
        while let Some(ended) = self.workers.join_next().await {
            match ended {
                Ok(traveller) => {
                    let (account, own, begun) = traveller.end();
                    if let Some(told) = told.get_mut(account) {
                        told.add(own);
                    }
                    cookies.extend(begun);
                }
                Err(error) => report.unchecked.push(format!("what one of those who asked was told: {error}")),
            }
        }
        for reader in self.readers {
            if let Err(error) = reader.await {
                report.unchecked.push(format!("what was read slowly: {error}"));
            }
        }
        for cookie in &cookies {
            report.sessions_begun += 1;
            match lives(&mut self.line, cookie).await {
                Ok(true) => {}
                Ok(false) => report.sessions_lost += 1,
                Err(wrong) => report.unchecked.push(format!("whether a session lives: {}", wrong.detail)),
            }
        }
        match ledger::balance(&self.known, &told).await {
            Ok(balance) => {
                report.acknowledged = balance.acknowledged;
                report.acknowledged_lost = balance.lost;
                report.executed_twice = balance.twice;
            }
            Err(error) => report.unchecked.push(format!("the audit trail: {error}")),
        }
        let Counted { stages, failures, by_http2, connections } = self.shared.tally.count();
        report.requests = stages.iter().map(|stage| stage.requests).sum();
        report.failed = stages.iter().map(|stage| stage.failed).sum();
        Report { stages, failures, over_http2: by_http2, connections, ..report }
    }
}

/// Half keep a connection and speak what is newest, as browsers do; of the others one keeps one by HTTP/1.1, and one makes a new one for
/// each request.
fn habit(number: usize) -> Habit {
    match number % 4 {
        1 => Habit::KeptHttp1,
        3 => Habit::New,
        _ => Habit::Kept,
    }
}

fn not_begun((asked, wrong): &(String, Wrong)) -> Failure {
    format!(
        "nothing was measured, since the canary cannot even go its way once: {asked}: {}. Look whether the address is that of the \
         server whose socket was found (`keyward status`), and what the server's log says",
        wrong.detail
    )
    .into()
}

/// Whether a session lives. Only a question that was answered tells.
async fn lives(line: &mut Line, cookie: &str) -> Result<bool, Wrong> {
    let mut look = 1;
    loop {
        let wrong = match line.ask(Traveller::ask_whether_lives(cookie)).await {
            Ok(answer) if answer.status.is_success() => return Ok(true),
            Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => return Ok(false),
            Ok(answer) => Wrong::new(Why::Status, &answer.status),
            Err(wrong) => wrong,
        };
        if look == LOOKS {
            return Err(wrong);
        }
        look += 1;
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Somebody on the way, and where they ask.
struct Asker {
    traveller: Traveller,
    auth: Line,
    app: Option<Line>,
}

impl Asker {
    /// Takes a step that was due then. What fails has failed, and the journey goes on behind it.
    async fn take(&mut self, step: Step, due: Instant, tally: &Tally) -> Result<(), (String, Wrong)> {
        let ask = self.traveller.ask(step);
        let line = match (&mut self.app, step) {
            (Some(app), Step::App) => app,
            _ => &mut self.auth,
        };
        let asked = Asked { name: ask.name(), over: line.habit.name(), due, is_slow: false };
        let answered = line.ask(ask).await;
        self.taken(step, answered, asked, tally)
    }

    fn taken(
        &mut self,
        step: Step,
        answered: Result<Answer, Wrong>,
        asked: Asked,
        tally: &Tally,
    ) -> Result<(), (String, Wrong)> {
        let taken = match answered {
            Ok(answer) => {
                tally.came(&answer);
                self.traveller.answered(step, &answer)
            }
            Err(wrong) => {
                self.traveller.failed(step);
                Err(wrong)
            }
        };
        let name = asked.name.clone();
        tally.record(asked, now(), taken.as_ref().err());
        taken.map_err(|wrong| (name, wrong))
    }

    /// Goes on until it is told to stop, a request each time that one is due.
    async fn work(mut self, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) -> Traveller {
        loop {
            let due = shared.begun + shared.schedule.take();
            if is_stopped(&mut stop, due).await {
                return self.traveller;
            }
            let elapsed = shared.begun.elapsed();
            let next = self.traveller.next_step(elapsed, || shared.sign_ins.pass(elapsed));
            // It is in the tally.
            drop(self.take(next, due, &shared.tally).await);
        }
    }

    /// Sends one slowly after the other until it is told to stop.
    async fn send_slowly(mut self, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) -> Traveller {
        while !is_stopped(&mut stop, now()).await {
            // What it sends has to be good at the end of it.
            drop(self.take(Step::RenewToken, now(), &shared.tally).await);
            let ask = self.traveller.ask_slowly();
            let asked = slow(&ask, &self.auth);
            let answered = self.auth.ask(ask).await;
            drop(self.taken(Step::VerifyToken, answered, asked, &shared.tally));
        }
        self.traveller
    }
}

fn slow(ask: &Ask, line: &Line) -> Asked {
    Asked { name: ask.name(), over: line.habit.name(), due: now(), is_slow: true }
}

/// Reads one slowly after the other until it is told to stop.
async fn read_slowly(mut line: Line, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    while !is_stopped(&mut stop, now()).await {
        let ask = slow_reading();
        let asked = slow(&ask, &line);
        let read = match line.ask(ask).await {
            Ok(answer) => {
                shared.tally.came(&answer);
                take_slow_reading(&answer)
            }
            Err(wrong) => Err(wrong),
        };
        shared.tally.record(asked, now(), read.as_ref().err());
    }
}

/// Waits until then, or until it is told to stop; says whether it is. Whoever has forgotten it has told so, too.
async fn is_stopped(stop: &mut watch::Receiver<bool>, until: Instant) -> bool {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => true,
        () = sleep_until(until) => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures a running server")]
fn now() -> Instant {
    Instant::now()
}
