//! Every other way to write an address that somebody could take for it: for what has to match letter by letter.

use std::collections::BTreeSet;

/// What normalisation, decoding or another reader could make nothing of, or something else.
const INSERTED: [&str; 24] = [
    "/", "\\", "//", ".", "..", "/../", "/./", ";", "..;/", "@", ":", "?", "#", "&", "*", "+", "%00",
    "%0d%0a", "%2f", "%5c", "%252e", " ", "\t", "\u{200b}",
];

/// Changes of one place each: a letter left out, doubled, in the other case, encoded, of another script; something put in
/// between. None of them is `address`.
pub(crate) fn of(address: &str) -> Vec<String> {
    let mut spellings = BTreeSet::new();
    for (at, letter) in address.char_indices() {
        let (before, behind) = (&address[..at], &address[at + letter.len_utf8()..]);
        let other_case =
            if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        let fullwidth = char::from_u32(letter as u32 + 0xfee0).unwrap();
        for instead in [
            String::new(),
            format!("{letter}{letter}"),
            other_case.to_string(),
            format!("%{:02x}", letter as u32),
            format!("%{:02X}", letter as u32),
            format!("%25{:02x}", letter as u32),
            fullwidth.to_string(),
        ] {
            spellings.insert(format!("{before}{instead}{behind}"));
        }
        for inserted in INSERTED {
            spellings.insert(format!("{before}{inserted}{letter}{behind}"));
        }
    }
    for inserted in INSERTED {
        spellings.insert(format!("{address}{inserted}"));
    }
    spellings.extend(of_the_whole(address));
    spellings.remove(address);
    spellings.into_iter().collect()
}

/// Another scheme, host, port or user; the address within another.
fn of_the_whole(address: &str) -> Vec<String> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("https", address));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    vec![
        format!("http://{rest}"),
        format!("ftp://{rest}"),
        format!("javascript://{rest}"),
        format!("//{rest}"),
        format!("{scheme}:{rest}"),
        format!("{scheme}:/{rest}"),
        format!("{scheme}:///{rest}"),
        format!("{scheme}://{host}:443{path}"),
        format!("{scheme}://{host}:{path}"),
        format!("{scheme}://{host}.{path}"),
        format!("{scheme}://{host}.evil.example{path}"),
        format!("{scheme}://evil.example/{host}{path}"),
        format!("{scheme}://evil.example\\@{host}{path}"),
        format!("{scheme}://evil.example%23@{host}{path}"),
        format!("{scheme}://evil.example?@{host}{path}"),
        format!("{scheme}://{host}@evil.example{path}"),
        format!("{scheme}://user:password@{host}{path}"),
        format!("{scheme}://@{host}{path}"),
        format!("{scheme}://evil.example{path}"),
        format!("{scheme}://{host}/..{path}"),
        format!("{scheme}://{host}/.{path}"),
        format!("{scheme}://{host}/x/..{path}"),
        format!("{scheme}://{host}/x/..;{path}"),
        format!("{scheme}://{host}/%2e%2e{path}"),
        format!("{scheme}://www.{host}{path}"),
        format!("{scheme}://xn--{host}{path}"),
        format!("{address}?redirect=https://evil.example"),
        format!("{address}#https://evil.example"),
        format!("{address}/..;/..;/evil"),
        format!("{address}\r\nLocation: https://evil.example"),
        format!("{address} https://evil.example"),
        format!("{address},https://evil.example"),
        format!("https://evil.example/?{address}"),
        "javascript:alert(1)".to_owned(),
        "data:text/html,x".to_owned(),
        "https://evil.example".to_owned(),
        "null".to_owned(),
    ]
}

#[test]
fn there_are_many_and_none_is_the_address() {
    let address = "https://wiki.example.com/callback";
    let spellings = of(address);
    assert!(spellings.len() > 800, "{}", spellings.len());
    assert!(!spellings.contains(&address.to_owned()));
    assert!(spellings.contains(&"https://wiki.example.com/../callback".to_owned()));
}
