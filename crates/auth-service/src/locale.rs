//! The languages we speak, and the catalogue of each.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use serde::{Deserialize, Serialize};
use unic_langid::LanguageIdentifier;

/// A language that has a complete catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Locale {
    /// English, the language of whoever states no other wish.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

impl Locale {
    /// Every language, in the order the switch shows them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The BCP 47 tag, as `lang` and `Accept-Language` write it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What the language calls itself; the same in every catalogue, hence not in one.
    pub const fn native_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// The direction of writing, for the `dir` attribute.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German => "ltr",
        }
    }

    /// The language of a tag; a region or script after it does not matter (`de-AT` is German).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(language))
    }

    /// The language to answer in: the one the person chose, else the best of `Accept-Language`
    /// (RFC 9110, section 12.5.4), else English.
    pub fn negotiate(chosen: Option<Self>, accept_language: Option<&str>) -> Self {
        chosen.or_else(|| accept_language.and_then(preferred)).unwrap_or_default()
    }

    /// The catalogue of this language.
    pub fn texts(self) -> Texts {
        Texts { locale: self }
    }
}

/// The best known language of an `Accept-Language` value; of equals the first stands.
fn preferred(accept_language: &str) -> Option<Locale> {
    let mut best: Option<(Locale, f32)> = None;
    // A browser sends a handful; the bound keeps a hostile header from costing more.
    for range in accept_language.split(',').take(32) {
        let mut parts = range.split(';');
        let Some(locale) = parts.next().and_then(Locale::from_tag) else { continue };
        let quality = parts
            .find_map(|parameter| parameter.trim().strip_prefix("q="))
            .map_or(1.0, |value| value.trim().parse::<f32>().unwrap_or(0.0));
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((locale, quality));
        }
    }
    best.map(|(locale, _)| locale)
}

/// The words of one language.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    locale: Locale,
}

impl Texts {
    /// The language of this catalogue.
    pub const fn locale(self) -> Locale {
        self.locale
    }

    /// The text of a key that has no variables.
    pub fn text(self, key: &str) -> String {
        self.format(key, &[])
    }

    /// The text of a key with its variables filled in. A key that is missing shows as itself in `⟦⟧`, which the
    /// tests look for on every page.
    pub fn format(self, key: &str, arguments: &[(&'static str, FluentValue<'_>)]) -> String {
        let bundle = self.bundle();
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            return format!("⟦{key}⟧");
        };
        let arguments: FluentArgs<'_> = arguments.iter().cloned().collect();
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        if errors.is_empty() { text.into_owned() } else { format!("⟦{key}⟧ {text}") }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static ENGLISH: LazyLock<FluentBundle<FluentResource>> =
            LazyLock::new(|| bundle(Locale::English, ENGLISH_SOURCES));
        static GERMAN: LazyLock<FluentBundle<FluentResource>> =
            LazyLock::new(|| bundle(Locale::German, GERMAN_SOURCES));
        match self.locale {
            Locale::English => &ENGLISH,
            Locale::German => &GERMAN,
        }
    }
}

/// The English catalogue, built into the binary.
const ENGLISH_SOURCES: &[&str] = &[
    include_str!("../locales/en/common.ftl"),
    include_str!("../locales/en/entrance.ftl"),
    include_str!("../locales/en/account.ftl"),
    include_str!("../locales/en/problems.ftl"),
    include_str!("../locales/en/mail.ftl"),
    include_str!("../locales/en/development.ftl"),
];

/// The German catalogue, built into the binary.
const GERMAN_SOURCES: &[&str] = &[
    include_str!("../locales/de/common.ftl"),
    include_str!("../locales/de/entrance.ftl"),
    include_str!("../locales/de/account.ftl"),
    include_str!("../locales/de/problems.ftl"),
    include_str!("../locales/de/mail.ftl"),
    include_str!("../locales/de/development.ftl"),
];

/// What is broken in a catalogue is left out here and fails the test of the catalogues instead.
fn bundle(locale: Locale, sources: &[&str]) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = locale.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // No invisible isolation marks in text that is also mail and JSON: pages isolate what people typed with <bdi>.
    bundle.set_use_isolating(false);
    for source in sources {
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests;
