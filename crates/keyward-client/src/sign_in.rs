//! The sign-in: a person is sent to the server, and comes back with a code (OpenID Connect Core section 3.1).

use std::sync::PoisonError;

use axum::http::{HeaderMap, HeaderValue};
use oidc::{CallbackError, CallbackRules, Parameters, Secret, SignInRequest};

use crate::attempt::{Attempt, label};
use crate::cookies::ATTEMPT_LIFE;
use crate::provider_error::ProviderError;
use crate::return_path::ReturnPath;
use crate::{Keyward, Moment, Notice, NoticeKind};

/// More sign-ins than an app has in an hour. Past it what is remembered goes: the server takes a code once all the same.
const FINISHED: usize = 10_000;

/// Where a browser goes next, and the cookies it gets on the way.
pub(crate) struct Leads {
    pub(crate) to: String,
    pub(crate) cookies: Vec<HeaderValue>,
}

impl Keyward {
    /// Sends a person to the server, who then comes back to `return_to`.
    pub(crate) async fn begin(&self, return_to: &ReturnPath, headers: &HeaderMap) -> Result<Leads, Notice> {
        let metadata = self.provider.metadata().await.map_err(|error| told(&error))?;
        let attempt = Attempt::begin(return_to, self.clock.now());
        let Some(verifier) = attempt.verifier() else { return Err(Notice::new(NoticeKind::Failed)) };
        let request = SignInRequest {
            client_id: &self.provider.client_id,
            redirect_uri: &self.redirect_uri,
            scopes: &self.scopes,
            state: &attempt.state,
            nonce: &attempt.nonce,
            code_challenge: &verifier.challenge(),
            further: &[],
        };
        let to = request.url(&metadata.authorization_endpoint);
        Ok(Leads { to, cookies: self.cookies.set_attempt(&attempt, headers) })
    }

    /// The person is back, with an answer in the query. Whatever comes of it, the attempt is over.
    pub(crate) async fn finish(
        &self,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Leads, (Notice, Vec<HeaderValue>)> {
        let unexpected = |why: &str| {
            tracing::warn!(why, "an answer to a sign-in is refused");
            (Notice::new(NoticeKind::NotExpected), Vec::new())
        };
        let parameters = Parameters::parse(query).map_err(|error| unexpected(error.description.as_str()))?;
        let label = parameters.get("state").and_then(label).ok_or_else(|| unexpected("it has no state"))?;
        let attempt =
            self.cookies.attempt(headers, label).ok_or_else(|| unexpected("this browser did not ask"))?;
        let code = self.read_answer(&parameters, &attempt).await;
        // A forged answer does not take the attempt away from the person who is under way.
        if let Err(Refusal::Forged(error)) = &code {
            return Err(unexpected(&error.to_string()));
        }
        let over: Vec<_> = self.cookies.clear_attempt(label).into_iter().collect();
        if !self.take(&attempt) {
            return Err((Notice::new(NoticeKind::NotExpected), over));
        }
        let finished = match code {
            Ok(code) => self.redeem(&code, &attempt).await,
            Err(Refusal::Forged(_)) => Err(Notice::new(NoticeKind::NotExpected)),
            Err(Refusal::Told(notice)) => Err(notice),
        };
        match finished {
            Ok(mut leads) => {
                leads.cookies.extend(over);
                Ok(leads)
            }
            Err(notice) => Err((notice.on_the_way_to(&self.page_of(&attempt)), over)),
        }
    }

    async fn read_answer(&self, parameters: &Parameters, attempt: &Attempt) -> Result<Secret, Refusal> {
        let metadata = self.provider.metadata().await.map_err(|error| Refusal::Told(told(&error)))?;
        let rules = CallbackRules {
            state: &attempt.state,
            issuer: &self.provider.issuer,
            names_itself: metadata.names_itself,
        };
        rules.check(parameters).map_err(|error| match error {
            CallbackError::Refused { code, description } => {
                tracing::warn!(%code, %description, "the sign-in server said no");
                Refusal::Told(match code.as_str() {
                    "access_denied" => Notice::new(NoticeKind::Denied),
                    "temporarily_unavailable" => Notice::unavailable(std::time::Duration::ZERO),
                    _ => Notice::new(NoticeKind::Failed),
                })
            }
            CallbackError::Malformed => {
                tracing::warn!("the sign-in server's answer has neither code nor error");
                Refusal::Told(Notice::new(NoticeKind::Failed))
            }
            error => Refusal::Forged(error),
        })
    }

    async fn redeem(&self, code: &Secret, attempt: &Attempt) -> Result<Leads, Notice> {
        let Some(verifier) = attempt.verifier() else { return Err(Notice::new(NoticeKind::Failed)) };
        let redeemed = self.provider.redeem(code, &self.redirect_uri, &verifier, &attempt.nonce).await;
        let session = redeemed.map_err(|error| told(&error))?;
        let cookie = self.cookies.set_session(&session).map_err(|error| {
            tracing::error!(%error, "a session cannot be kept");
            Notice::new(NoticeKind::Failed)
        })?;
        Ok(Leads { to: self.page_of(attempt).as_str().to_owned(), cookies: vec![cookie] })
    }

    /// It was sealed by this app; read as anything else that comes in, all the same.
    fn page_of(&self, attempt: &Attempt) -> ReturnPath {
        ReturnPath::parse(&attempt.return_to, &self.app_url).unwrap_or_else(ReturnPath::start)
    }

    /// Whether this attempt is still to be finished. It is not any more from now on.
    fn take(&self, attempt: &Attempt) -> bool {
        let now = self.clock.now();
        let lives = |begun_at: Moment| now.since(begun_at) < ATTEMPT_LIFE;
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if finished.len() >= FINISHED {
            finished.retain(|_, begun_at| lives(*begun_at));
        }
        if finished.len() >= FINISHED {
            finished.clear();
        }
        lives(attempt.begun_at) && finished.insert(attempt.state.clone(), attempt.begun_at).is_none()
    }
}

enum Refusal {
    /// Not an answer to this attempt.
    Forged(CallbackError),
    /// An answer, and it is no.
    Told(Notice),
}

/// What a person is told, and the log.
fn told(error: &ProviderError) -> Notice {
    tracing::error!(%error, "nobody can sign in");
    match error {
        ProviderError::Unreachable(_) => Notice::unavailable(std::time::Duration::ZERO),
        ProviderError::Refused { .. } | ProviderError::Unacceptable(_) => Notice::new(NoticeKind::Failed),
    }
}
