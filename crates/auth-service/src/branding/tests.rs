//! What a configuration may say of the brand.

use super::{Branding, Colour, Logo};

fn read(text: &str) -> Result<Branding, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn an_empty_section_is_ours() {
    let branding = read("").unwrap();
    assert_eq!(branding, Branding::default());
    assert_eq!(branding.name, "Keyward");
}

#[test]
fn a_whole_section_is_read() {
    let branding = read(
        r##"
        name = "Acme"
        accent_light = "#2244AA"
        accent_dark = "#99bbff"
        support_contact = "help@acme.example"
        "##,
    )
    .unwrap();
    assert_eq!(branding.name, "Acme");
    assert_eq!(branding.logo, None);
    assert_eq!(branding.accent_light.to_string(), "#2244aa");
    assert_eq!(branding.support_contact.as_deref(), Some("help@acme.example"));
}

#[test]
fn what_would_not_work_is_refused_with_a_reason() {
    let long = format!("name = {:?}", "x".repeat(61));
    for (text, reason) in [
        ("name = ''", "1 to 60 characters"),
        (long.as_str(), "1 to 60 characters"),
        ("name = \"a\\nb\"", "control character"),
        ("accent_light = 'red'", "#rrggbb"),
        ("accent_light = '#12345'", "#rrggbb"),
        ("accent_light = '#+12345'", "#rrggbb"),
        ("accent_dark = '#ééé'", "#rrggbb"),
        ("support_contact = \"a\\u0000b\"", "one line"),
        ("colour = '#123456'", "unknown field"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn contrast_is_what_wcag_says() {
    assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
    assert!((Colour::WHITE.contrast(Colour::WHITE) - 1.0).abs() < 1e-9);
    let grey = Colour::new(0x76, 0x76, 0x76).contrast(Colour::WHITE);
    assert!((4.5..4.6).contains(&grey), "{grey}");
}

#[test]
fn a_logo_is_read_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("acme.gif");
    let configured = || read(&format!("logo = {:?}", path.display().to_string()));
    let error = configured().unwrap_err().to_string();
    assert!(error.contains(&format!("the logo {}: it cannot be read: ", path.display())), "{error}");
    let png = b"\x89PNG\r\n\x1a\nand so on".as_slice();
    let svg = "\u{feff}<?xml version='1.0'?>\n<!-- Acme -->\n<!DOCTYPE svg>\n<svg xmlns='http://www.w3.org/2000/svg'/>";
    for (content, name) in
        [(png, "brand-logo.png"), (svg.as_bytes(), "brand-logo.svg"), (b"<svg>".as_slice(), "brand-logo.svg")]
    {
        std::fs::write(&path, content).unwrap();
        assert_eq!(configured().unwrap().logo.unwrap().name(), name);
    }
    for wrong in [b"".as_slice(), b"GIF89a", b"<html><svg></svg>", b"<svgx>", b"<!-- <svg>", b"\xff<svg>"] {
        std::fs::write(&path, wrong).unwrap();
        let error = configured().unwrap_err().to_string();
        assert!(error.contains("it is neither an SVG nor a PNG"), "{wrong:?}: {error}");
    }
    std::fs::write(&path, vec![b' '; 256 * 1024 + 1]).unwrap();
    let error = configured().unwrap_err().to_string();
    assert!(error.contains("it has 262145 bytes and may have 262144"), "{error}");
}

#[test]
fn the_address_of_a_logo_changes_with_it() {
    let address = |text: &str| Logo::new(text.as_bytes().to_vec()).unwrap().address();
    assert!(address("<svg>").starts_with("/static/brand-logo.svg?v="));
    assert_ne!(address("<svg>"), address("<svg >"));
}
