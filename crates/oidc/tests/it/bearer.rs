//! Bearer tokens in requests.

use oidc::{ErrorCode, Parameters, bearer_token};
use proptest::prelude::*;

fn find(header: Option<&str>, form: Option<&str>, query: &str) -> Result<Option<String>, ErrorCode> {
    let form = form.map(|form| Parameters::parse(form).unwrap());
    bearer_token(header, form.as_ref(), &Parameters::parse(query).unwrap())
        .map(|token| token.map(|token| token.expose().to_owned()))
        .map_err(|error| error.code)
}

#[test]
fn rfc_6750_section_2_each_way_alone() {
    let invalid = Err(ErrorCode::InvalidRequest);
    let found = |token: &str| Ok(Some(token.to_owned()));
    let cases = [
        (Some("Bearer mF_9.B5f-4.1JqM"), None, "", found("mF_9.B5f-4.1JqM")),
        (Some("bearer abc=="), None, "", found("abc==")),
        (None, Some("access_token=mF_9.B5f-4.1JqM"), "", found("mF_9.B5f-4.1JqM")),
        (None, None, "", Ok(None)),
        (None, Some("access_token="), "", Ok(None)),
        (Some("Basic YTpi"), None, "", Ok(None)),
        (Some("Bearerabc"), None, "", Ok(None)),
        (Some("Bearer"), None, "", invalid.clone()),
        (Some("Bearer "), None, "", invalid.clone()),
        (Some("Bearer  abc"), None, "", invalid.clone()),
        (Some("Bearer abc def"), None, "", invalid.clone()),
        (Some("Bearer abc,"), None, "", invalid.clone()),
        (Some("Bearer a=b"), None, "", invalid.clone()),
        (Some("Bearer =="), None, "", invalid.clone()),
        (Some("Bearer \u{e4}"), None, "", invalid.clone()),
        (Some("Bearer abc"), Some("access_token=abc"), "", invalid.clone()),
        (None, Some("access_token=a%20b"), "", invalid.clone()),
        (None, None, "access_token=abc", invalid.clone()),
        (Some("Bearer abc"), None, "access_token=abc", invalid.clone()),
    ];
    for (header, form, query, expected) in cases {
        assert_eq!(find(header, form, query), expected, "{header:?} {form:?} {query}");
    }
}

proptest! {
    #[test]
    fn no_header_makes_it_panic(header in "(Bearer|bearer|Basic|)[ ]{0,2}\\PC{0,40}") {
        if let Ok(Some(token)) = find(Some(&header), None, "") {
            prop_assert!(header.ends_with(&token) && !token.contains(' '));
        }
    }
}
