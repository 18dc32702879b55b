//! What is wrong with what a person sent, and how it is said.

use super::{Field, moment};
use crate::locale::Texts;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No address was given.
    EmailMissing,
    /// This is not an address.
    EmailMalformed,
    /// The address is longer than mail allows.
    EmailTooLong,
    /// Before the `@` stands what is not ASCII.
    EmailLocalNotAscii,
    /// The new address is the one that the account has.
    EmailUnchanged,
    /// The name is longer than this many characters.
    NameTooLong(u32),
    /// The name has control characters or is otherwise not one line of text.
    NameMalformed,
    /// No password was given.
    PasswordMissing,
    /// No present password was given, in a form that asks for a new one too.
    CurrentPasswordMissing,
    /// No new password was given.
    NewPasswordMissing,
    /// The password has fewer than this many characters.
    PasswordTooShort(u32),
    /// The password has more than this many bytes.
    PasswordTooLong(u32),
    /// The password holds bytes that are no text.
    PasswordNotText,
    /// The password is made of the address, or of the product's name.
    PasswordContextual,
    /// The new password is the one that the account has.
    PasswordUnchanged,
    /// It is known from a breach elsewhere.
    PasswordBreached,
    /// It is among the most common passwords.
    PasswordCommon,
    /// The password is the same over and over, or keys in a row.
    PasswordPattern,
    /// This is not the password of the account.
    PasswordWrong,
    /// No code was given.
    CodeMissing,
    /// A code is six digits.
    CodeMalformed,
    /// This is not the code; so many tries are left.
    CodeWrong(u32),
    /// The code is over: its time has run out, or its tries.
    CodeOver,
    /// The pair of address and password is not right, or the address is not proved; which, nobody is told.
    SignInRefused,
    /// Too many tries; come back in so many seconds.
    TooManyTries(u32),
    /// Too many codes that were mailed with a link; come back in so many seconds, or open the link.
    TooManyCodes(u32),
    /// There is more to do than can be done; come back in so many seconds.
    Busy(u32),
    /// Something we need does not answer.
    Unavailable,
    /// Something we need was lost before it said whether this is done.
    Uncertain,
    /// The box that says "yes, really" is not ticked.
    ConfirmationMissing,
    /// A choice that does not exist.
    ChoiceUnknown,
}

impl Problem {
    /// Whether it is no slip of whoever typed: the log has it, by the request's support id.
    const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::CodeOver
                | Self::TooManyTries(_)
                | Self::TooManyCodes(_)
                | Self::Busy(_)
                | Self::Unavailable
                | Self::Uncertain
        )
    }

    /// The sentence that says it.
    pub fn text(self, texts: Texts) -> String {
        match self {
            Self::EmailMissing => texts.text("problem-email-missing"),
            Self::EmailMalformed => texts.text("problem-email-malformed"),
            Self::EmailTooLong => texts.text("problem-email-too-long"),
            Self::EmailLocalNotAscii => texts.text("problem-email-local-not-ascii"),
            Self::EmailUnchanged => texts.text("problem-email-unchanged"),
            Self::NameTooLong(maximum) => {
                texts.format("problem-name-too-long", &[("maximum", maximum.into())])
            }
            Self::NameMalformed => texts.text("problem-name-malformed"),
            Self::PasswordMissing => texts.text("problem-password-missing"),
            Self::CurrentPasswordMissing => texts.text("problem-current-password-missing"),
            Self::NewPasswordMissing => texts.text("problem-new-password-missing"),
            Self::PasswordTooShort(minimum) => {
                texts.format("problem-password-too-short", &[("minimum", minimum.into())])
            }
            Self::PasswordTooLong(maximum) => {
                texts.format("problem-password-too-long", &[("maximum", maximum.into())])
            }
            Self::PasswordNotText => texts.text("problem-password-not-text"),
            Self::PasswordContextual => texts.text("problem-password-contextual"),
            Self::PasswordUnchanged => texts.text("problem-password-unchanged"),
            Self::PasswordBreached => texts.text("problem-password-breached"),
            Self::PasswordCommon => texts.text("problem-password-common"),
            Self::PasswordPattern => texts.text("problem-password-pattern"),
            Self::PasswordWrong => texts.text("problem-password-wrong"),
            Self::CodeMissing => texts.text("problem-code-missing"),
            Self::CodeMalformed => texts.text("problem-code-malformed"),
            Self::CodeWrong(tries) => texts.format("problem-code-wrong", &[("tries", tries.into())]),
            Self::CodeOver => texts.text("problem-code-over"),
            Self::SignInRefused => texts.text("problem-sign-in-refused"),
            Self::TooManyTries(seconds) => {
                let duration = moment::duration(texts, seconds);
                texts.format("problem-too-many-tries", &[("duration", duration.into())])
            }
            Self::TooManyCodes(seconds) => {
                let duration = moment::duration(texts, seconds);
                texts.format("problem-too-many-codes", &[("duration", duration.into())])
            }
            Self::Busy(seconds) => {
                let duration = moment::duration(texts, seconds);
                texts.format("problem-busy", &[("duration", duration.into())])
            }
            Self::Unavailable => texts.text("problem-unavailable"),
            Self::Uncertain => texts.text("problem-uncertain"),
            Self::ConfirmationMissing => texts.text("problem-confirmation-missing"),
            Self::ChoiceUnknown => texts.text("problem-choice-unknown"),
        }
    }
}

/// Everything that is wrong with one form: by field, and with the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    fields: Vec<(Field, Problem)>,
    whole: Option<Problem>,
}

impl Problems {
    /// Nothing is wrong.
    pub const NONE: Self = Self { fields: Vec::new(), whole: None };

    /// What is wrong with one field; a field shows the first that is said of it.
    pub fn add(&mut self, field: Field, problem: Problem) {
        self.fields.push((field, problem));
    }

    /// One field is wrong.
    pub fn of(field: Field, problem: Problem) -> Self {
        Self { fields: vec![(field, problem)], whole: None }
    }

    /// The form as a whole is refused.
    pub const fn whole(problem: Problem) -> Self {
        Self { fields: Vec::new(), whole: Some(problem) }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.whole.is_none()
    }

    /// Whether something is wrong with a field.
    pub fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// What is wrong with a field.
    pub fn at(&self, field: Field) -> Option<Problem> {
        self.fields.iter().find(|(at, _)| *at == field).map(|(_, problem)| *problem)
    }

    /// Whether something is wrong that is looked for in the log.
    pub fn has_failure(&self) -> bool {
        self.fields.iter().map(|(_, problem)| *problem).chain(self.whole).any(Problem::is_failure)
    }

    /// What is wrong with the form as a whole.
    pub const fn of_whole(&self) -> Option<Problem> {
        self.whole
    }

    /// Each field that is wrong once, in the order they were added.
    pub fn fields(&self) -> impl Iterator<Item = (Field, Problem)> + '_ {
        self.fields
            .iter()
            .enumerate()
            .filter(|(index, (field, _))| !self.fields[..*index].iter().any(|(before, _)| before == field))
            .map(|(_, found)| *found)
    }
}
