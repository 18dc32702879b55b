//! What each mail says.

use super::Mail;
use super::layout::one_line;
use crate::branding::Branding;
use crate::locale::Texts;
use crate::views::moment;

/// A mail taken apart: every part is text, not yet markup, and what others chose is on one line.
#[derive(Clone, Default)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) title: String,
    pub(super) body: Vec<String>,
    pub(super) code: Option<String>,
    pub(super) button: Option<(String, String)>,
    pub(super) second: Option<(String, String)>,
    pub(super) closing: Option<String>,
}

impl Letter {
    /// The words of a mail.
    pub(super) fn of(mail: &Mail<'_>, texts: Texts, branding: &Branding) -> Self {
        let writer = Writer { texts, brand: one_line(&branding.name) };
        match *mail {
            Mail::ProveAddress { code, link, hours } => {
                let hours = [("hours", hours.into())];
                Self {
                    code: code.map(one_line),
                    ..writer
                        .begin("mail-prove-subject", "mail-prove-title")
                        .say(match code {
                            Some(_) => texts.format("mail-prove-body", &hours),
                            None => texts.format("mail-prove-body-link", &hours),
                        })
                        .button(texts.text("mail-prove-action"), link)
                        .close(texts.text("mail-not-you"))
                }
            }
            Mail::AlreadyRegistered { sign_in_link, reset_link } => Self {
                second: Some((texts.text("mail-registered-reset"), one_line(reset_link))),
                ..writer
                    .begin("mail-registered-subject", "mail-registered-title")
                    .say(texts.text("mail-registered-body"))
                    .button(texts.text("mail-registered-action"), sign_in_link)
                    .close(texts.text("mail-not-you"))
            },
            Mail::SignInCode { code, minutes, device, network } => {
                let from = [("device", one_line(device).into()), ("network", one_line(network).into())];
                writer
                    .begin("mail-code-subject", "mail-code-title")
                    .say(texts.format("mail-code-body", &[("minutes", minutes.into())]))
                    .say(texts.format("mail-code-from", &from))
                    .code(code)
                    .close(texts.text("mail-code-alarm"))
            }
            Mail::ResetPassword { code, link, minutes } => writer
                .begin("mail-reset-subject", "mail-reset-title")
                .say(texts.format("mail-reset-body", &[("minutes", minutes.into())]))
                .code(code)
                .button(texts.text("mail-reset-action"), link)
                .close(texts.text("mail-not-you")),
            Mail::ChangeAddressOld { new_address, code, link, minutes } => {
                let values = [("address", one_line(new_address).into()), ("minutes", minutes.into())];
                writer
                    .begin("mail-change-old-subject", "mail-change-old-title")
                    .say(texts.format("mail-change-old-body", &values))
                    .code(code)
                    .button(texts.text("mail-change-action"), link)
                    .close(texts.text("mail-alarm"))
            }
            Mail::ChangeAddressNew { code, link, minutes } => writer
                .begin("mail-change-new-subject", "mail-change-new-title")
                .say(texts.format("mail-change-new-body", &[("minutes", minutes.into())]))
                .code(code)
                .button(texts.text("mail-change-action"), link)
                .close(texts.text("mail-not-you")),
            Mail::AddressChanged { old, new } => {
                let values = [("old", one_line(old).into()), ("new", one_line(new).into())];
                writer
                    .begin("mail-changed-subject", "mail-changed-title")
                    .say(texts.format("mail-changed-body", &values))
                    .close(texts.text("mail-alarm"))
            }
            Mail::PasswordChanged { at } => writer
                .begin("mail-password-subject", "mail-password-title")
                .say(texts.format("mail-password-body", &[("moment", moment::words(texts, at).into())]))
                .close(texts.text("mail-alarm")),
            Mail::SecondStepChanged { on: true } => writer
                .begin("mail-second-step-on-subject", "mail-second-step-on-title")
                .say(texts.text("mail-second-step-on-body"))
                .close(texts.text("mail-alarm")),
            Mail::SecondStepChanged { on: false } => writer
                .begin("mail-second-step-off-subject", "mail-second-step-off-title")
                .say(texts.text("mail-second-step-off-body"))
                .close(texts.text("mail-alarm")),
            Mail::AccountDeleted => writer
                .begin("mail-deleted-subject", "mail-deleted-title")
                .say(texts.text("mail-deleted-body")),
            Mail::AccountDisabled => writer
                .begin("mail-disabled-subject", "mail-disabled-title")
                .say(texts.text("mail-disabled-body")),
            Mail::AccountEnabled => writer
                .begin("mail-enabled-subject", "mail-enabled-title")
                .say(texts.text("mail-enabled-body")),
            Mail::SessionsEnded => writer
                .begin("mail-sessions-ended-subject", "mail-sessions-ended-title")
                .say(texts.text("mail-sessions-ended-body")),
        }
    }

    /// What a list of mails shows next to the subject: never the code.
    pub(super) fn preview(&self) -> &str {
        self.body.first().map_or("", String::as_str)
    }

    fn say(mut self, paragraph: String) -> Self {
        self.body.push(paragraph);
        self
    }

    fn code(self, code: &str) -> Self {
        Self { code: Some(one_line(code)), ..self }
    }

    fn button(self, label: String, link: &str) -> Self {
        Self { button: Some((label, one_line(link))), ..self }
    }

    fn close(self, closing: String) -> Self {
        Self { closing: Some(closing), ..self }
    }
}

struct Writer {
    texts: Texts,
    brand: String,
}

impl Writer {
    fn begin(&self, subject: &str, title: &str) -> Letter {
        let subject = one_line(&self.texts.format(subject, &[("brand", self.brand.as_str().into())]));
        Letter { subject, title: self.texts.text(title), ..Letter::default() }
    }
}
