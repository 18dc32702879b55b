//! The account's password, second step, and end.

use super::{Field, Problems};

/// `/account/password`: posts `current_password`, `new_password`.
#[derive(Clone, Debug, Default)]
pub struct ChangePassword<'a> {
    /// The address of the account, for the browser's password store.
    pub email: &'a str,
    /// How many characters the new password must have.
    pub minimum: u32,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/account/second-step`: posts `second_step` (`on` or `off`: the state to be); to turn it off `current_password` too,
/// and `new_password` when [`needs_password`](Self::needs_password) says so.
#[derive(Clone, Debug, Default)]
pub struct SecondStep<'a> {
    /// The address of the account, which is where codes go.
    pub email: &'a str,
    /// Whether a code is asked for by mail now.
    pub on: bool,
    /// Whether the password is too short to stand alone, so that turning off takes a new one.
    pub needs_password: bool,
    /// How many characters a password must have to stand alone.
    pub minimum: u32,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/account/delete`: posts `password`, `confirm` (`on`).
#[derive(Clone, Debug, Default)]
pub struct DeleteAccount<'a> {
    /// The address of the account.
    pub email: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/account/confirm`: a fresh proof for what is sensitive; posts `password`, `next`.
#[derive(Clone, Debug, Default)]
pub struct ConfirmIdentity<'a> {
    /// The address of the account.
    pub email: &'a str,
    /// The path to go on to.
    pub next: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

page!(ChangePassword<'a>, "change_password.html", problems);
page!(SecondStep<'a>, "second_step.html", problems);
page!(DeleteAccount<'a>, "delete_account.html", problems);
page!(ConfirmIdentity<'a>, "confirm_identity.html", problems);
