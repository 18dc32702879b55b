//! Another address for the account, proved at both ends.

use super::{Field, Problems};

/// `/account/email`: posts `email` (the new one). While a change is pending: `side` (`old` or `new`) with `code` to
/// `/account/email/confirm`, `email` (the one that is pending) again for new codes, and nothing to `/account/email/cancel`.
#[derive(Clone, Default)]
pub struct ChangeEmail<'a> {
    /// The address that the account has.
    pub current: &'a str,
    /// The new address as typed.
    pub new_email: &'a str,
    /// The change under way.
    pub pending: Option<PendingEmail<'a>>,
    /// The code as typed, if it was not right.
    pub code: &'a str,
    /// What was wrong with the last try ([`Field::NewEmail`], [`Field::CodeOld`], [`Field::CodeNew`]).
    pub problems: Problems,
}

impl ChangeEmail<'_> {
    /// The typed code, where it was typed.
    fn code_of(&self, field: Field) -> &str {
        if self.problems.at(field).is_some() { self.code } else { "" }
    }

    /// Whether it asks for a new address: where none is on its way, or the one just typed has to be typed again.
    fn asks(&self) -> bool {
        self.pending.is_none() || !self.new_email.is_empty() || self.problems.at(Field::NewEmail).is_some()
    }
}

/// A change of the address that waits for its proofs.
#[derive(Clone, Copy, Debug)]
pub struct PendingEmail<'a> {
    /// The address to be.
    pub email: &'a str,
    /// Whether the old address gave its code.
    pub old_proved: bool,
    /// Whether the new address gave its code.
    pub new_proved: bool,
}

/// `/account/email/confirm?token=`: one button, posts `token` and `side` to the same path.
#[derive(Clone, Default)]
pub struct ConfirmEmail<'a> {
    /// The token of the link.
    pub token: &'a str,
    /// Which end it proves: `old` or `new`.
    pub side: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

shows_its_name_only!(ChangeEmail<'a>, ConfirmEmail<'a>);

page!(ChangeEmail<'a>, "change_email.html", problems);
page!(ConfirmEmail<'a>, "confirm_email.html", problems);
