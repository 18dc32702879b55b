//! Waits at start for what others start at the same time: the database, Redis.

use std::fmt::Display;
use std::time::Duration;

use auth::Random;
use tokio::time::Instant;

use super::ServerError;
use crate::health::Health;

/// Between the first two tries; then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// And never longer, so that it is not long after the other is there that we are.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A try to reach something that has not ended by then has failed.
pub(super) const LONGEST_TRY: Duration = Duration::from_secs(5);
/// How often the log says that it still waits.
const TELLING: Duration = Duration::from_secs(5);

/// Something that a server cannot do without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited<'a> {
    /// `database`.
    pub(super) name: &'static str,
    /// `PostgreSQL at db:5432`.
    pub(super) what: &'a str,
    /// How long to wait for it; without one, for as long as it takes.
    pub(super) limit: Option<Duration>,
}

/// Why a try came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may pass: it is tried again.
    Passing(String),
    /// No waiting mends it.
    Lasting(ServerError),
}

impl Awaited<'_> {
    /// Tries until it succeeds, or the limit is reached. It says in the log, and on the internal listener, what it waits for.
    pub(super) async fn wait<T>(
        self,
        health: &Health,
        random: &Random,
        mut attempt: impl AsyncFnMut() -> Result<T, Trouble>,
    ) -> Result<T, ServerError> {
        let begun = now();
        let mut told: Option<Instant> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match attempt().await {
                Ok(there) => {
                    if told.is_some() {
                        let seconds = begun.elapsed().as_secs();
                        tracing::info!(dependency = self.name, seconds, "{} is there", self.what);
                    }
                    return Ok(there);
                }
                Err(Trouble::Passing(error)) => error,
                Err(Trouble::Lasting(error)) => return Err(error),
            };
            let waited = begun.elapsed();
            if let Some(limit) = self.limit.filter(|limit| waited >= *limit) {
                let what = self.what.to_owned();
                return Err(ServerError::NotThere { what, seconds: limit.as_secs(), error });
            }
            health.wait_for(self.name, error.clone());
            if told.is_none_or(|told| told.elapsed() >= TELLING) {
                told = Some(now());
                let seconds = waited.as_secs();
                let of = self.limit.map_or_else(String::new, |limit| format!(" of {}", limit.as_secs()));
                tracing::warn!(dependency = self.name, error, "waiting for {} ({seconds}{of} s)", self.what);
            }
            let rest = self.limit.map_or(LONGEST_PAUSE, |limit| limit.saturating_sub(waited));
            tokio::time::sleep(jittered(pause, random).min(rest)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// What may pass: what starts beside us may refuse, or let nobody in, until it is ready.
pub(super) fn passing(error: impl Display) -> Trouble {
    Trouble::Passing(error.to_string())
}

/// Reaches for something once, and judges what is wrong with it.
pub(super) async fn reach<T, E>(
    attempt: impl Future<Output = Result<T, E>>,
    judge: impl FnOnce(E) -> Trouble,
) -> Result<T, Trouble> {
    match tokio::time::timeout(LONGEST_TRY, attempt).await {
        Ok(reached) => reached.map_err(judge),
        Err(_) => Err(Trouble::Passing(format!("it did not answer within {} s", LONGEST_TRY.as_secs()))),
    }
}

/// Between half of it and all of it: processes that were started together do not ask together.
pub(super) fn jittered(pause: Duration, random: &Random) -> Duration {
    let [share, ..] = random.token();
    pause.mul_f32(0.5 + f32::from(share) / 512.0)
}

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock, which its own time limits go by")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use domain::{Clock, Timestamp};

    use super::*;

    const DATABASE: Awaited<'static> =
        Awaited { name: "database", what: "PostgreSQL at db:5432", limit: Some(Duration::from_mins(1)) };

    fn parts() -> (Health, Random) {
        (Health::new(Clock::new(|| Timestamp(0))), Random::new(|bytes| bytes.fill(255)))
    }

    fn refused<T>() -> Result<T, Trouble> {
        Err(Trouble::Passing("connection refused".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_waiting_mends_is_told_at_once_and_the_rest_is_waited_for_without_end() {
        let (health, random) = parts();
        let (begun, tries) = (now(), Cell::new(0));
        let endless = Awaited { limit: None, ..DATABASE };
        let told = endless.wait::<()>(&health, &random, async || {
            tries.set(tries.get() + 1);
            if tries.get() < 10_000 {
                refused()
            } else {
                Err(Trouble::Lasting(ServerError::Schema("no".to_owned())))
            }
        });
        assert_eq!(told.await.unwrap_err().to_string(), "no");
        assert!(begun.elapsed() > Duration::from_hours(2), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_waited_for_with_growing_pauses() {
        let (health, random) = parts();
        let (begun, tries) = (now(), Cell::new(0));
        let there = DATABASE.wait(&health, &random, async || {
            tries.set(tries.get() + 1);
            if begun.elapsed() < Duration::from_secs(30) { refused() } else { Ok("there") }
        });
        assert_eq!(there.await.unwrap(), "there");
        assert!(begun.elapsed() < Duration::from_secs(33), "{:?}", begun.elapsed());
        assert!((15..30).contains(&tries.get()), "{}", tries.get());
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_is_given_up_at_the_limit_in_one_sentence() {
        let (health, random) = parts();
        let begun = now();
        let gone = DATABASE.wait(&health, &random, async || refused::<()>()).await;
        assert_eq!(begun.elapsed(), Duration::from_mins(1));
        assert_eq!(
            gone.unwrap_err().to_string(),
            "PostgreSQL at db:5432 was not there within 60 s (connection refused): start it, or let the server wait longer by \
             startup.wait"
        );
    }

    /// A try that hangs, as one at a host that drops packets does, must not outlast the limit by much.
    #[tokio::test(start_paused = true)]
    async fn a_try_that_hangs_is_given_up() {
        let (health, random) = parts();
        let begun = now();
        let gone = DATABASE
            .wait(&health, &random, async || reach(std::future::pending::<Result<(), &str>>(), passing).await)
            .await;
        assert!(gone.unwrap_err().to_string().contains("it did not answer within 5 s"));
        assert!(begun.elapsed() <= Duration::from_secs(65), "{:?}", begun.elapsed());
    }
}
