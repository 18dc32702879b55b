//! How far a request gets: which step is next, and the answer, once there is none.

use domain::Timestamp;
use oidc::{Client, ErrorCode, Known, KnownConsent, KnownSession, OAuthError, Scopes, Step, decide};

use super::code::NotGiven;
use super::{AuthorizeError, Next, Said, Waiting, levels, take};
use crate::exchange::split;
use crate::{Auth, Context, Current, Ticket};

/// How far it has come.
pub(super) enum Reached {
    /// The app is answered.
    Answer(Next),
    /// The person has to do this first.
    Waits(Step),
}

impl Auth {
    /// Answers the app, unless the person has to do something first. `waits` is by what the request waits already, and since when.
    pub(super) async fn reach(
        &self,
        client: &Client,
        waiting: &Waiting,
        current: Option<&Current>,
        waits: Option<(Ticket, Timestamp)>,
        said: Said,
        context: &Context,
    ) -> Result<Reached, AuthorizeError> {
        let request = &waiting.request;
        let ticket = waits.map(|(ticket, _)| ticket);
        let mut step = self.step(client, waiting, current, waits.map(|(_, since)| since), said).await?;
        if step == Step::Proceed
            && let Some(current) = current
        {
            step = match self.give_code(client, request, current, ticket, said, context).await {
                Ok(answer) => return Ok(Reached::Answer(answer)),
                Err(NotGiven::First(step)) => step.for_prompt(request.prompt),
                Err(NotGiven::Error(error)) => return Err(error),
            };
        }
        let Step::Refuse(error) = step else { return Ok(Reached::Waits(step)) };
        if let Some(ticket) = ticket {
            let mut tx = self.store.begin().await?;
            take(&mut tx, ticket).await?;
            tx.commit().await?;
        }
        Ok(Reached::Answer(self.answer_error(&request.return_address, &error, context)))
    }

    async fn step(
        &self,
        client: &Client,
        waiting: &Waiting,
        current: Option<&Current>,
        since: Option<Timestamp>,
        said: Said,
    ) -> Result<Step, AuthorizeError> {
        let now = self.clock.now();
        let request = &waiting.request;
        // Where nobody is asked, nobody's consent need be looked up.
        let asks = client.asks_for_consent();
        let agreed = match current.filter(|_| asks) {
            Some(current) => {
                let mut tx = self.store.look().await?;
                store::consents::find(&mut tx, current.user, &client.client_id).await?
            }
            None => None,
        };
        let (agreed, resources) = match agreed {
            Some((scope, resources)) => (Some(Scopes::parse(&scope).unwrap_or_default()), split(&resources)),
            None => (None, Vec::new()),
        };
        let hinted = match &request.id_token_hint {
            Some(hint) => match self.read_hint(hint) {
                Some(hint) if hint.client_id == client.client_id => Some(hint.subject),
                _ => return Ok(Step::Refuse(bad_hint())),
            },
            None => None,
        };
        let subject = current.map(|current| current.user.to_string());
        let session = current.zip(subject.as_deref()).map(|(current, subject)| KnownSession {
            subject,
            auth_time: current.proved_at.seconds(),
            authenticated_now: since.is_some_and(|since| waiting.before.is_proved_since(current, since)),
            acr: levels(&current.proofs),
        });
        let known = Known {
            session,
            account_chosen: waiting.account_chosen || said.account_chosen,
            hinted_subject: hinted.as_deref(),
            consent: KnownConsent {
                required: asks,
                each_time: client.may_be_another_app(request.return_address.redirect_uri()),
                scopes: agreed.as_ref(),
                resources: &resources,
                given_now: said.consented,
            },
            reachable_acr: if current.is_some_and(|current| current.second_step) {
                &["1", "2"]
            } else {
                &["1"]
            },
            now: now.seconds(),
        };
        Ok(decide(request, &known))
    }
}

fn bad_hint() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidRequest,
        "The id_token_hint is not an ID token that this server issued to this client; send one, or leave it out.",
    )
}
