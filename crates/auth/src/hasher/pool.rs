//! Threads that hash and do nothing else, and the short queue before them.
//!
//! Work says how much memory it takes, and begins once a thread is free and as much memory: what all take together is bounded, however
//! dear a hash is. Memory is kept and used again. Whoever would wait too long is turned away at once, and whoever hangs up while
//! waiting costs nothing: the work is looked at again before it begins. Once begun it is finished, so at most one hash a thread is
//! ever worked off for nobody.

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

/// A thread with nothing to do for so long wipes the memory that nobody uses. Sooner, it would be in the way of the next.
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
    /// KiB that all work together may take.
    memory: usize,
    longest_wait: Duration,
    state: Mutex<State>,
    work: Condvar,
    counters: Counters,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    running: usize,
    /// Memory that nobody uses.
    free: Vec<Memory>,
    /// KiB that are taken: by what runs, and by what is kept.
    taken: usize,
    closed: bool,
    /// What a hash took of late: an average that forgets.
    typical: Duration,
}

struct Waiting {
    since: Instant,
    /// KiB that it takes.
    memory: usize,
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
    /// Starts `threads` threads with `memory` KiB between them, before which nobody waits longer than `longest_wait`.
    pub(super) fn start(threads: usize, memory: usize, longest_wait: Duration) -> Result<Self, Fault> {
        let threads = threads.max(1);
        let queue = Arc::new(Queue {
            threads,
            memory,
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

    /// Has `work`, which takes so many KiB of memory, done by a thread. Dropped before it begins, it never does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        memory: usize,
        work: impl FnOnce(&mut Memory) -> Result<T, Fault> + Send + 'static,
    ) -> Result<Done<T>, Fault> {
        if memory > self.0.memory {
            return Err(Fault::TooMuchMemory { needed: memory, available: self.0.memory });
        }
        let (answer, answered) = oneshot::channel();
        self.0.enqueue(memory, Box::new(Call { work, answer, span: Span::current() }))?;
        // For whoever records requests: the wait is in it.
        let answered = answered.instrument(tracing::info_span!(target: "traces", "hash"));
        answered.await.unwrap_or_else(|_| Err(Fault::Corrupt("the hashing threads have ended".to_owned())))
    }

    pub(super) fn longest_wait(&self) -> Duration {
        self.0.longest_wait
    }

    /// KiB that one work may take at the most.
    pub(super) fn memory(&self) -> usize {
        self.0.memory
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
            unusable: 0,
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
        state.free.clear();
        self.0.work.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, memory: usize, task: Box<dyn Task>) -> Result<(), Fault> {
        let mut state = self.lock();
        if self.is_full(&state, memory) {
            // Those who hung up are no reason to turn anybody away.
            let before = state.waiting.len();
            state.waiting.retain(|waiting| !waiting.task.is_abandoned());
            self.count_given_up(before - state.waiting.len());
            if self.is_full(&state, memory) {
                let retry_after = self.estimate(&state, memory).max(Duration::from_secs(1));
                self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                return Err(Fault::Busy { retry_after });
            }
        }
        state.waiting.push_back(Waiting { since: now(), memory, task });
        self.work.notify_one();
        Ok(())
    }

    fn is_full(&self, state: &State, memory: usize) -> bool {
        state.waiting.len() >= LONGEST_QUEUE
            || (state.running >= self.at_once(memory) && self.estimate(state, memory) > self.longest_wait)
    }

    /// How many that take so much run at once: as many as there are threads, and as there is memory for.
    fn at_once(&self, memory: usize) -> usize {
        self.threads.min(self.memory / memory.max(1)).max(1)
    }

    /// How long whoever came now would wait, if those before take as much.
    fn estimate(&self, state: &State, memory: usize) -> Duration {
        let before = u32::try_from(state.waiting.len() + state.running).unwrap_or(u32::MAX);
        state.typical.saturating_mul(before) / u32::try_from(self.at_once(memory)).unwrap_or(1)
    }

    fn count_given_up(&self, count: usize) {
        self.counters.given_up.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// What a thread does all its life.
    fn serve(&self) {
        be_nice();
        while let Some((waiting, mut memory)) = self.next() {
            self.counters.wait.record(waiting.since.elapsed());
            waiting.task.run(&mut memory, &mut |took| {
                self.counters.time.record(took);
                let mut state = self.lock();
                state.running -= 1;
                state.typical = if state.typical.is_zero() { took } else { (state.typical * 7 + took) / 8 };
            });
            self.give_back(memory);
        }
    }

    fn give_back(&self, memory: Memory) {
        let mut state = self.lock();
        state.taken -= memory.room().saturating_sub(memory.kib());
        if memory.kib() > 0 && !state.closed {
            state.free.push(memory);
        }
    }

    /// The next work that somebody still waits for, and not for too long, and memory for it. None once the pool has ended.
    fn next(&self) -> Option<(Waiting, Memory)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.waiting.pop_front() {
                if next.task.is_abandoned() {
                    self.count_given_up(1);
                    continue;
                }
                if next.since.elapsed() > self.longest_wait {
                    let retry_after = self.estimate(&state, next.memory).max(Duration::from_secs(1));
                    self.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                    next.task.turn_away(retry_after);
                    continue;
                }
                if let Some((memory, surplus)) = self.take_memory(&mut state, next.memory) {
                    state.running += 1;
                    if !state.waiting.is_empty() {
                        // Another thread may have found no memory for this one, and there may be some for the one after it.
                        self.work.notify_one();
                    }
                    drop(state);
                    self.give_up(surplus);
                    return Some((next, memory));
                }
                // First come, first served: who takes more is not overtaken for ever by those who take less. Whoever is done with
                // memory looks again.
                state.waiting.push_front(next);
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if !state.free.iter().any(Memory::is_used) {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, waited) = self.work.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if waited.timed_out() && state.waiting.is_empty() {
                let mut resting = std::mem::take(&mut state.free);
                drop(state);
                resting.iter_mut().for_each(Memory::wipe);
                state = self.lock();
                state.free.append(&mut resting);
            }
        }
    }

    /// Memory for work that takes so many KiB, and what has to be given up for it first; none if others have it.
    fn take_memory(&self, state: &mut State, needed: usize) -> Option<(Memory, Vec<Memory>)> {
        let kept: usize = state.free.iter().map(Memory::kib).sum();
        if state.taken - kept + needed > self.memory {
            return None;
        }
        // What was used for as much fits best. What is larger would be held by who takes less.
        let fitting = state.free.iter().enumerate().filter(|(_, memory)| memory.kib() <= needed);
        let best = fitting.max_by_key(|(_, memory)| memory.kib()).map(|(at, _)| at);
        let memory = best.map(|at| state.free.swap_remove(at)).unwrap_or_default();
        state.taken += needed - memory.kib();
        let (mut surplus, mut taken) = (Vec::new(), state.taken);
        while taken > self.memory {
            let Some(memory) = state.free.pop() else { break };
            taken -= memory.kib();
            surplus.push(memory);
        }
        Some((memory.with_room(needed), surplus))
    }

    /// Wipes and frees memory, which takes a while in which nobody else has to wait; until then it counts as taken.
    fn give_up(&self, surplus: Vec<Memory>) {
        if surplus.is_empty() {
            return;
        }
        let freed: usize = surplus.iter().map(Memory::kib).sum();
        drop(surplus);
        self.lock().taken -= freed;
        self.work.notify_one();
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
mod tests;
