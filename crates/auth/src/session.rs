//! Sessions: a row, an opaque token that only the browser holds, and the end of both.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Email, Proofs, SessionId, Timestamp, UserId};
use secrets::{ExposeSecret, SecretString};
use store::sessions::{Open, Session};
use store::users::Unchanged;
use store::{Turn, Tx};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::audit::{Act, Outcome, session_detail};
use crate::ending::Ending;
use crate::hearing::{Change, Processes};
use crate::{Auth, Context, Fault};

/// A session that was just opened. The token is told once.
#[derive(Debug)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// What the browser keeps: 256 bits, base64url.
    pub token: SecretString,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// A ten-minute projection of it, as a signed JWT.
    pub jwt: SecretString,
}

/// A session to be opened.
pub(crate) struct Opening<'a> {
    /// Whose it is.
    pub(crate) user: UserId,
    /// What was proved.
    pub(crate) proofs: &'a Proofs,
    /// The session that it takes the place of, if that lives and is the same account's.
    pub(crate) replaces: Option<SessionId>,
    /// Whether its browser has signed in to the account before.
    pub(crate) known_browser: bool,
}

/// A session that was opened, and the one that ended by it: hand that to [`commit_changed`](Auth::commit_changed).
pub(crate) struct OpenedSession {
    pub(crate) session: NewSession,
    pub(crate) ended: Option<Uuid>,
}

/// The session a request came with, and whose it is.
#[derive(Clone, Debug)]
pub struct Current {
    /// The session's id.
    pub id: SessionId,
    /// The account.
    pub user: UserId,
    /// Its name; may be empty.
    pub name: String,
    /// The language its owner chose.
    pub locale: Option<String>,
    /// Its primary address.
    pub email: Email,
    /// Whether it has a second step.
    pub second_step: bool,
    /// When its owner last proved who they are.
    pub proved_at: Timestamp,
    /// What they proved.
    pub proofs: Proofs,
    /// What apps call the session.
    pub(crate) sid: Uuid,
    /// Who the audit trail calls it.
    pub(crate) pseudonym: Uuid,
}

/// A session's use is written down at most once in so long.
const USED_PRECISION: std::time::Duration = std::time::Duration::from_mins(1);
/// As many sessions as one page shows. Few have more devices; scripts that sign in and never out do.
const LISTED: usize = 100;

/// Some of a person's sessions.
#[derive(Debug)]
pub struct SessionPage {
    /// The sessions, last used first.
    pub sessions: Vec<Session>,
    /// What names the next page, if there is one.
    pub next: Option<SessionCursor>,
}

/// The last session of a page: the next page begins behind it. As a text, when it was last used and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    used_at: i64,
    id: SessionId,
}

impl std::fmt::Display for SessionCursor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.used_at, self.id)
    }
}

impl std::str::FromStr for SessionCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (used_at, id) = text.split_once('.').ok_or(())?;
        Ok(Self { used_at: used_at.parse().map_err(drop)?, id: id.parse().map_err(drop)? })
    }
}

impl Auth {
    /// Opens a session if its account is enabled, and still is what it is said to be; nothing if it is not. In the place of an older
    /// one, if that lives: a change of privilege is a change of id, and apps go on as if nothing had happened, since it is the same
    /// person at the same browser.
    pub(crate) async fn open_session(
        &self,
        tx: &mut Tx,
        opening: &Opening<'_>,
        unchanged: Option<Unchanged<'_>>,
        context: &Context,
        now: Timestamp,
    ) -> Result<Option<OpenedSession>, Fault> {
        let token = URL_SAFE_NO_PAD.encode(self.random.token());
        let id = self.random.ordered_id(now);
        let session = Session {
            id,
            sid: id,
            user_id: opening.user.0,
            proofs: opening.proofs.to_string(),
            proved_at: now.micros(),
            created_at: now.micros(),
            used_at: now.micros(),
            expires_at: now.plus(self.settings.limits.session_absolute).micros(),
            device: context.device.clone(),
            network: context.network.to_string(),
        };
        let hash = hash_token(&token);
        let mut ended = None;
        if let Some(old) = opening.replaces {
            let idle_since = self.idle_since(now);
            let replaced = store::sessions::replace(tx, old, &session, &hash, unchanged, idle_since).await?;
            ended = replaced.then_some(old.0);
        }
        if ended.is_none() && !store::sessions::insert(tx, &session, &hash, unchanged).await? {
            return Ok(None);
        }
        // A browser that still has a session was remembered when that was opened.
        let is_remembered = opening.known_browser && ended.is_some();
        let browser = context.browser.as_ref().or(context.new_browser.as_ref());
        if let Some(browser) = browser.filter(|_| !is_remembered) {
            store::known_browsers::remember(tx, browser, opening.user, now).await?;
        }
        let session = NewSession {
            id: SessionId(session.id),
            user: opening.user,
            token: SecretString::from(token),
            expires_at: Timestamp(session.expires_at),
            jwt: self.project(SessionId(session.id), opening.user, opening.proofs, now, now)?,
        };
        Ok(Some(OpenedSession { session, ended }))
    }

    /// Gives a session another id and token, at a change of privilege that was no new proof: what was proved, and when
    /// the session ends, stay as they are.
    pub(crate) async fn exchange_session(
        &self,
        tx: &mut Tx,
        current: &Current,
        now: Timestamp,
    ) -> Result<NewSession, Fault> {
        let id = SessionId(self.random.ordered_id(now));
        let token = URL_SAFE_NO_PAD.encode(self.random.token());
        let expires_at = store::sessions::replace_id(tx, current.id, id, &hash_token(&token)).await?;
        Ok(NewSession {
            id,
            user: current.user,
            token: SecretString::from(token),
            expires_at: Timestamp(expires_at.ok_or(Fault::SessionEnded)?),
            jwt: self.project(id, current.user, &current.proofs, current.proved_at, now)?,
        })
    }

    /// A transaction in which whoever asked is still signed in, and who they are by now. A request is a while on its way
    /// from the check of its cookie to here; whoever ends the session meanwhile, disables the account, or changes it,
    /// must not find it undone. Every act of somebody signed in begins so.
    pub(crate) async fn begin_as(&self, asked: &Current) -> Result<(Tx, Current), Fault> {
        self.begin_as_in_turn(asked, &[Turn::Account(asked.user)]).await
    }

    /// The same, of an act that is about more than the account.
    pub(crate) async fn begin_as_in_turn(
        &self,
        asked: &Current,
        turns: &[Turn<'_>],
    ) -> Result<(Tx, Current), Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin_in_turn(turns).await?;
        let found = self.find_current(&mut tx, asked.id, now).await?;
        let current = found.filter(|current| current.user == asked.user).ok_or(Fault::SessionEnded)?;
        Ok((tx, current))
    }

    async fn find_current(
        &self,
        tx: &mut Tx,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<Current>, Fault> {
        store::sessions::find_open(tx, session, now, self.idle_since(now)).await?.map(current).transpose()
    }

    /// Commits what ended or changed sessions, and forgets what this process remembers of them. Nobody can stop it half
    /// way: a browser that hangs up drops its request wherever it waits, and a session that is gone from the database
    /// would live on in memory for as long as memory is believed.
    pub(crate) async fn commit_changed(
        &self,
        mut tx: Tx,
        sessions: impl IntoIterator<Item = Uuid>,
    ) -> Result<(), Fault> {
        let ids: Vec<Uuid> = sessions.into_iter().collect();
        let mut news = None;
        if self.hearing.processes() == Processes::Several {
            let now = self.clock.now();
            news = Change::of(self.random.ordered_id(now), ids.clone()).write(&mut tx, now).await?;
        }
        self.commit_and_forget(tx, ids, news).await
    }

    /// Commits, forgets, and tells other processes.
    async fn commit_and_forget(&self, tx: Tx, ids: Vec<Uuid>, news: Option<String>) -> Result<(), Fault> {
        let (live, ephemeral) = (self.live.clone(), self.hearing.ephemeral());
        let committing = async move {
            let committed = tx.commit().await;
            // Whether or not it was committed: a commit that failed may have been durable all the same.
            live.changed(ids);
            if let Some(news) = news {
                // Where nobody hears it they read it. So does this process, which then says it until it is heard.
                ephemeral.publish(&news).await;
            }
            committed
        };
        let committing = tokio::spawn(committing.in_current_span());
        Ok(committing.await.map_err(|error| Fault::Corrupt(format!("a commit did not end: {error}")))??)
    }

    /// The session that `token` opens, if it lives. Its use is written down.
    pub async fn current(&self, token: &str) -> Result<Option<Current>, Fault> {
        let now = self.clock.now();
        let found = {
            let mut tx = self.store.look().await?;
            store::sessions::find_by_token(&mut tx, &hash_token(token), now, self.idle_since(now)).await?
        };
        let Some(open) = found else { return Ok(None) };
        if now.since(Timestamp(open.session.used_at)) >= USED_PRECISION {
            let mut tx = self.store.begin().await?;
            store::sessions::set_used(&mut tx, SessionId(open.session.id), now).await?;
            // Others, who take it to end earlier, ask the database before they say so.
            self.commit_and_forget(tx, vec![open.session.id], None).await?;
        }
        current(open).map(Some)
    }

    /// Whether a sensitive act may go on without proving again who this is.
    pub fn is_fresh(&self, current: &Current) -> bool {
        self.clock.now().since(current.proved_at) <= self.settings.limits.fresh_proof
    }

    /// A new projection of a live session.
    pub fn renew_token(&self, current: &Current) -> Result<SecretString, Fault> {
        self.project(current.id, current.user, &current.proofs, current.proved_at, self.clock.now())
    }

    /// Signs out: the session and every token of it are worthless at once.
    pub async fn sign_out(&self, current: &Current, context: &Context) -> Result<(), Fault> {
        let tx = self.store.begin_in_turn(&[Turn::Account(current.user)]).await?;
        let person = Some(current.pseudonym);
        self.end(tx, current.user, current.id, person, Act::SignOut, context).await.map(|_| ())
    }

    /// Signs out by a token that projects a session.
    pub async fn sign_out_by_token(
        &self,
        user: UserId,
        session: SessionId,
        context: &Context,
    ) -> Result<bool, Fault> {
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await?;
        let person = store::audit::pseudonym_of(&mut tx, user).await?;
        self.end(tx, user, session, person, Act::SignOut, context).await
    }

    /// Ends one of a person's own sessions. False if they have no such session.
    pub async fn end_session(
        &self,
        current: &Current,
        session: SessionId,
        context: &Context,
    ) -> Result<bool, Fault> {
        let (tx, current) = self.begin_as(current).await?;
        self.end(tx, current.user, session, Some(current.pseudonym), Act::EndSession, context).await
    }

    /// Ends all of a person's sessions but the present one, and says how many there were.
    pub async fn end_other_sessions(&self, current: &Current, context: &Context) -> Result<usize, Fault> {
        let now = self.clock.now();
        let (mut tx, current) = self.begin_once(current, context).await?;
        let before = store::sessions::count_others(&mut tx, current.user, current.id).await?;
        let ended = self.end_sessions(&mut tx, current.user, Ending::Others(current.id), now).await?;
        let count = usize::try_from(before).unwrap_or_default();
        let (person, detail) = (Some(current.pseudonym), format!("{count} others"));
        self.record(&mut tx, Outcome::Done(Act::EndSession), person, &detail, context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(count)
    }

    /// A person's live sessions, a hundred at once: the first, or those behind `after`.
    pub async fn sessions(
        &self,
        current: &Current,
        after: Option<SessionCursor>,
    ) -> Result<SessionPage, Fault> {
        let now = self.clock.now();
        let after = after.map_or((i64::MAX, SessionId(Uuid::nil())), |after| (after.used_at, after.id));
        let one_more = i64::try_from(LISTED).unwrap_or(i64::MAX).saturating_add(1);
        let mut tx = self.store.look().await?;
        let idle_since = self.idle_since(now);
        let mut sessions =
            store::sessions::list(&mut tx, current.user, now, idle_since, after, one_more).await?;
        let more = sessions.len() > LISTED;
        sessions.truncate(LISTED);
        let last = sessions.last().filter(|_| more);
        let next = last.map(|last| SessionCursor { used_at: last.used_at, id: SessionId(last.id) });
        Ok(SessionPage { sessions, next })
    }

    /// How many live sessions a person has.
    pub async fn count_sessions(&self, current: &Current) -> Result<u32, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.look().await?;
        let count = store::sessions::count(&mut tx, current.user, now, self.idle_since(now)).await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn end(
        &self,
        mut tx: Tx,
        user: UserId,
        session: SessionId,
        person: Option<Uuid>,
        act: Act,
        context: &Context,
    ) -> Result<bool, Fault> {
        let now = self.clock.now();
        let ended = self.end_sessions(&mut tx, user, Ending::One(session), now).await?;
        if ended.is_empty() {
            return Ok(false);
        }
        self.record(&mut tx, Outcome::Done(act), person, &session_detail(session), context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(true)
    }

    /// A session not used since then has ended.
    pub(crate) fn idle_since(&self, now: Timestamp) -> Timestamp {
        now.minus(self.settings.limits.session_idle)
    }
}

fn current(open: Open) -> Result<Current, Fault> {
    Ok(Current {
        id: SessionId(open.session.id),
        user: UserId(open.session.user_id),
        name: open.name,
        locale: open.locale,
        email: stored_email(&open.address)?,
        second_step: open.second_step,
        proved_at: Timestamp(open.session.proved_at),
        proofs: Proofs::parse(&open.session.proofs),
        sid: open.session.sid,
        pseudonym: open.pseudonym,
    })
}

/// An address as it was read when it was stored.
pub(crate) fn stored_email(address: &str) -> Result<Email, Fault> {
    Email::parse(address).map_err(|error| Fault::Corrupt(format!("a stored address cannot be read: {error}")))
}

fn hash_token(token: &str) -> [u8; 32] {
    secrets::sha256(token.as_bytes())
}

impl NewSession {
    /// The token, to be set as a cookie.
    pub fn expose_token(&self) -> &str {
        self.token.expose_secret()
    }

    /// The JWT, to be set as a cookie.
    pub fn expose_jwt(&self) -> &str {
        self.jwt.expose_secret()
    }
}
