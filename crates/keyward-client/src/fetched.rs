//! `Fetched`: a document of the server's, kept, and fetched anew when it is old.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backoff::Backoff;
use crate::provider_error::ProviderError;
use crate::{Clock, Moment};

/// After an answer nobody asks again for so long, whatever a token names: a stranger's tokens may name any key.
const REST: Duration = Duration::from_secs(5);

/// A document, and for how long it may be used.
pub(crate) struct Fresh<T> {
    pub(crate) value: T,
    pub(crate) life: Duration,
}

/// A document that is kept. One that is old serves on while the server cannot be asked.
pub(crate) struct Fetched<T> {
    kept: Mutex<Kept<T>>,
    /// One asks, the others wait for what it learns.
    asking: tokio::sync::Mutex<()>,
    clock: Clock,
}

struct Kept<T> {
    value: Option<Arc<T>>,
    fetched_at: Moment,
    fresh_until: Moment,
    backoff: Backoff,
    /// Of the last time that it was asked, if that failed.
    error: Option<ProviderError>,
}

impl<T> Fetched<T> {
    pub(crate) fn new(clock: Clock) -> Self {
        let never = Moment(i64::MIN);
        let kept =
            Kept { value: None, fetched_at: never, fresh_until: never, backoff: Backoff::new(), error: None };
        Self { kept: Mutex::new(kept), asking: tokio::sync::Mutex::default(), clock }
    }

    /// The document; fetched first if there is none, or it is old.
    pub(crate) async fn get(
        &self,
        fetch: impl AsyncFnOnce() -> Result<Fresh<T>, ProviderError>,
    ) -> Result<Arc<T>, ProviderError> {
        self.newer_than(None, fetch).await
    }

    /// The document; one that has just turned out to lack something is old. The same again if it was fetched a moment ago,
    /// and an error if the server cannot be asked: nobody knows then what is lacking.
    pub(crate) async fn beyond(
        &self,
        known: &Arc<T>,
        fetch: impl AsyncFnOnce() -> Result<Fresh<T>, ProviderError>,
    ) -> Result<Arc<T>, ProviderError> {
        self.newer_than(Some(known), fetch).await
    }

    async fn newer_than(
        &self,
        known: Option<&Arc<T>>,
        fetch: impl AsyncFnOnce() -> Result<Fresh<T>, ProviderError>,
    ) -> Result<Arc<T>, ProviderError> {
        if let Some(answer) = self.ready(known) {
            return answer;
        }
        let _asking = self.asking.lock().await;
        if let Some(answer) = self.ready(known) {
            return answer;
        }
        let fetched = fetch().await;
        let now = self.clock.now();
        let mut kept = self.lock();
        match fetched {
            Ok(Fresh { value, life }) => {
                let value = Arc::new(value);
                kept.value = Some(value.clone());
                (kept.fetched_at, kept.fresh_until) = (now, now.plus(life));
                kept.backoff.succeeded(now, REST);
                kept.error = None;
                Ok(value)
            }
            Err(error) => {
                kept.backoff.failed(now);
                kept.error = Some(error.clone());
                match &kept.value {
                    Some(value) if known.is_none() => {
                        tracing::warn!(%error, "what was known before of the sign-in server is used on");
                        Ok(value.clone())
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// What can be answered without asking.
    fn ready(&self, known: Option<&Arc<T>>) -> Option<Result<Arc<T>, ProviderError>> {
        let now = self.clock.now();
        let kept = self.lock();
        let is_known = |value: &Arc<T>| known.is_some_and(|known| Arc::ptr_eq(known, value));
        // A clock that was set back makes nothing fresh for longer.
        let fresh = kept.fetched_at <= now && now < kept.fresh_until;
        match (&kept.value, &kept.error) {
            (Some(value), _) if fresh && !is_known(value) => Some(Ok(value.clone())),
            _ if kept.backoff.wait(now).is_none() => None,
            (_, Some(error)) if known.is_some() => Some(Err(error.clone())),
            (Some(value), _) => Some(Ok(value.clone())),
            (None, Some(error)) => Some(Err(error.clone())),
            (None, None) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

    use super::*;

    struct World {
        now: Arc<AtomicI64>,
        asked: AtomicU32,
        fetched: Fetched<u32>,
    }

    impl World {
        fn new() -> Self {
            let now = Arc::new(AtomicI64::new(0));
            let hand = now.clone();
            let clock = Clock::new(move || Moment(hand.load(Ordering::SeqCst)));
            Self { now, asked: AtomicU32::new(0), fetched: Fetched::new(clock) }
        }

        fn turn(&self, seconds: i64) {
            self.now.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }

        fn answer(&self, fine: bool) -> Result<Fresh<u32>, ProviderError> {
            let value = self.asked.fetch_add(1, Ordering::SeqCst);
            if fine {
                Ok(Fresh { value, life: Duration::from_mins(1) })
            } else {
                Err(ProviderError::Unreachable("away".to_owned()))
            }
        }

        async fn get(&self, fine: bool) -> Option<u32> {
            self.fetched.get(async || self.answer(fine)).await.ok().map(|value| *value)
        }
    }

    #[tokio::test]
    async fn it_is_asked_when_it_is_old_and_not_before() {
        let world = World::new();
        for (wait, value) in [(0, 0), (1, 0), (58, 0), (1, 1), (59, 1), (1, 2)] {
            world.turn(wait);
            assert_eq!(world.get(true).await, Some(value));
        }
        world.turn(-1_000);
        assert_eq!(world.get(true).await, Some(3), "set back");
    }

    #[tokio::test]
    async fn a_failure_does_not_hammer_and_the_old_serves_on() {
        let world = World::new();
        for _ in 0..10 {
            assert_eq!(world.get(false).await, None);
        }
        assert_eq!(world.asked(), 1);
        world.turn(1);
        assert_eq!(world.get(true).await, Some(1));
        world.turn(3600);
        for _ in 0..10 {
            assert_eq!(world.get(false).await, Some(1));
        }
        assert_eq!(world.asked(), 3);
        world.turn(1);
        assert_eq!(world.get(true).await, Some(3));
    }

    #[tokio::test]
    async fn what_it_lacks_is_asked_for_at_most_once_in_a_while() {
        let world = World::new();
        let known = world.fetched.get(async || world.answer(true)).await.unwrap();
        let again = async || *world.fetched.beyond(&known, async || world.answer(true)).await.unwrap();
        for _ in 0..10 {
            assert_eq!(again().await, 0, "it was fetched a moment ago");
        }
        world.turn(5);
        for _ in 0..10 {
            assert_eq!(again().await, 1, "once");
        }
        assert_eq!(world.asked(), 2);
    }

    #[tokio::test]
    async fn what_it_lacks_is_not_known_while_it_cannot_be_asked() {
        let world = World::new();
        let known = world.fetched.get(async || world.answer(true)).await.unwrap();
        let beyond = async |fine: bool| {
            let answer = world.fetched.beyond(&known, async || world.answer(fine)).await;
            answer.ok().map(|value| *value)
        };
        world.turn(5);
        for _ in 0..10 {
            assert_eq!(beyond(false).await, None);
            assert_eq!(world.get(false).await, Some(0), "it serves on for all else");
        }
        assert_eq!(world.asked(), 2);
        world.turn(1);
        assert_eq!(beyond(true).await, Some(2));
        world.turn(60);
        assert_eq!(world.get(false).await, Some(2));
    }

    #[tokio::test]
    async fn of_many_one_asks() {
        let world = World::new();
        let (one, other) = tokio::join!(world.get(true), world.get(true));
        assert_eq!((one, other, world.asked()), (Some(0), Some(0), 1));
    }
}
