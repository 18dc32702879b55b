//! What an older key has sealed is sealed anew by the current one, a value at a time, beside everything else that goes on.

use std::sync::atomic::Ordering;

use secrets::sealing::OpenError;
use store::sealed::{Column, RowKey};

use super::place;
use crate::{Auth, Fault};

/// Values that are read at a time.
const BATCH: i64 = 50;

/// What came of a round.
#[derive(Default)]
struct Round {
    moved: u64,
    /// Somebody else wrote them meanwhile, or they are gone.
    passed: u64,
    shut: u64,
}

impl Auth {
    /// Goes through every column once. What does not open is passed over, and waits: its key may come. Each value is exchanged in a
    /// transaction of its own, and only if nobody wrote it meanwhile: nobody waits for more than one, and a round that is cut has lost
    /// nothing.
    pub(super) async fn seal_anew(&self, is_over: &impl Fn() -> bool) -> Result<(), Fault> {
        let mut round = Round::default();
        for column in Column::ALL {
            self.seal_column_anew(column, is_over, &mut round).await?;
        }
        let Round { moved, passed, shut } = round;
        let key_id = self.keyring.current_key_id();
        if moved + passed > 0 {
            tracing::info!(%key_id, moved, passed, "what an older key had sealed is sealed anew");
        }
        // Said once: it is tried again and again.
        if self.encryption.shut.swap(shut, Ordering::Relaxed) != shut && shut > 0 {
            tracing::warn!(%key_id, shut, "some sealed values do not open, and cannot be sealed anew: they stay as they are");
        }
        Ok(())
    }

    async fn seal_column_anew(
        &self,
        column: Column,
        is_over: &impl Fn() -> bool,
        round: &mut Round,
    ) -> Result<(), Fault> {
        let header = self.keyring.current_key_id().header();
        let mut after: Option<RowKey> = None;
        loop {
            let mut tx = self.store.look().await?;
            let rows = store::sealed::waiting(&mut tx, column, &header, after.as_ref(), BATCH).await?;
            drop(tx);
            for (row, sealed) in &rows {
                if is_over() {
                    return Ok(());
                }
                let at = place(column, row.as_bytes());
                match self.keyring.open(&at, sealed) {
                    Ok(plain) => {
                        let anew = self.keyring.seal(&at, &plain);
                        let done = again!(self.put_anew(column, row, sealed, &anew))?;
                        *(if done { &mut round.moved } else { &mut round.passed }) += 1;
                    }
                    Err(error) => {
                        tracing::debug!(table = column.table(), %error, "a sealed value does not open");
                        round.shut += 1;
                    }
                }
            }
            match rows.into_iter().next_back() {
                Some((row, _)) => after = Some(row),
                None => return Ok(()),
            }
        }
    }

    async fn put_anew(
        &self,
        column: Column,
        row: &RowKey,
        before: &[u8],
        anew: &[u8],
    ) -> Result<bool, Fault> {
        let mut tx = self.store.begin().await?;
        let done = store::sealed::exchange(&mut tx, column, row, before, anew).await?;
        tx.commit().await?;
        Ok(done)
    }
}

impl Fault {
    /// Whether something did not open because its key is not here: it may come.
    pub(crate) fn lacks_key(&self) -> bool {
        matches!(self, Self::Sealed(OpenError::UnknownKey { .. }))
    }
}
