//! Prove an address: by the code, by the link here, by the link in another browser.

use super::{Field, Problems};

/// `/verify?id=`: "check your mail". Posts `id`, `code` to `/verify`, and `id` to `/verify/resend`.
#[derive(Clone, Default)]
pub struct CheckMail<'a> {
    /// The id of the sign-up.
    pub id: &'a str,
    /// The address as this browser typed it, if that is known.
    pub email: Option<&'a str>,
    /// The code as typed, if it was not right.
    pub code: &'a str,
    /// Where whoever begins anew is on the way to; empty for the account page.
    pub return_to: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/verify?token=` in the browser that signed up: one button, posts `token` to `/verify`.
#[derive(Clone, Default)]
pub struct ProveHere<'a> {
    /// The token of the link.
    pub token: &'a str,
    /// What was wrong with the last try.
    pub problems: Problems,
}

/// `/verify?token=` in any other browser, and what a right code leads to there: posts `token`, or `id` and `code`, with
/// `password` or `new_password`, to `/verify`.
#[derive(Clone, Default)]
pub struct ProveElsewhere<'a> {
    /// The token of the link; empty where there is a code.
    pub token: &'a str,
    /// The id of the sign-up; empty where there is a token.
    pub id: &'a str,
    /// The code for it.
    pub code: &'a str,
    /// How many characters a new password must have.
    pub minimum: u32,
    /// What was wrong with the last try.
    pub problems: Problems,
}

shows_its_name_only!(CheckMail<'a>, ProveHere<'a>, ProveElsewhere<'a>);

page!(CheckMail<'a>, "check_mail.html", problems);
page!(ProveHere<'a>, "prove_here.html", problems);
page!(ProveElsewhere<'a>, "prove_elsewhere.html", problems);
