//! The query or the form of a request.

use oidc::{ErrorCode, Parameters};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Parameters, String> {
    Parameters::parse(text).map_err(|error| {
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        error.description.to_string()
    })
}

#[test]
fn values_are_decoded_and_empty_ones_are_absent() {
    let parameters = parse("a=1&b=x+y%2Bz&c=&d&%65=%C3%A4&&f==&").unwrap();
    let cases = [
        ("a", Some("1")),
        ("b", Some("x y+z")),
        ("c", None),
        ("d", None),
        ("e", Some("\u{e4}")),
        ("f", Some("=")),
        ("A", None),
        ("", None),
    ];
    for (name, value) in cases {
        assert_eq!(parameters.get(name), value, "{name}");
    }
    assert_eq!(
        parameters.require("c").unwrap_err().to_string(),
        "invalid_request: The parameter 'c' is missing; it has to be sent, once and not empty."
    );
    assert_eq!(parameters.require_secret("a").unwrap().expose(), "1");
}

#[test]
fn class_01_a_repeated_parameter_has_no_value() {
    for text in ["a=1&a=1", "a=1&a=2", "a=&a=1", "a&a", "a=1&%61=2", "b=0&a=1&c=3&a="] {
        assert!(parse(text).unwrap_err().starts_with("The parameter 'a' occurs more than once"), "{text}");
        let kept = Parameters::read(text);
        assert_eq!(kept.get("a"), None, "{text}");
        assert!(kept.require("a").is_err(), "{text}");
        assert!(kept.refuse_uncertain().is_err(), "{text}");
    }
    // What is not the same name is not a repetition.
    for text in ["a=1&A=2", "a=1&a%20=2", "a=1&a[]=2", "a=1&+a=2"] {
        assert_eq!(parse(text).unwrap().get("a"), Some("1"), "{text}");
    }
}

#[test]
fn what_is_kept_of_a_form_stands_as_it_was_sent_and_as_often() {
    let cases = [
        ("a=1&b=2&c=3", "a=1&c=3"),
        ("&&a=x+y%2B&&b", "a=x+y%2B"),
        ("a=1&a=2&%61=3", "a=1&a=2&%61=3"),
        ("a&a=&c==", "a&a=&c=="),
        ("a=%&b=%", "a=%"),
        ("%zz=a+long+one&A=1&a+=1", "%"),
        ("", ""),
    ];
    for (text, kept) in cases {
        assert_eq!(Parameters::of_names(text, &["a", "c"]), kept, "{text}");
    }
}

#[test]
fn a_resource_may_be_repeated() {
    let parameters = parse("resource=https://a.example&resource=&resource=https://b.example").unwrap();
    let all: Vec<_> = parameters.get_all("resource").collect();
    assert_eq!(all, ["https://a.example", "https://b.example"]);
    assert_eq!(parameters.get("resource"), None);
    assert_eq!(parameters.get_all("nothing").count(), 0);
}

#[test]
fn what_decoders_guess_at_is_refused() {
    for text in ["a=%", "a=%4", "a=%zz", "a=%+1", "%=1", "a=%FF", "a=%C3", "a=%ED%A0%80", "a=%C0%AF"] {
        assert!(parse(text).unwrap_err().contains("not properly encoded"), "{text}");
        // Beside it all is read, but for what is of its name.
        let kept = Parameters::read(&format!("{text}&b=1&a=1"));
        assert_eq!(kept.get("b"), Some("1"), "{text}");
        assert_eq!(kept.get("a"), text.starts_with('%').then_some("1"), "{text}");
        assert!(kept.refuse_uncertain().is_err(), "{text}");
    }
}

#[test]
fn class_21_number_and_length_are_bounded() {
    let many = |number: usize| (0..number).map(|index| format!("p{index}=1")).collect::<Vec<_>>().join("&");
    assert!(parse(&many(50)).is_ok());
    let resources = |number: usize| vec!["resource=https://a.example"; number].join("&");
    assert!(parse(&resources(50)).is_ok());
    assert!(parse(&resources(51)).unwrap_err().contains("more than 50 parameters"));
    assert!(parse(&format!("state={}", "v".repeat(8192))).is_ok());
    assert!(parse(&format!("state={}", "v".repeat(8193))).unwrap_err().contains("'state' is longer"));
    // What nobody knows is passed over, however long and many, and stands in nobody's way (RFC 6749 section 3.1).
    let kept = parse(&format!("{}&state=1", many(1_000))).unwrap();
    assert_eq!((kept.get("p49"), kept.get("p50"), kept.get("state")), (Some("1"), None, Some("1")));
    for (name, value) in [(100, 8192), (101, 1), (1, 8193), (10_000, 10_000)] {
        let (name, value) = ("n".repeat(name), "v".repeat(value));
        let kept = parse(&format!("{name}={value}&state=1")).unwrap();
        let is_short = name.len() <= 100 && value.len() <= 8192;
        assert_eq!(kept.get(&name), is_short.then_some(value.as_str()), "{}", name.len());
        assert_eq!(kept.get("state"), Some("1"));
    }
}

#[test]
fn values_are_never_printed() {
    let parameters = parse("client_secret=hush&code=whisper").unwrap();
    assert_eq!(format!("{parameters:?}"), r#"Parameters["client_secret", "code"]"#);
    let secret = parameters.require_secret("code").unwrap();
    assert_eq!(format!("{secret:?}"), "Secret");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-c=&%+0-9\\PC]{0,200}") {
        let _ = Parameters::parse(&text);
    }

    #[test]
    fn what_a_form_encodes_is_read_back(
        values in proptest::collection::btree_map("\\PC{1,20}", "\\PC{1,50}", 0..10)
    ) {
        let text: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&values).finish();
        let parameters = Parameters::parse(&text).unwrap();
        for (name, value) in &values {
            prop_assert_eq!(parameters.get(name), Some(value.as_str()));
        }
    }
}
