//! The account: at a glance, and the person's name and language.

use super::{Field, Problems};
use crate::locale::Locale;

/// `/account`: what there is, with a link to change each.
#[derive(Clone, Debug, Default)]
pub struct Account<'a> {
    /// The name, may be empty.
    pub name: &'a str,
    /// The proved address.
    pub email: &'a str,
    /// The language that the person chose, if any.
    pub language: Option<Locale>,
    /// Whether a code is asked for by mail.
    pub second_step: bool,
    /// How many sessions are alive.
    pub sessions: u32,
    /// How many apps were let in.
    pub apps: u32,
}

/// `/account/profile`: posts `name`, `language` (`en`, `de`, or empty for whatever the browser asks for).
#[derive(Clone, Debug, Default)]
pub struct Profile<'a> {
    /// The name, as saved or as typed.
    pub name: &'a str,
    /// The language chosen.
    pub language: Option<Locale>,
    /// What was wrong with the last try.
    pub problems: Problems,
}

page!(Account<'a>, "account.html");
page!(Profile<'a>, "profile.html", problems);
