//! What a registry asks for before it answers (`WWW-Authenticate`): a token that is had elsewhere, or a password.

/// How somebody is to prove who they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// By a token, which this address gives out.
    Bearer { realm: String, service: Option<String> },
    /// By name and password.
    Basic,
}

impl Challenge {
    /// From the header. What is not known is none.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        let mut rest = rest;
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = read_value(after)?;
            match name.trim_matches([' ', ',']).to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
            rest = after;
        }
        Some(Self::Bearer { realm: realm?, service })
    }
}

/// A value, in quotes or without, and what comes after it.
fn read_value(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.split_once('"').map(|(value, after)| (value.to_owned(), after));
    }
    let end = text.find(',').unwrap_or(text.len());
    let (value, after) = text.split_at(end);
    Some((value.trim().to_owned(), after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_registries_ask_for_is_understood() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (header, challenge) in [
            (
                "Bearer realm=\"https://ghcr.io/token\",service=\"ghcr.io\",scope=\"repository:a/b:pull,push\"",
                bearer("https://ghcr.io/token", Some("ghcr.io")),
            ),
            (
                "bearer  service=registry , realm=https://a.example/token",
                bearer("https://a.example/token", Some("registry")),
            ),
            ("Bearer realm=\"https://a.example/\"", bearer("https://a.example/", None)),
            ("Basic realm=\"basic-realm\"", Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Bearer", None),
            ("Bearer realm=\"https://a.example/", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(header), challenge, "{header}");
        }
    }

    proptest! {
        #[test]
        fn class_21_any_challenge_is_read_or_passed_over(anything in ".*", likely in "Bearer ([a-z]{1,7}=\"?[a-z:/]{0,9}\"?,? ?){0,4}") {
            for header in [anything, likely] {
                if let Some(Challenge::Bearer { realm, .. }) = Challenge::parse(&header) {
                    prop_assert!(header.contains(&realm));
                }
            }
        }
    }
}
