//! Sign in, and its second step.

use super::{Field, Problems};

/// `/sign-in`: posts `email`, `password`, `return_to`.
#[derive(Clone, Debug, Default)]
pub struct SignIn<'a> {
    /// The address as typed.
    pub email: &'a str,
    /// Where to go afterwards; empty for the account page.
    pub return_to: &'a str,
    /// The app that asked for it.
    pub app: Option<&'a str>,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/sign-in/code?id=`: posts `id`, `code` to `/sign-in/code`, and `id` to `/sign-in/code/resend`.
#[derive(Clone, Default)]
pub struct SignInCode<'a> {
    /// The id of the attempt.
    pub id: &'a str,
    /// The address, all but a few letters hidden.
    pub masked_email: &'a str,
    /// The code as typed, if it was not right.
    pub code: &'a str,
    /// Where whoever begins anew is on the way to; empty for the account page.
    pub return_to: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

shows_its_name_only!(SignInCode<'a>);

page!(SignIn<'a>, "sign_in.html", problems);
page!(SignInCode<'a>, "sign_in_code.html", problems);
