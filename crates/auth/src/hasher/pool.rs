//! Threads that hash and do nothing else, and the short queue before them.
//!
//! A thread has memory of its own, so threads bound memory too. Whoever would wait too long is turned away at once, and whoever
//! hangs up while waiting costs nothing: the work is looked at again before it begins. Once begun it is finished, so at
//! most one hash a thread is ever worked off for nobody.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::memory::Memory;
use super::metrics::{Counters, HashingMetrics};
use crate::Fault;

/// A thread with nothing to do for so long wipes its memory. Sooner, it would be in the way of the next.
const REST: Duration = Duration::from_millis(50);
/// However quick a hash is, no more than so many wait.
const LONGEST_QUEUE: usize = 4096;
/// How much nicer than everything else hashing is: where a core is contended for, a token check goes first.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// The threads. They end with the value.
#[derive(Debug)]
pub(super) struct Pool(Arc<Queue>);

/// What became of the work, and how long it took once it ran.
#[derive(Debug)]
pub(super) struct Done<T> {
    pub(super) value: T,
    pub(super) took: Duration,
}

#[derive(Debug)]
struct Queue {
    threads: usize,
    longest_wait: Duration,
    state: Mutex<State>,
    work: Condvar,
    counters: Counters,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    running: usize,
    closed: bool,
    /// What a hash took of late: an average that forgets.
    typical: Duration,
}

struct Waiting {
    since: Instant,
    task: Box<dyn Task>,
}

/// Work whose answer may be of any type.
trait Task: Send {
    /// Whether nobody waits for it any more.
    fn is_abandoned(&self) -> bool;
    /// Does it, tells how long it took, and answers.
    fn run(self: Box<Self>, memory: &mut Memory, took: &mut dyn FnMut(Duration));
    /// Says that its turn did not come in time.
    fn turn_away(self: Box<Self>, retry_after: Duration);
}

struct Call<T, F> {
    work: F,
    answer: oneshot::Sender<Result<Done<T>, Fault>>,
    span: Span,
}

impl<T: Send, F: FnOnce(&mut Memory) -> Result<T, Fault> + Send> Task for Call<T, F> {
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>, memory: &mut Memory, told: &mut dyn FnMut(Duration)) {
        let Self { work, answer, span } = *self;
        let begun = now();
        // A panic ends one answer, and not the thread.
        let value = catch_unwind(AssertUnwindSafe(|| span.in_scope(|| work(memory))));
        let took = begun.elapsed();
        told(took);
        let panicked = || Err(Fault::Corrupt("hashing a password panicked".to_owned()));
        let done = value.unwrap_or_else(|_| panicked()).map(|value| Done { value, took });
        // Whoever hung up meanwhile does not hear it.
        let _ = answer.send(done);
    }

    fn turn_away(self: Box<Self>, retry_after: Duration) {
        let _ = self.answer.send(Err(Fault::Busy { retry_after }));
    }
}

impl Pool {
    /// Starts `threads` threads, before which nobody waits longer than `longest_wait`.
    pub(super) fn start(threads: usize, longest_wait: Duration) -> Result<Self, Fault> {
        let threads = threads.max(1);
        let queue = Arc::new(Queue {
            threads,
            longest_wait,
            state: Mutex::default(),
            work: Condvar::new(),
            counters: Counters::default(),
        });
        let pool = Self(queue);
        for number in 0..threads {
            let queue = pool.0.clone();
            std::thread::Builder::new()
                .name(format!("hasher-{number}"))
                .spawn(move || queue.serve())
                .map_err(|error| {
                    Fault::Corrupt(format!("a thread for hashing could not be made: {error}"))
                })?;
        }
        Ok(pool)
    }

    /// Has `work` done by a thread. Dropped before it begins, it never does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Done<T>, Fault> {
        let (answer, answered) = oneshot::channel();
        self.0.enqueue(Box::new(Call { work, answer, span: Span::current() }))?;
        // For whoever records requests: the wait is in it.
        let answered = answered.instrument(tracing::info_span!(target: "traces", "hash"));
        answered.await.unwrap_or_else(|_| Err(Fault::Corrupt("the hashing threads have ended".to_owned())))
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.0.longest_wait
    }

    pub(super) fn metrics(&self) -> HashingMetrics {
        let counters = &self.0.counters;
        let (waiting, running) = {
            let state = self.0.lock();
            (state.waiting.len(), state.running)
        };
        let time = counters.time.read();
        HashingMetrics {
            permits: self.0.threads,
            waiting,
            running,
            done: time.count(),
            decoys: 0,
            turned_away: counters.turned_away.load(Ordering::Relaxed),
            given_up: counters.given_up.load(Ordering::Relaxed),
            wait: counters.wait.read(),
            time,
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.waiting.clear();
        self.0.work.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, task: Box<dyn Task>) -> Result<(), Fault> {
        let mut state = self.lock();
        if self.is_full(&state) {
            // Those who hung up are no reason to turn anybody away.
            let before = state.waiting.len();
            state.waiting.retain(|waiting| !waiting.task.is_abandoned());
            self.count_given_up(before - state.waiting.len());
            if self.is_full(&state) {
                let retry_after = self.estimate(&state).max(Duration::from_secs(1));
                self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                return Err(Fault::Busy { retry_after });
            }
        }
        state.waiting.push_back(Waiting { since: now(), task });
        self.work.notify_one();
        Ok(())
    }

    fn is_full(&self, state: &State) -> bool {
        state.waiting.len() >= LONGEST_QUEUE
            || (state.running >= self.threads && self.estimate(state) > self.longest_wait)
    }

    /// How long whoever came now would wait.
    fn estimate(&self, state: &State) -> Duration {
        let before = u32::try_from(state.waiting.len() + state.running).unwrap_or(u32::MAX);
        state.typical.saturating_mul(before) / u32::try_from(self.threads).unwrap_or(1)
    }

    fn count_given_up(&self, count: usize) {
        self.counters.given_up.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// What a thread does all its life.
    fn serve(&self) {
        be_nice();
        let mut memory = Memory::default();
        while let Some(waiting) = self.next(&mut memory) {
            self.counters.wait.record(waiting.since.elapsed());
            waiting.task.run(&mut memory, &mut |took| {
                self.counters.time.record(took);
                let mut state = self.lock();
                state.running -= 1;
                state.typical = if state.typical.is_zero() { took } else { (state.typical * 7 + took) / 8 };
            });
        }
    }

    /// The next work that somebody still waits for, and not for too long. None once the pool has ended.
    fn next(&self, memory: &mut Memory) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.waiting.pop_front() {
                if next.task.is_abandoned() {
                    self.count_given_up(1);
                } else if next.since.elapsed() > self.longest_wait {
                    let retry_after = self.estimate(&state).max(Duration::from_secs(1));
                    self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                    next.task.turn_away(retry_after);
                } else {
                    state.running += 1;
                    return Some(next);
                }
                continue;
            }
            if !memory.is_used() {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, waited) = self.work.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if waited.timed_out() && state.waiting.is_empty() {
                drop(state);
                memory.wipe();
                state = self.lock();
            }
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({} waiting, {} running)", self.waiting.len(), self.running)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a thread takes is measured, and decides nothing but how long others wait"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A server may be asked to leave less of the processor to others, but never be kept from hashing altogether: this only
/// settles who goes first.
fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS) {
        tracing::debug!(%error, "hashing threads keep the priority of the others");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENT: Duration = Duration::from_mins(1);

    /// Keeps the only thread of a pool at work until the sender is dropped, and says when it has begun.
    async fn occupied(pool: &Arc<Pool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
        let (release, wait) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let held = pool.clone();
        let holding = tokio::spawn(async move {
            let work = move |_: &mut Memory| {
                let _ = begun.send(());
                let _ = wait.recv();
                Ok(())
            };
            held.run(work).await.unwrap();
        });
        begins.await.unwrap();
        (release, holding)
    }

    async fn waiting(pool: &Pool, count: usize) {
        while pool.metrics().waiting != count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whoever_hangs_up_before_it_begins_costs_nothing() {
        let pool = Arc::new(Pool::start(1, PATIENT).unwrap());
        let (release, holding) = occupied(&pool).await;
        let gone: Vec<_> = (0..64)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.run(|_| -> Result<(), Fault> { panic!("it ran") }).await })
            })
            .collect();
        waiting(&pool, 64).await;
        for task in gone {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        drop(release);
        holding.await.unwrap();
        pool.run(|_| Ok(())).await.unwrap();
        let metrics = pool.metrics();
        assert_eq!((metrics.done, metrics.given_up, metrics.waiting), (2, 64, 0));
    }

    #[tokio::test]
    async fn a_wait_that_would_be_too_long_is_answered_at_once_and_says_when_to_come_back() {
        let pool = Arc::new(Pool::start(1, Duration::from_secs(2)).unwrap());
        let (release, holding) = occupied(&pool).await;
        pool.0.lock().typical = Duration::from_millis(600);
        let queued: Vec<_> = (0..3)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.run(|_| Ok(())).await.map(|_| ()) })
            })
            .collect();
        waiting(&pool, 3).await;
        // One runs and three wait: 2.4 s.
        let refused = pool.run(|_| Ok(())).await.unwrap_err();
        let Fault::Busy { retry_after } = refused else { panic!("{refused:?}") };
        assert_eq!(retry_after, Duration::from_millis(2400));
        // One who hung up makes room.
        queued[0].abort();
        while !queued[0].is_finished() {
            tokio::task::yield_now().await;
        }
        let taken = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|_| Ok(())).await.map(|_| ()) }
        });
        waiting(&pool, 3).await;
        drop(release);
        holding.await.unwrap();
        taken.await.unwrap().unwrap();
        assert_eq!(pool.metrics().turned_away, 1);
    }

    #[tokio::test]
    async fn whoever_has_waited_too_long_is_not_hashed_for() {
        let pool = Arc::new(Pool::start(1, Duration::from_secs(1)).unwrap());
        let (release, holding) = occupied(&pool).await;
        let late = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|_| -> Result<(), Fault> { panic!("it ran") }).await }
        });
        waiting(&pool, 1).await;
        let since = now().checked_sub(Duration::from_secs(2)).unwrap();
        pool.0.lock().waiting[0].since = since;
        drop(release);
        holding.await.unwrap();
        assert!(matches!(late.await.unwrap(), Err(Fault::Busy { .. })));
    }

    #[tokio::test]
    async fn first_come_first_served_and_a_panic_ends_one_answer_only() {
        let pool = Arc::new(Pool::start(1, PATIENT).unwrap());
        let (release, holding) = occupied(&pool).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..8 {
            let (held, noted) = (pool.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let work = move |_: &mut Memory| {
                    noted.lock().unwrap().push(number);
                    assert_ne!(number, 3, "on purpose");
                    Ok(())
                };
                held.run(work).await.map(|_| ())
            }));
            waiting(&pool, number + 1).await;
        }
        drop(release);
        holding.await.unwrap();
        let mut failed = Vec::new();
        for (number, task) in tasks.into_iter().enumerate() {
            if task.await.unwrap().is_err() {
                failed.push(number);
            }
        }
        assert_eq!((order.lock().unwrap().as_slice(), failed), (&[0, 1, 2, 3, 4, 5, 6, 7][..], vec![3]));
    }

    #[tokio::test]
    async fn what_waits_when_the_pool_ends_is_told() {
        let pool = Pool::start(1, PATIENT).unwrap();
        let queue = pool.0.clone();
        drop(pool);
        let (answer, answered) = oneshot::channel::<Result<Done<()>, Fault>>();
        queue.enqueue(Box::new(Call { work: |_: &mut Memory| Ok(()), answer, span: Span::none() })).unwrap();
        drop(queue);
        assert!(answered.await.is_err());
    }
}
