//! A forgotten password.

use super::{Field, Problems};

/// `/reset`: posts `email`.
#[derive(Clone, Debug, Default)]
pub struct Reset<'a> {
    /// The address as typed.
    pub email: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/reset/code?id=`: posts `id`, `code`, `new_password` to `/reset/code`.
#[derive(Clone, Default)]
pub struct ResetCode<'a> {
    /// The id of the reset.
    pub id: &'a str,
    /// The address as this browser typed it, if that is known.
    pub email: Option<&'a str>,
    /// How many characters the new password must have; the same for every address, so that it tells nothing.
    pub minimum: u32,
    /// The code as typed, if it was not right.
    pub code: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/reset/new?token=`: posts `token`, `new_password` to `/reset/new`.
#[derive(Clone, Default)]
pub struct ResetNew<'a> {
    /// The token of the link.
    pub token: &'a str,
    /// How many characters the new password must have.
    pub minimum: u32,
    /// What was wrong with the last try.
    pub problems: Problems,
}

shows_its_name_only!(ResetCode<'a>, ResetNew<'a>);

page!(Reset<'a>, "reset.html", problems);
page!(ResetCode<'a>, "reset_code.html", problems);
page!(ResetNew<'a>, "reset_new.html", problems);
