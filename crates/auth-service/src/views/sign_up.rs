//! Sign up.

use super::{Field, Frame, Problems};

/// `/sign-up`: posts `name`, `email`, `password`, `second_step` (`on` when ticked), `return_to`.
#[derive(Clone, Debug, Default)]
pub struct SignUp<'a> {
    /// The name as typed, may be empty.
    pub name: &'a str,
    /// The address as typed.
    pub email: &'a str,
    /// Whether the box is ticked.
    pub second_step: bool,
    /// How many characters a password must have alone.
    pub minimum: u32,
    /// How many it must have with a second step.
    pub minimum_with_second_step: u32,
    /// Where to go when all is done; empty for the account page.
    pub return_to: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

impl SignUp<'_> {
    fn password_hint(&self, frame: &Frame<'_>) -> String {
        let arguments = [("alone", self.minimum.into()), ("together", self.minimum_with_second_step.into())];
        frame.texts().format("sign-up-password-hint", &arguments)
    }
}

page!(SignUp<'a>, "sign_up.html", problems);
