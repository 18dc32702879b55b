//! The authorization endpoint, and the pages on the way through it.

use auth::{AuthorizeError, Next, PendingAuthorization};
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::RequestId;
use oidc::{AuthorizationRequest, AuthorizationResponse, OAuthError, Parameters};
use serde::Deserialize;

use crate::App;
use crate::http::asking::{Arrival, Asking, Said, SignedIn, Visitor};
use crate::http::cookies;
use crate::http::failure::Failure;
use crate::http::headers;
use crate::http::json::{FORM, require_type};
use crate::http::tickets;
use crate::locale::Locale;
use crate::pages::landing::{Address, read};
use crate::pages::{Form, already_done, done, encode, frame, given_back, lead_to, own_frame, page};
use crate::views::{self, Notice};

/// Where a person goes on after something was asked of them.
pub(crate) fn continue_path(request: RequestId) -> String {
    format!("/authorize/continue?id={request}")
}

/// A request by POST (OpenID Connect Core section 3.1.2.1).
pub(super) async fn by_form(headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    to_get("/authorize", &AuthorizationRequest::PARAMETERS, &headers, &body)
}

/// The same address by GET, with these parameters of the form. Whatever else is in it is passed over there too, and may be longer
/// than an address can be. What is no form is refused: what it means in an address nobody said.
pub(super) fn to_get(
    path: &str,
    parameters: &[&str],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Failure> {
    require_type(headers, FORM)?;
    let wrong = || Failure::Malformed("The form cannot be read.".into());
    let form = std::str::from_utf8(body).map_err(|_| wrong())?;
    let query = Parameters::of_names(form, parameters);
    let location = HeaderValue::from_str(&format!("{path}?{query}")).map_err(|_| wrong())?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}

pub(super) async fn begin(
    State(app): State<App>,
    Arrival { asking, current }: Arrival,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let parameters = Parameters::read(query.as_deref().unwrap_or_default());
    let token = app.auth.new_browser_token();
    let ticket = asking.tickets.next(&token);
    let bound = is_looked_at(&headers).then_some(&ticket);
    let next = app.auth.authorize(&parameters, current, bound, &asking.context).await?;
    let waiting = next.waiting();
    let mut response = go(&app, &asking, next);
    if let Some(request) = waiting {
        tickets::give(&app, &mut response, request, &token, &ticket);
    }
    speak(&app, &mut response, wished_language(&app, &headers, &parameters));
    Ok(response)
}

/// Whether a page would be seen that is answered. A picture, a script or a frame on any page of the web is no person at the
/// door (Fetch Metadata): of those only what can be answered at once is served, as `prompt=none` in a frame is, lest a page
/// that somebody looks at uses up what may wait for their network.
fn is_looked_at(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all("sec-fetch-dest").iter();
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(destination), None) => destination == "document",
        _ => false,
    }
}

/// The language that the app wishes for (`ui_locales`), where the person has not chosen one in this browser.
pub(super) fn wished_language(app: &App, headers: &HeaderMap, parameters: &Parameters) -> Option<Locale> {
    let chosen = cookies::read(headers, app.cookies.language).and_then(Locale::from_tag);
    let wished = parameters.get("ui_locales")?.split_ascii_whitespace().find_map(Locale::from_tag)?;
    chosen.is_none().then_some(wished)
}

/// The pages on the way are in this language. Not for longer: it is the app's wish, not the person's.
pub(super) fn speak(app: &App, response: &mut Response, wished: Option<Locale>) {
    const LIFE: std::time::Duration = std::time::Duration::from_hours(1);
    if let Some(wished) = wished {
        app.cookies.set(response, app.cookies.language, wished.tag(), LIFE);
    }
}

pub(super) async fn go_on(
    State(app): State<App>,
    Visitor { asking, current }: Visitor,
    address: Address,
) -> Result<Response, Failure> {
    let id = request_id(read(address)?.id.as_deref())?;
    let ticket = asking.tickets.of(id);
    let next = app.auth.continue_authorization(ticket, current.as_ref(), &asking.context).await;
    go_from(&app, &asking, id, next)
}

fn request_id(text: Option<&str>) -> Result<RequestId, Failure> {
    text.unwrap_or_default().parse().map_err(|_| Failure::NotFound)
}

/// Sends a browser where it goes next.
fn go(app: &App, asking: &Asking, next: Next) -> Response {
    match next {
        Next::Answer(AuthorizationResponse::Redirect { location }) => lead_to(&location),
        Next::Answer(AuthorizationResponse::FormPost { action, fields, ends_at }) => {
            let view = views::FormPost { action: &action, fields: &fields };
            let mut response = page(view.render(&frame(app, asking, "/")));
            headers::allow_form_to_post_itself(&mut response, &ends_at);
            response
        }
        Next::SignIn { request, again: true, .. } => {
            lead_to(&format!("/account/confirm?next={}", encode(&continue_path(request))))
        }
        Next::SignIn { request, again: false, .. } => {
            lead_to(&views::with_return("/sign-in", &continue_path(request)))
        }
        Next::SelectAccount(request) => lead_to(&format!("/authorize/account?id={request}")),
        Next::Consent(request) => lead_to(&format!("/authorize/consent?id={request}")),
    }
}

/// The same from a request that has waited: once it is answered, the browser keeps nothing of it.
fn go_from(
    app: &App,
    asking: &Asking,
    request: RequestId,
    next: Result<Next, AuthorizeError>,
) -> Result<Response, Failure> {
    let next = match next {
        Ok(next) => next,
        Err(AuthorizeError::Gone) => return already_answered(app, asking, request),
        Err(error) => return Err(error.into()),
    };
    let answered = next.waiting().is_none();
    let mut response = go(app, asking, next);
    if answered {
        tickets::take_back(app, &mut response, request);
        response = done(app, response, &request.to_string());
    }
    Ok(response)
}

/// Where somebody signs in who is signed in no more since the page was shown: what waits goes on from there.
fn sign_in_first(id: Option<&str>) -> Result<Response, Failure> {
    let id = request_id(id).map_err(|_| Failure::Unauthenticated)?;
    Ok(lead_to(&views::with_return("/sign-in", &continue_path(id))))
}

/// Where somebody is sent who comes back to what has had its answer, by the back button.
fn already_answered(app: &App, asking: &Asking, request: RequestId) -> Result<Response, Failure> {
    already_done(app, asking, &request.to_string()).ok_or(Failure::Gone)
}

async fn pending(app: &App, asking: &Asking, id: RequestId) -> Result<Option<PendingAuthorization>, Failure> {
    Ok(app.auth.pending_authorization(asking.tickets.of(id)).await?)
}

/// A page whose form may end at the app.
fn ending_there(html: String, pending: &PendingAuthorization) -> Response {
    let mut response = page(html);
    if let Some(sources) = &pending.ends_at {
        headers::allow_form_to_end_at(&mut response, sources);
    }
    response
}

pub(super) async fn show_account(
    State(app): State<App>,
    Visitor { asking, current }: Visitor,
    address: Address,
) -> Result<Response, Failure> {
    let id = read(address)?.id;
    let Some(current) = current else { return sign_in_first(id.as_deref()) };
    let (id, signed_in) = (request_id(id.as_deref())?, SignedIn { asking, current });
    account_page(&app, &signed_in, id).await
}

async fn account_page(app: &App, signed_in: &SignedIn, id: RequestId) -> Result<Response, Failure> {
    let Some(pending) = pending(app, &signed_in.asking, id).await? else {
        return already_answered(app, &signed_in.asking, id);
    };
    let view = views::ChooseAccount {
        id: &id.to_string(),
        account: &signed_in.current.user.to_string(),
        app: &pending.client_name,
        email: signed_in.current.email.address(),
    };
    let path = format!("/authorize/account?id={id}");
    Ok(ending_there(view.render(&own_frame(app, signed_in, &path)), &pending))
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct ChoiceForm {
    id: String,
    account: String,
    choice: String,
}

impl ChoiceForm {
    /// Says so at the top of the page, if it was shown to somebody else than who is signed in by now, in another tab: a word
    /// of the one is none of the other, and the page is to be shown anew.
    fn is_of_another(&self, signed_in: &mut SignedIn) -> bool {
        let another = self.account != signed_in.current.user.to_string();
        if another {
            signed_in.asking.said = Some(Said { notice: Notice::OtherAccount, email: None });
        }
        another
    }
}

/// Goes on as who is signed in, or signs out here to let somebody else sign in.
pub(super) async fn choose_account(
    State(app): State<App>,
    Visitor { asking, current }: Visitor,
    Form(form): Form<ChoiceForm>,
) -> Result<Response, Failure> {
    let Some(current) = current else { return sign_in_first(Some(&form.id)) };
    let (id, mut signed_in) = (request_id(Some(&form.id))?, SignedIn { asking, current });
    if form.is_of_another(&mut signed_in) {
        return account_page(&app, &signed_in, id).await;
    }
    let SignedIn { asking, current } = signed_in;
    if form.choice == "continue" {
        let next = app.auth.choose_account(asking.tickets.of(id), &current, &asking.context).await;
        return go_from(&app, &asking, id, next);
    }
    if pending(&app, &asking, id).await?.is_none() {
        return already_answered(&app, &asking, id);
    }
    app.auth.sign_out(&current, &asking.context).await?;
    let mut response = lead_to(&views::with_return("/sign-in", &continue_path(id)));
    crate::api::clear_session(&app, &mut response);
    Ok(given_back(&app, asking.typed.as_ref(), response))
}

pub(super) async fn show_consent(
    State(app): State<App>,
    Visitor { asking, current }: Visitor,
    address: Address,
) -> Result<Response, Failure> {
    let id = read(address)?.id;
    let Some(current) = current else { return sign_in_first(id.as_deref()) };
    let (id, signed_in) = (request_id(id.as_deref())?, SignedIn { asking, current });
    consent_page(&app, &signed_in, id).await
}

async fn consent_page(app: &App, signed_in: &SignedIn, id: RequestId) -> Result<Response, Failure> {
    let Some(pending) = pending(app, &signed_in.asking, id).await? else {
        return already_answered(app, &signed_in.asking, id);
    };
    let scopes: Vec<&str> = pending.scopes.iter().collect();
    let view = views::Consent {
        id: &id.to_string(),
        account: &signed_in.current.user.to_string(),
        app: &pending.client_name,
        email: signed_in.current.email.address(),
        scopes: &scopes,
        resources: &pending.resources,
    };
    let path = format!("/authorize/consent?id={id}");
    Ok(ending_there(view.render(&own_frame(app, signed_in, &path)), &pending))
}

/// The person allows it, or does not.
pub(super) async fn consent(
    State(app): State<App>,
    Visitor { asking, current }: Visitor,
    Form(form): Form<ChoiceForm>,
) -> Result<Response, Failure> {
    let Some(current) = current else { return sign_in_first(Some(&form.id)) };
    let (id, mut signed_in) = (request_id(Some(&form.id))?, SignedIn { asking, current });
    if form.is_of_another(&mut signed_in) {
        return consent_page(&app, &signed_in, id).await;
    }
    let SignedIn { asking, current } = signed_in;
    let next = if form.choice == "allow" {
        app.auth.consent(asking.tickets.of(id), &current, &asking.context).await
    } else {
        app.auth.refuse_consent(asking.tickets.of(id), &asking.context).await
    };
    go_from(&app, &asking, id, next)
}

/// An app's request that only the person can be told about.
pub(super) fn refused(error: OAuthError) -> Failure {
    tracing::warn!(error = %error.code, description = error.description.for_the_log(), "an app's request was refused");
    Failure::AppRequest(error)
}

impl From<AuthorizeError> for Failure {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Shown(error) => refused(error),
            AuthorizeError::Gone => Self::Gone,
            AuthorizeError::NobodyLooks => Self::ForeignOrigin,
            AuthorizeError::TooMany(too_many) => too_many.into(),
            AuthorizeError::Fault(fault) => fault.into(),
        }
    }
}
