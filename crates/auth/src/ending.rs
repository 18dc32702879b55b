//! The end of sessions: one place, so that no app that signed somebody in by one is left unaware.

use std::collections::BTreeSet;

use domain::{NoticeId, SessionId, Timestamp, UserId};
use store::Tx;
use store::grants::Held;
use uuid::Uuid;

use crate::{Auth, Fault};

/// Which sessions end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// All.
    All,
}

/// An app is told of a sign-out for so long; then its own session has expired, or it never had one.
const NOTICE_LIFE: std::time::Duration = std::time::Duration::from_hours(24);

impl Auth {
    /// Ends sessions of an account, and puts word for the apps in their outbox. Gives what this process may remember of
    /// them: hand it to [`commit_changed`](Self::commit_changed). Empty if there was no such session.
    pub(crate) async fn end_sessions(
        &self,
        tx: &mut Tx,
        user: UserId,
        which: Ending,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, Fault> {
        let (held, mut ended) = match which {
            Ending::One(session) => {
                let held = store::grants::held_in(tx, user, session).await?;
                let ended = store::sessions::delete(tx, user, session).await?.then_some(session.0);
                (held, ended.into_iter().collect())
            }
            Ending::Others(keep) => Self::end_all_but(tx, user, Some(keep)).await?,
            Ending::All => Self::end_all_but(tx, user, None).await?,
        };
        self.tell_apps(tx, user, &held, now).await?;
        ended.extend(held.into_iter().map(|held| held.id));
        Ok(ended)
    }

    async fn end_all_but(
        tx: &mut Tx,
        user: UserId,
        keep: Option<SessionId>,
    ) -> Result<(Vec<Held>, Vec<Uuid>), Fault> {
        let held = store::grants::held_in_others(tx, user, keep).await?;
        Ok((held, store::sessions::delete_others(tx, user, keep).await?))
    }

    /// One notice for each app and session, however many authorizations the app has of it.
    async fn tell_apps(&self, tx: &mut Tx, user: UserId, held: &[Held], now: Timestamp) -> Result<(), Fault> {
        let apps: BTreeSet<_> = held.iter().map(|held| (&held.client_id, held.sid)).collect();
        for (client, sid) in apps {
            let id = NoticeId(self.random.ordered_id(now));
            let expires_at = now.plus(NOTICE_LIFE);
            store::logout_notices::insert(tx, id, client, user, sid, now, expires_at).await?;
            self.notice_waiting.notify_one();
        }
        Ok(())
    }
}
