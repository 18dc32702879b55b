//! `Ended`: sessions that the server said have ended, remembered in this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oidc::LoggedOut;

use crate::session::Session;
use crate::standing::PROVED_WITHIN;
use crate::{Clock, Moment};

/// More sign-outs than a small team has in ten minutes.
const CAPACITY: usize = 100_000;

/// Which sessions.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Which {
    One(String),
    AllOf(String),
}

/// What has ended. It is forgotten when every cookie that was proved before has to be proved again anyway.
pub(crate) struct Ended {
    memory: Mutex<Memory>,
    clock: Clock,
}

struct Memory {
    ended: HashMap<Which, Moment>,
    /// Logout tokens that were heard, and until when each would be believed, in Unix seconds.
    heard: HashMap<String, i64>,
    /// What was proved before this is believed no more: it takes the place of what there was no room for.
    floor: Moment,
}

impl Ended {
    pub(crate) fn new(clock: Clock) -> Self {
        let memory = Memory { ended: HashMap::new(), heard: HashMap::new(), floor: Moment(i64::MIN) };
        Self { memory: Mutex::new(memory), clock }
    }

    /// Hears what a logout token says (Back-Channel Logout section 2.7). False if it was heard before.
    pub(crate) fn hear(&self, told: LoggedOut) -> bool {
        let now = self.clock.now();
        let mut memory = self.lock();
        memory.heard.retain(|_, until| *until > now.seconds());
        if memory.heard.len() >= CAPACITY || memory.heard.insert(told.jti, told.remember_until).is_some() {
            return false;
        }
        match (told.session_id, told.subject) {
            (Some(session), _) => memory.end(Which::One(session), now),
            (None, Some(subject)) => memory.end(Which::AllOf(subject), now),
            (None, None) => {}
        }
        true
    }

    /// The person signed out here.
    pub(crate) fn end(&self, session: &Session) {
        if let Some(id) = &session.session_id {
            self.lock().end(Which::One(id.clone()), self.clock.now());
        }
    }

    /// Whether a session has ended after it was last proved.
    pub(crate) fn contains(&self, session: &Session) -> bool {
        let memory = self.lock();
        let ended = |which: Which| memory.ended.get(&which).is_some_and(|at| session.proved_at <= *at);
        session.proved_at <= memory.floor
            || session.session_id.as_ref().is_some_and(|id| ended(Which::One(id.clone())))
            || ended(Which::AllOf(session.subject.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn end(&mut self, which: Which, now: Moment) {
        if self.ended.len() >= CAPACITY {
            self.ended.retain(|_, at| now < at.plus(PROVED_WITHIN));
        }
        if self.ended.len() >= CAPACITY {
            self.ended.clear();
            self.floor = now;
        }
        self.ended.insert(which, now);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use oidc::{PersonClaims, SignedIn};

    use super::*;

    fn session(subject: &str, id: Option<&str>, at: i64) -> Session {
        let signed_in = SignedIn {
            subject: subject.to_owned(),
            session_id: id.map(str::to_owned),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            person: PersonClaims::default(),
        };
        Session::begin(signed_in, PersonClaims::default(), None, None, Moment(at))
    }

    fn told(subject: Option<&str>, id: Option<&str>, jti: &str) -> LoggedOut {
        let text = |text: Option<&str>| text.map(str::to_owned);
        LoggedOut { subject: text(subject), session_id: text(id), jti: jti.to_owned(), remember_until: 60 }
    }

    fn ended() -> (Arc<AtomicI64>, Ended) {
        let now = Arc::new(AtomicI64::new(1_000_000));
        let hand = now.clone();
        (now, Ended::new(Clock::new(move || Moment(hand.load(Ordering::SeqCst)))))
    }

    #[test]
    fn it_ends_what_was_proved_before_and_nothing_else() {
        let (_, ended) = ended();
        assert!(ended.hear(told(Some("ada"), Some("s1"), "1")));
        assert!(ended.contains(&session("ada", Some("s1"), 1_000_000)));
        for other in [
            session("ada", Some("s1"), 1_000_001),
            session("ada", Some("s2"), 0),
            session("ada", None, 0),
            session("eve", Some("ada"), 0),
        ] {
            assert!(!ended.contains(&other));
        }
        assert!(ended.hear(told(Some("ada"), None, "2")));
        for of_ada in [session("ada", Some("s2"), 0), session("ada", None, 1_000_000)] {
            assert!(ended.contains(&of_ada));
        }
        assert!(!ended.contains(&session("s2", Some("s2"), 0)));
    }

    #[test]
    fn class_08_a_logout_token_is_heard_once() {
        let (now, ended) = ended();
        assert!(ended.hear(told(None, Some("s1"), "1")));
        assert!(!ended.hear(told(None, Some("s2"), "1")));
        assert!(!ended.contains(&session("ada", Some("s2"), 0)));
        now.store(60_000_000, Ordering::SeqCst);
        assert!(ended.hear(told(None, Some("s2"), "1")), "its time has passed: it would not be believed");
    }

    #[test]
    fn what_there_is_no_room_for_ends_everything_rather_than_nothing() {
        let (now, ended) = ended();
        let mut memory = ended.lock();
        for number in 0..CAPACITY {
            memory.end(Which::One(number.to_string()), Moment(1));
        }
        memory.end(Which::One("more".to_owned()), Moment(2));
        assert!(memory.ended.len() <= CAPACITY);
        drop(memory);
        assert!(ended.contains(&session("ada", Some("0"), 1)), "its mark had to go");
        assert!(!ended.contains(&session("ada", Some("0"), 3)));
        now.store(0, Ordering::SeqCst);
    }
}
