//! What a configuration may say of the brand.

use super::{Branding, Colour};

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
        logo_url = "/static/acme.svg"
        accent_light = "#2244AA"
        accent_dark = "#99bbff"
        support_contact = "help@acme.example"
        "##,
    )
    .unwrap();
    assert_eq!(branding.name, "Acme");
    assert_eq!(branding.logo_url.as_deref(), Some("/static/acme.svg"));
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
        ("logo_url = 'https://other.example/a.svg'", "path on this server"),
        ("logo_url = '//other.example/a.svg'", "path on this server"),
        ("logo_url = '/\\other.example'", "path on this server"),
        ("logo_url = 'logo.svg'", "path on this server"),
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
