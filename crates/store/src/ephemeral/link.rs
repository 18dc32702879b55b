//! The one connection to Redis: who asks takes it as it is, and does not wait for one that is lost. A task beside makes sure
//! that it answers, and makes it anew.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisResult, Value};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{RedisError, RedisSettings};
use crate::health::Health;

/// Where processes tell each other.
pub(super) const CHANNEL: &str = "keyward:changes";
/// Said there when a connection is made, and heard by nobody: whoever reads it all the same finds no change in it.
const NO_CHANGE: &str = r#"{"id":"00000000-0000-0000-0000-000000000000"}"#;
/// Written when a connection is made: a server that cannot be written to (a replica, or a full one) is of no use. All that is ever asked
/// is asked for then, so that a user without the rights to it is found out at once and not by whoever signs in.
const PROBE: &str = "keyward:probe";
const PROBING: &str = include_str!("probe.lua");
const PROBE_KEPT: Duration = Duration::from_mins(1);
/// To reach the server, sign in and subscribe.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// It is asked so often whether it is there, and has so long to say so: what is said by it is heard within a second, or it is
/// known not to be.
const PING_EVERY: Duration = Duration::from_millis(250);
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// The pause after a first failure to reach it again, which doubles…
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// …up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connection, and the task that keeps it, which ends with this.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

struct Shared {
    way: RwLock<Arc<Way>>,
    /// A command has so long.
    timeout: Duration,
    /// It refused the user or the password.
    refused: Arc<Notify>,
    health: Health,
    open: RwLock<Open>,
    /// Something may be wrong with the connection.
    look: Arc<Notify>,
    messages: broadcast::Sender<Arc<str>>,
}

/// How it is reached. It is exchanged as a whole.
struct Way {
    client: redis::Client,
    settings: RedisSettings,
}

impl Way {
    fn of(settings: &RedisSettings) -> Result<Arc<Self>, RedisError> {
        Ok(Arc::new(Self { client: settings.client()?, settings: settings.clone() }))
    }
}

/// The present connection, and its number.
struct Open {
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Link {
    pub(super) async fn connect(
        settings: &RedisSettings,
        messages: broadcast::Sender<Arc<str>>,
    ) -> Result<Self, RedisError> {
        let shared = Arc::new(Shared {
            way: RwLock::new(Way::of(settings)?),
            timeout: settings.timeout,
            refused: Arc::default(),
            health: Health::new("redis"),
            open: RwLock::new(Open { number: 0, connection: None }),
            look: Arc::new(Notify::new()),
            messages,
        });
        shared.open(&shared.way()).await?;
        let keeper = tokio::spawn(shared.clone().keep());
        Ok(Self { shared, keeper })
    }

    /// Reaches it another way from now on, once that has proved itself; else all stays as it was.
    pub(super) async fn exchange(&self, settings: &RedisSettings) -> Result<(), RedisError> {
        let way = Way::of(settings)?;
        self.shared.open(&way).await?;
        *self.shared.way.write().unwrap_or_else(PoisonError::into_inner) = way;
        Ok(())
    }

    pub(super) fn refused(&self) -> Arc<Notify> {
        self.shared.refused.clone()
    }

    pub(super) fn health(&self) -> &Health {
        &self.shared.health
    }

    pub(super) fn number(&self) -> Option<u64> {
        let open = self.shared.open.read().unwrap_or_else(PoisonError::into_inner);
        open.connection.is_some().then_some(open.number)
    }

    /// Asks, if there is a connection. If that fails there is none any more, until the keeper has made another.
    pub(super) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        self.shared.ask(self.shared.timeout, question).await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    fn way(&self) -> Arc<Way> {
        self.way.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn present(&self) -> Option<(u64, MultiplexedConnection)> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        Some((open.number, open.connection.clone()?))
    }

    async fn ask<T>(
        &self,
        patience: Duration,
        question: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let (number, mut connection) = self.present()?;
        let error = match timeout(patience, question(&mut connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => self.way().settings.wrong(&error),
            Err(_) => {
                self.way().settings.error(format!("it did not answer within {} ms", patience.as_millis()))
            }
        };
        self.give_up(number, &error);
        None
    }

    fn give_up(&self, number: u64, error: &RedisError) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.number == number && open.connection.take().is_some() {
            self.health.lost(error);
            self.look.notify_one();
        }
    }

    /// One attempt to make the connection: subscribed, and able to do all that is asked. One that was there before goes on until then,
    /// and what is asked by it is answered.
    async fn open(&self, way: &Way) -> Result<(), RedisError> {
        let connecting = async {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(None)
                .set_response_timeout(None)
                .set_push_sender(self.hears());
            let mut connection = way.client.get_multiplexed_async_connection_with_config(&config).await?;
            connection.subscribe(CHANNEL).await?;
            let kept = u64::try_from(PROBE_KEPT.as_millis()).unwrap_or_default();
            // Told anew each time: after a restart it has to be.
            redis::cmd("SCRIPT").arg("LOAD").arg(PROBING).exec_async(&mut connection).await?;
            let probing = redis::Script::new(PROBING);
            let _: () = probing.key(PROBE).arg(kept).invoke_async(&mut connection).await?;
            ping(&mut connection).await?;
            redis::cmd("PUBLISH").arg(CHANNEL).arg(NO_CHANGE).exec_async(&mut connection).await?;
            Ok(connection)
        };
        let connected: RedisResult<_> = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| {
            way.settings.error(format!("it did not answer within {} s", CONNECT_TIMEOUT.as_secs()))
        })?;
        let connection = connected.map_err(|error| way.settings.wrong(&error))?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = Open { number: open.number + 1, connection: Some(connection) };
        drop(open);
        self.health.found();
        Ok(())
    }

    /// What the server says of its own accord.
    fn hears(&self) -> impl Fn(PushInfo) -> Result<(), std::convert::Infallible> + Send + Sync + 'static {
        let (messages, look) = (self.messages.clone(), self.look.clone());
        move |push| {
            match (push.kind, push.data.last()) {
                (PushKind::Message, Some(Value::BulkString(text))) if text == NO_CHANGE.as_bytes() => {}
                (PushKind::Message, Some(Value::BulkString(text))) => {
                    // Nobody may be listening.
                    let _ = messages.send(String::from_utf8_lossy(text).into());
                }
                (PushKind::Disconnection, _) => look.notify_one(),
                _ => {}
            }
            Ok(())
        }
    }

    /// Looks after the connection for ever.
    async fn keep(self: Arc<Self>) {
        loop {
            // An answer also shows that everything that was said before the question has been heard.
            while self.ask(PING_TIMEOUT, ping).await.is_some() {
                tokio::select! {
                    () = sleep(PING_EVERY) => {}
                    () = self.look.notified() => {}
                }
            }
            let mut pause = FIRST_PAUSE;
            while let Err(error) = self.open(&self.way()).await {
                if error.is_refusal {
                    self.refused.notify_one();
                }
                self.health.lost(&error);
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn ping(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("PING").exec_async(connection).await
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("settings", &self.way().settings).finish_non_exhaustive()
    }
}
