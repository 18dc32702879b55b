//! Whether whoever asks has a document already (RFC 9110 section 13.1.2).

use axum::http::HeaderMap;
use axum::http::header::IF_NONE_MATCH;

/// Whether `If-None-Match` names this `ETag` (with its quotes): alone or among others, weak or strong, or by `*`. What does
/// not read as the document wants it names nothing from there on.
pub(crate) fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        let list = list.trim_matches(BLANK);
        list == "*" || tags(list).any(|known| known == tag)
    })
}

/// What may stand around a comma (RFC 9110 section 5.6.1.1).
const BLANK: [char; 2] = [' ', '\t'];

/// The tags of a list, each without what says that it is weak: the comparison is the weak one. There may be commas in them.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let tag = rest.strip_prefix("W/").unwrap_or(rest);
        let end = tag.strip_prefix('"')?.find('"')? + 2;
        let (tag, after) = tag.split_at(end);
        rest = after.trim_start_matches(BLANK);
        (rest.is_empty() || rest.starts_with(',')).then_some(tag)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| (IF_NONE_MATCH, HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_tag_is_known_however_it_is_named() {
        for known in [
            &["\"a\""][..],
            &["W/\"a\""],
            &["*"],
            &[" * "],
            &["\"b\", \"a\""],
            &["\"b\",W/\"a\""],
            &["\"b\" ,\t\"a\" , \"c\""],
            &[",, \"b\",,\"a\","],
            &["\"b,c\", \"a\""],
            &["\"\", \"a\""],
            &["\"b\"", "\"c\", \"a\""],
        ] {
            assert!(is_known(&asked(known), "\"a\""), "{known:?}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for unknown in [
            &[][..],
            &[""],
            &["\"b\""],
            &["a"],
            &["\"a"],
            &["w/\"a\""],
            &["W/ \"a\""],
            &["\"b\" \"a\""],
            &["\"b, \"a\""],
            &["\"A\""],
            &["\"b\", *"],
            &["**"],
        ] {
            assert!(!is_known(&asked(unknown), "\"a\""), "{unknown:?}");
        }
    }
}
