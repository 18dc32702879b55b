//! What the server said it had done, held against what its audit trail says was done.

use std::collections::HashSet;
use std::time::Duration;

use auth_service::admin::{AuditEntry, ListAudit};

use super::canary::Known;
use crate::Failure;

/// Entries that are read at a time.
const PAGE: i64 = 1_000;
/// Entries are sealed, and only then listed, within a second after they were written.
const SEALING: Duration = Duration::from_secs(2);
/// What is missing all the same is waited for in so many looks…
const LOOKS: usize = 50;
/// …with this between.
const BETWEEN: Duration = Duration::from_millis(200);

/// The server remembers 1,000 requests of an account by their `Idempotency-Key` for a day: after so many changes…
const FREELY: u64 = 800;
/// …they are made with this between.
const SPARINGLY: Duration = Duration::from_secs(20);

/// What came of the changes of one account, which are made one after the other, each to a value of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    made: u64,
    /// When the next one may be made, since the beginning.
    next: Duration,
    /// Not read back yet, and whether it was acknowledged.
    pending: Option<(String, bool)>,
    /// Not acknowledged and not seen either: they may come about later.
    doubtful: Vec<String>,
    acknowledged: u64,
    /// Seen when they were read back.
    done: u64,
    /// Acknowledged, and not seen.
    lost: u64,
}

impl Changes {
    /// Whether another change may be made now. It is reckoned to be.
    pub(super) fn is_due(&mut self, elapsed: Duration) -> bool {
        let is_due = elapsed >= self.next;
        if is_due && self.made >= FREELY {
            self.next = elapsed + SPARINGLY;
        }
        is_due
    }

    /// The value of the next change.
    pub(super) fn begin(&mut self) -> String {
        self.made += 1;
        let value = format!("Canary {}", self.made);
        self.pending = Some((value.clone(), false));
        value
    }

    /// The server says that it has done the last one.
    pub(super) fn acknowledge(&mut self) {
        if let Some((_, is_acknowledged)) = &mut self.pending {
            *is_acknowledged = true;
            self.acknowledged += 1;
        }
    }

    /// Whether the last one is still to be read back.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// How often it should stand in the trail: what was seen, and what was acknowledged last and not looked at any more.
    fn expected(&self) -> u64 {
        self.done + u64::from(self.pending.as_ref().is_some_and(|(_, is_acknowledged)| *is_acknowledged))
    }

    /// How often it may stand there beside.
    fn in_doubt(&self) -> u64 {
        let is_doubtful = self.pending.as_ref().is_some_and(|(_, is_acknowledged)| !is_acknowledged);
        count(self.doubtful.len()) + u64::from(is_doubtful)
    }

    /// The value that is there now.
    pub(super) fn read(&mut self, value: &str) {
        let Some((expected, is_acknowledged)) = self.pending.take() else { return };
        if value == expected {
            self.done += 1;
        } else if let Some(at) = self.doubtful.iter().position(|doubtful| doubtful == value) {
            // One of before that was under way all the time has come about after this one: both were done, if this was acknowledged.
            self.doubtful.swap_remove(at);
            self.done += 1;
            if is_acknowledged {
                self.done += 1;
            } else {
                self.doubtful.push(expected);
            }
        } else if is_acknowledged {
            self.lost += 1;
        } else {
            self.doubtful.push(expected);
        }
    }
}

/// What one account was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) changes: Changes,
    /// The ids of the sessions that sign-ins were answered with.
    pub(super) sessions: Vec<String>,
    /// Sign-ins of which no good answer came: each may have been done.
    pub(super) doubtful_sign_ins: u64,
}

impl Told {
    /// What several who share an account were told. One of them at the most makes changes.
    pub(super) fn add(&mut self, other: Self) {
        self.sessions.extend(other.sessions);
        self.doubtful_sign_ins += other.doubtful_sign_ins;
        if other.changes.made > 0 {
            self.changes = other.changes;
        }
    }

    fn acknowledged(&self) -> u64 {
        self.changes.acknowledged + count(self.sessions.len())
    }
}

/// What the trail has of one account.
#[derive(Clone, Debug, Default, PartialEq)]
struct Done {
    changes: u64,
    /// The ids of the sessions that sign-ins opened.
    sessions: Vec<String>,
    /// Codes and refresh tokens that were shown a second time, which nobody here does.
    shown_again: u64,
}

impl Done {
    fn add(&mut self, entry: &AuditEntry) {
        match (entry.act.as_str(), entry.outcome.as_str(), entry.detail.as_str()) {
            ("change_profile", "done", _) => self.changes += 1,
            ("sign_in", "done", detail) => {
                self.sessions.extend(detail.strip_prefix("session ").map(str::to_owned));
            }
            ("exchange", "refused", "refresh token used twice" | "code used twice") => self.shown_again += 1,
            _ => {}
        }
    }

    /// Whether it has all that was acknowledged.
    fn has(&self, told: &Told) -> bool {
        let sessions: HashSet<_> = self.sessions.iter().collect();
        self.changes >= told.changes.expected()
            && told.sessions.iter().all(|session| sessions.contains(session))
    }
}

/// What came of the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Balance {
    pub(super) acknowledged: u64,
    pub(super) lost: u64,
    pub(super) twice: u64,
}

impl Balance {
    fn of(told: &Told, done: &Done) -> Self {
        let mut balance =
            Self { acknowledged: told.acknowledged(), lost: told.changes.lost, twice: done.shown_again };
        // What is there without having been seen may be something that nobody has had an answer to.
        let expected = told.changes.expected();
        balance.lost += expected.saturating_sub(done.changes);
        balance.twice += done.changes.saturating_sub(expected).saturating_sub(told.changes.in_doubt());
        let there: HashSet<_> = done.sessions.iter().collect();
        let known: HashSet<_> = told.sessions.iter().collect();
        balance.lost += count(known.difference(&there).count());
        balance.twice += count(there.difference(&known).count()).saturating_sub(told.doubtful_sign_ins);
        balance
    }

    fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.twice += other.twice;
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Holds what each account was told against the trail, once all of that can be read.
pub(super) async fn balance(known: &Known, told: &[Told]) -> Result<Balance, Failure> {
    tokio::time::sleep(SEALING).await;
    let mut whole = Balance::default();
    for (address, told) in known.addresses.iter().zip(told) {
        let mut done = done(known, address).await?;
        for _ in 0..LOOKS {
            if done.has(told) {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
            done = self::done(known, address).await?;
        }
        whole.add(Balance::of(told, &done));
    }
    Ok(whole)
}

async fn done(known: &Known, address: &str) -> Result<Done, Failure> {
    let (mut done, mut before) = (Done::default(), None);
    loop {
        let page = ListAudit { limit: PAGE, before, person: Some(address.to_owned()) };
        let page = known.orders.give(&page).await?;
        let Some(last) = page.last() else { return Ok(done) };
        before = Some(last.number);
        for entry in &page {
            done.add(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sessions: &[&str], doubtful_sign_ins: u64, changes: Changes) -> Told {
        Told { changes, sessions: sessions.iter().map(|id| (*id).to_owned()).collect(), doubtful_sign_ins }
    }

    fn done(sessions: &[&str], changes: u64, shown_again: u64) -> Done {
        Done { changes, sessions: sessions.iter().map(|id| (*id).to_owned()).collect(), shown_again }
    }

    /// Makes a change, and reads back what is there then.
    fn change(changes: &mut Changes, is_acknowledged: bool, read: impl Fn(String) -> String) {
        let value = changes.begin();
        if is_acknowledged {
            changes.acknowledge();
        }
        assert!(changes.is_pending());
        changes.read(&read(value));
        assert!(!changes.is_pending());
    }

    fn same(value: String) -> String {
        value
    }

    fn other(_: String) -> String {
        "Canary".to_owned()
    }

    fn balance(told: &Told, done: &Done) -> (u64, u64, u64) {
        let Balance { acknowledged, lost, twice } = Balance::of(told, done);
        (acknowledged, lost, twice)
    }

    /// In the longest probe, an hour, an account makes fewer changes than the server remembers.
    #[test]
    fn changes_are_made_freely_for_a_while_and_sparingly_then() {
        let mut changes = Changes::default();
        let made = (0..3_600 * 4).filter(|quarter| {
            let is_due = changes.is_due(Duration::from_millis(250 * quarter));
            if is_due {
                changes.begin();
            }
            is_due
        });
        let made = made.count();
        assert!((900..1_000).contains(&made), "{made}");
    }

    #[test]
    fn what_was_told_and_done_once_is_in_balance() {
        let mut changes = Changes::default();
        for _ in 0..3 {
            change(&mut changes, true, same);
        }
        let told = told(&["a", "b"], 0, changes);
        assert_eq!(balance(&told, &done(&["b", "a"], 3, 0)), (5, 0, 0));
        assert!(done(&["b", "a"], 3, 0).has(&told) && !done(&["b"], 3, 0).has(&told));
        assert!(!done(&["b", "a"], 2, 0).has(&told));
    }

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_lost() {
        let mut changes = Changes::default();
        change(&mut changes, true, same);
        change(&mut changes, true, other);
        let told = told(&["a", "b"], 0, changes);
        assert_eq!(balance(&told, &done(&["a"], 1, 0)), (4, 2, 0));
        // Seen, and not in the trail, which has every act.
        assert_eq!(balance(&told, &done(&["a", "b"], 0, 0)), (4, 2, 0));
    }

    #[test]
    fn what_is_there_more_often_than_it_was_asked_was_done_twice() {
        let mut changes = Changes::default();
        change(&mut changes, true, same);
        let told = told(&["a"], 0, changes);
        assert_eq!(balance(&told, &done(&["a", "another"], 3, 1)), (2, 0, 4));
    }

    #[test]
    fn what_nobody_had_an_answer_to_may_have_been_done_and_may_not() {
        let mut changes = Changes::default();
        change(&mut changes, false, same);
        change(&mut changes, false, other);
        let told = told(&["a"], 1, changes);
        for (sessions, changes) in [(&["a"][..], 1), (&["a", "b"][..], 1), (&["a", "b"][..], 2)] {
            assert_eq!(balance(&told, &done(sessions, changes, 0)), (1, 0, 0));
        }
        assert_eq!(balance(&told, &done(&["a", "b", "c"], 3, 0)), (1, 0, 2));
    }

    #[test]
    fn the_last_change_is_held_against_the_trail_alone() {
        let mut changes = Changes::default();
        changes.begin();
        let doubtful = told(&[], 0, changes.clone());
        changes.acknowledge();
        let promised = told(&[], 0, changes);
        assert_eq!(balance(&doubtful, &done(&[], 0, 0)), (0, 0, 0));
        assert_eq!(balance(&doubtful, &done(&[], 1, 0)), (0, 0, 0));
        assert_eq!(balance(&promised, &done(&[], 0, 0)), (1, 1, 0));
        assert_eq!(balance(&promised, &done(&[], 1, 0)), (1, 0, 0));
        assert_eq!(balance(&promised, &done(&[], 2, 0)), (1, 0, 1));
    }

    /// A change that was given up, and came about after the next one, hid that one: it is no loss.
    #[test]
    fn a_change_that_came_late_is_told_from_one_that_was_lost() {
        let mut changes = Changes::default();
        change(&mut changes, false, other);
        change(&mut changes, true, |_| "Canary 1".to_owned());
        let told = told(&[], 0, changes);
        assert_eq!(balance(&told, &done(&[], 2, 0)), (1, 0, 0));
    }

    #[test]
    fn the_trail_is_read_for_what_a_canary_does() {
        let entry = |act: &str, outcome: &str, detail: &str| AuditEntry {
            number: 1,
            at: 0,
            act: act.to_owned(),
            outcome: outcome.to_owned(),
            actor: None,
            subject: None,
            address: None,
            network: String::new(),
            support_id: String::new(),
            detail: detail.to_owned(),
            sealed: true,
            exchanged: false,
        };
        let mut found = Done::default();
        for entry in [
            entry("import_user", "done", ""),
            entry("sign_in", "done", "session 0198"),
            entry("sign_in", "refused", "password"),
            entry("change_profile", "done", ""),
            entry("exchange", "refused", "refresh token used twice"),
            entry("exchange", "refused", "session ended before the exchange"),
        ] {
            found.add(&entry);
        }
        assert_eq!(found, done(&["0198"], 1, 1));
    }
}
