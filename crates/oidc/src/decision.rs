//! `decide`: what comes next for an authorization request, by what is known of the person.

use crate::{AuthorizationRequest, ErrorCode, OAuthError, Prompt, Scopes};

/// What is known of the person whose browser asks.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Who is signed in.
    pub session: Option<KnownSession<'a>>,
    /// The person chose an account since the request came in.
    pub account_chosen: bool,
    /// The subject of the request's `id_token_hint`, once that is verified.
    pub hinted_subject: Option<&'a str>,
    /// To what the person has consented.
    pub consent: KnownConsent<'a>,
    /// The levels (`acr`) that the person can reach with what they have set up.
    pub reachable_acr: &'a [&'a str],
    /// The time, in Unix seconds.
    pub now: i64,
}

/// A session, as the protocol sees it.
#[derive(Clone, Copy, Debug)]
pub struct KnownSession<'a> {
    /// Who: the `sub` that this client gets.
    pub subject: &'a str,
    /// When the person last proved who they are, in Unix seconds.
    pub auth_time: i64,
    /// The person proved who they are since the request came in. Not told by `auth_time`, whose seconds are too coarse.
    pub authenticated_now: bool,
    /// Every level (`acr`) that the session has reached.
    pub acr: &'a [&'a str],
}

/// What is known of the person's consent for the client.
#[derive(Clone, Copy, Debug)]
pub struct KnownConsent<'a> {
    /// The client's people are asked: [`Client::asks_for_consent`](crate::Client::asks_for_consent).
    pub required: bool,
    /// They are asked each time, whatever they said before:
    /// [`Client::may_be_another_app`](crate::Client::may_be_another_app).
    pub each_time: bool,
    /// To what the person has consented; none if they never did, or withdrew it.
    pub scopes: Option<&'a Scopes>,
    /// The resources (RFC 8707) that they agreed it may use in their name.
    pub resources: &'a [String],
    /// The person answered the question since the request came in.
    pub given_now: bool,
}

/// Why the person has to prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInReason {
    /// Nobody is signed in.
    NoSession,
    /// The client asked for it (`prompt=login`).
    Prompt,
    /// It was too long ago (`max_age`).
    TooLongAgo,
    /// The client wishes a higher level (`acr_values`), and the person can reach it.
    StepUp,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Show the sign-in, also to somebody who is signed in.
    SignIn(SignInReason),
    /// Let the person choose an account.
    SelectAccount,
    /// Ask the person for consent.
    Consent,
    /// Tell the client no.
    Refuse(OAuthError),
    /// Answer with a code.
    Proceed,
}

impl Step {
    /// The same, where something may be shown; with `prompt=none`, what the client is told in its place (OpenID Connect Core
    /// section 3.1.2.6). For a step that was found to be due by another way than [`decide`].
    #[must_use]
    pub fn for_prompt(self, prompt: Prompt) -> Self {
        if prompt.none { silently(self) } else { self }
    }
}

type Row = fn(&AuthorizationRequest, &Known<'_>) -> Option<Step>;

/// The first row that has something to say decides (OpenID Connect Core sections 3.1.2.1, 3.1.2.3 and 3.1.2.4).
const TABLE: [Row; 7] = [
    nobody_is_signed_in,
    an_account_has_to_be_chosen,
    the_client_wants_a_new_proof,
    the_proof_is_too_old,
    the_hint_is_of_another_person,
    a_higher_level_is_wished,
    consent_is_missing,
];

/// Decides what comes next. Ask again after each step: once the person did what was asked, it is not asked again.
pub fn decide(request: &AuthorizationRequest, known: &Known<'_>) -> Step {
    let step = TABLE.iter().find_map(|row| row(request, known)).unwrap_or(Step::Proceed);
    step.for_prompt(request.prompt)
}

fn nobody_is_signed_in(_: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    known.session.is_none().then_some(Step::SignIn(SignInReason::NoSession))
}

/// Whoever has just signed in has chosen thereby.
fn an_account_has_to_be_chosen(request: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    let wanted = request.prompt.select_account;
    let chosen = known.account_chosen || known.session?.authenticated_now;
    (wanted && !chosen).then_some(Step::SelectAccount)
}

fn the_client_wants_a_new_proof(request: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    let wanted = request.prompt.login && !known.session?.authenticated_now;
    wanted.then_some(Step::SignIn(SignInReason::Prompt))
}

/// `max_age=0` asks for what `prompt=login` does (OpenID Connect Core section 3.1.2.1), in the same second too.
fn the_proof_is_too_old(request: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    let (session, max_age) = (known.session?, request.max_age?);
    let old = max_age == 0 || known.now.saturating_sub(session.auth_time) > i64::from(max_age);
    (old && !session.authenticated_now).then_some(Step::SignIn(SignInReason::TooLongAgo))
}

/// OpenID Connect Core section 3.1.2.1. Behind the rows that may bring the right person to sign in.
fn the_hint_is_of_another_person(_: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    let mismatch = known.hinted_subject? != known.session?.subject;
    mismatch.then(|| {
        refuse(
            ErrorCode::LoginRequired,
            "Another person is signed in than the id_token_hint names; ask without it, or with prompt=login.",
        )
    })
}

/// `acr_values` is a wish (OpenID Connect Core section 5.5.1.1): what the person cannot reach, or could reach only by a
/// page where none may be shown, is not insisted on; the ID token says the level that was reached.
fn a_higher_level_is_wished(request: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    let session = known.session?;
    let among = |levels: &[&str]| request.acr_values.iter().any(|wished| levels.contains(&wished.as_str()));
    let wanted = !request.acr_values.is_empty() && !among(session.acr) && among(known.reachable_acr);
    (wanted && !session.authenticated_now && !request.prompt.none)
        .then_some(Step::SignIn(SignInReason::StepUp))
}

fn consent_is_missing(request: &AuthorizationRequest, known: &Known<'_>) -> Option<Step> {
    let agreed = known.consent.scopes.is_some_and(|agreed| request.scopes.is_subset_of(agreed))
        && request.resources.iter().all(|resource| known.consent.resources.contains(resource));
    let never = known.consent.required && !agreed;
    let wanted = never || request.prompt.consent || known.consent.each_time;
    (wanted && !known.consent.given_now).then_some(Step::Consent)
}

/// With `prompt=none` nothing is shown: what would have been is named instead (OpenID Connect Core section 3.1.2.6).
fn silently(step: Step) -> Step {
    match step {
        Step::SignIn(_) => refuse(
            ErrorCode::LoginRequired,
            "The person has to sign in, and prompt=none forbids to ask; send them again without it.",
        ),
        Step::SelectAccount => refuse(
            ErrorCode::AccountSelectionRequired,
            "The person has to choose an account, and prompt=none forbids to ask; send them again without it.",
        ),
        Step::Consent => refuse(
            ErrorCode::ConsentRequired,
            "The person has to consent, and prompt=none forbids to ask; send them again without it.",
        ),
        Step::Refuse(_) | Step::Proceed => step,
    }
}

fn refuse(code: ErrorCode, description: &str) -> Step {
    Step::Refuse(OAuthError::new(code, description))
}
