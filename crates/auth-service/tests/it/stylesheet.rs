//! The stylesheet asks nobody else, and its colours read well in light and in dark.

use auth_service::branding::{Branding, Colour};
use auth_service::views::{assets, brand_stylesheet};

fn style() -> &'static str {
    std::str::from_utf8(assets::find("/static/style.css").unwrap().bytes).unwrap()
}

/// A property of `:root`, in light (0) or dark (1).
fn colour(stylesheet: &str, name: &str, scheme: usize) -> Colour {
    let found =
        stylesheet.split(&format!("{name}: #")).nth(scheme + 1).unwrap_or_else(|| panic!("no {name}"));
    Colour::try_from(format!("#{}", &found[..6])).unwrap()
}

#[test]
fn it_asks_no_other_host() {
    assert!(!style().contains("//") && !style().contains("@import"));
    for reference in style().split("url(").skip(1) {
        let path = reference.split(')').next().unwrap().trim_matches('"');
        assert!(assets::find(path).is_some(), "{path} is not served");
    }
}

/// A rule for the table of contents once moved "Sign out" 3 pixels below its neighbour in the head of every page.
#[test]
fn no_rule_takes_every_nav_for_the_same() {
    let rules = style().split('}').filter_map(|rule| rule.split_once('{'));
    let selectors: Vec<_> = rules.flat_map(|(selectors, _)| selectors.split(',')).map(str::trim).collect();
    assert!(selectors.contains(&".who a"), "{selectors:?}");
    for selector in selectors {
        assert!(!selector.starts_with("nav > *") && !selector.starts_with("nav *"), "{selector}");
    }
}

#[test]
fn text_reads_on_what_lies_behind_it() {
    for scheme in [0, 1] {
        for (text, behind) in [
            ("--ink", "--surface"),
            ("--ink", "--paper"),
            ("--ink-soft", "--surface"),
            ("--ink-soft", "--paper"),
            ("--danger", "--surface"),
            ("--danger", "--danger-soft"),
            ("--on-danger", "--danger"),
            ("--ink", "--danger-soft"),
        ] {
            let contrast = colour(style(), text, scheme).contrast(colour(style(), behind, scheme));
            assert!(contrast >= Colour::READABLE, "{text} on {behind}: {contrast}");
        }
        let edge = colour(style(), "--field-line", scheme).contrast(colour(style(), "--surface", scheme));
        assert!(edge >= Colour::VISIBLE, "the edge of a field: {edge}");
    }
}

#[test]
fn any_accent_reads() {
    let channels = [0, 51, 102, 128, 153, 204, 255];
    for red in channels {
        for green in channels {
            for blue in channels {
                let accent = Colour::new(red, green, blue);
                let branding = Branding { accent_light: accent, accent_dark: accent, ..Branding::default() };
                let brand = brand_stylesheet(&branding);
                for scheme in [0, 1] {
                    let at = |name| colour(&brand, name, scheme);
                    let on = |name| colour(style(), name, scheme);
                    for (what, one, two) in [
                        ("button", at("--on-accent"), at("--accent")),
                        ("button under a pointer", at("--on-accent"), at("--accent-strong")),
                        ("link on the card", at("--accent-text"), on("--surface")),
                        ("link on the page", at("--accent-text"), on("--paper")),
                        ("badge", at("--accent-text"), at("--accent-soft")),
                        ("notice", on("--ink"), at("--accent-soft")),
                    ] {
                        let contrast = one.contrast(two);
                        assert!(contrast >= Colour::READABLE, "{what} with {accent}: {contrast}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_asset_has_its_own_path_and_hash() {
    for (index, asset) in assets::ASSETS.iter().enumerate() {
        assert!(asset.path.starts_with("/static/") && !asset.bytes.is_empty(), "{}", asset.path);
        assert!(
            !assets::ASSETS[..index].iter().any(|other| other.path == asset.path || other.hash == asset.hash)
        );
    }
    for asset in assets::ASSETS.iter().filter(|asset| asset.content_type == "image/svg+xml") {
        let image = std::str::from_utf8(asset.bytes).unwrap();
        assert!(!image.contains("<style") && !image.contains("style=") && !image.contains("<script"));
    }
}
