//! The documents' own examples of requests and answers, as they are printed. Those of requests were written before PKCE;
//! what it asks for is added, and without it each is refused.

use oidc::{
    AccessToken, AuthorizationRequest, AuthorizationResponse, Client, ClientAuthentication,
    ClientAuthenticationMethod, ErrorCode, KeySet, OAuthError, Parameters, RequestFault, Secret,
    TokenReference, TokenRequest, TokenTypeHint, VerifyingKey,
};
use serde_json::json;

use crate::forge::KEYS;

/// RFC 7636 appendix B.
const PKCE: &str = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const VERIFIER: &str = "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn client(redirect_uri: &str) -> Client {
    let client = json!({
        "client_id": "s6BhdRkqt3", "client_name": "Example", "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": "openid profile email calendar contacts",
        // RFC 6749 section 3.3: a request without a scope, as its own examples are, relies on one.
        "default_scope": "calendar",
        "resources": ["https://cal.example.com/", "https://contacts.example.com/"],
    });
    serde_json::from_value(client).unwrap()
}

fn authorize(query: &str, redirect_uri: &str) -> Result<AuthorizationRequest, RequestFault> {
    let parameters = Parameters::read(query);
    AuthorizationRequest::parse(&parameters, &client(redirect_uri))
}

#[test]
fn authorization_requests() {
    for (document, query, redirect_uri, state, scopes, resources) in [
        (
            "RFC 6749 section 4.1.1",
            "response_type=code&client_id=s6BhdRkqt3&state=xyz&redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb",
            "https://client.example.com/cb",
            "xyz",
            "calendar",
            0,
        ),
        (
            "OpenID Connect Core section 3.1.2.1",
            "response_type=code&scope=openid%20profile%20email&client_id=s6BhdRkqt3&state=af0ifjsldkj\
             &redirect_uri=https%3A%2F%2Fclient.example.org%2Fcb",
            "https://client.example.org/cb",
            "af0ifjsldkj",
            "openid profile email",
            0,
        ),
        (
            "RFC 8707 section 2.1",
            "response_type=code&client_id=s6BhdRkqt3&state=tNwzQ87pC6llebpmac_IDeeq-mCR2wLDYljHUZUAWuI\
             &redirect_uri=https%3A%2F%2Fclient.example.org%2Fcb&scope=calendar%20contacts\
             &resource=https%3A%2F%2Fcal.example.com%2F&resource=https%3A%2F%2Fcontacts.example.com%2F",
            "https://client.example.org/cb",
            "tNwzQ87pC6llebpmac_IDeeq-mCR2wLDYljHUZUAWuI",
            "calendar contacts",
            2,
        ),
    ] {
        let request = authorize(&format!("{query}{PKCE}"), redirect_uri).unwrap();
        assert_eq!(request.return_address.redirect_uri(), redirect_uri, "{document}");
        assert_eq!(request.return_address.state(), Some(state), "{document}");
        assert_eq!(
            (request.scopes.to_string().as_str(), request.resources.len()),
            (scopes, resources),
            "{document}"
        );
        match authorize(query, redirect_uri) {
            Err(RequestFault::SentToClient { error, .. }) => {
                assert_eq!(error.code, ErrorCode::InvalidRequest, "{document}");
                assert!(error.description.as_str().contains("code_challenge"), "{document}");
            }
            other => panic!("{document}: {other:?}"),
        }
    }
}

/// RFC 9207 section 2.1 to the letter; an error has the same form.
#[test]
fn authorization_responses() {
    let query = "response_type=code&client_id=s6BhdRkqt3&redirect_uri=https%3A%2F%2Fclient.example%2Fcb\
                 &state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI";
    let request = authorize(&format!("{query}{PKCE}"), "https://client.example/cb").unwrap();
    let (to, issuer) = (&request.return_address, "https://honest.as.example");
    let code = Secret::new("x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58");
    let AuthorizationResponse::Redirect { location } = AuthorizationResponse::success(to, issuer, &code)
    else {
        panic!("the mode is query")
    };
    assert_eq!(
        location,
        "https://client.example/cb?code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58\
         &state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI&iss=https%3A%2F%2Fhonest.as.example"
    );
    let denied = OAuthError::new(ErrorCode::AccessDenied, "No.");
    let AuthorizationResponse::Redirect { location } = AuthorizationResponse::error(to, issuer, &denied)
    else {
        panic!("the mode is query")
    };
    assert_eq!(
        location,
        "https://client.example/cb?error=access_denied&error_description=No.\
         &state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI&iss=https%3A%2F%2Fhonest.as.example"
    );
}

/// RFC 6749 sections 4.1.3, 4.4.2 and 6, all with the header of section 2.3.1.
#[test]
fn token_requests() {
    let authorization = "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW";
    let client = client("https://client.example.com/cb");
    let read = |body: &str| {
        let form = Parameters::parse(body).unwrap();
        let shown = ClientAuthentication::read(Some(authorization), &form).unwrap();
        assert_eq!(shown.client_id(), "s6BhdRkqt3");
        assert_eq!(shown.method(), ClientAuthenticationMethod::ClientSecretBasic);
        let request = TokenRequest::parse(&form, &client)?;
        if let TokenRequest::AuthorizationCode(exchange) = &request {
            exchange.proof()?;
        }
        Ok::<_, OAuthError>(request)
    };
    let code = "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA\
                &redirect_uri=https%3A%2F%2Fclient%2Eexample%2Ecom%2Fcb";
    assert_eq!(read(code).unwrap_err().code, ErrorCode::InvalidRequest, "without its verifier");
    match read(&format!("{code}{VERIFIER}")).unwrap() {
        TokenRequest::AuthorizationCode(exchange) => {
            assert_eq!(exchange.code.expose(), "SplxlOBeZQQYbYS6WxSbIA");
            assert_eq!(exchange.proof().unwrap().redirect_uri, "https://client.example.com/cb");
        }
        other => panic!("{other:?}"),
    }
    match read("grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA").unwrap() {
        TokenRequest::RefreshToken(exchange) => {
            assert_eq!(exchange.refresh_token.expose(), "tGzv3JOkF0XG5Qx2TlKWIA");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(read("grant_type=client_credentials"), Ok(TokenRequest::ClientCredentials(_))));
    // RFC 6749 section 4.3.2: the password grant is not spoken (RFC 9700 section 2.4).
    let password = "grant_type=password&username=johndoe&password=A3ddj3w";
    assert_eq!(read(password).unwrap_err().code, ErrorCode::UnsupportedGrantType);
}

/// RFC 7662 section 2.1 and RFC 7009 section 2.1.
#[test]
fn requests_about_tokens() {
    for (body, token, hint) in [
        ("token=2YotnFZFEjr1zCsicMWpAA", "2YotnFZFEjr1zCsicMWpAA", None),
        (
            "token=mF_9.B5f-4.1JqM&token_type_hint=access_token",
            "mF_9.B5f-4.1JqM",
            Some(TokenTypeHint::AccessToken),
        ),
        (
            "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token",
            "45ghiukldjahdnhzdauz",
            Some(TokenTypeHint::RefreshToken),
        ),
    ] {
        let reference = TokenReference::parse(&Parameters::parse(body).unwrap()).unwrap();
        assert_eq!((reference.token.expose(), reference.hint), (token, hint));
    }
}

/// The claims of RFC 9068 section 3, under a key of ours, at its resource and at another.
#[test]
fn rfc_9068_an_access_token() {
    let claims = json!({
        "iss": "https://authorization-server.example.com/",
        "sub": "5ba552d67",
        "aud": "https://rs.example.com/",
        "exp": 1_639_528_912,
        "iat": 1_618_354_090,
        "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
        "client_id": "s6BhdRkqt3",
        "scope": "openid profile reademail",
    });
    let key = &KEYS[2];
    let keys = KeySet::new(vec![VerifyingKey::from_jwk(key.public_jwk()).unwrap()]);
    let token = key.sign("at+JWT", &claims).unwrap();
    let verify = |audience: &str, now: i64| {
        AccessToken::verify(&token, &keys, "https://authorization-server.example.com/", audience, 0, now)
    };
    let read = verify("https://rs.example.com/", 1_639_528_911).unwrap();
    assert_eq!((read.sub.as_str(), read.client_id.as_str()), ("5ba552d67", "s6BhdRkqt3"));
    assert!(read.scope.contains("reademail"));
    assert!(verify("https://rs.example.com/", 1_639_528_912).is_err(), "it has expired");
    assert!(verify("https://other.example.com/", 1_639_528_911).is_err(), "at another resource");
}
