//! The layer of `tracing` that keeps what spans say.

use auth::Random;
use domain::Clock;
use tokio::sync::mpsc;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Subscriber;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::counts::{Counts, Outcome};
use super::request::REQUEST;
use super::span::{Fields, Span};

/// Records requests, and what is done for them. What is done for none is not recorded.
#[derive(Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Span>,
    counts: Counts,
    clock: Clock,
    random: Random,
    one_in: u32,
}

impl Recorder {
    pub(super) fn new(
        queue: mpsc::Sender<Span>,
        counts: Counts,
        clock: Clock,
        random: Random,
        one_in: u32,
    ) -> Self {
        Self { queue, counts, clock, random, one_in: one_in.max(1) }
    }

    /// Where a span belongs: the trace, and whose child it is. Nothing if it is not recorded.
    fn place(
        &self,
        name: &str,
        parent: Option<&Span>,
        fields: &Fields,
    ) -> Option<([u8; 16], Option<[u8; 8]>)> {
        if let Some(parent) = parent {
            return Some((parent.trace, Some(parent.id)));
        }
        if name != REQUEST {
            return None;
        }
        if let Some(parent) = &fields.parent {
            return parent.sampled.then_some((parent.trace, Some(parent.span)));
        }
        let drawn = self.random.token();
        let [trace, choice] = [0, 16].map(|from| {
            let mut part = [0; 16];
            part.copy_from_slice(&drawn[from..from + 16]);
            part
        });
        let chosen = u128::from_be_bytes(choice).is_multiple_of(u128::from(self.one_in));
        chosen.then_some((trace, None))
    }

    fn new_id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        id.copy_from_slice(&self.random.token()[..8]);
        id
    }
}

impl<S> Layer<S> for Recorder
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = span.parent();
        let placed = {
            let known = parent.as_ref().map(|parent| parent.extensions());
            let recorded = known.as_ref().and_then(|known| known.get::<Span>());
            self.place(span.name(), recorded, &fields)
        };
        let Some((trace, parent)) = placed else { return };
        let begun = self.clock.now().micros();
        span.extensions_mut().insert(Span {
            trace,
            id: self.new_id(),
            parent,
            name: span.name(),
            begun,
            ended: begun,
            attributes: fields.attributes,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(recorded) = span.extensions_mut().get_mut::<Span>() {
            let mut fields = Fields::default();
            values.record(&mut fields);
            recorded.attributes.append(&mut fields.attributes);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut recorded) = span.extensions_mut().remove::<Span>() else { return };
        recorded.ended = self.clock.now().micros().max(recorded.begun);
        if self.queue.try_send(recorded).is_err() {
            self.counts.add(Outcome::Dropped, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use domain::Timestamp;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::traces::TARGET;
    use crate::traces::span::Value;

    /// What is recorded of what `act` does, with a queue of this length.
    fn record(length: usize, one_in: u32, act: impl FnOnce()) -> (Vec<Span>, Counts) {
        let (sender, mut queue) = mpsc::channel(length);
        let (counts, time) = (Counts::default(), Arc::new(AtomicI64::new(0)));
        let clock = Clock::new(move || Timestamp(time.fetch_add(1, Ordering::Relaxed)));
        // One after the other, so that each is another.
        let drawn = AtomicI64::new(0);
        let random = Random::new(move |bytes| {
            let next = drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            bytes.fill(0);
            let from = bytes.len() - 8;
            bytes[from..].copy_from_slice(&next);
            bytes[..8].copy_from_slice(&next);
        });
        let recorder = Recorder::new(sender, counts.clone(), clock, random, one_in);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(recorder), act);
        let mut spans = Vec::new();
        while let Ok(span) = queue.try_recv() {
            spans.push(span);
        }
        (spans, counts)
    }

    fn request(traceparent: Option<&str>) -> tracing::Span {
        tracing::info_span!(target: TARGET, "request", http.route = "/", http.response.status_code = tracing::field::Empty, traceparent)
    }

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_done_for_a_request_is_its_child_and_what_is_done_for_none_is_not_recorded() {
        let (spans, _) = record(8, 1, || {
            tracing::info_span!(target: TARGET, "statement").in_scope(|| ());
            let span = request(Some(PARENT));
            span.in_scope(|| tracing::info_span!(target: TARGET, "statement").in_scope(|| ()));
            span.record("http.response.status_code", 200_u64);
        });
        let names: Vec<_> = spans.iter().map(|span| span.name).collect();
        assert_eq!(names, ["statement", "request"]);
        let [statement, request] = &spans[..] else { panic!("{spans:?}") };
        assert_eq!((request.trace[0], request.parent.unwrap()[1]), (0x4b, 0xf0));
        assert_eq!((statement.trace, statement.parent), (request.trace, Some(request.id)));
        assert!(request.begun < statement.begun && statement.ended < request.ended, "{spans:?}");
        assert_eq!(request.attributes[1], ("http.response.status_code", Value::Number(200)));
        assert_eq!(request.text_of("traceparent"), None);
    }

    #[test]
    fn who_does_not_trace_is_heard_and_else_one_in_so_many_is_recorded() {
        let unsampled = PARENT.replace("-01", "-00");
        let (spans, _) = record(8, 1, || {
            let span = request(Some(&unsampled));
            span.in_scope(|| drop(tracing::info_span!(target: TARGET, "statement")));
        });
        assert!(spans.is_empty(), "{spans:?}");
        let (spans, _) = record(64, 10, || (0..100).for_each(|_| drop(request(None))));
        assert!((5..20).contains(&spans.len()), "{}", spans.len());
        assert!(spans.iter().all(|span| span.parent.is_none()));
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (spans, counts) = record(2, 1, || (0..5).for_each(|_| drop(request(None))));
        assert_eq!(spans.len(), 2);
        assert_eq!(counts.read(), [("sent", 0), ("dropped", 3), ("failed", 0)]);
    }
}
