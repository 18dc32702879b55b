//! The team's own name, logo and colours on every page and mail.

mod logo;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use logo::Logo;

/// The `[branding]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Branding {
    /// The name of the product, 1 to 60 characters.
    #[serde(deserialize_with = "name")]
    #[schemars(length(min = 1, max = 60))]
    pub name: String,
    /// The logo, from a file on this machine, SVG or PNG; without one our own keyhole is shown.
    #[serde(deserialize_with = "logo::read")]
    #[schemars(with = "Option<String>", extend("format" = "path"))]
    pub logo: Option<Logo>,
    /// The colour of buttons and links on light pages.
    #[schemars(with = "String", regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub accent_light: Colour,
    /// The colour of buttons and links on dark pages.
    #[schemars(with = "String", regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub accent_dark: Colour,
    /// Whom a person in trouble may turn to, an address or a sentence of at most 200 characters.
    #[serde(deserialize_with = "support_contact")]
    #[schemars(length(max = 200))]
    pub support_contact: Option<String>,
}

impl Default for Branding {
    fn default() -> Self {
        Self {
            name: "Keyward".to_owned(),
            logo: None,
            accent_light: Colour::new(0x1d, 0x5c, 0x4f),
            accent_dark: Colour::new(0x86, 0xd6, 0xbf),
            support_contact: None,
        }
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.trim().is_empty() || name.chars().count() > 60 || name.contains(char::is_control) {
        return Err(de::Error::custom(
            "the name must have 1 to 60 characters, none of them a control character",
        ));
    }
    Ok(name)
}

fn support_contact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(contact) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    if contact.chars().count() > 200 || contact.contains(char::is_control) {
        return Err(de::Error::custom("support_contact must have at most 200 characters on one line"));
    }
    Ok(Some(contact).filter(|contact| !contact.trim().is_empty()))
}

/// An sRGB colour, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// Paper.
    pub const WHITE: Self = Self::new(255, 255, 255);
    /// Ink.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// The least contrast that WCAG 2.2 AA asks of text.
    pub const READABLE: f64 = 4.5;
    /// The least contrast that WCAG 2.2 AA asks of what a control is known by (success criterion 1.4.11).
    pub const VISIBLE: f64 = 3.0;

    /// A colour of its three channels.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The contrast ratio of WCAG 2.2, from 1 (the same) to 21 (black on white).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever reads better on this colour: always at least 4.58 to 1.
    #[must_use]
    pub fn text(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// This colour, moved toward `ink` only as far as it takes to read on each of `surfaces`.
    #[must_use]
    pub fn readable_on(self, surfaces: &[Self], ink: Self) -> Self {
        (0..=20_u8)
            .map(|step| self.mixed(ink, step * 5))
            .find(|colour| surfaces.iter().all(|surface| colour.contrast(*surface) >= Self::READABLE))
            .unwrap_or(ink)
    }

    /// This colour with so many percent of another.
    #[must_use]
    pub fn mixed(self, other: Self, percent: u8) -> Self {
        let mix = |one: u8, two: u8| {
            let share = u32::from(percent.min(100));
            let sum = u32::from(one) * (100 - share) + u32::from(two) * share;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        Self::new(mix(self.red, other.red), mix(self.green, other.green), mix(self.blue, other.blue))
    }

    /// Relative luminance as WCAG 2.2 defines it.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let refused = || format!("a colour is written #rrggbb, such as #1d5c4f; found {text:?}");
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or_else(refused)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refused());
        }
        let channel = |from: usize| u8::from_str_radix(&digits[from..from + 2], 16).map_err(|_| refused());
        Ok(Self::new(channel(0)?, channel(2)?, channel(4)?))
    }
}

#[cfg(test)]
mod tests;
