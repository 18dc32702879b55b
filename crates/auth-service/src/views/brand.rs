//! The team's colours as a stylesheet: the content security policy allows no colour inside a page.

use crate::branding::{Branding, Colour};

/// What our own stylesheet paints behind text; a test compares them with it.
pub(crate) const SURFACE_LIGHT: Colour = Colour::WHITE;
/// The same on dark pages.
pub(crate) const SURFACE_DARK: Colour = Colour::new(0x1b, 0x20, 0x1f);

/// The content of `/static/brand.css`.
pub fn brand_stylesheet(branding: &Branding) -> String {
    let light = properties(branding.accent_light, SURFACE_LIGHT, Colour::BLACK);
    let dark = properties(branding.accent_dark, SURFACE_DARK, Colour::WHITE);
    format!(":root {{\n{light}}}\n\n@media (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n")
}

/// The accent, its darker or lighter sister for a pointer over it, what is written on it, and itself made readable.
fn properties(accent: Colour, surface: Colour, ink: Colour) -> String {
    let text = accent.text();
    let soft = surface.mixed(accent, 10);
    let away = if text == Colour::WHITE { Colour::BLACK } else { Colour::WHITE };
    format!(
        "  --accent: {accent};\n  --accent-strong: {strong};\n  --on-accent: {text};\n  --accent-text: {readable};\n  --accent-soft: {soft};\n",
        strong = accent.mixed(away, 14),
        readable = accent.readable_on(&[surface.mixed(ink, 6), soft], ink),
    )
}
