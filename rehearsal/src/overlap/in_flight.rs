//! What is begun at one server and gone on with at the other.

use std::time::Duration;

use serde_json::{Value, json};

use super::House;
use super::side::Side;
use super::visitor::{Visitor, encoded, location};
use crate::Failure;
use crate::accounts::PASSWORD;
use crate::connection::Answer;

/// Where the app is.
pub(super) const CALLBACK: &str = "https://wiki.example.com/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const NEW_PASSWORD: &str = "staple battery horse correct";
/// What was ended at one is known at the other by then.
const LONGEST_WORD: Duration = Duration::from_secs(5);
/// How often that is asked.
const PAUSE: Duration = Duration::from_millis(20);

/// What is in flight.
#[derive(Clone, Copy)]
pub(super) enum InFlight {
    Session,
    SignUp,
    SecondStep,
    Reset,
    Request,
    Code,
    RefreshToken,
}

impl InFlight {
    pub(super) const ALL: [Self; 7] = [
        Self::Session,
        Self::SignUp,
        Self::SecondStep,
        Self::Reset,
        Self::Request,
        Self::Code,
        Self::RefreshToken,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Session => "a session, its cookies, its token, and its end",
            Self::SignUp => "a sign-up, and the code that proves its address",
            Self::SecondStep => "a sign-in, and the code of its second step",
            Self::Reset => "a reset of a password, and its code",
            Self::Request => "an app's request, while its person signs in",
            Self::Code => "an authorization code, and its access token",
            Self::RefreshToken => "a refresh token, and the one that took its place",
        }
    }

    /// Begins it at the one, and goes on with it at the other.
    pub(super) async fn cross(self, house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
        match self {
            Self::Session => session(house, from, to).await,
            Self::SignUp => sign_up_and_prove(house, from, to).await,
            Self::SecondStep => second_step(house, from, to).await,
            Self::Reset => reset(house, from, to).await,
            Self::Request => request(house, from, to).await,
            Self::Code => code(house, from, to).await,
            Self::RefreshToken => refresh_token(house, from, to).await,
        }
    }
}

/// A mail that the one has queued, and that it could not send, is sent by the other once the first has ended.
pub(super) async fn mail(house: &mut House, from: Side, to: &Side) -> Result<(), Failure> {
    let mut visitor = Visitor::default();
    house.mails.refuse(true).await;
    let begun = begin_sign_up(house, &mut visitor, &from, false).await;
    let refused = async {
        let (email, proof) = begun?;
        house.mails.wait_for_refusal(&email).await?;
        from.end().await?;
        Ok::<_, Failure>((email, proof))
    };
    let refused = refused.await;
    house.mails.refuse(false).await;
    let (email, proof) = refused?;
    prove(house, &mut visitor, to, &email, &proof).await
}

/// Somebody with an account, which was made at this server.
pub(super) async fn person(house: &mut House, at: &Side, second_step: bool) -> Result<String, Failure> {
    let mut visitor = Visitor::default();
    let (email, proof) = begin_sign_up(house, &mut visitor, at, second_step).await?;
    prove(house, &mut visitor, at, &email, &proof).await?;
    Ok(email)
}

async fn begin_sign_up(
    house: &mut House,
    visitor: &mut Visitor,
    at: &Side,
    second_step: bool,
) -> Result<(String, Value), Failure> {
    let email = house.draw.address();
    let body = json!({ "email": email, "password": PASSWORD, "second_step": second_step });
    let answer = visitor.json(at, "/api/v1/sign-up", &body).await?.expect(201, "a sign-up")?;
    Ok((email, answer.json()?["proof_id"].clone()))
}

async fn prove(
    house: &House,
    visitor: &mut Visitor,
    at: &Side,
    email: &str,
    proof: &Value,
) -> Result<(), Failure> {
    let code = house.mails.code(email).await?;
    let body = json!({ "proof_id": proof, "code": code, "password": PASSWORD });
    let answer = visitor.json(at, "/api/v1/sign-up/proof", &body).await?;
    answer.expect(200, "the proof of an address").map(drop)
}

async fn sign_in(at: &Side, email: &str, password: &str) -> Result<Visitor, Failure> {
    let mut visitor = Visitor::default();
    let body = json!({ "email": email, "password": password });
    visitor.json(at, "/login", &body).await?.expect(200, "a sign-in")?;
    Ok(visitor)
}

async fn session(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let email = person(house, from, false).await?;
    let mut visitor = sign_in(from, &email, PASSWORD).await?;
    let token = json!({ "token": visitor.cookie("jwt")? });
    let mut app = Visitor::default();
    app.json(to, "/verify-token", &token).await?.expect(200, "a token of the other server's")?;
    visitor.get(to, "/account").await?.expect(200, "a page for whoever is signed in at the other")?;
    visitor.json(to, "/logout", &json!({})).await?.expect(200, "a sign-out at the other")?;
    let heard = async {
        while app.json(from, "/verify-token", &token).await?.status != 401 {
            tokio::time::sleep(PAUSE).await;
        }
        Ok::<_, Failure>(())
    };
    let heard = tokio::time::timeout(LONGEST_WORD, heard).await;
    heard.map_err(|_| "that a session was ended at the other is not known after 5 s")?
}

async fn sign_up_and_prove(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let mut visitor = Visitor::default();
    let (email, proof) = begin_sign_up(house, &mut visitor, from, false).await?;
    prove(house, &mut visitor, to, &email, &proof).await?;
    sign_in(from, &email, PASSWORD).await.map(drop)
}

async fn second_step(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let email = person(house, from, true).await?;
    let mut visitor = Visitor::default();
    let body = json!({ "email": email, "password": PASSWORD });
    let attempt = visitor.json(from, "/login", &body).await?.expect(206, "a sign-in in two steps")?;
    let attempt = attempt.json()?["loginAttemptId"].clone();
    let code = house.mails.code(&email).await?;
    let body = json!({ "email": email, "loginAttemptId": attempt, "2FACode": code });
    visitor.json(to, "/verify-2fa", &body).await?.expect(200, "the second step at the other")?;
    visitor.get(from, "/account").await?.expect(200, "a page for whoever took it there").map(drop)
}

async fn reset(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let email = person(house, from, false).await?;
    let mut visitor = Visitor::default();
    let begun = visitor.json(from, "/api/v1/reset", &json!({ "email": email })).await?;
    let reset = begun.expect(202, "a reset")?.json()?["reset_id"].clone();
    let code = house.mails.code(&email).await?;
    let body = json!({ "reset_id": reset, "code": code, "new_password": NEW_PASSWORD });
    visitor.json(to, "/api/v1/reset/complete", &body).await?.expect(200, "a reset at the other")?;
    sign_in(from, &email, NEW_PASSWORD).await.map(drop)
}

/// Where the app sends people.
fn authorize() -> String {
    let fields = [
        ("client_id", "wiki"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email offline_access"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    format!("/authorize?{}", encoded(&fields))
}

/// The code that a browser is sent back to the app with.
fn returned(answer: &Answer) -> Result<String, Failure> {
    let location = location(answer)?;
    let query = location.strip_prefix(CALLBACK).and_then(|rest| rest.strip_prefix('?'));
    let mut fields = query.into_iter().flat_map(|query| query.split('&'));
    let code = fields.find_map(|field| field.strip_prefix("code="));
    Ok(code.ok_or_else(|| format!("no code in {location}"))?.to_owned())
}

/// What the app is given for this.
async fn tokens(house: &House, at: &Side, fields: &[(&str, &str)]) -> Result<Value, Failure> {
    let answer = Visitor::default().form_by(at, "/token", fields, &house.app).await?;
    answer.expect(200, "tokens")?.json()
}

async fn exchange(house: &House, at: &Side, code: &str) -> Result<Value, Failure> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    tokens(house, at, &fields).await
}

async fn refresh(house: &House, at: &Side, tokens_before: &Value) -> Result<Value, Failure> {
    let token = tokens_before["refresh_token"].as_str().ok_or("there is no refresh token")?;
    tokens(house, at, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

/// Whether the access token of these tells who somebody is.
async fn tells_of_somebody(at: &Side, tokens: &Value) -> Result<(), Failure> {
    let token = tokens["access_token"].as_str().ok_or("there is no access token")?;
    let answer = Visitor::default().get_by(at, "/userinfo", &format!("Bearer {token}")).await?;
    answer.expect(200, "what an access token tells").map(drop)
}

/// The request waits at the one while its person signs in at the other, and is answered by the first.
async fn request(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let email = person(house, from, false).await?;
    let mut browser = Visitor::default();
    let sent = browser.get(from, &authorize()).await?.expect(303, "an app's request")?;
    let page = browser.get(to, location(&sent)?).await?.expect(200, "the page to sign in at")?;
    let page = String::from_utf8(page.body)?;
    let to_go_on = page.split("name=\"return_to\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let to_go_on = to_go_on.ok_or("the page does not know of the request")?;
    let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", to_go_on)];
    let signed_in = browser.form(to, "/sign-in", &fields).await?.expect(303, "a sign-in")?;
    let answer = browser.get(from, location(&signed_in)?).await?.expect(303, "the request that waited")?;
    let tokens = exchange(house, to, &returned(&answer)?).await?;
    tells_of_somebody(from, &tokens).await
}

async fn code(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let email = person(house, from, false).await?;
    let mut browser = sign_in(from, &email, PASSWORD).await?;
    let answer = browser.get(from, &authorize()).await?.expect(303, "an app's request")?;
    let tokens = exchange(house, to, &returned(&answer)?).await?;
    tells_of_somebody(from, &tokens).await?;
    tells_of_somebody(to, &tokens).await
}

async fn refresh_token(house: &mut House, from: &Side, to: &Side) -> Result<(), Failure> {
    let email = person(house, from, false).await?;
    let mut browser = sign_in(from, &email, PASSWORD).await?;
    let answer = browser.get(from, &authorize()).await?.expect(303, "an app's request")?;
    let first = exchange(house, from, &returned(&answer)?).await?;
    let second = refresh(house, to, &first).await?;
    tells_of_somebody(from, &second).await?;
    let third = refresh(house, from, &second).await?;
    tells_of_somebody(to, &third).await
}
