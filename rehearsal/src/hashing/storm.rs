//! Many clients that sign in without pause, or ask and hang up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Failure;
use crate::connection::Request;
use crate::server::Server;

/// Before it counts: every client waits in the queue by then.
const WARM_UP: Duration = Duration::from_secs(2);

/// A storm under way.
pub(super) struct Storm {
    clients: JoinSet<Result<(), Failure>>,
    done: Arc<AtomicU32>,
    ended: Arc<AtomicBool>,
    begun: Instant,
}

/// What it came to.
pub(super) struct Blown {
    pub(super) a_second: f64,
}

impl Storm {
    /// Each request is asked by a client of its own, again as soon as it is answered.
    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    pub(super) async fn begin(server: &Server, requests: &[Request]) -> Result<Self, Failure> {
        let (done, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let mut clients = JoinSet::new();
        for request in requests {
            let (mut connection, request) = (server.connect().await?, request.clone());
            let (done, ended) = (done.clone(), ended.clone());
            clients.spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    connection.send(&request).await?.expect(200, "a sign-in")?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        tokio::time::sleep(WARM_UP).await;
        done.store(0, Ordering::Relaxed);
        Ok(Self { clients, done, ended, begun: Instant::now() })
    }

    /// Sign-ins a second, from when it was warm until `lasting` later.
    pub(super) async fn end_after(self, lasting: Duration) -> Result<Blown, Failure> {
        tokio::time::sleep(lasting).await;
        let a_second = f64::from(self.done.load(Ordering::Relaxed)) / self.begun.elapsed().as_secs_f64();
        self.ended.store(true, Ordering::Relaxed);
        for client in self.clients.join_all().await {
            client?;
        }
        Ok(Blown { a_second })
    }
}

/// Every client asks, and hangs up before it is answered.
pub(super) async fn ask_and_leave(server: &Server, requests: &[Request]) -> Result<(), Failure> {
    let mut connections = Vec::with_capacity(requests.len());
    for request in requests {
        let mut connection = server.connect().await?;
        connection.write(request).await?;
        connections.push(connection);
    }
    // All requests are read, and all but the first wait.
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(connections);
    Ok(())
}
