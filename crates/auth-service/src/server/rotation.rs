//! Secrets that change while the server runs. Each place is looked at again and again; what has changed there is offered to whoever
//! uses it, who proves it first: what does not prove itself is refused, and the one before stays in force.

mod refusals;
mod users;
mod watched;

pub(super) use users::{User, Users};
pub(crate) use watched::ToldSecret;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth::Random;
use domain::Clock;
use secrets::{Keeper, Lease, Secret, SecretError, SecretRef};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::waiting::jittered;
use crate::config::Named;
use refusals::Refusals;
use watched::{Tally, Watched};

/// What is on this machine is read so often: it costs next to nothing, and sees every way in which a file can change.
const LOCAL: Duration = Duration::from_secs(5);
/// A place that could not be read, or a secret that was refused, is tried again after so long, and then after twice as long…
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// …up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// What is due in so long is looked at with what is due now: values of one document, mostly.
const TOGETHER: Duration = Duration::from_millis(250);
/// Whoever is offered a secret has so long to prove it.
const PROVING: Duration = Duration::from_secs(45);

/// What is known of the secrets of a running server, and what keeps them up to date. Clones are one.
#[derive(Clone, Debug)]
pub struct Rotation(Arc<Inner>);

struct Inner {
    keeper: Keeper,
    users: Users,
    clock: Clock,
    random: Random,
    /// How often managers are asked.
    period: Duration,
    watched: Mutex<Vec<Watched>>,
    /// One round at a time.
    turn: tokio::sync::Mutex<()>,
    /// Everything is to be looked at now.
    now: Notify,
}

/// What is looked at in a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Due,
    All,
    Of(User),
}

impl Rotation {
    /// Watches what the keeper has read for a server that is about to serve.
    pub(super) async fn new(
        references: &[Named<'_>],
        keeper: &Keeper,
        users: Users,
        period: Duration,
        clock: Clock,
        random: Random,
    ) -> Result<Self, SecretError> {
        let mut watched = Vec::with_capacity(references.len());
        for named in references {
            let secret = match keeper.read(named.reference).await {
                // Who signs in by it says so, if anything needs that.
                Err(_) if User::of(named.setting) == User::Managers => continue,
                read => read?,
            };
            let due = next(named.reference, &secret, period, &random);
            watched.push(Watched::new(named, secret, clock.now(), due));
        }
        Ok(Self(Arc::new(Inner {
            keeper: keeper.clone(),
            users,
            clock,
            random,
            period,
            watched: Mutex::new(watched),
            turn: tokio::sync::Mutex::default(),
            now: Notify::new(),
        })))
    }

    /// Has everything looked at soon, whatever is due.
    pub fn look_now(&self) {
        self.0.now.notify_one();
    }

    /// Looks at everything, and waits until that is done.
    pub(crate) async fn refresh(&self) {
        self.round(Which::All).await;
    }

    /// What may be told of each secret, after a look at what is kept. Nothing is handed over.
    pub(crate) async fn check(&self) -> Vec<ToldSecret> {
        let fresh = self.0.keeper.anew();
        // What is made for whoever reads it is not made to be looked at.
        let is_read = |one: &Watched| (!one.is_made()).then(|| one.reference.clone());
        let references: Vec<_> = self.watched().iter().map(is_read).collect();
        let mut kept = Vec::with_capacity(references.len());
        for reference in &references {
            kept.push(match reference {
                Some(reference) => Some(fresh.read(reference).await),
                None => None,
            });
        }
        let now = self.0.clock.now();
        let watched = self.watched();
        watched.iter().zip(kept).map(|(one, kept)| one.compared(kept, now)).collect()
    }

    /// What may be told of each secret.
    pub(crate) fn told(&self) -> Vec<ToldSecret> {
        let now = self.0.clock.now();
        self.watched().iter().map(|one| one.told(now)).collect()
    }

    /// The same for metrics, by setting.
    pub(crate) fn tally(&self) -> Vec<Tally> {
        watched::tally(&self.watched(), self.0.clock.now())
    }

    /// How many seconds until the secret id ends that a manager was signed in with last.
    pub(crate) fn secret_id_left(&self) -> Option<i64> {
        let ends = self.0.keeper.secret_id_ends()?;
        Some((ends - self.0.clock.now().micros() / 1_000_000).max(0))
    }

    /// Looks after them until it is time to stop.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            // It is large, and whoever waits for it need not be.
            () = Box::pin(self.watch()) => {}
        }
    }

    async fn watch(&self) {
        let (database, redis) = (self.0.users.refused_by_database(), self.0.users.refused_by_redis());
        let keyring = self.0.users.keyring();
        let mut refusals = Refusals::new([
            (User::Database, database.as_deref()),
            (User::Redis, redis.as_deref()),
            (User::Keys, Some(keyring.missed())),
        ]);
        loop {
            let which = tokio::select! {
                () = self.0.now.notified() => Which::All,
                user = refusals.next() => Which::Of(user),
                () = sleep_until(self.next_due()) => Which::Due,
            };
            let taken = self.round(which).await;
            refusals.looked(which, &taken);
        }
    }

    fn watched(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_due(&self) -> Instant {
        let far = now() + LONGEST_PAUSE;
        self.watched().iter().map(|one| one.due).min().unwrap_or(far)
    }

    /// Looks at some, and hands over what has changed. Says who took it.
    async fn round(&self, which: Which) -> BTreeSet<User> {
        let _turn = self.0.turn.lock().await;
        let fresh = self.0.keeper.anew();
        let looked: Vec<_> = {
            let (watched, now) = (self.watched(), now());
            let is_looked_at = |one: &Watched| match which {
                Which::Due => one.due <= now + TOGETHER,
                Which::All => true,
                Which::Of(user) => one.user == user,
            };
            let looked = watched.iter().enumerate().filter(|(_, one)| is_looked_at(one));
            looked.map(|(at, one)| (at, one.reference.clone())).collect()
        };
        let mut changed = BTreeSet::new();
        let mut renewed: Vec<(Lease, Option<Lease>)> = Vec::new();
        for (at, reference) in looked {
            let lease = self.watched()[at].lease.clone().filter(|_| which == Which::Due);
            if let Some(lease) = lease
                && let Some(longer) = self.renew(lease, &mut renewed).await
            {
                self.watched()[at].renew(longer, self.0.clock.now());
                continue;
            }
            match fresh.read(&reference).await {
                Ok(secret) => {
                    let due = next(&reference, &secret, self.0.period, &self.0.random);
                    let one = &mut self.watched()[at];
                    if one.holds(&secret) {
                        one.confirm(secret, self.0.clock.now(), due);
                    } else {
                        changed.insert(one.user);
                    }
                }
                Err(error) => self.watched()[at].fail(&error, now()),
            }
        }
        let mut taken = BTreeSet::new();
        for user in changed {
            if self.offer(user, &fresh).await {
                taken.insert(user);
            }
        }
        taken
    }

    /// More time for what was made for us: user and password are of one lease, for which it is asked once.
    async fn renew(&self, lease: Lease, asked: &mut Vec<(Lease, Option<Lease>)>) -> Option<Lease> {
        if let Some((_, longer)) = asked.iter().find(|(before, _)| *before == lease) {
            return longer.clone();
        }
        let longer = self.0.keeper.renew(&lease).await;
        asked.push((lease, longer.clone()));
        longer
    }

    /// Offers a user what has changed of its secrets. Says whether that was taken.
    async fn offer(&self, user: User, fresh: &Keeper) -> bool {
        let offered =
            timeout(PROVING, self.0.users.take(user, fresh, &self.0.keeper, self.0.clock.now())).await;
        let taken = offered
            .unwrap_or_else(|_| Err(format!("it did not prove itself within {} s", PROVING.as_secs())));
        let references: Vec<_> = {
            let watched = self.watched();
            let of_user = watched.iter().enumerate().filter(|(_, one)| one.user == user);
            of_user.map(|(at, one)| (at, one.reference.clone())).collect()
        };
        for (at, reference) in references {
            // It holds what it has read: nobody is asked again, but for what was not looked at and not used.
            let Ok(secret) = fresh.read(&reference).await else { continue };
            let due = next(&reference, &secret, self.0.period, &self.0.random);
            let one = &mut self.watched()[at];
            match &taken {
                _ if one.holds(&secret) => one.confirm(secret, self.0.clock.now(), due),
                Ok(()) => one.take(secret, self.0.clock.now(), due),
                Err(why) => one.refuse(secret, why, now()),
            }
        }
        taken.is_ok()
    }
}

/// When a place is looked at next. What is good for some time is seen to when two thirds of that are over.
fn next(reference: &SecretRef, secret: &Secret, period: Duration, random: &Random) -> Instant {
    match &secret.lease {
        Some(lease) => lease.due(),
        None if reference.is_managed() => now() + jittered(period, random),
        None => now() + LOCAL,
    }
}

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock, which its own time limits go by")]
fn now() -> Instant {
    Instant::now()
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("keeper", &self.keeper)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}
