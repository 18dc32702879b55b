//! A span as it is recorded.

use std::fmt;

use tracing::field::{Field, Visit};

use super::context::Parent;

/// A span. Moments are Unix microseconds.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: &'static str,
    pub(super) begun: i64,
    pub(super) ended: i64,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// What an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(u64),
}

/// The field that is no attribute: it says whose child a request is.
const TRACEPARENT: &str = "traceparent";

/// What `tracing` tells of a span's fields.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) parent: Option<Parent>,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == TRACEPARENT {
            self.parent = Parent::parse(value);
        } else {
            self.attributes.push((field.name(), Value::Text(value.to_owned())));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.attributes.push((field.name(), Value::Number(value)));
    }

    /// What is none of these is nothing that is told.
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Span {
    /// What a text attribute says.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let (_, value) = self.attributes.iter().find(|(found, _)| *found == name)?;
        match value {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    /// What a number says.
    pub(super) fn number_of(&self, name: &str) -> Option<u64> {
        let (_, value) = self.attributes.iter().find(|(found, _)| *found == name)?;
        match value {
            Value::Text(_) => None,
            Value::Number(number) => Some(*number),
        }
    }
}
