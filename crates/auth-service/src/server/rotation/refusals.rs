//! When it is looked for a new password, once a server has refused the one that we have: each user has its own patience, so that what
//! one of them is refused puts off nobody else.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::users::User;
use super::{Which, now};

/// When a server refuses us it is looked whether there is a new password, but not more often than this, and each time that there is
/// none half as often…
const AFTER_REFUSAL: Duration = Duration::from_millis(100);
/// …down to this: whoever waits for a connection meanwhile waits for twice as long, and must not have given up before.
const LONGEST_AFTER_REFUSAL: Duration = Duration::from_millis(2500);
/// After so long without one, a refusal has nothing to do with those before.
const QUIET: Duration = Duration::from_mins(1);

/// What servers, and values that are sealed by a key that we have not read, tell those who look.
pub(super) struct Refusals<'a>([OfOne<'a>; 3]);

struct OfOne<'a> {
    user: User,
    /// None where nobody can refuse it.
    by: Option<&'a Notify>,
    pause: Duration,
    /// When it was looked for it last.
    looked: Option<Instant>,
}

impl<'a> Refusals<'a> {
    pub(super) fn new(of: [(User, Option<&'a Notify>); 3]) -> Self {
        Self(of.map(|(user, by)| OfOne { user, by, pause: AFTER_REFUSAL, looked: None }))
    }

    /// Whose secret was refused, once it is time to look for another.
    pub(super) async fn next(&self) -> User {
        let [one, two, three] = &self.0;
        tokio::select! {
            () = one.refused() => one.user,
            () = two.refused() => two.user,
            () = three.refused() => three.user,
        }
    }

    /// It was looked, and these users took what was found.
    pub(super) fn looked(&mut self, which: Which, taken: &BTreeSet<User>) {
        for one in &mut self.0 {
            if taken.contains(&one.user) {
                one.pause = AFTER_REFUSAL;
            }
            // What is looked at for another reason says nothing of refusals.
            if which == Which::Of(one.user) {
                one.put_off(taken.contains(&one.user));
            }
        }
    }
}

impl OfOne<'_> {
    async fn refused(&self) {
        let Some(by) = self.by else { return std::future::pending().await };
        if let Some(looked) = self.looked {
            sleep_until(looked + self.pause).await;
        }
        by.notified().await;
    }

    fn put_off(&mut self, taken: bool) {
        let now = now();
        let was_quiet = self.looked.is_none_or(|looked| now.duration_since(looked) >= QUIET);
        self.pause =
            if was_quiet || taken { AFTER_REFUSAL } else { (self.pause * 2).min(LONGEST_AFTER_REFUSAL) };
        self.looked = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::super::LOCAL;
    use super::*;

    const NOBODY: BTreeSet<User> = BTreeSet::new();

    /// Who is refused again and again for so long, while files are looked at as they always are; hands back the longest time between two looks.
    async fn is_refused(
        refusals: &mut Refusals<'_>,
        user: User,
        by: &Notify,
        how_long: Duration,
    ) -> Duration {
        let begun = now();
        let (mut last, mut longest, mut due) = (begun, Duration::ZERO, begun + LOCAL);
        while begun.elapsed() < how_long {
            by.notify_one();
            tokio::select! {
                refused = refusals.next() => {
                    assert_eq!(refused, user);
                    refusals.looked(Which::Of(user), &NOBODY);
                    longest = longest.max(last.elapsed());
                    last = now();
                }
                () = sleep_until(due) => {
                    refusals.looked(Which::Due, &NOBODY);
                    due += LOCAL;
                }
            }
        }
        longest
    }

    /// How long it takes from a refusal to the look.
    async fn waits(refusals: &Refusals<'_>, user: User, by: &Notify) -> Duration {
        let begun = now();
        by.notify_one();
        assert_eq!(refusals.next().await, user);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_user_has_its_own_patience_and_a_quiet_minute_is_a_new_beginning() {
        let (database, redis) = (Notify::new(), Notify::new());
        let of = [(User::Database, Some(&database)), (User::Redis, Some(&redis)), (User::Keys, None)];
        let mut refusals = Refusals::new(of);
        let refused = is_refused(&mut refusals, User::Database, &database, Duration::from_mins(10)).await;
        // The runtime's clock goes by whole milliseconds.
        let a_moment = Duration::from_millis(2);
        assert!(refused <= LONGEST_AFTER_REFUSAL + a_moment, "{refused:?}");
        assert!(refused >= LONGEST_AFTER_REFUSAL, "{refused:?}");

        // Nobody else waits for that; nor does the next refusal, once what was found is taken.
        assert!(waits(&refusals, User::Redis, &redis).await <= a_moment);
        refusals.looked(Which::Of(User::Redis), &NOBODY);
        assert!(waits(&refusals, User::Database, &database).await > AFTER_REFUSAL + a_moment);
        refusals.looked(Which::Of(User::Database), &BTreeSet::from([User::Database]));
        assert!(waits(&refusals, User::Database, &database).await <= AFTER_REFUSAL + a_moment);

        // And after a quiet minute it begins anew.
        is_refused(&mut refusals, User::Database, &database, Duration::from_mins(1)).await;
        tokio::time::advance(QUIET).await;
        assert!(waits(&refusals, User::Database, &database).await <= a_moment);
        refusals.looked(Which::Of(User::Database), &NOBODY);
        assert!(waits(&refusals, User::Database, &database).await <= AFTER_REFUSAL + a_moment);
    }
}
