//! What the database is asked while a test does something, and how many rows it answers with.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Listens on this thread until it is dropped. The table of each statement is heard; on PostgreSQL, whose driver works on the thread of
/// whoever asks, also the statement itself and its rows.
pub(crate) struct Overheard {
    heard: Heard,
    _until_dropped: DefaultGuard,
    /// While there is but one subscriber, whichever thread comes to a statement first decides whether it is heard of: another test's
    /// thread, which hears nothing, said no for all. Of two each is asked.
    _second: Dispatch,
}

#[derive(Clone, Default)]
struct Heard {
    said: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
    /// How many statements this thread is in: what a database does by itself is in none.
    within: Arc<AtomicU64>,
}

impl Overheard {
    pub(crate) fn begin() -> Self {
        let heard = Heard::default();
        let second = Dispatch::new(heard.clone());
        Self {
            heard: heard.clone(),
            _until_dropped: tracing::subscriber::set_default(heard),
            _second: second,
        }
    }

    /// What was heard since this was asked last.
    pub(crate) fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.said.lock().unwrap())
    }
}

const STATEMENT: &str = "statement";
const DRIVER: &str = "sqlx::query";

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_span() && metadata.name() == STATEMENT) || metadata.target() == DRIVER
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut told = Told::default();
        span.record(&mut told);
        self.said.lock().unwrap().push(told.0.concat());
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        if self.within.load(Ordering::Relaxed) > 0 {
            let mut told = Told::default();
            event.record(&mut told);
            self.said.lock().unwrap().push(told.0.concat());
        }
    }

    fn enter(&self, _span: &Id) {
        self.within.fetch_add(1, Ordering::Relaxed);
    }

    fn exit(&self, _span: &Id) {
        self.within.fetch_sub(1, Ordering::Relaxed);
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
}

/// What is the same whenever the same is asked.
#[derive(Default)]
struct Told(Vec<String>);

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = field.name();
        if ["db.collection.name", "summary", "db.statement", "rows_returned", "rows_affected"].contains(&name)
        {
            self.0.push(format!("{name}: {value:?} "));
        }
    }
}
