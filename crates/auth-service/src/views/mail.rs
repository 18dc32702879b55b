//! What we write to people.

mod layout;
mod letter;

use askama::Template;

use self::layout::{Plain, Styled, clean};
use self::letter::Letter;
use crate::branding::Branding;
use crate::locale::Texts;

/// One mail.
#[derive(Clone, Copy)]
pub enum Mail<'a> {
    /// To whoever signed up: prove the address.
    ProveAddress {
        /// Six digits, if there is a place to type them.
        code: Option<&'a str>,
        /// The absolute link.
        link: &'a str,
        /// For how many hours both are good.
        hours: u32,
    },
    /// To the owner of an address that somebody tried to sign up again.
    AlreadyRegistered {
        /// The absolute link to sign in.
        sign_in_link: &'a str,
        /// The absolute link to set a new password.
        reset_link: &'a str,
    },
    /// The second step.
    SignInCode {
        /// Six digits.
        code: &'a str,
        /// For how many minutes it is good.
        minutes: u32,
        /// Which browser asks, see [`Device::text`](super::Device::text).
        device: &'a str,
        /// From which network.
        network: &'a str,
    },
    /// A new password in place of a forgotten one.
    ResetPassword {
        /// Six digits.
        code: &'a str,
        /// The absolute link.
        link: &'a str,
        /// For how many minutes both are good.
        minutes: u32,
    },
    /// To the old address: allow the change.
    ChangeAddressOld {
        /// The address to be.
        new_address: &'a str,
        /// Six digits.
        code: &'a str,
        /// The absolute link.
        link: &'a str,
        /// For how many minutes both are good.
        minutes: u32,
    },
    /// To the new address: prove it.
    ChangeAddressNew {
        /// Six digits.
        code: &'a str,
        /// The absolute link.
        link: &'a str,
        /// For how many minutes both are good.
        minutes: u32,
    },
    /// To both addresses, when it is done.
    AddressChanged {
        /// The address that was.
        old: &'a str,
        /// The address that is.
        new: &'a str,
    },
    /// The password is a new one.
    PasswordChanged {
        /// When, Unix microseconds.
        at: i64,
    },
    /// Codes by mail are asked for, or no longer.
    SecondStepChanged {
        /// Whether they are.
        on: bool,
    },
    /// The account is gone.
    AccountDeleted,
    /// An operator disabled the account.
    AccountDisabled,
    /// An operator enabled it again.
    AccountEnabled,
    /// An operator ended every session.
    SessionsEnded,
}

shows_its_name_only!(Mail<'a>);

/// A mail in words, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line without control characters.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

shows_its_name_only!(Rendered);

/// Writes a mail.
pub fn render(mail: &Mail<'_>, texts: Texts, branding: &Branding) -> Rendered {
    let letter = Letter::of(mail, texts, branding);
    let plain = Plain::of(&letter, texts, branding);
    let text = plain.render().unwrap_or_default();
    let html = Styled::of(&letter, &plain, texts, branding).render().unwrap_or_default();
    Rendered { subject: letter.subject, text: clean(&text), html: clean(&html) }
}
