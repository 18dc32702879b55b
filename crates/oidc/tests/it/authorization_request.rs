//! What clients ask of the authorization endpoint, and how they are answered.

use oidc::{
    AuthorizationRequest, AuthorizationResponse, Client, ErrorCode, GrantType, OAuthError, Parameters,
    RedirectUri, RequestFault, ResponseMode, Secret,
};
use proptest::prelude::*;

use crate::client::client;

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ISSUER: &str = "https://auth.example";

/// A sound request, with some parameters set otherwise, or left out.
pub(crate) fn query(changes: &[(&str, Option<&str>)]) -> String {
    let mut parameters = vec![
        ("client_id", "app"),
        ("redirect_uri", "https://app.example/callback"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s t/ate"),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.extend(value.map(|value| (*name, value)));
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

pub(crate) fn parse(query: &str) -> Result<AuthorizationRequest, RequestFault> {
    parse_for(query, &client())
}

fn parse_for(query: &str, client: &Client) -> Result<AuthorizationRequest, RequestFault> {
    AuthorizationRequest::parse(&Parameters::read(query), client)
}

/// The error that the client is told.
fn told(query: &str) -> OAuthError {
    match parse(query) {
        Err(RequestFault::SentToClient { error, to }) => {
            assert_eq!(to.redirect_uri(), "https://app.example/callback");
            error
        }
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn everything_that_is_asked_for_is_read() {
    let request = parse(&query(&[
        ("scope", Some("email openid read address")),
        ("response_mode", Some("form_post")),
        ("prompt", Some("login consent")),
        ("max_age", Some("3600")),
        ("acr_values", Some("urn:b urn:a")),
        ("login_hint", Some("ada@example.org")),
        ("ui_locales", Some("de-CH en")),
        ("id_token_hint", Some("a.b.c")),
        ("resource", Some("https://api.example")),
        ("claims", Some("{\n\"id_token\":{}}")),
        ("display", Some("popup")),
        ("anything", Some("else")),
    ]))
    .unwrap();
    assert_eq!(request.client_id, "app");
    assert_eq!(request.return_address.redirect_uri(), "https://app.example/callback");
    assert_eq!(request.return_address.response_mode(), ResponseMode::FormPost);
    assert_eq!(request.return_address.state(), Some("s t/ate"));
    assert_eq!(request.scopes.to_string(), "openid email read");
    assert_eq!(request.resources, ["https://api.example"]);
    assert_eq!(request.code_challenge.to_string(), CHALLENGE);
    assert_eq!(request.nonce.as_deref(), Some("n"));
    assert!(
        request.prompt.login
            && request.prompt.consent
            && !request.prompt.none
            && !request.prompt.select_account
    );
    assert_eq!(request.max_age, Some(3600));
    assert_eq!(request.acr_values, ["urn:b", "urn:a"]);
    assert_eq!(request.login_hint.as_deref(), Some("ada@example.org"));
    assert_eq!(request.ui_locales, ["de-CH", "en"]);
    assert_eq!(request.id_token_hint.as_deref(), Some("a.b.c"));
    let stored = serde_json::to_vec(&request).unwrap();
    assert_eq!(serde_json::from_slice::<AuthorizationRequest>(&stored).unwrap(), request);
}

#[test]
fn what_is_not_said_has_a_default() {
    let request = parse(&query(&[("scope", None), ("state", None), ("nonce", Some(""))])).unwrap();
    assert_eq!(request.scopes.to_string(), "openid profile");
    assert_eq!(request.return_address.response_mode(), ResponseMode::Query);
    assert_eq!((request.return_address.state(), request.nonce, request.max_age), (None, None, None));
    assert_eq!(parse(&query(&[("max_age", Some("0"))])).unwrap().max_age, Some(0));
}

#[test]
fn class_01_without_a_certain_redirect_uri_only_the_person_is_told() {
    let double = |more: &str| format!("{}&{more}", query(&[]));
    let cases = [
        query(&[("client_id", None)]),
        query(&[("client_id", Some("other"))]),
        double("client_id=app"),
        query(&[("redirect_uri", None)]),
        query(&[("redirect_uri", Some(""))]),
        query(&[("redirect_uri", Some("https://evil.example/"))]),
        query(&[("redirect_uri", Some("https://app.example/callback/"))]),
        query(&[("redirect_uri", Some("https://app.example/callback?x=1"))]),
        query(&[("redirect_uri", Some("https://app.example/..;/callback"))]),
        query(&[("redirect_uri", Some("javascript:alert(1)"))]),
        double("redirect_uri=https://app.example/callback"),
        double("redirect_uri=https://evil.example/"),
        double("redirect_uri="),
        double("redirect%5Furi=https://evil.example/"),
        query(&[("redirect_uri", Some("https://evil.example/")), ("response_type", Some("token"))]),
    ];
    for query in cases {
        match parse(&query) {
            Err(RequestFault::ShownToPerson(error)) => assert_eq!(error.code, ErrorCode::InvalidRequest),
            other => panic!("{query}: {other:?}"),
        }
    }
}

#[test]
fn an_unknown_client_is_shown_to_the_person() {
    let RequestFault::ShownToPerson(error) = RequestFault::unknown_client("x<y") else { panic!("sent") };
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    assert!(error.description.as_str().starts_with("The client 'x<y' is not known"));
}

#[test]
fn what_else_is_wrong_is_told_to_the_client() {
    use ErrorCode as Code;
    let long = "x".repeat(4097);
    let many = "a ".repeat(600);
    let cases: [(&str, Option<&str>, Code); 42] = [
        ("response_type", None, Code::InvalidRequest),
        ("response_type", Some("token"), Code::UnsupportedResponseType),
        ("response_type", Some("id_token"), Code::UnsupportedResponseType),
        ("response_type", Some("code id_token"), Code::UnsupportedResponseType),
        ("response_type", Some("none"), Code::UnsupportedResponseType),
        ("response_type", Some("CODE"), Code::UnsupportedResponseType),
        ("response_type", Some("code "), Code::UnsupportedResponseType),
        ("response_mode", Some("fragment"), Code::InvalidRequest),
        ("response_mode", Some("query.jwt"), Code::InvalidRequest),
        ("response_mode", Some("web_message"), Code::InvalidRequest),
        ("code_challenge", None, Code::InvalidRequest),
        ("code_challenge", Some(""), Code::InvalidRequest),
        ("code_challenge", Some("short"), Code::InvalidRequest),
        ("code_challenge_method", None, Code::InvalidRequest),
        ("code_challenge_method", Some("plain"), Code::InvalidRequest),
        ("code_challenge_method", Some("s256"), Code::InvalidRequest),
        ("code_challenge_method", Some("S512"), Code::InvalidRequest),
        ("scope", Some("openid admin"), Code::InvalidScope),
        ("scope", Some("OPENID"), Code::InvalidScope),
        ("scope", Some("openid  email"), Code::InvalidScope),
        ("scope", Some("openid\temail"), Code::InvalidScope),
        ("resource", Some("https://foreign.example"), Code::InvalidTarget),
        ("resource", Some("https://api.example/"), Code::InvalidTarget),
        ("resource", Some("https://api.example#x"), Code::InvalidTarget),
        ("resource", Some("api"), Code::InvalidTarget),
        ("prompt", Some("none login"), Code::InvalidRequest),
        ("prompt", Some("consent none"), Code::InvalidRequest),
        ("prompt", Some("create"), Code::InvalidRequest),
        ("prompt", Some("None"), Code::InvalidRequest),
        ("max_age", Some("-1"), Code::InvalidRequest),
        ("max_age", Some("+1"), Code::InvalidRequest),
        ("max_age", Some("1.5"), Code::InvalidRequest),
        ("max_age", Some("1 "), Code::InvalidRequest),
        ("max_age", Some("4294967296"), Code::InvalidRequest),
        ("request", Some("e30.e30."), Code::RequestNotSupported),
        ("request_uri", Some("https://evil.example/"), Code::RequestUriNotSupported),
        ("registration", Some("{}"), Code::RegistrationNotSupported),
        ("nonce", Some("a\r\nb"), Code::InvalidRequest),
        ("nonce", Some(&long), Code::InvalidRequest),
        ("login_hint", Some(&many), Code::InvalidRequest),
        ("acr_values", Some(&many), Code::InvalidRequest),
        ("ui_locales", Some(&many), Code::InvalidRequest),
    ];
    for (name, value, code) in cases {
        let error = told(&query(&[(name, value)]));
        assert_eq!(error.code, code, "{name}={value:?}: {error}");
        assert!(error.description.as_str().len() > 20, "{error}");
    }
}

#[test]
fn class_01_a_repeated_parameter_is_told_to_the_client() {
    for name in [
        "response_type",
        "scope",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "unknown",
    ] {
        let error = told(&format!("{}&{name}=1&{name}=2", query(&[(name, None)])));
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert!(error.description.as_str().contains(&format!("'{name}' occurs more than once")), "{error}");
    }
}

#[test]
fn a_state_that_is_not_certain_is_not_given_back() {
    let cases = [
        format!("{}&state=x", query(&[])),
        query(&[("state", Some("a\nb"))]),
        query(&[("state", Some(&"x".repeat(4097)))]),
    ];
    for query in cases {
        let Err(RequestFault::SentToClient { error, to }) = parse(&query) else { panic!("{query}") };
        assert_eq!((error.code, to.state()), (ErrorCode::InvalidRequest, None), "{query}");
    }
}

#[test]
fn class_17_a_client_gets_no_further_than_it_is_registered() {
    let mut narrow = client();
    narrow.grant_types = vec![GrantType::AuthorizationCode];
    narrow.response_modes = vec![ResponseMode::FormPost];
    let request = parse_for(&query(&[("scope", Some("openid offline_access phone"))]), &narrow).unwrap();
    assert_eq!(request.scopes.to_string(), "openid");
    assert_eq!(request.return_address.response_mode(), ResponseMode::FormPost);
    let Err(RequestFault::SentToClient { error, to }) =
        parse_for(&query(&[("response_mode", Some("query"))]), &narrow)
    else {
        panic!("a mode that is not registered");
    };
    assert_eq!((error.code, to.response_mode()), (ErrorCode::InvalidRequest, ResponseMode::FormPost));
    narrow.grant_types = vec![GrantType::ClientCredentials];
    let Err(RequestFault::SentToClient { error, .. }) = parse_for(&query(&[]), &narrow) else {
        panic!("a grant")
    };
    assert_eq!(error.code, ErrorCode::UnauthorizedClient);
}

#[test]
fn an_answer_in_the_query_keeps_what_is_registered() {
    let code = Secret::new("c+o/d=e");
    for (uri, expected) in [
        (
            "https://app.example/callback",
            "https://app.example/callback?code=c%2Bo%2Fd%3De&state=s+t%2Fate&iss=https%3A%2F%2Fauth.example",
        ),
        (
            "https://app.example/other?tenant=1",
            "https://app.example/other?tenant=1&code=c%2Bo%2Fd%3De&state=s+t%2Fate&iss=https%3A%2F%2Fauth.example",
        ),
        (
            "http://127.0.0.1:51004/native",
            "http://127.0.0.1:51004/native?code=c%2Bo%2Fd%3De&state=s+t%2Fate&iss=https%3A%2F%2Fauth.example",
        ),
    ] {
        let request = parse(&query(&[("redirect_uri", Some(uri))])).unwrap();
        match AuthorizationResponse::success(&request.return_address, ISSUER, &code) {
            AuthorizationResponse::Redirect { location } => assert_eq!(location, expected),
            other @ AuthorizationResponse::FormPost { .. } => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_begins_behind_any_registered_query() {
    let mut client = client();
    for (uri, joint) in [
        ("https://a.example/", "?"),
        ("https://a.example/?", ""),
        ("https://a.example/?x&", ""),
        ("https://a.example/?x", "&"),
    ] {
        client.redirect_uris = vec![RedirectUri::parse(uri).unwrap()];
        let request = parse_for(&query(&[("redirect_uri", Some(uri)), ("state", None)]), &client).unwrap();
        match AuthorizationResponse::success(&request.return_address, ISSUER, &Secret::new("c")) {
            AuthorizationResponse::Redirect { location } => {
                assert_eq!(location, format!("{uri}{joint}code=c&iss=https%3A%2F%2Fauth.example"));
            }
            other @ AuthorizationResponse::FormPost { .. } => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_in_a_form_has_the_same_fields() {
    let request = parse(&query(&[("response_mode", Some("form_post"))])).unwrap();
    let code = Secret::new("code");
    let response = AuthorizationResponse::success(&request.return_address, ISSUER, &code);
    assert_eq!(format!("{response:?}"), "FormPost");
    let AuthorizationResponse::FormPost { action, fields, ends_at } = response else { panic!("a redirect") };
    assert!(action.starts_with(&format!("{ends_at}/")), "{action} {ends_at}");
    assert_eq!(action, "https://app.example/callback");
    assert_eq!(fields, [("code", "code".into()), ("state", "s t/ate".into()), ("iss", ISSUER.to_owned())]);
}

/// A form is sent on as an address with no more than these.
#[test]
fn of_the_parameters_that_are_read_nothing_is_lost() {
    let all = [
        ("response_mode", "form_post"),
        ("prompt", "login consent"),
        ("max_age", "3600"),
        ("acr_values", "urn:b urn:a"),
        ("login_hint", "ada@example.org"),
        ("ui_locales", "de en"),
        ("id_token_hint", "a.b.c"),
    ];
    let all: Vec<_> = all.into_iter().map(|(name, value)| (name, Some(value))).collect();
    let full = query(&all);
    let mut cases = vec![full.clone(), full.replace("prompt", "%70rompt"), format!("{full}&%=1&a=1")];
    for name in AuthorizationRequest::PARAMETERS {
        for value in ["", "=", "=x", "=%FF", "=x&%=y"] {
            cases.push(format!("{full}&{name}{value}"));
            cases.push(query(&[(name, None)]) + "&" + name + value);
        }
    }
    assert!(parse(&full).is_ok());
    for case in cases {
        let kept =
            Parameters::of_names(&format!("claims={{}}&{case}&display"), &AuthorizationRequest::PARAMETERS);
        assert!(!kept.contains("claims") && !kept.contains("display"), "{kept}");
        assert_eq!(parse(&kept), parse(&case), "{case}");
    }
}

#[test]
fn an_error_names_the_issuer_too() {
    let Err(RequestFault::SentToClient { error, to }) =
        parse(&query(&[("state", None), ("prompt", Some("x&y=z"))]))
    else {
        panic!("an unknown prompt");
    };
    let AuthorizationResponse::Redirect { location } = AuthorizationResponse::error(&to, ISSUER, &error)
    else {
        panic!("a form");
    };
    let fields = location.strip_prefix("https://app.example/callback?").unwrap();
    let fields: Vec<_> = url::form_urlencoded::parse(fields.as_bytes()).collect();
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["error", "error_description", "iss"]);
    assert_eq!(fields[0].1, "invalid_request");
    assert!(fields[1].1.contains("'x&y=z'"));
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(text in "([a-z_]{1,12}=[a-z0-9%:/.]{0,12}&?){0,10}", value in "\\PC{0,40}", name in 0_usize..16) {
        const NAMES: [&str; 16] = [
            "client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age",
            "acr_values", "login_hint", "ui_locales", "id_token_hint", "resource", "code_challenge", "claims",
        ];
        {
            let parameters = Parameters::read(&text);
            prop_assert!(AuthorizationRequest::parse(&parameters, &client()).is_err());
        }
        match parse(&query(&[(NAMES[name], Some(&value))])) {
            Ok(request) => {
                let stored = serde_json::to_vec(&request).unwrap();
                prop_assert_eq!(serde_json::from_slice::<AuthorizationRequest>(&stored).unwrap(), request);
            }
            Err(RequestFault::SentToClient { to, .. }) => prop_assert!(client().has_redirect_uri(to.redirect_uri())),
            Err(RequestFault::ShownToPerson(_)) => prop_assert!(name < 2),
        }
    }
}
