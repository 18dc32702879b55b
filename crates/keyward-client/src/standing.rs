//! `Standing`: whether whoever asks is signed in.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::Keyward;
use crate::renewals::Renewal;
use crate::session::Session;

/// A session that was proved longer ago than this is proved again at its next request.
pub const RENEWED_AFTER: Duration = Duration::from_mins(5);
/// A session that was proved longer ago than this is not believed, whoever can be asked.
pub const PROVED_WITHIN: Duration = Duration::from_mins(10);

pub(crate) enum Standing {
    /// Who, and the cookie to set if the session was proved again.
    SignedIn(Box<Session>, Option<HeaderValue>),
    /// Nobody, or nobody any more.
    SignedOut,
    /// Nobody can say; ask again after so long.
    Unknown(Duration),
}

impl Keyward {
    /// Whether whoever sent these headers is signed in.
    pub(crate) async fn standing(&self, headers: &HeaderMap) -> Standing {
        let now = self.clock.now();
        let Some(session) = self.cookies.session(headers) else { return Standing::SignedOut };
        if now.since(session.begun_at) >= self.session_life || self.ended.contains(&session) {
            return Standing::SignedOut;
        }
        let age = now.since(session.proved_at);
        // Proved in the future: the clock was set back, so nobody knows how long ago.
        let believed = age < PROVED_WITHIN && session.proved_at <= now.plus(self.leeway);
        // Of sign-outs before it began this process knows nothing: what was proved before then is proved anew.
        let heard = session.proved_at >= self.began_at;
        if believed && heard && age < RENEWED_AFTER {
            return Standing::SignedIn(Box::new(session), None);
        }
        let renewal = match &session.refresh_token {
            Some(token) => self.renewals.renew(session.clone(), token.clone()).await,
            None if believed && heard => return Standing::SignedIn(Box::new(session), None),
            None => return Standing::SignedOut,
        };
        match renewal {
            Renewal::Holds(renewed) if self.ended.contains(&renewed) => Standing::SignedOut,
            Renewal::Holds(renewed) => match self.cookies.set_session(&renewed) {
                Ok(cookie) => Standing::SignedIn(Box::new(Session::clone(&renewed)), Some(cookie)),
                Err(error) => {
                    tracing::error!(%error, "a session cannot be kept, and ends");
                    Standing::SignedOut
                }
            },
            Renewal::Ended => Standing::SignedOut,
            Renewal::Later(_) if believed => Standing::SignedIn(Box::new(session), None),
            Renewal::Later(wait) => Standing::Unknown(wait),
        }
    }
}
