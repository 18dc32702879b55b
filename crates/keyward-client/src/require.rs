//! The layer that lets only people in who are signed in.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use tower::{Layer, Service};
use url::Url;

use crate::{Keyward, answers};

/// A `tower` layer in front of a page for people who are signed in.
///
/// | asked by | answer |
/// |---|---|
/// | somebody signed in | the page, with their [`Identity`](crate::Identity) in the request's extensions |
/// | a browser on the way to the page, signed out | 303 to sign in, and back to the page |
/// | any other request (a form, a script), signed out | 401 |
/// | anybody, while the server cannot be asked | 503 with `Retry-After` |
///
/// None of these answers is stored by a browser or a proxy, unless the page itself says `Cache-Control`.
#[derive(Clone, Debug)]
pub struct RequireSignIn {
    shared: Arc<Shared>,
}

#[derive(Clone, Debug)]
struct Shared {
    keyward: Keyward,
    sign_in: Url,
    unavailable: Bytes,
}

impl RequireSignIn {
    /// Guards the page whose public address is `page`, as the server has been told of it. It comes from your
    /// configuration and never from a request, so no header of a stranger decides where a person lands.
    pub fn new(keyward: Keyward, page: &Url) -> Self {
        let sign_in = keyward.sign_in_url(page);
        let unavailable = Bytes::from_static(answers::UNAVAILABLE_PAGE.as_bytes());
        Self { shared: Arc::new(Shared { keyward, sign_in, unavailable }) }
    }

    /// The same, with an HTML page of your own for the time when the server cannot be asked.
    #[must_use]
    pub fn unavailable_page(self, html: impl Into<Bytes>) -> Self {
        let shared = Arc::unwrap_or_clone(self.shared);
        Self { shared: Arc::new(Shared { unavailable: html.into(), ..shared }) }
    }
}

impl<S> Layer<S> for RequireSignIn {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, shared: Arc::clone(&self.shared) }
    }
}

/// A service behind [`RequireSignIn`].
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
    shared: Arc<Shared>,
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
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // Only the token crosses the wait: a borrowed request body is not `Sync`.
            let token = shared.keyward.token(request.headers()).map(str::to_owned);
            let verified = match token {
                Some(token) => shared.keyward.verify(&token).await,
                None => Ok(None),
            };
            let refusal = match verified {
                Ok(Some(identity)) => {
                    request.extensions_mut().insert(identity);
                    return Ok(answers::not_stored(inner.call(request).await?.into_response()));
                }
                Ok(None) if on_the_way(request.method(), request.headers()) => {
                    answers::redirect(&shared.sign_in)
                }
                Ok(None) => answers::unauthorized(),
                Err(error) => {
                    tracing::error!(%error, "nobody is let in: the sign-in server cannot be asked");
                    answers::unavailable(&shared.unavailable)
                }
            };
            Ok(if request.body().is_end_stream() { refusal } else { answers::closing(refusal) })
        })
    }
}

/// Whether this is a person going to the page, and not a form or a script.
fn on_the_way(method: &Method, headers: &HeaderMap) -> bool {
    let goes = headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    (method == Method::GET || method == Method::HEAD) && goes
}
