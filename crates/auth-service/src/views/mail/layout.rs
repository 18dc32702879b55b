//! The two shapes of a mail: plain, and with the team's colours.

use super::letter::Letter;
use crate::branding::{Branding, Colour};
use crate::locale::Texts;
use crate::views::brand;

/// The text part.
#[derive(askama::Template)]
#[template(path = "mail.txt", escape = "none", whitespace = "preserve")]
pub(super) struct Plain<'a> {
    letter: &'a Letter,
    code_label: String,
    why: String,
    support: Option<String>,
}

impl<'a> Plain<'a> {
    pub(super) fn of(letter: &'a Letter, texts: Texts, branding: &Branding) -> Self {
        let support = branding.support_contact.as_deref();
        Self {
            letter,
            code_label: texts.text("mail-code-label"),
            why: texts.format("mail-why", &[("brand", one_line(&branding.name).into())]),
            support: support.map(|contact| format!("{} {}", texts.text("mail-support"), one_line(contact))),
        }
    }
}

/// The HTML part: tables and inline styles, since mail programs know little else; nothing is fetched.
#[derive(askama::Template)]
#[template(path = "mail.html")]
pub(super) struct Styled<'a> {
    letter: &'a Letter,
    lang: &'static str,
    direction: &'static str,
    brand: String,
    code_label: &'a str,
    link_fallback: String,
    why: &'a str,
    support: Option<&'a str>,
    accent_light: Colour,
    on_accent_light: Colour,
    link_light: Colour,
    accent_dark: Colour,
    on_accent_dark: Colour,
    link_dark: Colour,
}

impl<'a> Styled<'a> {
    pub(super) fn of(letter: &'a Letter, plain: &'a Plain<'a>, texts: Texts, branding: &Branding) -> Self {
        let (light, dark) = (branding.accent_light, branding.accent_dark);
        Self {
            letter,
            lang: texts.locale().tag(),
            direction: texts.locale().direction(),
            brand: one_line(&branding.name),
            code_label: &plain.code_label,
            link_fallback: texts.text("mail-link-fallback"),
            why: &plain.why,
            support: plain.support.as_deref(),
            accent_light: light,
            on_accent_light: light.text(),
            link_light: light.readable_on(&[brand::SURFACE_LIGHT], Colour::BLACK),
            accent_dark: dark,
            on_accent_dark: dark.text(),
            link_dark: dark.readable_on(&[brand::SURFACE_DARK], Colour::WHITE),
        }
    }
}

/// Text of others, on one line: no line break can begin a header or a paragraph of their own, no control character
/// or change of direction can make it look like something else.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .filter(|character| !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}'))
        .collect()
}

/// At most one empty line after another, one line break at the end.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        // "-- " begins a signature (RFC 3676, section 4.3): its blank stays.
        let line = if line == "-- " { line } else { line.trim_end() };
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            cleaned.push_str(line);
            cleaned.push('\n');
        }
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned.push('\n');
    cleaned
}
