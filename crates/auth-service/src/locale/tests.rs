//! Which language whom is answered in.

use super::Locale::{self, English, German};

#[test]
fn the_chosen_language_stands_before_the_browsers() {
    assert_eq!(Locale::negotiate(Some(English), Some("de")), English);
    assert_eq!(Locale::negotiate(Some(German), None), German);
}

#[test]
fn the_browsers_wish_is_read_by_its_weights() {
    for (header, expected) in [
        ("de", German),
        ("de-AT", German),
        ("DE_ch", German),
        ("fr, de;q=0.5, en;q=0.8", English),
        ("fr, de;q=0.9, en;q=0.8", German),
        ("de;q=0, en;q=0.1", English),
        ("de;q=0", English),
        ("de; q=0.7, en ;q=0.7", German),
        ("de;q=nonsense", English),
        ("de;q=NaN", English),
        ("den, deutsch", English),
        ("*", English),
        ("", English),
        (",;q=,;;", English),
    ] {
        assert_eq!(Locale::negotiate(None, Some(header)), expected, "{header:?}");
    }
}

#[test]
fn a_header_without_end_is_not_read_to_its_end() {
    let header = format!("{}de", "fr,".repeat(100_000));
    assert_eq!(Locale::negotiate(None, Some(&header)), English);
}

#[test]
fn a_missing_key_is_seen() {
    assert_eq!(German.texts().format("no-such-key", &[]), "⟦no-such-key⟧");
}

proptest::proptest! {
    /// Any header names a language; a choice goes before it.
    #[test]
    fn class_21_any_accept_language_is_read(header in ".{0,300}", likely in "((de|en|fr|\\*)(-[A-Z]{2})?(;q=[0-9.a-z-]{0,5})?,? ?){0,40}") {
        for header in [header, likely] {
            let found = Locale::negotiate(None, Some(&header));
            proptest::prop_assert_eq!(Locale::negotiate(Some(Locale::German), Some(&header)), Locale::German);
            // German is answered to whoever names it, and to nobody else.
            proptest::prop_assert!(found == Locale::English || header.to_ascii_lowercase().contains("de"));
        }
    }
}
