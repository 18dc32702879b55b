//! The scripts that pages bring, of ours: two that say how easy a new password is to guess, and one that takes an answer to an app.

use auth_service::branding::Branding;
use auth_service::locale::Locale;
use auth_service::views::assets;

use crate::gallery;
use crate::markup::tags;

fn script(path: &str) -> &'static str {
    let asset = assets::find(path).unwrap();
    assert_eq!(asset.content_type, "text/javascript; charset=utf-8");
    std::str::from_utf8(asset.bytes).unwrap()
}

/// What others wrote is what `scripts/zxcvbn` made of it, with its licence, to the byte.
#[test]
fn zxcvbn_is_what_its_script_makes() {
    let zxcvbn = script("/static/zxcvbn.js");
    let digest = secrets::sha256(zxcvbn.as_bytes())
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(
        digest, "c89c57ce747e82df6f789300978923d6035e559dcb5886bc6a45a3d732848270",
        "static/zxcvbn.js was changed: if scripts/zxcvbn made it, put what that printed here"
    );
    assert!(zxcvbn.starts_with("/* Made by scripts/zxcvbn of zxcvbn-ts "));
    assert!(zxcvbn.contains("Permission is hereby granted, free of charge"));
}

/// None runs what it made of text, nor asks for anything: the policy would refuse both.
#[test]
fn they_make_no_code_and_no_request() {
    for path in ["/static/zxcvbn.js", "/static/strength.js", "/static/form_post.js"] {
        let text = script(path);
        for word in [
            "eval(",
            "Function(",
            "innerHTML",
            "document.write",
            "fetch(",
            "XMLHttpRequest",
            "sendBeacon",
            "import(",
            "http:",
        ] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
}

/// Each name that the script looks for words under is on the page, in every language.
#[test]
fn the_page_has_words_for_every_case() {
    let ours = script("/static/strength.js");
    let names = |from: &str, to: &str| {
        let part = ours.split_once(from).unwrap().1.split_once(to).unwrap().0;
        part.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let cases = [names("REASONS = {", "};"), names("LEVELS = [", "];")].concat();
    assert!(cases.len() > 15, "{cases:?}");
    for locale in Locale::ALL {
        let pages = gallery::pages(locale, &Branding::default(), gallery::CALM);
        let (_, html) = pages.iter().find(|(page, _)| *page == "sign-up").unwrap();
        let tags = tags(html);
        let (_, said) = tags
            .iter()
            .find(|(_, attributes)| attributes.iter().any(|(name, _)| *name == "data-strength-of"))
            .unwrap();
        assert!(said.contains(&("role", "status")), "who listens to the page is told");
        for case in &cases {
            let words = said.iter().find(|(name, _)| *name == format!("data-{case}"));
            assert!(words.is_some_and(|(_, words)| !words.is_empty()), "{case} in {}", locale.tag());
        }
    }
}
