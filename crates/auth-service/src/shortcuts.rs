//! What memory alone can answer is answered before there is a span or a route: documents that are ready made, and checks of a token that
//! was checked before ([`warm`]). Whatever else is asked goes to the routes, as if nobody had looked.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use axum::response::Response;
use axum::{BoxError, Router};
use tower::Service;

use crate::http::failure::Failure;
use crate::http::{access, guard};
use crate::metrics::now;
use crate::{App, protocol, router, warm};

/// Routes, and what is answered before them.
#[derive(Clone, Debug)]
pub struct Shortcuts {
    routes: Router,
    /// Nothing if every request is to reach the routes.
    app: Option<App>,
}

/// Routes that nothing is answered before.
impl From<Router> for Shortcuts {
    fn from(routes: Router) -> Self {
        Self { routes, app: None }
    }
}

/// A body that was read before its request reached the routes, and when the request came.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) body: Result<Bytes, Failure>,
    pub(crate) since: Instant,
}

impl Shortcuts {
    /// The whole server.
    pub fn new(app: App) -> Self {
        // In development it matters by which name the server is asked, and a collector of traces wants to hear of every request.
        let app_before = (!app.is_development() && !app.traced).then(|| app.clone());
        Self { routes: router(app), app: app_before }
    }

    /// Answers a request that came from `peer`, if that is known.
    pub(crate) fn answer<B>(&self, request: Request<B>, peer: Option<SocketAddr>) -> Answering
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // The line that is written of a request has the route.
        if let Some(app) = self.app.as_ref().filter(|_| !access::are_written()) {
            if let Some(response) = at_once(app, &request) {
                return Answering::AtOnce(ready(response));
            }
            if warm::is_of_a_body(&request) {
                let (routes, app) = (self.routes.clone(), app.clone());
                return Answering::Later(Box::pin(when_read(routes, app, request, peer)));
            }
        }
        Answering::Later(Box::pin(by_routes(self.routes.clone(), request.map(Body::new), peer)))
    }
}

/// In process, as a connection asks.
impl<B> Service<Request<B>> for Shortcuts
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answering {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
        self.answer(request, peer)
    }
}

/// What needs neither a body nor a moment.
fn at_once<B: HttpBody>(app: &App, request: &Request<B>) -> Option<Response> {
    // A body is read before anything is answered, even one that nobody asked for.
    if request.method() != Method::GET || !request.body().is_end_stream() {
        return None;
    }
    let since = now();
    let response = protocol::ready_made(app, request).or_else(|| warm::userinfo(app, request))?;
    app.traffic.begin(request.method(), request.uri().path(), since).end(response.status());
    Some(response)
}

async fn when_read<B>(routes: Router, app: App, request: Request<B>, peer: Option<SocketAddr>) -> Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let since = now();
    let (mut head, body) = request.into_parts();
    let body = guard::read_body(&app, body).await;
    if let Ok(body) = &body
        && let Some(response) = warm::answer(&app, &head, body, peer).await
    {
        app.traffic.begin(&head.method, head.uri.path(), since).end(response.status());
        return response;
    }
    head.extensions.insert(Read { body, since });
    by_routes(routes, Request::from_parts(head, Body::empty()), peer).await
}

async fn by_routes(mut routes: Router, mut request: Request<Body>, peer: Option<SocketAddr>) -> Response {
    if let Some(peer) = peer {
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    let Ok(response) = routes.call(request).await;
    response
}

/// An answer on its way.
#[expect(missing_debug_implementations, reason = "what is in a box cannot be shown")]
pub enum Answering {
    /// It is there.
    AtOnce(Ready<Response>),
    /// Something has to be waited for.
    Later(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::AtOnce(response) => Pin::new(response).poll(task).map(Ok),
            Self::Later(response) => response.as_mut().poll(task).map(Ok),
        }
    }
}
