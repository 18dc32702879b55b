//! For whom an access token is meant.

use oidc::{ErrorCode, audience};

#[test]
fn class_17_a_token_has_one_audience_that_was_granted() {
    let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let cases = [
        ("", "", Some("issuer")),
        ("", "a", Some("a")),
        ("a", "a", Some("a")),
        ("b", "a b", Some("b")),
        ("", "a b", None),
        ("a b", "a b", None),
        ("c", "a b", None),
        ("a", "", None),
        ("issuer", "a", None),
    ];
    for (requested, granted, expected) in cases {
        let (requested, granted) = (list(requested), list(granted));
        let found = audience(&requested, &granted, "issuer");
        match expected {
            Some(expected) => assert_eq!(found, Ok(expected), "{requested:?} {granted:?}"),
            None => {
                assert_eq!(found.unwrap_err().code, ErrorCode::InvalidTarget, "{requested:?} {granted:?}");
            }
        }
    }
}
