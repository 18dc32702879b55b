//! A connection in somebody's hands, until it is dropped.

use std::sync::Arc;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::asking::Asking;
use super::pool::{END_TIMEOUT, Place, Shared};
use crate::Error;

/// What is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// It was answered to whatever was asked.
    Whole,
    /// A statement failed: the transaction can only be given up.
    Failed,
    /// Whoever asked hung up before the answer.
    Interrupted,
    /// It is of no more use.
    Broken,
}

/// A transaction, or one statement.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) shared: Arc<Shared>,
    /// None once it has been given back.
    pub(super) connection: Option<PgConnection>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// Where it goes back to.
    pub(super) place: Place,
    /// Which of the servers that were reached, one after the other, it is of.
    pub(super) generation: u64,
    pub(super) in_transaction: bool,
    pub(super) condition: Condition,
    /// Whether a read that finds the connection dead may be asked once more: it lay idle, and may have been closed meanwhile.
    pub(super) may_ask_again: bool,
    /// Who is woken when it is committed.
    pub(super) waiting: Vec<Arc<Notify>>,
}

impl Session {
    #[expect(clippy::expect_used, reason = "it is taken by what ends the session")]
    pub(crate) fn asking(&mut self) -> Asking<'_> {
        Asking {
            connection: self.connection.as_mut().expect("a session has a connection"),
            shared: &self.shared,
            condition: &mut self.condition,
            may_ask_again: &mut self.may_ask_again,
        }
    }

    pub(crate) fn wake(&mut self, waiting: &Arc<Notify>) {
        self.waiting.push(waiting.clone());
    }

    /// Resolves when what was done is durable. Whoever hangs up meanwhile does not stop it half way: it is a task of its own
    /// that commits, and wakes who waits.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        let committing = tokio::spawn(self.commit_here());
        committing.await.map_err(|_| Error::Unanswered(Arc::new(sqlx::Error::WorkerCrashed)))?
    }

    async fn commit_here(mut self) -> Result<(), Error> {
        if !self.in_transaction {
            return Ok(());
        }
        if self.condition != Condition::Whole {
            // The server would take a COMMIT, roll back, and call it a success.
            let told = "a statement of the transaction had failed".to_owned();
            return Err(Error::Commit(Arc::new(sqlx::Error::Protocol(told))));
        }
        let Some(connection) = self.connection.as_mut() else { return Ok(()) };
        self.condition = Condition::Interrupted;
        let committed = self.shared.watch(connection.execute(sqlx::raw_sql("COMMIT"))).await;
        match committed {
            Ok(_) => {
                self.condition = Condition::Whole;
                self.in_transaction = false;
                for waiting in &self.waiting {
                    waiting.notify_one();
                }
                Ok(())
            }
            Err(error) => {
                let broken = super::fault::is_broken(&error);
                self.condition = if broken { Condition::Broken } else { Condition::Failed };
                let unanswered = super::fault::is_no_answer(&error);
                let error = Arc::new(error);
                Err(if unanswered { Error::Unanswered(error) } else { Error::Commit(error) })
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (shared, permit) = (self.shared.clone(), self.permit.take());
        let Some(mut connection) = self.connection.take() else { return };
        let (generation, place, in_transaction) = (self.generation, self.place, self.in_transaction);
        match self.condition {
            Condition::Broken => shared.suspect(),
            Condition::Whole | Condition::Failed if !in_transaction => {
                shared.give_back(connection, generation, place);
            }
            _ => {
                // Without a runtime the connection just closes, which rolls back too.
                let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                runtime.spawn(async move {
                    let ending = async {
                        if in_transaction {
                            connection.execute(sqlx::raw_sql("ROLLBACK")).await.map(drop)
                        } else {
                            // What was asked is answered first.
                            connection.ping().await
                        }
                    };
                    match tokio::time::timeout(END_TIMEOUT, ending).await {
                        Ok(Ok(())) => shared.give_back(connection, generation, place),
                        Ok(Err(_)) | Err(_) => shared.suspect(),
                    }
                    drop(permit);
                });
            }
        }
    }
}
