//! Every mail there is, filled with given words: for the tests, and for a person to look at.

use auth_service::branding::Branding;
use auth_service::locale::Locale;
use auth_service::views::mail::{self, Mail};

use crate::gallery::{self, Words};

/// Every one in one language.
pub(crate) fn mails(
    locale: Locale,
    branding: &Branding,
    words: Words<'_>,
) -> Vec<(&'static str, mail::Rendered)> {
    let Words { name, email, opaque } = words;
    let code = if opaque == gallery::CALM.opaque { "402913" } else { opaque };
    let link =
        if opaque == gallery::CALM.opaque { "https://id.example.com/verify?token=k3Jz0aQ7" } else { opaque };
    let device = if opaque == gallery::CALM.opaque { "Firefox on Linux" } else { name };
    let network = if opaque == gallery::CALM.opaque { "203.0.113.0/24" } else { name };
    [
        ("mail-prove", Mail::ProveAddress { code: Some(code), link, hours: 24 }),
        ("mail-prove-link", Mail::ProveAddress { code: None, link, hours: 24 }),
        ("mail-registered", Mail::AlreadyRegistered { sign_in_link: link, reset_link: link }),
        ("mail-code", Mail::SignInCode { code, minutes: 10, device, network }),
        ("mail-reset", Mail::ResetPassword { code, link, minutes: 30 }),
        ("mail-change-old", Mail::ChangeAddressOld { new_address: email, code, link, minutes: 30 }),
        ("mail-change-new", Mail::ChangeAddressNew { code, link, minutes: 1 }),
        ("mail-changed", Mail::AddressChanged { old: email, new: email }),
        ("mail-password", Mail::PasswordChanged { at: gallery::NOW }),
        ("mail-second-step-on", Mail::SecondStepChanged { on: true }),
        ("mail-second-step-off", Mail::SecondStepChanged { on: false }),
        ("mail-deleted", Mail::AccountDeleted),
        ("mail-disabled", Mail::AccountDisabled),
        ("mail-enabled", Mail::AccountEnabled),
        ("mail-sessions-ended", Mail::SessionsEnded),
    ]
    .map(|(title, mail)| (title, mail::render(&mail, locale.texts(), branding)))
    .into()
}
