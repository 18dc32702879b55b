//! For whom an access token is meant.

use oidc::{Client, ErrorCode, audience};

use crate::client::client;

#[test]
fn class_17_a_token_has_one_audience_that_was_granted() {
    let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let client = Client { resources: list("a b"), ..client() };
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
        // Granted while it was registered, and registered no longer.
        ("", "gone", None),
        ("gone", "gone a", None),
        ("a", "gone a", Some("a")),
    ];
    for (requested, granted, expected) in cases {
        let (requested, granted) = (list(requested), list(granted));
        let found = audience(&requested, &granted, &client, "issuer");
        match expected {
            Some(expected) => assert_eq!(found, Ok(expected), "{requested:?} {granted:?}"),
            None => {
                assert_eq!(found.unwrap_err().code, ErrorCode::InvalidTarget, "{requested:?} {granted:?}");
            }
        }
    }
}
