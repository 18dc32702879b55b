//! `oidcc-config-certification-test-plan`, and the like modules of the logout plans.

use serde_json::{Value, json};

use super::ISSUER;
use crate::support::TestApp;
use oidc::Algorithm;

pub(super) async fn document() -> Value {
    let app =
        TestApp::with(|setup| setup.algorithms = vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256])
            .await;
    let answer = app.program().get("/.well-known/openid-configuration").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let document = answer.json();
    let keys = app.program().get(document["jwks_uri"].as_str().unwrap().strip_prefix(ISSUER).unwrap()).await;
    assert_eq!((keys.status.as_u16(), keys.header("content-type")), (200, "application/json"));
    for key in keys.json()["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key[private].is_null(), "{key}");
        }
        assert!(key["kid"].is_string() && key["use"] == "sig" && key["alg"].is_string(), "{key}");
    }
    document
}

fn list(document: &Value, name: &str) -> Vec<String> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is a list"));
    list.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let document = document().await;
    assert_eq!(document["issuer"], ISSUER);
    let has = |name: &str, value: &str| list(&document, name).contains(&value.to_owned());
    assert!(has("response_types_supported", "code"));
    assert!(has("subject_types_supported", "public"));
    assert!(has("id_token_signing_alg_values_supported", "RS256"));
    assert!(has("grant_types_supported", "authorization_code"));
    assert!(has("scopes_supported", "openid"));
    assert!(has("claims_supported", "sub"));
    assert!(has("code_challenge_methods_supported", "S256"));
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            assert!(value.as_str().is_some_and(|url| url.starts_with("https://")), "{name}: {value}");
        }
    }
    for name in
        ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"]
    {
        assert_eq!(document[name], json!(false), "{name}");
    }
    for name in ["registration_endpoint", "userinfo_signing_alg_values_supported"] {
        assert!(document[name].is_null(), "{name} is not there, since it is not served");
    }
}

/// No unsigned ID token: nobody can register for one, so the suite's module does not apply.
#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let document = document().await;
    assert!(!list(&document, "id_token_signing_alg_values_supported").contains(&"none".to_owned()));
    let client = json!({
        "client_id": "a", "client_name": "A", "scope": "openid", "id_token_signed_response_alg": "none",
    });
    assert!(serde_json::from_value::<oidc::Client>(client).is_err());
}
