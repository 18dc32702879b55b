//! Errors as the endpoints answer them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use oidc::{Description, ErrorCode, OAuthError, Realm};
use proptest::prelude::*;
use serde_json::json;

const ALL: [ErrorCode; 21] = [
    ErrorCode::InvalidRequest,
    ErrorCode::UnauthorizedClient,
    ErrorCode::AccessDenied,
    ErrorCode::UnsupportedResponseType,
    ErrorCode::InvalidScope,
    ErrorCode::ServerError,
    ErrorCode::TemporarilyUnavailable,
    ErrorCode::InvalidClient,
    ErrorCode::InvalidGrant,
    ErrorCode::UnsupportedGrantType,
    ErrorCode::InteractionRequired,
    ErrorCode::LoginRequired,
    ErrorCode::AccountSelectionRequired,
    ErrorCode::ConsentRequired,
    ErrorCode::RequestNotSupported,
    ErrorCode::RequestUriNotSupported,
    ErrorCode::RegistrationNotSupported,
    ErrorCode::InvalidToken,
    ErrorCode::InsufficientScope,
    ErrorCode::InvalidTarget,
    ErrorCode::UnsupportedTokenType,
];

#[test]
fn a_name_is_its_variant_in_snake_case() {
    for code in ALL {
        let snake: String = format!("{code:?}")
            .chars()
            .enumerate()
            .map(|(index, letter)| match (index, letter.is_uppercase()) {
                (0, _) => letter.to_lowercase().to_string(),
                (_, true) => format!("_{}", letter.to_lowercase()),
                (_, false) => letter.to_string(),
            })
            .collect();
        assert_eq!(code.name(), snake);
    }
}

#[test]
fn the_body_is_that_of_rfc_6749_section_5_2() {
    let error = OAuthError::new(ErrorCode::InvalidGrant, "The code has expired.");
    let body = json!({"error": "invalid_grant", "error_description": "The code has expired."});
    assert_eq!(serde_json::to_value(&error).unwrap(), body);
    assert_eq!(error.to_string(), "invalid_grant: The code has expired.");
}

#[test]
fn a_support_id_is_never_cut_off() {
    let with = |description: &str, id: &str| {
        OAuthError::new(ErrorCode::InvalidRequest, description).with_support_id(id).description.to_string()
    };
    assert_eq!(with("The scope is malformed.", "7H2K"), "The scope is malformed. (support id 7H2K)");
    let long = with(&"x".repeat(1000), "7H2K");
    assert!(long.len() == 500 && long.ends_with("x (support id 7H2K)"));
    assert_eq!(with("x", &"7".repeat(1000)).len(), 500);
}

#[test]
fn a_status_is_that_of_the_rfc() {
    for code in ALL {
        let expected = match code.name() {
            "invalid_client" | "invalid_token" => 401,
            "insufficient_scope" => 403,
            "server_error" => 500,
            "temporarily_unavailable" => 503,
            _ => 400,
        };
        assert_eq!(OAuthError::new(code, "").status(), expected, "{code}");
    }
}

#[test]
fn challenges_are_those_of_rfc_6749_and_rfc_6750() {
    let realm = Realm::new("https://auth.example");
    for code in ALL {
        let challenge = OAuthError::new(code, "x").client_challenge(&realm);
        let expected = (code == ErrorCode::InvalidClient).then_some(r#"Basic realm="https://auth.example""#);
        assert_eq!(challenge.as_deref(), expected, "{code}");
    }
    // RFC 6750 section 3, both examples.
    let realm = Realm::new("example");
    assert_eq!(realm.bearer_challenge(), r#"Bearer realm="example""#);
    let expired = OAuthError::new(ErrorCode::InvalidToken, "The access token expired");
    assert_eq!(
        expired.bearer_challenge(&realm, None),
        r#"Bearer realm="example", error="invalid_token", error_description="The access token expired""#
    );
    let short = OAuthError::new(ErrorCode::InsufficientScope, "x");
    assert!(short.bearer_challenge(&realm, Some("openid")).ends_with(r#", scope="openid""#));
    let hostile = Realm::new("a\", error=\"none\r\nSet-Cookie: x").bearer_challenge();
    assert_eq!(hostile, r#"Bearer realm="a', error='none??Set-Cookie: x""#);
}

proptest! {
    #[test]
    fn a_description_has_only_the_characters_of_the_rfc(text in any::<String>()) {
        let description = Description::from(&text);
        prop_assert!(description.as_str().chars().all(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')));
        prop_assert!(description.as_str().len() <= 500);
        let again = Description::from(description.as_str());
        prop_assert_eq!(again, description);
    }
}

/// `docs/reference/openid-connect.md` tells of every error that is answered, and of no other.
#[test]
fn every_error_that_is_answered_is_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let names: BTreeMap<String, String> = read(&root.join("crates/oidc/src/error_code.rs"))
        .lines()
        .filter_map(|line| {
            let (variant, name) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
            Some((variant.to_owned(), name.split('"').next()?.to_owned()))
        })
        .collect();
    // What a server says that cannot say more.
    let mut answered = BTreeSet::from(["server_error".to_owned(), "temporarily_unavailable".to_owned()]);
    for folder in ["crates/oidc/src", "crates/auth/src", "crates/auth-service/src/protocol"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text =
                if path.is_file() && !path.ends_with("error_code.rs") { read(&path) } else { String::new() };
            for rest in text.split("ErrorCode::").skip(1) {
                let variant = rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
                answered.extend(names.get(variant).cloned());
            }
        }
    }
    let reference = read(&root.join("docs/reference/openid-connect.md"));
    let told: BTreeSet<String> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect();
    assert!(answered.len() > 15, "{answered:?}");
    assert_eq!(told, answered, "the reference tells of the left, the sources answer the right");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
