//! Short-lived state: counters and messages between processes. Nothing here decides anything that a restart must not
//! forget; what is used once, and what was revoked, are rows.
//!
//! With Redis, counters hold over all processes. Each process counts for itself too, so that its limits go on at once when
//! Redis is away, and still hold when a Redis comes back that has forgotten everything.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use tokio::sync::{Notify, broadcast};

use crate::health::Health;

mod link;
mod memory;
mod redis;
mod settings;

pub use memory::Budget;
pub use settings::{RedisError, RedisSettings};

use memory::Memory;
use redis::Redis;

/// Messages that wait for whoever listens. Whoever falls further behind is told that it missed some.
const WAITING: usize = 4096;

/// Counters and messages, in the memory of this process, and in Redis if there is one. Clones share them.
#[derive(Clone, Debug)]
pub struct Ephemeral {
    memory: Arc<Memory>,
    redis: Option<Arc<Redis>>,
    messages: broadcast::Sender<Arc<str>>,
}

/// What is counted against a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose budget it is. Nobody's address should be readable in it: it may be seen in Redis.
    pub key: String,
    /// How large the budget is.
    pub budget: Budget,
}

/// A budget is spent, and nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Which of the charges it was.
    pub charge: usize,
    /// When the next one is let through.
    pub retry_after: Duration,
}

/// What other processes say.
#[derive(Debug)]
pub struct Messages(broadcast::Receiver<Arc<str>>);

/// One thing that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Arc<str>),
    /// More was said than could be kept: some of it was missed.
    Missed,
}

impl Ephemeral {
    /// In the memory of this process alone.
    pub fn memory() -> Self {
        Self { memory: Arc::new(Memory::new()), redis: None, messages: broadcast::Sender::new(WAITING) }
    }

    /// In Redis: one attempt to reach it. Once it was reached, a connection that is lost is made anew by itself.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, RedisError> {
        let messages = broadcast::Sender::new(WAITING);
        let redis = Redis::connect(settings, messages.clone()).await?;
        Ok(Self { memory: Arc::new(Memory::new()), redis: Some(Arc::new(redis)), messages })
    }

    /// Reaches Redis another way from now on (another password, user or place), once that has proved itself; else all stays as it was.
    pub async fn exchange(&self, settings: &RedisSettings) -> Result<(), RedisError> {
        match &self.redis {
            Some(redis) => redis.exchange(settings).await,
            None => Ok(()),
        }
    }

    /// Notified when Redis refuses the user or the password, of which others are looked for then.
    pub fn refused(&self) -> Option<Arc<Notify>> {
        self.redis.as_ref().map(|redis| redis.refused())
    }

    /// Whether Redis is there; none, if there is to be none.
    pub fn health(&self) -> Option<&Health> {
        self.redis.as_ref().map(|redis| redis.health())
    }

    /// The number of the present connection to Redis, by which messages are heard; none while there is none. A connection of
    /// another number began later: what was said in between was missed.
    pub fn connection(&self) -> Option<u64> {
        self.redis.as_ref().and_then(|redis| redis.connection())
    }

    /// Counts one for each of `charges` if all of their budgets allow. Otherwise nothing is counted. Asking and counting are
    /// one act, so many at once cannot slip through together, not even in different processes.
    pub async fn hit(&self, charges: &[Charge], now: Timestamp) -> Result<(), Spent> {
        let Some(redis) = &self.redis else { return self.memory.hit(charges, now) };
        let Some(asked) = redis.hit(charges, now).await else { return self.memory.hit(charges, now) };
        if asked.is_err() {
            // What has run out there runs out here: else a clock that goes back finds it here alone.
            let _ = self.memory.ask(charges, now);
            return asked;
        }
        // This process alone cannot have counted more, unless Redis has forgotten some.
        let own = self.memory.hit(charges, now);
        if own.is_err() {
            redis.refund(charges, now).await;
        }
        own
    }

    /// Whether the budgets of all of `charges` allow one more. Nothing is counted, so that any number may ask at once.
    pub async fn ask(&self, charges: &[Charge], now: Timestamp) -> Result<(), Spent> {
        if let Some(redis) = &self.redis
            && let Some(asked) = redis.ask(charges, now).await
        {
            asked?;
        }
        self.memory.ask(charges, now)
    }

    /// Takes back what was counted for `charges` at `at`: it turned out to be no failure.
    pub async fn refund(&self, charges: &[Charge], at: Timestamp) {
        self.memory.refund(charges, at);
        if let Some(redis) = &self.redis {
            redis.refund(charges, at).await;
        }
    }

    /// Whether a refusal by this charge's budget is the first in a window of it, so that it is told once and not each time.
    pub async fn is_news(&self, charge: &Charge, now: Timestamp) -> bool {
        let own = self.memory.is_news(charge, now);
        match &self.redis {
            Some(redis) => redis.is_news(charge, now).await.unwrap_or(own),
            None => own,
        }
    }

    /// Tells every process that listens, this one too. False if Redis is away: then nobody was told, or perhaps some were.
    pub async fn publish(&self, message: &str) -> bool {
        if let Some(redis) = &self.redis {
            return redis.publish(message).await;
        }
        // Nobody may be listening.
        let _ = self.messages.send(message.into());
        true
    }

    /// What is said from now on.
    pub fn listen(&self) -> Messages {
        Messages(self.messages.subscribe())
    }
}

impl Messages {
    /// Waits for what is said next. It never ends: a connection that is lost is made anew.
    pub async fn next(&mut self) -> Heard {
        match self.0.recv().await {
            Ok(message) => Heard::Message(message),
            Err(broadcast::error::RecvError::Lagged(_)) => Heard::Missed,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
