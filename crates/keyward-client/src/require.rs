//! The layers that know who is signed in, and let nobody else in.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use axum::extract::{OriginalUri, Request};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service};

use crate::return_path::ReturnPath;
use crate::standing::Standing;
use crate::{Keyward, Notice, answers};

/// A `tower` layer in front of pages for people who are signed in.
///
/// | asked by | answer |
/// |---|---|
/// | somebody signed in | the page, with their [`Identity`](crate::Identity) in the request's extensions |
/// | a browser on the way to the page, signed out | 303 to sign in, and back to the page |
/// | any other request (a form, a script), signed out | 401 |
/// | anybody, when the session has to be proved again and the server cannot be asked | 503 with `Retry-After` |
///
/// None of these answers is stored by a browser or a proxy, unless the page itself says `Cache-Control`.
#[derive(Clone, Debug)]
pub struct RequireSignIn {
    keyward: Keyward,
}

impl RequireSignIn {
    /// Guards what is behind it.
    pub fn new(keyward: &Keyward) -> Self {
        Self { keyward: keyward.clone() }
    }
}

impl<S> Layer<S> for RequireSignIn {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, keyward: self.keyward.clone(), for_everybody: false }
    }
}

/// A `tower` layer in front of pages for everybody that greet those who are signed in: a handler takes
/// `Option<Identity>`. Nobody is sent away; while the server cannot be asked, whoever has to be asked about is nobody.
#[derive(Clone, Debug)]
pub struct KnowSignIn {
    keyward: Keyward,
}

impl KnowSignIn {
    /// Knows who asks for what is behind it.
    pub fn new(keyward: &Keyward) -> Self {
        Self { keyward: keyward.clone() }
    }
}

impl<S> Layer<S> for KnowSignIn {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, keyward: self.keyward.clone(), for_everybody: true }
    }
}

/// A service behind [`RequireSignIn`] or [`KnowSignIn`].
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
    keyward: Keyward,
    for_everybody: bool,
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        // The clone may not be ready yet; the one that was polled is taken.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (keyward, for_everybody) = (self.keyward.clone(), self.for_everybody);
        Box::pin(async move {
            // Only this crosses the wait: a borrowed request body is not `Sync`.
            let asking = Asking::of(&request);
            let refusal = match keyward.standing(&asking.headers).await {
                Standing::SignedIn(session, cookie) => {
                    request.extensions_mut().insert(session.identity());
                    let mut response = inner.call(request).await?.into_response();
                    answers::set_cookies(&mut response, cookie);
                    return Ok(answers::not_stored(response));
                }
                Standing::SignedOut | Standing::Unknown(_) if for_everybody => {
                    return Ok(answers::not_stored(inner.call(request).await?.into_response()));
                }
                Standing::SignedOut if asking.on_the_way => {
                    let page = asking.page(&keyward);
                    match keyward.begin(&page, &asking.headers).await {
                        Ok(leads) => answers::redirect(&leads.to, leads.cookies),
                        Err(notice) => keyward.show(&notice.on_the_way_to(&page)),
                    }
                }
                Standing::SignedOut => answers::unauthorized(),
                Standing::Unknown(wait) => {
                    keyward.show(&Notice::unavailable(wait).on_the_way_to(&asking.page(&keyward)))
                }
            };
            Ok(if request.body().is_end_stream() { refusal } else { answers::closing(refusal) })
        })
    }
}

/// What counts of a request.
struct Asking {
    headers: HeaderMap,
    /// As the browser asked, however deep in the app's routes this layer stands.
    uri: Uri,
    /// Whether this is a person going to the page, and not a form or a script.
    on_the_way: bool,
}

impl Asking {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let uri = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
        let goes = headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        Self { headers: headers.clone(), uri: uri.clone(), on_the_way: looks && goes }
    }

    /// The page to come back to; the start of the app for what cannot be opened by its address.
    fn page(&self, keyward: &Keyward) -> ReturnPath {
        let text = self.uri.path_and_query().filter(|_| self.on_the_way).map_or("/", PathAndQuery::as_str);
        ReturnPath::parse(text, &keyward.app_url).unwrap_or_else(ReturnPath::start)
    }
}
