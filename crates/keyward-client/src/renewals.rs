//! `Renewals`: sessions are proved again, each once, however many requests of it come at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oidc::Secret;
use tokio::sync::watch;

use crate::Moment;
use crate::activity::Renewed;
use crate::backoff::Backoff;
use crate::provider::Provider;
use crate::provider_error::ProviderError;
use crate::session::Session;

/// Requests that were sent with the cookie of before arrive for so long after it was exchanged. The server gives the
/// same answer again for ten seconds only, which is for other processes of this app.
const KEPT: Duration = Duration::from_mins(1);

/// What came of it.
#[derive(Clone)]
pub(crate) enum Renewal {
    /// It holds, and this is the session from now on.
    Holds(Arc<Session>),
    /// It has ended.
    Ended,
    /// Nobody could be asked; try again after so long.
    Later(Duration),
}

type Answer = watch::Receiver<Option<Renewal>>;

/// Renewals that are under way, or were made a moment ago.
pub(crate) struct Renewals {
    provider: Arc<Provider>,
    memory: Arc<Mutex<Memory>>,
}

struct Memory {
    /// By the hash of the refresh token that is exchanged.
    known: HashMap<[u8; 32], (Moment, Answer)>,
    backoff: Backoff,
}

impl Renewals {
    pub(crate) fn new(provider: Arc<Provider>) -> Self {
        let memory = Memory { known: HashMap::new(), backoff: Backoff::new() };
        Self { provider, memory: Arc::new(Mutex::new(memory)) }
    }

    /// Proves a session again. The question is asked to its end even if this request is given up: its answer would be
    /// lost, and the refresh token with it.
    pub(crate) async fn renew(&self, session: Session, refresh_token: Secret) -> Renewal {
        let hash = secrets::sha256(refresh_token.expose().as_bytes());
        let mut answer = match self.join(hash) {
            Ok(answer) => answer,
            Err(Joining::Closed(wait)) => return Renewal::Later(wait),
            Err(Joining::First(sender, answer)) => {
                let (provider, memory) = (self.provider.clone(), self.memory.clone());
                tokio::spawn(async move {
                    let renewal = ask(&provider, &memory, &session, &refresh_token).await;
                    provider.counts.renewed(match renewal {
                        Renewal::Holds(_) => Renewed::Holds,
                        Renewal::Ended => Renewed::Ended,
                        Renewal::Later(_) => Renewed::Later,
                    });
                    if matches!(renewal, Renewal::Later(_)) {
                        lock(&memory).known.remove(&hash);
                    }
                    sender.send_replace(Some(renewal));
                });
                answer
            }
        };
        let told = answer.wait_for(Option::is_some).await;
        told.ok().and_then(|told| told.clone()).unwrap_or(Renewal::Later(Duration::from_secs(1)))
    }

    fn join(&self, hash: [u8; 32]) -> Result<Answer, Joining> {
        let now = self.provider.clock.now();
        let mut memory = lock(&self.memory);
        // One that ended without an answer panicked, and must not stand in the way of the next.
        let under_way = |answer: &Answer| answer.borrow().is_none() && answer.has_changed().is_ok();
        let answered = |answer: &Answer| answer.borrow().is_some();
        memory.known.retain(|_, (at, answer)| under_way(answer) || answered(answer) && now.since(*at) < KEPT);
        if let Some((_, answer)) = memory.known.get(&hash) {
            return Ok(answer.clone());
        }
        if let Some(wait) = memory.backoff.wait(now) {
            return Err(Joining::Closed(wait));
        }
        let (sender, answer) = watch::channel(None);
        memory.known.insert(hash, (now, answer.clone()));
        Err(Joining::First(sender, answer))
    }
}

enum Joining {
    /// It failed a moment ago, and is not to be hammered.
    Closed(Duration),
    /// Nobody has asked yet.
    First(watch::Sender<Option<Renewal>>, Answer),
}

async fn ask(
    provider: &Provider,
    memory: &Mutex<Memory>,
    session: &Session,
    refresh_token: &Secret,
) -> Renewal {
    let renewed = provider.renew(session, refresh_token).await;
    let now = provider.clock.now();
    let mut memory = lock(memory);
    match renewed {
        Ok(session) => {
            memory.backoff.succeeded(now, Duration::ZERO);
            Renewal::Holds(Arc::new(session))
        }
        Err(error) if error.is_invalid_grant() => {
            memory.backoff.succeeded(now, Duration::ZERO);
            tracing::info!("a session has ended at the sign-in server, and ends here");
            Renewal::Ended
        }
        Err(error) if error.is_final() => {
            memory.backoff.succeeded(now, Duration::ZERO);
            tracing::error!(
                %error,
                "a session cannot be renewed, and ends: its person signs in again; see how this app is registered"
            );
            Renewal::Ended
        }
        Err(error @ ProviderError::Unacceptable(_)) => {
            tracing::error!(%error, "a session cannot be proved again, and ends");
            Renewal::Ended
        }
        Err(error) => {
            memory.backoff.failed(now);
            tracing::error!(%error, "sessions cannot be proved again just now");
            Renewal::Later(memory.backoff.wait(now).unwrap_or_default())
        }
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}
