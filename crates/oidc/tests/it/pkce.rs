//! PKCE.

use oidc::{CodeChallenge, CodeVerifier, ErrorCode};
use proptest::prelude::*;

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[test]
fn rfc_7636_appendix_b() {
    let random = [
        116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
        214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
    ];
    let verifier = CodeVerifier::from_random(&random);
    assert_eq!(verifier.expose(), VERIFIER);
    assert_eq!(verifier.challenge().to_string(), CHALLENGE);
    let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
    assert!(challenge.is_of(&CodeVerifier::parse(VERIFIER).unwrap()));
}

#[test]
fn class_16_another_verifier_does_not_serve() {
    let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
    let changed = VERIFIER.replacen('d', "D", 1);
    // The challenge itself is what `plain` would take.
    for verifier in [CHALLENGE, changed.as_str(), &format!("{VERIFIER}x"), &"a".repeat(43)] {
        assert!(!challenge.is_of(&CodeVerifier::parse(verifier).unwrap()), "{verifier}");
    }
}

#[test]
fn rfc_7636_section_4_1_grammar() {
    for verifier in ["a".repeat(43), "~".repeat(128), format!("{}-._~09AZ", "z".repeat(40))] {
        assert_eq!(CodeVerifier::parse(&verifier).unwrap().expose(), verifier);
    }
    let long = "a".repeat(42);
    let wrong = [
        String::new(),
        long.clone(),
        "a".repeat(129),
        format!("{long}="),
        format!("{long}+"),
        format!("{long}/"),
        format!("{long} "),
        format!("{long}\0"),
        format!("{long}\u{e4}"),
    ];
    for verifier in wrong {
        assert_eq!(CodeVerifier::parse(&verifier).unwrap_err().code, ErrorCode::InvalidRequest, "{verifier}");
    }
}

#[test]
fn a_challenge_has_one_spelling() {
    let wrong = [
        String::new(),
        CHALLENGE[..42].to_owned(),
        format!("{CHALLENGE}="),
        format!("{CHALLENGE}A"),
        CHALLENGE.replace('-', "+"),
        // The last letter has two bits that say nothing.
        CHALLENGE.replace("cM", "cN"),
        "a".repeat(64),
    ];
    for challenge in wrong {
        assert_eq!(
            CodeChallenge::parse(&challenge).unwrap_err().code,
            ErrorCode::InvalidRequest,
            "{challenge}"
        );
    }
}

#[test]
fn a_verifier_is_never_printed() {
    assert_eq!(format!("{:?}", CodeVerifier::parse(VERIFIER).unwrap()), "CodeVerifier(Secret)");
}

proptest! {
    #[test]
    fn only_its_own_challenge_fits(one in any::<[u8; 32]>(), other in any::<[u8; 32]>(), text in "\\PC{0,150}") {
        let (one_verifier, other_verifier) = (CodeVerifier::from_random(&one), CodeVerifier::from_random(&other));
        prop_assert_eq!(one_verifier.challenge().is_of(&other_verifier), one == other);
        let challenge = one_verifier.challenge();
        prop_assert_eq!(CodeChallenge::parse(&challenge.to_string()).unwrap(), challenge);
        let _ = (CodeVerifier::parse(&text), CodeChallenge::parse(&text));
    }
}
