//! What a deploy says while it goes on: lines and a clock for a person, an object of JSON an event for a machine. Nobody listening any more
//! (a connection that was lost) stops nothing.

use std::fmt::Display;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::plan::Step;
use crate::installation::moment;

/// How often the clock is moved on.
const TICK: Duration = Duration::from_millis(100);

pub(super) struct Teller {
    json: bool,
    bar: Option<ProgressBar>,
}

impl Teller {
    pub(super) fn new(json: bool) -> Self {
        Self { json, bar: None }
    }

    /// An event that both are told.
    pub(super) fn event(&mut self, event: &str, mut more: Value, told: impl Display) {
        self.clear();
        if self.json {
            more["event"] = event.into();
            more["at"] = moment(super::clock::now().micros()).into();
            line(std::io::stdout(), more);
        } else {
            line(std::io::stdout(), told);
        }
    }

    /// A step begins.
    pub(super) fn begins(&mut self, step: Step) {
        if self.json {
            self.event("step", json!({ "step": step }), "");
            return;
        }
        self.clear();
        let bar = ProgressBar::new_spinner().with_message(step.told());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed} {prefix}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    /// How far the step is.
    pub(super) fn goes_on(&mut self, how: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(how.to_owned());
        }
    }

    /// A step has ended well.
    pub(super) fn ended(&mut self, step: Step, took: Duration) {
        let seconds = took.as_secs_f64();
        let more = json!({ "step": step, "seconds": seconds });
        self.event("step_ended", more, format_args!("  {:<52} {seconds:>6.1} s", step.told()));
    }

    /// Something that whoever watches should know, and a machine need not.
    pub(super) fn warns(&mut self, what: impl Display) {
        self.clear();
        line(std::io::stderr(), format_args!("keyward: {what}"));
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn line(mut to: impl std::io::Write, what: impl Display) {
    let _ = writeln!(to, "{what}");
    let _ = to.flush();
}
