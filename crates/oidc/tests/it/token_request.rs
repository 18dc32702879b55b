//! What clients ask of the token endpoint, and the answer.

use oidc::{
    Client, ClientAuthenticationMethod, ErrorCode, GrantType, OAuthError, Parameters, Scopes, Secret,
    TokenRequest, TokenResponse, TokenType, invalid_or_expired,
};
use proptest::prelude::*;
use serde_json::json;

use crate::{authorization_request, client::client};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn form(grant_type: &str, changes: &[(&str, Option<&str>)]) -> String {
    let mut parameters = match grant_type {
        "authorization_code" => {
            vec![("code", "c"), ("redirect_uri", "https://app.example/callback"), ("code_verifier", VERIFIER)]
        }
        "refresh_token" => vec![("refresh_token", "r")],
        _ => vec![],
    };
    parameters.push(("grant_type", grant_type));
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.extend(value.map(|value| (*name, value)));
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

fn parse(form: &str) -> Result<TokenRequest, OAuthError> {
    parse_for(form, &client())
}

fn parse_for(form: &str, client: &Client) -> Result<TokenRequest, OAuthError> {
    let request = TokenRequest::parse(&Parameters::parse(form)?, client)?;
    if let TokenRequest::AuthorizationCode(exchange) = &request {
        exchange.proof()?;
    }
    Ok(request)
}

#[test]
fn each_grant_has_its_parameters() {
    let resource = ("resource", Some("https://api.example"));
    match parse(&form("authorization_code", &[resource, ("scope", Some("ignored"))])).unwrap() {
        TokenRequest::AuthorizationCode(exchange) => {
            let proof = exchange.proof().unwrap();
            assert_eq!((exchange.code.expose(), proof.code_verifier.expose()), ("c", VERIFIER));
            assert_eq!(proof.redirect_uri, "https://app.example/callback");
            assert_eq!(proof.resources, ["https://api.example"]);
        }
        other => panic!("{other:?}"),
    }
    match parse(&form("refresh_token", &[resource])).unwrap() {
        TokenRequest::RefreshToken(exchange) => {
            assert_eq!(
                (exchange.refresh_token.expose(), exchange.resources),
                ("r", vec!["https://api.example".to_owned()])
            );
        }
        other => panic!("{other:?}"),
    }
    match parse(&form("client_credentials", &[resource, ("scope", Some("write"))])).unwrap() {
        TokenRequest::ClientCredentials(request) => {
            assert_eq!((request.scopes.to_string(), request.resources.len()), ("write".to_owned(), 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_has_the_error_of_rfc_6749_section_5_2() {
    use ErrorCode as Code;
    let cases: [(&str, &str, Option<&str>, Code); 19] = [
        ("authorization_code", "grant_type", None, Code::InvalidRequest),
        ("authorization_code", "grant_type", Some("password"), Code::UnsupportedGrantType),
        ("authorization_code", "grant_type", Some("Authorization_code"), Code::UnsupportedGrantType),
        (
            "authorization_code",
            "grant_type",
            Some("urn:ietf:params:oauth:grant-type:device_code"),
            Code::UnsupportedGrantType,
        ),
        ("authorization_code", "code", None, Code::InvalidRequest),
        ("authorization_code", "code", Some(""), Code::InvalidRequest),
        ("authorization_code", "redirect_uri", None, Code::InvalidRequest),
        ("authorization_code", "code_verifier", None, Code::InvalidRequest),
        ("authorization_code", "code_verifier", Some("short"), Code::InvalidRequest),
        ("authorization_code", "resource", Some("https://foreign.example"), Code::InvalidTarget),
        ("refresh_token", "refresh_token", None, Code::InvalidRequest),
        ("client_credentials", "scope", Some("admin"), Code::InvalidScope),
        ("client_credentials", "scope", Some("openid"), Code::InvalidScope),
        ("client_credentials", "scope", Some("read profile"), Code::InvalidScope),
        ("client_credentials", "scope", Some("offline_access"), Code::InvalidScope),
        ("client_credentials", "scope", Some(" read"), Code::InvalidScope),
        ("client_credentials", "resource", Some("api"), Code::InvalidTarget),
        ("client_credentials", "grant_type", Some("none"), Code::UnsupportedGrantType),
        ("client_credentials", "grant_type", Some(" "), Code::UnsupportedGrantType),
    ];
    for (grant_type, name, value, code) in cases {
        let error = parse(&form(grant_type, &[(name, value)])).unwrap_err();
        assert_eq!(error.code, code, "{grant_type} {name}={value:?}: {error}");
    }
    let twice = format!("{}&code=c", form("authorization_code", &[]));
    assert_eq!(parse(&twice).unwrap_err().code, Code::InvalidRequest);
}

#[test]
fn class_17_a_client_uses_its_own_grants_only() {
    for allowed in GrantType::ALL {
        let mut client = client();
        client.grant_types = vec![allowed];
        for used in GrantType::ALL {
            let request = parse_for(&form(used.name(), &[]), &client);
            if used == allowed {
                assert!(request.is_ok());
            } else {
                assert_eq!(request.unwrap_err().code, ErrorCode::UnauthorizedClient, "{used:?}");
            }
        }
    }
}

#[test]
fn class_08_a_code_serves_only_whom_it_was_issued_to() {
    let request = authorization_request::parse(&authorization_request::query(&[])).unwrap();
    let check =
        |changes: &[(&str, Option<&str>)], client: &Client| match parse(&form("authorization_code", changes))
        {
            Ok(TokenRequest::AuthorizationCode(exchange)) => {
                exchange.proof().unwrap().check(&request, client).map_err(|error| error.code)
            }
            other => panic!("{other:?}"),
        };
    assert_eq!(check(&[], &client()), Ok(()));
    let mut other = client();
    other.client_id = "other".to_owned();
    assert_eq!(check(&[], &other), Err(ErrorCode::InvalidGrant));
    let challenge = request.code_challenge.to_string();
    for (name, value) in [
        ("redirect_uri", "https://app.example/callback/"),
        ("redirect_uri", "https://app.example/other?tenant=1"),
        ("redirect_uri", "http://127.0.0.1/native"),
        ("code_verifier", challenge.as_str()),
        ("code_verifier", &"a".repeat(43)),
    ] {
        assert_eq!(check(&[(name, Some(value))], &client()), Err(ErrorCode::InvalidGrant), "{name}={value}");
    }
}

/// The port was chosen once: the exception of RFC 8252 is for registration.
#[test]
fn class_01_the_loopback_port_is_that_of_the_authorization_request() {
    let uri = "http://127.0.0.1:51004/native";
    let request =
        authorization_request::parse(&authorization_request::query(&[("redirect_uri", Some(uri))])).unwrap();
    for (presented, fits) in
        [(uri, true), ("http://127.0.0.1:51005/native", false), ("http://127.0.0.1/native", false)]
    {
        match parse(&form("authorization_code", &[("redirect_uri", Some(presented))])).unwrap() {
            TokenRequest::AuthorizationCode(exchange) => {
                assert_eq!(exchange.proof().unwrap().check(&request, &client()).is_ok(), fits, "{presented}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn class_17_a_refresh_never_widens_what_was_granted() {
    let granted = Scopes::parse("openid read").unwrap();
    let scopes = |scope: Option<&str>| match parse(&form("refresh_token", &[("scope", scope)])).unwrap() {
        TokenRequest::RefreshToken(exchange) => exchange.scopes(&granted).map(|scopes| scopes.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(scopes(None).unwrap(), "openid read");
    assert_eq!(scopes(Some("read")).unwrap(), "read");
    assert_eq!(scopes(Some("read openid")).unwrap(), "openid read");
    for wider in ["openid read write", "write", "email", "admin", "a  b", "read ", "\"read\""] {
        assert_eq!(scopes(Some(wider)).unwrap_err().code, ErrorCode::InvalidScope, "{wider}");
    }
}

#[test]
fn a_client_by_itself_has_nothing_of_a_person() {
    let mut own = client();
    own.default_scope = Scopes::parse("openid profile read").unwrap();
    match parse_for(&form("client_credentials", &[]), &own).unwrap() {
        TokenRequest::ClientCredentials(request) => assert_eq!(request.scopes.to_string(), "read"),
        other => panic!("{other:?}"),
    }
    own.token_endpoint_auth_method = ClientAuthenticationMethod::None;
    assert!(own.validate().is_err());
}

#[test]
fn rfc_6749_section_5_1_answer() {
    let mut response = TokenResponse {
        access_token: Secret::new("2YotnFZFEjr1zCsicMWpAA"),
        token_type: TokenType::Bearer,
        expires_in: 3600,
        scope: Scopes::parse("read openid").unwrap(),
        id_token: None,
        refresh_token: Some(Secret::new("tGzv3JOkF0XG5Qx2TlKWIA")),
    };
    let body = json!({
        "access_token": "2YotnFZFEjr1zCsicMWpAA", "token_type": "Bearer", "expires_in": 3600, "scope": "openid read",
        "refresh_token": "tGzv3JOkF0XG5Qx2TlKWIA",
    });
    assert_eq!(serde_json::to_value(&response).unwrap(), body);
    (response.id_token, response.refresh_token) = (Some(Secret::new("a.b.c")), None);
    assert_eq!(serde_json::to_value(&response).unwrap()["id_token"], "a.b.c");
    assert!(!format!("{response:?}").contains("a.b.c"));
    // A scope has at least one name (RFC 6749 section 3.3).
    response.scope = Scopes::default();
    assert!(serde_json::to_value(&response).unwrap().get("scope").is_none());
}

#[test]
fn an_unknown_and_a_used_code_are_one_answer() {
    let error = invalid_or_expired("code");
    assert_eq!((error.code, error.status()), (ErrorCode::InvalidGrant, 400));
    assert!(error.description.as_str().starts_with("The code is unknown, has expired, or was used already"));
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(name in "(code|scope|resource|redirect_uri|code_verifier|refresh_token)", value in "\\PC{0,60}") {
        for grant_type in GrantType::ALL {
            let _ = parse(&form(grant_type.name(), &[(&name, Some(&value))]));
        }
    }
}
