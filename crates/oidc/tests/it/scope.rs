//! Scopes.

use oidc::{ErrorCode, Scopes};
use proptest::prelude::*;

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

#[test]
fn they_are_shown_in_one_order() {
    let shown = scopes("write offline_access email email Openid read profile openid").to_string();
    assert_eq!(shown, "openid profile email offline_access Openid read write");
    assert_eq!(scopes("a b"), scopes("b a"));
    assert_eq!(scopes("").to_string(), "");
    assert!(scopes("").is_empty());
    assert!(Scopes::default().is_empty());
}

#[test]
fn rfc_6749_section_3_3_grammar() {
    for text in ["!", "#[]~", "https://api.example/read", "a:b.c/d", &"a".repeat(200)] {
        assert_eq!(scopes(text).iter().collect::<Vec<_>>(), [text]);
    }
    let many: Vec<String> = (0..51).map(|number| number.to_string()).collect();
    let wrong = [
        " ",
        " a",
        "a ",
        "a  b",
        "a\tb",
        "a\nb",
        "a\"b",
        "a\\b",
        "\u{e4}",
        "a\0",
        "\u{7f}",
        &"a".repeat(201),
        &many.join(" "),
    ];
    for text in wrong {
        assert_eq!(Scopes::parse(text).unwrap_err().code, ErrorCode::InvalidScope, "{text:?}");
    }
}

#[test]
fn they_are_a_set() {
    let (some, all) = (scopes("openid a"), scopes("a b openid"));
    assert!(some.is_subset_of(&all) && !all.is_subset_of(&some) && some.is_subset_of(&some));
    assert!(scopes("").is_subset_of(&some));
    assert_eq!(all.difference(&some), scopes("b"));
    assert_eq!(all.intersection(&some), some);
    assert_eq!(some.union(&scopes("c")), scopes("openid a c"));
    assert!(all.contains("openid") && !all.contains("OPENID") && !all.contains("open"));
}

proptest! {
    #[test]
    fn a_text_is_read_back(text in "[!#-\\[\\]-~]{1,8}( [!#-\\[\\]-~]{1,8}){0,8}", any in any::<String>()) {
        let read = scopes(&text);
        prop_assert_eq!(&scopes(&read.to_string()), &read);
        let json = serde_json::to_string(&read).unwrap();
        prop_assert_eq!(serde_json::from_str::<Scopes>(&json).unwrap(), read);
        let _ = Scopes::parse(&any);
    }
}
