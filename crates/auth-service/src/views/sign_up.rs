//! Sign up.

use super::{Field, Problems};

/// `/sign-up`: posts `name`, `email`, `password`, `second_step` (`on` when ticked), `return_to`.
#[derive(Clone, Debug, Default)]
pub struct SignUp<'a> {
    /// The name as typed, may be empty.
    pub name: &'a str,
    /// The address as typed.
    pub email: &'a str,
    /// Whether the box is ticked.
    pub second_step: bool,
    /// Where to go when all is done; empty for the account page.
    pub return_to: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

page!(SignUp<'a>, "sign_up.html", problems);
