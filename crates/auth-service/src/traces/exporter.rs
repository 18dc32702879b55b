//! What sends spans to the collector, beside all requests.

use std::time::Duration;

use outbound::{EgressClient, EgressRequest};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::counts::{Counts, Outcome};
use super::otlp;
use super::span::Span;
use crate::stop::Stop;

/// A collector that does not answer by then is away.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// What comes within that time is sent together…
const TOGETHER: Duration = Duration::from_millis(500);
/// …up to so many.
const LARGEST: usize = 512;
/// At a stop, what is left has so long to be sent.
const LAST: Duration = Duration::from_millis(500);

/// Sends what is recorded. What cannot be sent is lost, and counted.
#[derive(Debug)]
pub struct Exporter {
    client: EgressClient,
    url: String,
    queue: mpsc::Receiver<Span>,
    counts: Counts,
    /// Whether the last message was not taken: the log says so once.
    away: bool,
}

impl Exporter {
    pub(super) fn new(
        client: EgressClient,
        url: String,
        queue: mpsc::Receiver<Span>,
        counts: Counts,
    ) -> Self {
        Self { client, url, queue, counts, away: false }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Sends until `stop` says so; then what is left, if that is quick.
    pub async fn run(self, stop: Stop) {
        let mut told = stop.clone();
        let late = async {
            told.stopped().await;
            sleep(LAST).await;
        };
        tokio::select! {
            () = self.work(stop) => {}
            () = late => tracing::debug!("what was recorded last is not sent: the collector is slow"),
        }
    }

    async fn work(mut self, mut stop: Stop) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = stop.stopped() => break,
                count = self.queue.recv_many(&mut batch, LARGEST) => if count == 0 { break },
            }
            tokio::select! {
                () = stop.stopped() => break,
                () = sleep(TOGETHER) => {}
            }
            self.fill(&mut batch);
            self.send(std::mem::take(&mut batch)).await;
        }
        loop {
            self.fill(&mut batch);
            if batch.is_empty() {
                return;
            }
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    fn fill(&mut self, batch: &mut Vec<Span>) {
        while batch.len() < LARGEST
            && let Ok(span) = self.queue.try_recv()
        {
            batch.push(span);
        }
    }

    async fn send(&mut self, batch: Vec<Span>) {
        let request = EgressRequest::post(&self.url).json(&otlp::message(&batch));
        let refused = match self.client.send(request).await {
            Ok(answer) if answer.status / 100 == 2 => None,
            Ok(answer) => Some(format!("it answered {}", answer.status)),
            Err(error) => Some(error.to_string()),
        };
        self.counts.add(if refused.is_some() { Outcome::Failed } else { Outcome::Sent }, batch.len());
        let was_away = std::mem::replace(&mut self.away, refused.is_some());
        match refused {
            Some(error) if !was_away => {
                tracing::warn!(
                    error,
                    "the collector of traces takes nothing; what is recorded meanwhile is lost"
                );
            }
            None if was_away => tracing::info!("the collector of traces takes what is recorded again"),
            _ => {}
        }
    }
}
