//! The token and userinfo endpoints: a code or a refresh token becomes a session.

use oidc::{
    ClientAssertion, CodeVerifier, IdTokenRules, PersonClaims, Secret, SignInKept, SignedIn, TokenAnswer,
    TokenAnswerError, assertion_form, basic_authorization, code_exchange_form, read_user_info, refresh_form,
};
use outbound::EgressRequest;
use secrets::{ExposeSecret as _, SecretString};

use crate::ClientAuthentication;
use crate::provider::Provider;
use crate::provider_error::ProviderError;
use crate::session::Session;

/// A client assertion is used at once.
const ASSERTION_SECONDS: i64 = 60;
const FORM: &str = "application/x-www-form-urlencoded";

/// What an ID token has to fit.
#[derive(Clone, Copy)]
enum Known<'a> {
    /// The attempt of this browser.
    Nonce(&'a str),
    /// The sign-in before.
    SignIn(SignInKept<'a>),
}

impl Provider {
    /// Redeems a code (OpenID Connect Core section 3.1.3): who has signed in.
    pub(crate) async fn redeem(
        &self,
        code: &Secret,
        redirect_uri: &str,
        verifier: &CodeVerifier,
        nonce: &str,
    ) -> Result<Session, ProviderError> {
        let now = self.clock.now();
        let tokens = self.ask_for_tokens(code_exchange_form(code, redirect_uri, verifier)).await?;
        let Some(id_token) = tokens.id_token.clone() else {
            return Err(ProviderError::Unacceptable(
                "there is no ID token; ask for the scope openid".to_owned(),
            ));
        };
        let signed_in = self.read_id_token(&id_token, &tokens.access_token, Known::Nonce(nonce)).await?;
        let person = self.person(&signed_in, &tokens.access_token).await?;
        Ok(Session::begin(signed_in, person, Some(id_token), tokens.refresh_token, now))
    }

    /// Proves a session again by its refresh token (section 12). Everything else stays as it was at the sign-in.
    pub(crate) async fn renew(
        &self,
        session: &Session,
        refresh_token: &Secret,
    ) -> Result<Session, ProviderError> {
        // Before it is asked: what ends while the answer is on its way ends this proof.
        let now = self.clock.now();
        // No refresh token is spent on an answer that cannot be read.
        self.keys().await?;
        let tokens = self.ask_for_tokens(refresh_form(refresh_token)).await?;
        let mut renewed = session.clone();
        renewed.proved_at = now;
        renewed.refresh_token = tokens.refresh_token.or_else(|| session.refresh_token.clone());
        let Some(id_token) = tokens.id_token else { return Ok(renewed) };
        let kept = SignInKept {
            subject: &session.subject,
            session_id: session.session_id.as_deref(),
            auth_time: session.auth_time,
        };
        let signed_in = match self.read_id_token(&id_token, &tokens.access_token, Known::SignIn(kept)).await {
            Ok(signed_in) => signed_in,
            // By a new key, which cannot be had just now. The answer need not have an ID token at all (section 12.2); were
            // the next refresh token lost with it, the one before would be reuse, and the session over.
            Err(error @ ProviderError::Unreachable(_)) => {
                tracing::warn!(%error, "an ID token is passed over; its session was proved by the refresh token");
                return Ok(renewed);
            }
            Err(error) => return Err(error),
        };
        match self.person(&signed_in, &tokens.access_token).await {
            Ok(person) => renewed.know(person),
            Err(error) => tracing::warn!(%error, "a person is shown as before"),
        }
        renewed.id_token = Some(id_token);
        Ok(renewed)
    }

    async fn read_id_token(
        &self,
        id_token: &Secret,
        access_token: &Secret,
        known: Known<'_>,
    ) -> Result<SignedIn, ProviderError> {
        let now = self.clock.now().seconds();
        self.verify(|keys| {
            let rules = IdTokenRules {
                issuer: &self.issuer,
                client_id: &self.client_id,
                nonce: if let Known::Nonce(nonce) = known { nonce } else { "" },
                max_age: None,
                algorithms: &[self.algorithm],
                access_token: Some(access_token),
                keys,
                leeway_seconds: self.leeway_seconds,
                now,
            };
            match &known {
                Known::Nonce(_) => rules.verify(id_token.expose()),
                Known::SignIn(kept) => rules.verify_refreshed(id_token.expose(), kept),
            }
        })
        .await
    }

    /// What is told of a person: in the ID token, or else at the userinfo endpoint (section 5.3).
    async fn person(
        &self,
        signed_in: &SignedIn,
        access_token: &Secret,
    ) -> Result<PersonClaims, ProviderError> {
        if signed_in.person != PersonClaims::default() {
            return Ok(signed_in.person.clone());
        }
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.userinfo_endpoint else { return Ok(PersonClaims::default()) };
        let bearer = SecretString::from(format!("Bearer {}", access_token.expose()));
        let answer = self
            .send(endpoint, |url| EgressRequest::get(url).secret_header("authorization", &bearer))
            .await?;
        if answer.status != 200 {
            return Err(ProviderError::Unreachable(format!("{endpoint} answered {}", answer.status)));
        }
        read_user_info(&answer.body, &signed_in.subject)
            .map_err(|error| ProviderError::Unacceptable(error.to_string()))
    }

    async fn ask_for_tokens(&self, form: Secret) -> Result<TokenAnswer, ProviderError> {
        let endpoint = self.metadata().await?.token_endpoint.clone();
        let (form, authorization) = match &self.authentication {
            ClientAuthentication::Secret(secret) => {
                let secret = Secret::new(secret.expose_secret());
                (form, Some(basic_authorization(&self.client_id, &secret)))
            }
            ClientAuthentication::PrivateKey(key) => {
                let assertion = self.assertion().sign(key);
                let assertion = assertion.map_err(|error| ProviderError::Unacceptable(error.to_string()))?;
                (assertion_form(&form, &self.client_id, Some(&assertion)), None)
            }
            ClientAuthentication::Public => (assertion_form(&form, &self.client_id, None), None),
        };
        let answer = self
            .send(&endpoint, |url| {
                let request = EgressRequest::post(url).body(FORM, form.expose().as_bytes().to_vec());
                match authorization {
                    Some(header) => {
                        request.secret_header("authorization", &SecretString::from(header.expose()))
                    }
                    None => request,
                }
            })
            .await?;
        let strange =
            |why: &str| ProviderError::Unreachable(format!("{endpoint} answered {}{why}", answer.status));
        if !matches!(answer.status, 200 | 400 | 401) {
            return Err(strange(""));
        }
        TokenAnswer::parse(&answer.body).map_err(|error| match error {
            TokenAnswerError::Refused { code, description } => ProviderError::Refused { code, description },
            TokenAnswerError::Member(_) | TokenAnswerError::TooLarge => {
                ProviderError::Unacceptable(error.to_string())
            }
            // A proxy that has something to say: nobody is signed out by that.
            TokenAnswerError::Json(_) => strange(" with what is no answer to it"),
        })
    }

    /// RFC 7523 section 3. For the issuer alone, which no other server could pass off as its own.
    fn assertion(&self) -> ClientAssertion {
        let iat = self.clock.now().seconds();
        ClientAssertion {
            iss: self.client_id.clone(),
            sub: self.client_id.clone(),
            aud: self.issuer.clone(),
            jti: crate::attempt::random_text(),
            iat,
            exp: iat + ASSERTION_SECONDS,
        }
    }
}
