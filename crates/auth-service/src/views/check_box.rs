//! One box to tick.

use super::{Field, Frame, Problems};

/// A box as the template `check_box.html` draws it. Built by [`Frame::check_box`].
#[derive(Debug, askama::Template)]
#[template(path = "check_box.html")]
pub(super) struct CheckBox {
    field: Field,
    label: String,
    ticked: bool,
    hint: Option<String>,
    error: Option<String>,
}

impl askama::filters::HtmlSafe for CheckBox {}

impl Frame<'_> {
    /// A box; `label` is a key.
    pub(super) fn check_box(&self, field: Field, label: &str, ticked: bool, problems: &Problems) -> CheckBox {
        let error = problems.at(field).map(|problem| problem.text(self.texts()));
        CheckBox { field, label: self.t(label), ticked, hint: None, error }
    }
}

impl CheckBox {
    /// With a sentence of help under it.
    pub(super) fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The ids of what describes the box.
    fn described_by(&self) -> Option<String> {
        super::input::described_by(self.field, self.hint.is_some(), self.error.is_some())
    }
}
