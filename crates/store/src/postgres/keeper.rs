//! Looks after the server: whether it is there, and takes writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Executor as _, FromRow as _};
use tokio::time::{sleep, timeout};

use super::pool::Shared;
use super::{PostgresError, fault};

/// It is asked so often, and has so long to answer.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ASK_TIMEOUT: Duration = Duration::from_millis(500);
/// The pause after a first failure to reach it again, which doubles…
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// …up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A server that refuses us for longer is of no use.
const LONGEST_REFUSAL: Duration = Duration::from_secs(10);
const STANDBY: &str =
    "it is a standby, which takes no writes; promote it, or let database.url name the server that does";
const READ_ONLY: &str = "it takes no writes, since default_transaction_read_only is on; switch it off there, for the server, the \
     database and the user";
/// Connections are swept after so many questions: one that nobody used for a minute is closed within two.
const SWEEP_AFTER: u32 = 240;

/// Looks after it for ever.
pub(super) async fn keep(shared: Arc<Shared>, mut probe: PgConnection) {
    loop {
        let reason = watch(&shared, &mut probe).await;
        let silent = PostgresError::passing(shared.way().at(), reason);
        // It may be this one connection that was cut: then nobody need know.
        let mut reached = timeout(ASK_TIMEOUT, shared.reach()).await.unwrap_or(Err(silent));
        let (mut pause, mut refused_for) = (FIRST_PAUSE, Duration::ZERO);
        probe = loop {
            if let Some(newer) = shared.newer_probe() {
                break newer;
            }
            match reached {
                Ok(reached) => break reached,
                // It is there, and its password is being exchanged: by connections of before everybody else goes on.
                Err(error) if error.is_refusal && refused_for < LONGEST_REFUSAL => refused_for += pause,
                Err(error) => shared.health.lost(error),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            reached = shared.reach().await;
        };
        if shared.health.is_lost() {
            // Of those it was said why.
            shared.cut.store(0, Ordering::Relaxed);
        }
        shared.health.found();
    }
}

/// Asks until there is no answer; says why.
async fn watch(shared: &Shared, probe: &mut PgConnection) -> String {
    let mut asked: u32 = 0;
    loop {
        if let Some(newer) = shared.newer_probe() {
            *probe = newer;
        }
        match timeout(ASK_TIMEOUT, takes_writes(probe)).await {
            // This connection may be older than the word that another goes by.
            Ok(Ok(())) if shared.met_read_only.swap(false, Ordering::Relaxed) => {
                return READ_ONLY.to_owned();
            }
            Ok(Ok(())) => tell_of_cut(shared),
            Ok(Err(error)) => return fault::reason(&error),
            Err(_) => return format!("it did not answer within {} ms", ASK_TIMEOUT.as_millis()),
        }
        asked += 1;
        if asked.is_multiple_of(SWEEP_AFTER) {
            shared.sweep();
        }
        tokio::select! {
            () = sleep(ASK_EVERY) => {}
            () = shared.look.notified() => {}
        }
    }
}

/// Whoever used one was told to come back, and finds here why: nothing is lost.
fn tell_of_cut(shared: &Shared) {
    let connections = shared.cut.swap(0, Ordering::Relaxed);
    if connections > 0 {
        tracing::info!(connections, "connections to the database were cut, and it is there");
    }
}

/// Whether it is there and takes writes: one that was made a standby, or was told to take none, answers all the same.
pub(super) async fn takes_writes(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // A transaction of its own, as every one that writes begins: what is set for the role or the database counts too. Nothing prepared,
    // since behind a pooler the next question may go to another server.
    let asked = "SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery()";
    let told = connection.fetch_one(sqlx::raw_sql(asked)).await?;
    match <(bool, bool)>::from_row(&told)? {
        (_, true) => Err(sqlx::Error::Configuration(STANDBY.into())),
        (true, false) => Err(sqlx::Error::Configuration(READ_ONLY.into())),
        (false, false) => Ok(()),
    }
}
