//! One labelled field of a form, with its hint and its error.

use std::fmt;

use super::{Field, Frame, Problems};

/// A text field as the template `input.html` draws it. Built by [`Frame::input`].
#[derive(askama::Template)]
#[template(path = "input.html")]
pub(super) struct Input {
    field: Field,
    label: String,
    kind: &'static str,
    autocomplete: &'static str,
    value: String,
    hint: Option<String>,
    error: Option<String>,
    optional: Option<String>,
    focus: bool,
    strength: Option<Strength>,
}

/// What is said of a new password as it is typed: the name of the service, and the words for each case.
struct Strength {
    service: String,
    words: [(&'static str, String); CASES.len()],
}

/// The names that `static/strength.js` has for what it may say, and the key of each.
const CASES: [(&str, &str); 11] = [
    ("weak", "strength-weak"),
    ("fair", "strength-fair"),
    ("strong", "strength-strong"),
    ("keys", "strength-keys"),
    ("repeat", "strength-repeat"),
    ("sequence", "strength-sequence"),
    ("date", "strength-date"),
    ("common", "strength-common"),
    ("word", "strength-word"),
    ("name", "strength-name"),
    ("own", "strength-own"),
];

impl askama::filters::HtmlSafe for Input {}

impl fmt::Debug for Input {
    /// Without the value, which somebody typed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Input").field("field", &self.field).finish_non_exhaustive()
    }
}

impl Frame<'_> {
    /// A field; `label` is a key. A password field never takes a value.
    pub(super) fn input(&self, field: Field, label: &str, value: &str, problems: &Problems) -> Input {
        let (kind, autocomplete) = match field {
            Field::Name => ("text", "name"),
            Field::Email => ("email", "username"),
            Field::NewEmail => ("email", "email"),
            Field::Password | Field::CurrentPassword => ("password", "current-password"),
            Field::NewPassword => ("password", "new-password"),
            Field::Code | Field::CodeOld | Field::CodeNew => ("code", "one-time-code"),
            Field::SecondStep | Field::Language | Field::Confirm => ("text", "off"),
        };
        Input {
            field,
            label: self.t(label),
            kind,
            autocomplete,
            value: if kind == "password" { String::new() } else { value.to_owned() },
            hint: None,
            error: problems.at(field).map(|problem| problem.text(self.texts())),
            optional: matches!(field, Field::Name).then(|| self.t("field-optional")),
            focus: false,
            strength: None,
        }
    }
}

impl Input {
    /// With a sentence of help under the label.
    pub(super) fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    /// With what is said of a new password as it is typed; the page has to bring `strength.html` for it.
    pub(super) fn rated(mut self, frame: &Frame<'_>) -> Self {
        let words = CASES.map(|(name, key)| (name, frame.t(key)));
        self.strength = Some(Strength { service: frame.branding.name.clone(), words });
        self
    }

    /// As a password that is to be, not one that is.
    pub(super) fn awaited(mut self) -> Self {
        self.autocomplete = "new-password";
        self
    }

    /// As the field where typing begins, unless something is wrong: then it begins at the summary.
    pub(super) fn focused(mut self, problems: &Problems) -> Self {
        self.focus = problems.is_empty();
        self
    }

    /// The ids of what describes the field.
    fn described_by(&self) -> Option<String> {
        described_by(self.field, self.hint.is_some(), self.error.is_some())
    }
}

/// The value of `aria-describedby`.
pub(super) fn described_by(field: Field, hint: bool, error: bool) -> Option<String> {
    let id = field.id();
    match (hint, error) {
        (true, true) => Some(format!("{id}-hint {id}-error")),
        (true, false) => Some(format!("{id}-hint")),
        (false, true) => Some(format!("{id}-error")),
        (false, false) => None,
    }
}
