//! The token endpoint: an app exchanges what it holds for tokens.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{GrantId, Proofs, Timestamp, UserId};
use oidc::{
    ACCESS_TOKEN_TYPE, AccessTokenClaims, Algorithm, Audience, Client, CodeVerifier, ErrorCode, GrantType,
    ID_TOKEN_TYPE, IdTokenClaims, OAuthError, OPENID, PersonClaims, Scopes, Secret, TokenRequest,
    TokenResponse, access_token_hash, audience,
};
use secrets::sealing::Place;
use store::Tx;
use store::grants::LiveGrant;
use store::refresh_tokens::RefreshToken;
use uuid::Uuid;

use crate::access::person_claims;
use crate::audit::{Act, Outcome};
use crate::authorize::levels;
use crate::client::{ProtocolError, RegisteredClient};
use crate::{Auth, Context, Fault};

/// A client that lost the answer may ask for it again for so long.
const GRACE: Duration = Duration::from_secs(10);

/// What tokens are made of.
struct Issue<'a> {
    client: &'a Client,
    live: &'a LiveGrant,
    scopes: Scopes,
    audience: &'a str,
    nonce: Option<String>,
}

fn invalid_grant(description: &str) -> ProtocolError {
    ProtocolError::refused(ErrorCode::InvalidGrant, description)
}

fn unauthorized(client: &Client, grant_type: GrantType) -> Result<(), ProtocolError> {
    if client.may_use(grant_type) {
        return Ok(());
    }
    Err(OAuthError::new(
        ErrorCode::UnauthorizedClient,
        format!("The client may not use {}; add it to the client's grant_types.", grant_type.name()),
    )
    .into())
}

impl Auth {
    /// Gives an app, which has shown who it is, what it asks for.
    pub async fn exchange(
        &self,
        client: &RegisteredClient,
        request: &TokenRequest,
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        let client = &client.client;
        match request {
            TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier, resources } => {
                unauthorized(client, GrantType::AuthorizationCode)?;
                let redirect_uri = redirect_uri.as_deref();
                self.exchange_code(client, code, redirect_uri, code_verifier, resources, context).await
            }
            TokenRequest::RefreshToken { refresh_token, scope, resources } => {
                unauthorized(client, GrantType::RefreshToken)?;
                self.refresh(client, refresh_token, scope.as_deref(), resources, context).await
            }
            TokenRequest::ClientCredentials { scope, resources } => {
                unauthorized(client, GrantType::ClientCredentials)?;
                self.token_of_client(client, scope.as_deref(), resources)
            }
        }
    }

    async fn exchange_code(
        &self,
        client: &Client,
        code: &Secret,
        redirect_uri: Option<&str>,
        verifier: &Secret,
        resources: &[String],
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        let now = self.clock.now();
        let hash = secrets::sha256(code.expose().as_bytes());
        let mut tx = self.store.begin().await?;
        let Some(row) = store::authorization_codes::take(&mut tx, &hash, now).await? else {
            return Err(self.refuse_used_code(tx, &hash, context, now).await?);
        };
        let grant = GrantId(row.grant_id);
        let payload = self.open_code(&hash, &row.payload)?;
        let live = store::grants::find_live(&mut tx, grant, now, self.idle_since(now)).await?;
        let Some(live) = live.filter(|live| live.grant.client_id == client.client_id) else {
            // Of another client, or its person has signed out: the code is worthless either way.
            return Err(self
                .end_grant(tx, grant, None, "code of another app or ended session", context, now)
                .await?);
        };
        let person = Some(live.pseudonym);
        if redirect_uri != Some(payload.redirect_uri.as_str()) {
            return Err(self.end_grant(tx, grant, person, "another redirect_uri", context, now).await?);
        }
        // A verifier that is malformed is as wrong as one that does not fit: both burn the code.
        let fits = CodeVerifier::parse(verifier.expose())
            .is_ok_and(|verifier| payload.code_challenge.is_of(&verifier));
        if !fits {
            return Err(self.end_grant(tx, grant, person, "another code_verifier", context, now).await?);
        }
        let granted = split(&live.grant.resources);
        let scopes = Scopes::parse(&live.grant.scope)?;
        let audience = audience(resources, &granted, &self.issuer)?;
        let refresh = if live.grant.offline && client.may_use(GrantType::RefreshToken) {
            Some(self.new_refresh_token(&mut tx, grant, &live, now).await?)
        } else {
            None
        };
        let issue = Issue { client, live: &live, scopes, audience, nonce: payload.nonce };
        let response = self.tokens(issue, refresh, now)?;
        tx.commit().await?;
        Ok(response)
    }

    /// A code that was used before may have been stolen: what it had issued ends (RFC 6749 section 4.1.2).
    async fn refuse_used_code(
        &self,
        mut tx: Tx,
        hash: &[u8],
        context: &Context,
        now: Timestamp,
    ) -> Result<ProtocolError, Fault> {
        match store::authorization_codes::used_grant(&mut tx, hash).await? {
            Some(grant) => self.end_grant(tx, GrantId(grant), None, "code used twice", context, now).await,
            None => Ok(invalid_grant("The code is unknown, or has expired; send the person again.")),
        }
    }

    /// Ends an authorization, and says what the app is told.
    async fn end_grant(
        &self,
        mut tx: Tx,
        grant: GrantId,
        person: Option<Uuid>,
        why: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<ProtocolError, Fault> {
        store::grants::delete(&mut tx, grant).await?;
        self.record(&mut tx, Outcome::Refused(Act::Exchange), person, why, context, now).await?;
        self.commit_changed(tx, [grant.0]).await?;
        Ok(invalid_grant(
            "The code or refresh token is not good: it was used before, is another client's, or does not fit the \
             redirect_uri or code_verifier. What it had issued has ended; send the person again.",
        ))
    }

    async fn refresh(
        &self,
        client: &Client,
        token: &Secret,
        scope: Option<&str>,
        resources: &[String],
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        let now = self.clock.now();
        let hash = secrets::sha256(token.expose().as_bytes());
        let mut tx = self.store.begin().await?;
        let Some(row) = store::refresh_tokens::find(&mut tx, &hash, now).await? else {
            return Err(invalid_grant(
                "The refresh token is unknown, or has expired; send the person again.",
            ));
        };
        let grant = GrantId(row.grant_id);
        let live = store::grants::find_live(&mut tx, grant, now, self.idle_since(now)).await?;
        let Some(live) = live else {
            return Err(invalid_grant("The authorization has ended; send the person again."));
        };
        let person = Some(live.pseudonym);
        if live.grant.client_id != client.client_id {
            return Err(self
                .end_grant(tx, grant, person, "refresh token of another app", context, now)
                .await?);
        }
        let granted_scopes = Scopes::parse(&live.grant.scope)?;
        let scopes = match scope {
            Some(scope) => Scopes::parse(scope)?,
            None => granted_scopes.clone(),
        };
        if !scopes.is_subset_of(&granted_scopes) {
            let more = "The scope is more than was granted; ask for less, or send the person again.";
            return Err(ProtocolError::refused(ErrorCode::InvalidScope, more));
        }
        let granted = split(&live.grant.resources);
        let audience = audience(resources, &granted, &self.issuer)?;
        let Some(successor) = self.successor(&mut tx, client, &row, &live, now).await? else {
            return Err(self.end_grant(tx, grant, person, "refresh token used twice", context, now).await?);
        };
        let issue = Issue { client, live: &live, scopes, audience, nonce: None };
        let response = self.tokens(issue, Some(successor), now)?;
        tx.commit().await?;
        Ok(response)
    }

    /// The token that takes the place of this one. It is made once; whoever lost the answer gets the same again, if it
    /// can prove that it is the client, within ten seconds, and has not used it. Nothing: the token was used twice.
    async fn successor(
        &self,
        tx: &mut Tx,
        client: &Client,
        row: &RefreshToken,
        live: &LiveGrant,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let place = Place { table: "refresh_tokens", column: "successor", row: &row.hash };
        let Some(used_at) = row.used_at else {
            let successor = self.new_refresh_token(tx, GrantId(row.grant_id), live, now).await?;
            let sealed = self.keyring.seal(&place, successor.as_bytes());
            let first = store::refresh_tokens::set_used(tx, &row.hash, &sealed, now).await?;
            return Ok(first.then_some(successor));
        };
        let in_time = now.since(Timestamp(used_at)) <= GRACE;
        let Some(sealed) = row.successor.as_ref().filter(|_| in_time && !client.is_public()) else {
            return Ok(None);
        };
        let opened = self.keyring.open(&place, sealed)?;
        let successor = String::from_utf8(opened.to_vec())
            .map_err(|_| Fault::Corrupt("a sealed refresh token is no text".to_owned()))?;
        let hash = secrets::sha256(successor.as_bytes());
        let unused =
            store::refresh_tokens::find(tx, &hash, now).await?.is_some_and(|next| next.used_at.is_none());
        Ok(unused.then_some(successor))
    }

    async fn new_refresh_token(
        &self,
        tx: &mut Tx,
        grant: GrantId,
        live: &LiveGrant,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let token = URL_SAFE_NO_PAD.encode(self.random.token());
        let idle = now.plus(self.settings.limits.refresh_idle);
        let expires_at = idle.min(Timestamp(live.grant.expires_at));
        let hash = secrets::sha256(token.as_bytes());
        store::refresh_tokens::insert(tx, &hash, grant, now, expires_at).await?;
        Ok(token)
    }

    fn tokens(
        &self,
        issue: Issue<'_>,
        refresh_token: Option<String>,
        now: Timestamp,
    ) -> Result<TokenResponse, Fault> {
        let grant = &issue.live.grant;
        let life = self.settings.limits.token_life;
        let proofs = Proofs::parse(&grant.proofs);
        let claims = AccessTokenClaims {
            iss: self.issuer.clone(),
            sub: UserId(grant.user_id).to_string(),
            aud: Audience::One(issue.audience.to_owned()),
            exp: now.plus(life).seconds(),
            iat: now.seconds(),
            jti: self.random.opaque_id().to_string(),
            client_id: grant.client_id.clone(),
            scope: issue.scopes.to_string(),
            auth_time: Some(Timestamp(grant.proved_at).seconds()),
            acr: levels(&proofs).last().map(ToString::to_string),
            amr: proofs.names().into_iter().map(ToOwned::to_owned).collect(),
            sid: Some(grant.sid.to_string()),
            grant_id: Some(grant.id.to_string()),
        };
        let keys = self.keys.known();
        let access_token = keys.sign(Algorithm::EdDsa, ACCESS_TOKEN_TYPE, &claims, now)?;
        let id_token = if issue.scopes.contains(OPENID) {
            let algorithm = issue.client.id_token_signed_response_alg;
            let person = match issue.client.claims_in_id_token {
                true => person_claims(issue.live, &issue.scopes),
                false => PersonClaims::default(),
            };
            let id_claims = IdTokenClaims {
                iss: claims.iss.clone(),
                sub: claims.sub.clone(),
                aud: Audience::One(grant.client_id.clone()),
                exp: claims.exp,
                iat: claims.iat,
                auth_time: claims.auth_time,
                nonce: issue.nonce,
                acr: claims.acr.clone(),
                amr: claims.amr.clone(),
                azp: None,
                at_hash: Some(access_token_hash(algorithm, &access_token)),
                sid: claims.sid.clone(),
                person,
            };
            Some(keys.sign(algorithm, ID_TOKEN_TYPE, &id_claims, now)?)
        } else {
            None
        };
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: life.as_secs(),
            refresh_token,
            id_token,
            scope: claims.scope,
        })
    }

    fn token_of_client(
        &self,
        client: &Client,
        scope: Option<&str>,
        resources: &[String],
    ) -> Result<TokenResponse, ProtocolError> {
        let now = self.clock.now();
        let scopes = match scope {
            Some(scope) => Scopes::parse(scope)?,
            None => client.default_scope.clone(),
        };
        // What OpenID Connect says of people says nothing of a client.
        let of_people = [OPENID, oidc::PROFILE, oidc::EMAIL, oidc::OFFLINE_ACCESS];
        if !scopes.is_subset_of(&client.scope) || scopes.iter().any(|scope| of_people.contains(&scope)) {
            let more = "The scope is not one that the client may have for itself; ask for less, or add it to the client.";
            return Err(ProtocolError::refused(ErrorCode::InvalidScope, more));
        }
        let audience = audience(resources, &client.resources, &self.issuer)?;
        let life = self.settings.limits.token_life;
        let claims = AccessTokenClaims {
            iss: self.issuer.clone(),
            sub: client.client_id.clone(),
            aud: Audience::One(audience.to_owned()),
            exp: now.plus(life).seconds(),
            iat: now.seconds(),
            jti: self.random.opaque_id().to_string(),
            client_id: client.client_id.clone(),
            scope: scopes.to_string(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            sid: None,
            grant_id: None,
        };
        let access_token = self.keys.known().sign(Algorithm::EdDsa, ACCESS_TOKEN_TYPE, &claims, now)?;
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: life.as_secs(),
            refresh_token: None,
            id_token: None,
            scope: claims.scope,
        })
    }
}

fn split(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(ToOwned::to_owned).collect()
}
