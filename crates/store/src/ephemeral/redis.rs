//! Counters and messages in Redis. Every answer is none while it is away, at once.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use redis::{FromRedisValue, Script, ScriptInvocation};
use tokio::sync::{Notify, broadcast};

use super::link::Link;
use super::{Charge, RedisError, RedisSettings, Spent};
use crate::health::Health;

/// What every key of ours begins with, so that they are told from others'.
const PREFIX: &str = "keyward:";

/// Redis, reached by one connection.
#[derive(Debug)]
pub(super) struct Redis {
    link: Link,
    hit: Script,
    ask: Script,
    refund: Script,
    is_news: Script,
}

impl Redis {
    pub(super) async fn connect(
        settings: &RedisSettings,
        messages: broadcast::Sender<Arc<str>>,
    ) -> Result<Self, RedisError> {
        Ok(Self {
            link: Link::connect(settings, messages).await?,
            hit: Script::new(include_str!("hit.lua")),
            ask: Script::new(include_str!("ask.lua")),
            refund: Script::new(include_str!("refund.lua")),
            is_news: Script::new(include_str!("is_news.lua")),
        })
    }

    pub(super) async fn exchange(&self, settings: &RedisSettings) -> Result<(), RedisError> {
        self.link.exchange(settings).await
    }

    pub(super) fn refused(&self) -> Arc<Notify> {
        self.link.refused()
    }

    pub(super) fn health(&self) -> &Health {
        self.link.health()
    }

    pub(super) fn connection(&self) -> Option<u64> {
        self.link.number()
    }

    pub(super) async fn hit(&self, charges: &[Charge], now: Timestamp) -> Option<Result<(), Spent>> {
        self.charge(&self.hit, charges, now).await
    }

    pub(super) async fn ask(&self, charges: &[Charge], now: Timestamp) -> Option<Result<(), Spent>> {
        self.charge(&self.ask, charges, now).await
    }

    async fn charge(&self, script: &Script, charges: &[Charge], now: Timestamp) -> Option<Result<(), Spent>> {
        let mut script = script.prepare_invoke();
        script.arg(now.micros());
        for Charge { key, budget } in charges {
            let spacing = budget.spacing.map_or(-1, micros);
            script.key(limit(key)).arg(budget.limit).arg(micros(budget.window)).arg(spacing);
        }
        let spent: Vec<u64> = self.run(&script).await?;
        Some(match spent[..] {
            [charge, wait] => {
                let charge = usize::try_from(charge).unwrap_or_default();
                Err(Spent { charge, retry_after: Duration::from_micros(wait) })
            }
            _ => Ok(()),
        })
    }

    pub(super) async fn refund(&self, charges: &[Charge], at: Timestamp) {
        let mut script = self.refund.prepare_invoke();
        script.arg(at.micros());
        for charge in charges {
            script.key(limit(&charge.key));
        }
        let _: Option<()> = self.run(&script).await;
    }

    pub(super) async fn is_news(&self, charge: &Charge, now: Timestamp) -> Option<bool> {
        let mut script = self.is_news.key(format!("{PREFIX}told:{}", charge.key));
        script.arg(now.micros()).arg(micros(charge.budget.window));
        self.run(&script).await
    }

    pub(super) async fn publish(&self, message: &str) -> bool {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(super::link::CHANNEL).arg(message);
        let heard: Option<u64> =
            self.link.ask(async |connection| publish.query_async(connection).await).await;
        heard.is_some()
    }

    /// Redis knows a script by its hash; after a restart it is told the text again.
    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        self.link.ask(async |connection| script.invoke_async(connection).await).await
    }
}

fn limit(key: &str) -> String {
    format!("{PREFIX}limit:{key}")
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
