//! The end of sessions and of what apps hold: one place, so that no app that signed somebody in is left unaware.

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
pub(crate) const NOTICE_LIFE: std::time::Duration = std::time::Duration::from_hours(24);

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

    /// Ends whatever lets anybody in: sessions of an account and what apps hold of it, that too which outlives its session.
    /// `keep` is the session that goes on, with what apps hold of it. Gives what [`end_sessions`](Self::end_sessions) does.
    ///
    /// Whoever changes rows of several of these tables does so in this order: account, session, grant, code, token. An app
    /// exchanges a code without the account's turn, and two that held rows in another order would wait for each other.
    pub(crate) async fn end_everything(
        &self,
        tx: &mut Tx,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, Fault> {
        let mut ended = store::sessions::delete_others(tx, user, keep).await?;
        let held = store::grants::delete_others(tx, user, keep).await?;
        self.tell_apps(tx, user, &held, now).await?;
        ended.extend(held.into_iter().map(|held| held.id));
        Ok(ended)
    }

    /// Ends whatever an app holds of an account. Gives what [`end_sessions`](Self::end_sessions) does.
    pub(crate) async fn end_grants(
        &self,
        tx: &mut Tx,
        user: UserId,
        client: &str,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, Fault> {
        let held = store::grants::delete_of(tx, user, client).await?;
        self.tell_apps(tx, user, &held, now).await?;
        Ok(held.into_iter().map(|held| held.id).collect())
    }

    /// One notice for each app and session, however many authorizations the app has of it.
    async fn tell_apps(&self, tx: &mut Tx, user: UserId, held: &[Held], now: Timestamp) -> Result<(), Fault> {
        let apps: BTreeSet<_> = held.iter().map(|held| (&held.client_id, held.sid)).collect();
        for (client, sid) in apps {
            let id = NoticeId(self.random.ordered_id(now));
            let expires_at = now.plus(NOTICE_LIFE);
            store::logout_notices::insert(tx, id, client, user, sid, now, expires_at).await?;
            tx.wake(&self.notice_waiting);
        }
        Ok(())
    }
}
