//! Whether this process wants requests. It says so on a listener of its own, for the proxy and the container engine, and not
//! to the world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A process that does not answer by then is not well.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the app says of itself. A copy says the same.
#[derive(Clone, Debug, Default)]
pub struct Health {
    draining: Arc<watch::Sender<bool>>,
}

impl Health {
    /// From now on it wants no new requests; it answers those that come all the same.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Resolves once it wants no new requests.
    pub async fn drained(&self) {
        let mut draining = self.draining.subscribe();
        // Whoever could tell is held by us.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// `/livez`: the process answers. `/readyz`: it wants requests, which it does unless it drains; that its sign-in server
    /// is away is no reason to take the pages away that need none. Both from memory: they queue behind nothing.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/livez", get(|| async { "alive\n" }))
            .route("/readyz", get(ready))
            .with_state(self.clone())
    }

    /// Answers that are given while it drains close their connection: the next request finds another process.
    pub fn announce(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.clone(), closing))
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    (StatusCode::OK, "ready\n")
}

async fn closing(State(health): State<Health>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if health.is_draining() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Asks the process whose internal listener is at `listen` whether it is ready: what a container's health check runs, in an
/// image that has no other program.
pub async fn ask(listen: SocketAddr) -> Result<(), String> {
    let address = reachable(listen);
    let answer = tokio::time::timeout(PATIENCE, fetch(address)).await;
    let status = match answer {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(format!("nobody answers at {address}: {error}; is the app running?")),
        Err(_) => return Err(format!("no answer from {address} within {} s", PATIENCE.as_secs())),
    };
    if status.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(format!("the app at {address} wants no requests: {}", status.trim_end()))
}

/// Whoever listens at every address is asked at this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The first line of the answer. A whole HTTP client for a status would be the largest part of the program.
async fn fetch(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}
