//! Connections that only read: in WAL mode nobody waits for them, and they wait for nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connections::{Connections, Waiting};
use crate::{Error, prompt};

/// The connections.
#[derive(Clone, Debug)]
pub(crate) struct Readers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    count: u32,
    free: Arc<Semaphore>,
    waiting: Waiting,
    /// Statements that were run.
    statements: AtomicU64,
    /// The one that was used last is used next: it remembers most.
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection in somebody's hands, until it is dropped.
#[derive(Debug)]
pub(crate) struct Look {
    shared: Arc<Shared>,
    connection: Option<SqliteConnection>,
    permit: Option<OwnedSemaphorePermit>,
    /// Whether it is in a transaction.
    in_transaction: bool,
}

impl Readers {
    pub(crate) fn new(connections: Vec<SqliteConnection>) -> Self {
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        let free = Arc::new(Semaphore::new(connections.len()));
        let statements = AtomicU64::new(0);
        Self(Arc::new(Shared {
            count,
            free,
            waiting: Waiting::default(),
            statements,
            idle: Mutex::new(connections),
        }))
    }

    /// A connection for one statement, which is a consistent picture by itself.
    pub(crate) async fn look(&self) -> Result<Look, Error> {
        let permit = {
            let _waits = self.0.waiting.one();
            self.0.free.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?
        };
        let connection = self.0.idle().pop();
        Ok(Look { shared: self.0.clone(), connection, permit: Some(permit), in_transaction: false })
    }

    /// A transaction: one consistent picture for several statements.
    pub(crate) async fn begin(&self) -> Result<Look, Error> {
        let mut look = self.look().await?;
        look.in_transaction = true;
        prompt::run(look.own(), sqlx::query("BEGIN"), 1).await?;
        Ok(look)
    }

    pub(crate) fn statements(&self) -> u64 {
        self.0.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> Connections {
        let (maximum, idle) = (self.0.count as usize, self.0.free.available_permits());
        Connections { maximum, used: maximum.saturating_sub(idle), idle, waiting: self.0.waiting.count() }
    }

    /// Waits for what is in flight and closes them.
    pub(crate) async fn close(&self) {
        // Those who still wait are told that it is closed.
        let all = self.0.free.acquire_many(self.0.count).await;
        self.0.free.close();
        drop(all);
        let idle = std::mem::take(&mut *self.0.idle());
        for connection in idle {
            drop(connection.close().await);
        }
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        // Whoever takes it runs one statement on it.
        self.shared.statements.fetch_add(1, Ordering::Relaxed);
        self.own()
    }

    #[expect(
        clippy::expect_used,
        reason = "a permit stands for an idle connection, and is given back after it"
    )]
    fn own(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("whoever has a permit has a connection")
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let (shared, permit) = (self.shared.clone(), self.permit.take());
        let Some(mut connection) = self.connection.take() else { return };
        if !self.in_transaction {
            shared.idle().push(connection);
            return;
        }
        // At once, since an old picture keeps the log from being emptied. Without a runtime the connection just closes.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                drop(prompt::run(&mut connection, sqlx::query("ROLLBACK"), 1).await);
                shared.idle().push(connection);
                drop(permit);
            });
        }
    }
}
