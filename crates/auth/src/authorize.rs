//! The authorization endpoint: an app sends a person, who comes back with a code.

mod before;
mod code;
mod reach;

use std::sync::Arc;
use std::time::Duration;

use domain::{Proofs, RequestId, Timestamp};
use oidc::{
    AuthorizationRequest, AuthorizationResponse, Client, ErrorCode, IdTokenHint, OAuthError, Parameters,
    RequestFault, ReturnAddress, Scopes, SignInReason, Step,
};
use secrets::sealing::Place;
use serde::{Deserialize, Serialize};
use store::Tx;
use store::authorization_requests::AuthorizationRequest as Row;
use store::sealed::Column;

use crate::audit::Act;
use crate::client::RegisteredClient;
use crate::{Auth, Context, Current, Fault, NewTicket, Ticket, TooMany, encryption};
use before::Before;
use reach::Reached;

/// While a person signs in, proves an address or reads a consent page, the request waits for so long.
pub const REQUEST_LIFE: Duration = Duration::from_hours(1);

/// What a browser that was sent by an app does next.
#[derive(Debug)]
pub enum Next {
    /// It goes back to the app with an answer.
    Answer(AuthorizationResponse),
    /// The person signs in, or proves again who they are, and then comes to
    /// [`continue_authorization`](Auth::continue_authorization).
    SignIn {
        /// Which request waits.
        request: RequestId,
        /// Whether somebody is signed in, who has to prove it anew.
        again: bool,
        /// What to write into the field for the address.
        login_hint: Option<String>,
    },
    /// The person says which account.
    SelectAccount(RequestId),
    /// The person says whether the app may.
    Consent(RequestId),
}

impl Next {
    /// The request that waits meanwhile; none if it is answered.
    pub fn waiting(&self) -> Option<RequestId> {
        match self {
            Self::Answer(_) => None,
            Self::SignIn { request, .. } | Self::SelectAccount(request) | Self::Consent(request) => {
                Some(*request)
            }
        }
    }
}

/// Why a person was not sent on. It is they who are told, since nobody knows whether the app can be.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The app, or the address to send them back to, is not one that was registered.
    #[error(transparent)]
    Shown(#[from] OAuthError),
    /// It would have to wait for somebody, and nobody is there to see a page.
    #[error("a page was not what asked")]
    NobodyLooks,
    /// Too many requests of apps wait for somebody on this network.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The request was answered, or has waited for too long.
    #[error("this has waited for too long, or was done: go back to the app and begin again")]
    Gone,
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<store::Error> for AuthorizeError {
    fn from(error: store::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// A request that waits, as a page shows it.
#[derive(Clone, Debug)]
pub struct PendingAuthorization {
    /// The app's name.
    pub client_name: String,
    /// What it asks for.
    pub scopes: Scopes,
    /// The resources (RFC 8707) that it wants to use in the person's name.
    pub resources: Vec<String>,
    /// What `form-action` of a page has to name whose form leads to the answer.
    pub ends_at: Option<String>,
    /// What to write into the field for the address.
    pub login_hint: Option<String>,
}

/// A request, kept while its person does something.
#[derive(Debug, Deserialize, Serialize)]
struct Waiting {
    request: AuthorizationRequest,
    account_chosen: bool,
    /// A release before this one sealed none.
    #[serde(default)]
    before: Before,
}

/// What the person has just said.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    account_chosen: bool,
    consented: bool,
}

/// The levels that proofs reach, as `acr` names them: `1` for one proof, `2` for two of different kinds.
pub(crate) fn levels(proofs: &Proofs) -> &'static [&'static str] {
    if proofs.names().len() > 1 { &["1", "2"] } else { &["1"] }
}

fn place(id: &RequestId) -> Place<'_> {
    encryption::place(Column::Request, id.0.as_bytes())
}

impl Auth {
    /// An app sends somebody. Whoever is signed in, and has agreed before, is sent straight back. What has to wait is bound
    /// to the ticket; without one it is refused, and takes nothing of what may wait. `current` is who is signed in, or why that
    /// could not be looked up: an app that asked silently is told so, once it is certain where it is, and anybody else sees it.
    pub async fn authorize(
        &self,
        parameters: &Parameters,
        current: Result<Option<Current>, Fault>,
        ticket: Option<&NewTicket>,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        let shown = |fault: RequestFault| fault.error().clone();
        let id = AuthorizationRequest::client_id(parameters).map_err(shown)?;
        let client = self.find_client(id).await?;
        let client = client.ok_or_else(|| shown(RequestFault::unknown_client(id)))?;
        let request = match AuthorizationRequest::parse(parameters, &client.client) {
            Ok(request) => request,
            Err(RequestFault::ShownToPerson(error)) => return Err(error.into()),
            Err(RequestFault::SentToClient { error, to }) => {
                return Ok(self.answer_error(&to, &error, context));
            }
        };
        let before = Before::of(current.as_ref().ok().and_then(Option::as_ref));
        let waiting = Waiting { request, account_chosen: false, before };
        let arrived = match current {
            Ok(current) => self.arrive(&client.client, &waiting, current.as_ref(), ticket, context).await,
            Err(fault) => Err(fault.into()),
        };
        match arrived {
            Err(AuthorizeError::Fault(fault)) if waiting.request.prompt.none => {
                Ok(self.answer_fault(&waiting.request.return_address, &fault, context))
            }
            arrived => arrived,
        }
    }

    async fn arrive(
        &self,
        client: &Client,
        waiting: &Waiting,
        current: Option<&Current>,
        ticket: Option<&NewTicket>,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        match self.reach(client, waiting, current, None, Said::default(), context).await? {
            Reached::Answer(answer) => Ok(answer),
            Reached::Waits(step) => match ticket {
                Some(ticket) => self.wait(waiting, step, current, ticket, context).await,
                None => Err(AuthorizeError::NobodyLooks),
            },
        }
    }

    /// The person has done what was asked of them, or comes back from doing it.
    pub async fn continue_authorization(
        &self,
        ticket: Ticket,
        current: Option<&Current>,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        self.go_on(ticket, current, Said::default(), context).await
    }

    /// The person goes on as who they are signed in as.
    pub async fn choose_account(
        &self,
        ticket: Ticket,
        current: &Current,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        let said = Said { account_chosen: true, consented: false };
        self.go_on(ticket, Some(current), said, context).await
    }

    /// The person lets the app have what it asks for.
    pub async fn consent(
        &self,
        ticket: Ticket,
        current: &Current,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        let said = Said { account_chosen: true, consented: true };
        self.go_on(ticket, Some(current), said, context).await
    }

    /// The person does not: the app is told so.
    pub async fn refuse_consent(&self, ticket: Ticket, context: &Context) -> Result<Next, AuthorizeError> {
        let (waiting, ..) = self.find_waiting(ticket).await?;
        let mut tx = self.store.begin().await?;
        if !take(&mut tx, ticket).await? {
            return Err(AuthorizeError::Gone);
        }
        tx.commit().await?;
        let error = OAuthError::new(ErrorCode::AccessDenied, "The person did not let the app in.");
        Ok(self.answer_error(&waiting.request.return_address, &error, context))
    }

    /// What the pages on the way show.
    pub async fn pending_authorization(&self, ticket: Ticket) -> Result<Option<PendingAuthorization>, Fault> {
        let (waiting, client, _) = match self.find_waiting(ticket).await {
            Ok(found) => found,
            Err(AuthorizeError::Fault(fault)) => return Err(fault),
            Err(
                AuthorizeError::Gone
                | AuthorizeError::Shown(_)
                | AuthorizeError::NobodyLooks
                | AuthorizeError::TooMany(_),
            ) => {
                return Ok(None);
            }
        };
        Ok(Some(PendingAuthorization {
            client_name: client.client.client_name.clone(),
            scopes: waiting.request.scopes,
            resources: waiting.request.resources,
            ends_at: waiting.request.return_address.form_action_sources(),
            login_hint: waiting.request.login_hint,
        }))
    }

    async fn go_on(
        &self,
        ticket: Ticket,
        current: Option<&Current>,
        said: Said,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        let id = ticket.request;
        let (mut waiting, client, since) = self.find_waiting(ticket).await?;
        if said.account_chosen && !waiting.account_chosen {
            waiting.account_chosen = true;
            self.remember(id, &waiting).await?;
        }
        let waits = Some((ticket, since));
        match self.reach(&client.client, &waiting, current, waits, said, context).await? {
            Reached::Answer(answer) => Ok(answer),
            Reached::Waits(step) => Ok(next(id, &step, current.is_some(), &waiting)),
        }
    }

    /// Whom an ID token of ours was of.
    pub(crate) fn read_hint(&self, token: &str) -> Option<IdTokenHint> {
        self.keys.known().read_hint(token, &self.issuer)
    }

    /// The app is told, with the id by which an operator finds the same in the log.
    fn answer_error(&self, to: &ReturnAddress, error: &OAuthError, context: &Context) -> Next {
        tracing::warn!(error = %error.code, description = error.description.for_the_log(), "an app's request was refused");
        let error = error.clone().with_support_id(&context.support_id);
        Next::Answer(AuthorizationResponse::error(to, &self.issuer, &error))
    }

    /// The app is told of a fault of ours: nobody looks, and it may go on without.
    fn answer_fault(&self, to: &ReturnAddress, fault: &Fault, context: &Context) -> Next {
        let (code, description) = if matches!(fault, Fault::Store(_) | Fault::Busy { .. }) {
            let later = "This server cannot answer for a moment; ask again later, or send the person without prompt=none.";
            (ErrorCode::TemporarilyUnavailable, later)
        } else {
            let ours = "This server has a fault of its own; tell whoever runs it the support id, which is in its log.";
            (ErrorCode::ServerError, ours)
        };
        if fault.is_loss() {
            // Of the loss itself there is a line already.
            tracing::info!(error = %code, "an app that asked silently is told that the database is away");
        } else {
            tracing::error!(error = %code, %fault, "an app that asked silently is told of a fault of ours");
        }
        let error = OAuthError::new(code, description).with_support_id(&context.support_id);
        Next::Answer(AuthorizationResponse::error(to, &self.issuer, &error))
    }

    async fn wait(
        &self,
        waiting: &Waiting,
        step: Step,
        current: Option<&Current>,
        ticket: &NewTicket,
        context: &Context,
    ) -> Result<Next, AuthorizeError> {
        let now = self.clock.now();
        let asked = self.limiter.waiting_request(context, now).await;
        let user = current.map(|current| current.user);
        self.within::<_, AuthorizeError>(asked, Act::Authorize, user, context).await?;
        let id = RequestId(self.random.opaque_id());
        let row = Row {
            id: id.0,
            client_id: waiting.request.client_id.clone(),
            browser_hash: ticket.hash.to_vec(),
            request: self.keyring.seal(&place(&id), &serde_json::to_vec(waiting).map_err(Fault::from)?),
            created_at: now.micros(),
            expires_at: now.plus(REQUEST_LIFE).micros(),
        };
        let mut tx = self.store.begin().await?;
        for given_up in &ticket.gives_way {
            take(&mut tx, *given_up).await?;
        }
        let inserted = store::authorization_requests::insert(&mut tx, &row).await;
        inserted.map_err(|error| if_removed(error.into(), &row.client_id))?;
        tx.commit().await?;
        Ok(next(id, &step, current.is_some(), waiting))
    }

    /// A request that waits, with its app and since when. The app may have changed meanwhile: what it may have no longer is
    /// not given, and nobody is sent where it is no longer.
    async fn find_waiting(
        &self,
        ticket: Ticket,
    ) -> Result<(Waiting, Arc<RegisteredClient>, Timestamp), AuthorizeError> {
        let (id, now) = (ticket.request, self.clock.now());
        let mut tx = self.store.look().await?;
        let row = store::authorization_requests::find(&mut tx, id, &ticket.shown(), now).await?;
        drop(tx);
        let row = row.ok_or(AuthorizeError::Gone)?;
        let opened = self.keyring.open(&place(&id), &row.request).map_err(Fault::from)?;
        let mut waiting: Waiting = serde_json::from_slice(&opened).map_err(Fault::from)?;
        let request = &mut waiting.request;
        let found = self.find_client(&request.client_id).await?.ok_or(AuthorizeError::Gone)?;
        found.client.check_redirect_uri(request.return_address.redirect_uri())?;
        request.scopes = found.client.still_allowed(&request.scopes)?;
        Ok((waiting, found, Timestamp(row.created_at)))
    }

    async fn remember(&self, id: RequestId, waiting: &Waiting) -> Result<(), Fault> {
        let sealed = self.keyring.seal(&place(&id), &serde_json::to_vec(waiting)?);
        let mut tx = self.store.begin().await?;
        store::authorization_requests::set_request(&mut tx, id, &sealed).await?;
        Ok(tx.commit().await?)
    }
}

/// Takes a request that waits: it is answered once. False if it was.
async fn take(tx: &mut Tx, ticket: Ticket) -> Result<bool, Fault> {
    Ok(store::authorization_requests::take(tx, ticket.request, &ticket.shown()).await?)
}

/// An app may be removed by a command of which this process has not heard yet. The person's rows were read in the same
/// transaction, so the app's is the one that can be missing.
fn if_removed(fault: Fault, client_id: &str) -> AuthorizeError {
    match fault {
        Fault::Store(error) if error.is_missing_reference() => {
            RequestFault::unknown_client(client_id).error().clone().into()
        }
        fault => fault.into(),
    }
}

fn next(request: RequestId, step: &Step, signed_in: bool, waiting: &Waiting) -> Next {
    match step {
        Step::SelectAccount => Next::SelectAccount(request),
        Step::Consent => Next::Consent(request),
        Step::SignIn(reason) => {
            let again = signed_in && *reason != SignInReason::NoSession;
            Next::SignIn { request, again, login_hint: waiting.request.login_hint.clone() }
        }
        // Neither is a step that anybody waits for.
        Step::Refuse(_) | Step::Proceed => Next::SignIn { request, again: false, login_hint: None },
    }
}
