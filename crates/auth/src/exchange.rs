//! The token endpoint: an app exchanges what it holds for tokens.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{GrantId, Proofs, SessionId, Timestamp, UserId};
use oidc::{
    AccessToken, Client, ClientCredentialsRequest, CodeExchange, GrantType, IdToken, OFFLINE_ACCESS, OPENID,
    PersonClaims, RefreshExchange, Scopes, Secret, TokenRequest, TokenResponse, TokenType, at_hash, audience,
    invalid_or_expired,
};
use secrets::sealing::Place;
use store::grants::LiveGrant;
use store::refresh_tokens::RefreshToken;
use store::sealed::Column;
use store::{Turn, Tx};

use crate::access::{person_claims, token_id};
use crate::audit::{Act, Outcome};
use crate::authorize::levels;
use crate::client::{ProtocolError, RegisteredClient};
use crate::counts::Issued;
use crate::janitor::CLOCKS;
use crate::keys::corrupt;
use crate::{Auth, Context, Fault, encryption};

/// A client that lost the answer may ask for it again for so long, and longer by as much as the clock of the process that gave it is
/// ahead of this one's: up to [`CLOCKS`].
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// What tokens are made of.
struct Issue<'a> {
    client: &'a Client,
    live: &'a LiveGrant,
    scopes: Scopes,
    audience: &'a str,
    nonce: Option<String>,
    refresh_token: Option<Secret>,
}

/// What ends because it is in two hands: an authorization, and the code of it that was shown, if one was.
#[derive(Clone, Copy)]
struct Ends<'a> {
    grant: GrantId,
    /// Its hash; empty if none was.
    code: &'a [u8],
}

/// What the use of a refresh token before this one was.
enum Reuse {
    /// There was none.
    None,
    /// The client's own, whose answer it lost: this.
    Lost(Secret),
    /// Somebody's: the token is in two hands.
    TwoHands,
}

impl Auth {
    /// Gives an app, which has shown who it is, what it asks for.
    pub async fn exchange(
        &self,
        client: &RegisteredClient,
        request: &TokenRequest,
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        again!(self.exchange_once(client, request, context))
    }

    async fn exchange_once(
        &self,
        client: &RegisteredClient,
        request: &TokenRequest,
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        let client = &client.client;
        let (issued, response) = match request {
            TokenRequest::AuthorizationCode(exchange) => {
                (Issued::AuthorizationCode, self.exchange_code(client, exchange, context).await?)
            }
            TokenRequest::RefreshToken(exchange) => {
                (Issued::RefreshToken, self.refresh(client, exchange, context).await?)
            }
            TokenRequest::ClientCredentials(request) => {
                (Issued::ClientCredentials, self.token_of_client(client, request)?)
            }
        };
        self.tokens_issued.add(issued);
        Ok(response)
    }

    async fn exchange_code(
        &self,
        client: &Client,
        exchange: &CodeExchange,
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        let now = self.clock.now();
        let refused = || invalid_or_expired("code");
        let hash = secrets::sha256(exchange.code.expose().as_bytes());
        // Of two who show it at once, the second sees that it was used.
        let mut tx = self.store.begin_in_turn(&[Turn::Secret(&hash)]).await?;
        let row = store::authorization_codes::find(&mut tx, &hash).await?.ok_or_else(refused)?;
        let grant = GrantId(row.grant_id);
        let ends = Ends { grant, code: &hash };
        // It may have been stolen: what it had issued ends (RFC 6749 section 4.1.2).
        if row.used_at.is_some() {
            self.end_grant(tx, ends, "code used twice", context, now).await?;
            return Err(refused().into());
        }
        if row.expires_at <= now.micros() {
            return Err(refused().into());
        }
        let request = self.open_code(&hash, &row.payload)?;
        let live = store::grants::find_live(&mut tx, grant, now, self.idle_since(now)).await?;
        let proof = exchange.proof()?;
        // Whoever shows a code that is not theirs has used it up: it may have been stolen.
        if let Err(error) = proof.check(&request, client) {
            self.end_grant(tx, ends, "code of another request", context, now).await?;
            return Err(error.into());
        }
        let Some(live) = live else {
            self.end_grant(tx, ends, "session ended before the exchange", context, now).await?;
            return Err(refused().into());
        };
        let scopes = client.still_allowed(&request.scopes)?;
        let audience = audience(&proof.resources, &request.resources, client, &self.issuer)?;
        // Without `offline_access` it is good for as long as the session is (Back-Channel Logout section 2.7).
        let refresh_token = if client.may_use(GrantType::RefreshToken) {
            match self.new_refresh_token(&mut tx, grant, &live, now).await {
                // The account has ended all that apps hold of it, a moment ago.
                Err(Fault::Store(error)) if error.is_missing_reference() => return Err(refused().into()),
                made => Some(made?),
            }
        } else {
            None
        };
        // After the grant, as in every act: see `end_everything`.
        if !store::authorization_codes::set_used(&mut tx, &hash, now).await? {
            return Err(refused().into());
        }
        let nonce = request.nonce.clone();
        let issue = Issue { client, live: &live, scopes, audience, nonce, refresh_token };
        let response = self.tokens(issue, now)?;
        tx.commit().await?;
        Ok(response)
    }

    /// Ends an authorization, since what it gave out is in two hands, and its code with it.
    async fn end_grant(
        &self,
        mut tx: Tx,
        ends: Ends<'_>,
        why: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Ends { grant, code } = ends;
        // Whose it is, though it may have ended before: what is refused here is to be found by their name.
        let person = store::grants::pseudonym_of(&mut tx, grant).await?;
        store::grants::end(&mut tx, grant, now).await?;
        if !code.is_empty() {
            store::authorization_codes::set_used(&mut tx, code, now).await?;
        }
        self.record(&mut tx, Outcome::Refused(Act::Exchange), person, why, context, now).await?;
        self.commit_changed(tx, [grant.0]).await
    }

    async fn refresh(
        &self,
        client: &Client,
        exchange: &RefreshExchange,
        context: &Context,
    ) -> Result<TokenResponse, ProtocolError> {
        let now = self.clock.now();
        let refused = || invalid_or_expired("refresh token");
        let hash = secrets::sha256(exchange.refresh_token.expose().as_bytes());
        // Of two who show it at once, the second sees that it was used.
        let mut tx = self.store.begin_in_turn(&[Turn::Secret(&hash)]).await?;
        let row = store::refresh_tokens::find(&mut tx, &hash).await?.ok_or_else(refused)?;
        // A used one is reuse however old it is; an unused one has its time.
        if row.used_at.is_none() && row.expires_at <= now.micros() {
            return Err(refused().into());
        }
        let grant = GrantId(row.grant_id);
        let live = store::grants::find_live(&mut tx, grant, now, self.idle_since(now)).await?;
        let live = live.ok_or_else(refused)?;
        let ends = Ends { grant, code: &[] };
        if live.grant.client_id != client.client_id {
            self.end_grant(tx, ends, "refresh token of another app", context, now).await?;
            return Err(refused().into());
        }
        // Before anything else that is asked is looked at: a token that is in two hands ends its family.
        let again = match self.used_again(&mut tx, client, &row, now).await? {
            Reuse::None => None,
            Reuse::Lost(successor) => Some(successor),
            Reuse::TwoHands => {
                self.end_grant(tx, ends, "refresh token used twice", context, now).await?;
                return Err(refused().into());
            }
        };
        // What outlives the session does so by a scope that the client may have lost since.
        if live.grant.session_id.is_none() && !client.scope.contains(OFFLINE_ACCESS) {
            return Err(refused().into());
        }
        let scopes = exchange.scopes(&client.still_allowed(&Scopes::parse(&live.grant.scope)?)?)?;
        let granted = split(&live.grant.resources);
        let audience = audience(&exchange.resources, &granted, client, &self.issuer)?;
        // Who uses an app uses the session that lets them in. Before the token, as in every act: see `end_everything`.
        if let Some(session) = live.grant.session_id {
            store::sessions::set_used(&mut tx, SessionId(session), now).await?;
        }
        let made = match again {
            Some(successor) => Some(successor),
            None => match self.successor(&mut tx, &row, &live, now).await {
                // The account has ended all that apps hold of it, a moment ago.
                Err(Fault::Store(error)) if error.is_missing_reference() => return Err(refused().into()),
                made => made?,
            },
        };
        let Some(successor) = made else {
            // Another process has used it since it was looked at: now it is seen to be used.
            drop(tx);
            return Box::pin(self.refresh(client, exchange, context)).await;
        };
        let refresh_token = Some(successor);
        let issue = Issue { client, live: &live, scopes, audience, nonce: None, refresh_token };
        let response = self.tokens(issue, now)?;
        tx.commit().await?;
        Ok(response)
    }

    /// The token that takes the place of this one. It is made once: nothing, if the token was used meanwhile.
    async fn successor(
        &self,
        tx: &mut Tx,
        row: &RefreshToken,
        live: &LiveGrant,
        now: Timestamp,
    ) -> Result<Option<Secret>, Fault> {
        let successor = self.new_refresh_token(tx, GrantId(row.grant_id), live, now).await?;
        let sealed = self.keyring.seal(&place(row), successor.expose().as_bytes());
        let first = store::refresh_tokens::set_used(tx, &row.hash, &sealed, now).await?;
        Ok(first.then_some(successor))
    }

    /// Whether a token was used before. Whoever lost the answer gets the same successor again, if it can prove that it is
    /// the client, within [`GRACE`], and has not used it.
    async fn used_again(
        &self,
        tx: &mut Tx,
        client: &Client,
        row: &RefreshToken,
        now: Timestamp,
    ) -> Result<Reuse, Fault> {
        let Some(used_at) = row.used_at else { return Ok(Reuse::None) };
        // A use in the future was by a process whose clock is ahead, so nobody knows when it was; as far as clocks may be from
        // each other it was just now, and otherwise long ago. Called long ago in either case, the family of whoever lost an answer
        // would end wherever two clocks are a hair apart.
        let used_at = Timestamp(used_at);
        let in_time = used_at <= now.plus(CLOCKS) && now.since(used_at) <= GRACE;
        let Some(sealed) = row.successor.as_ref().filter(|_| in_time && !client.is_public()) else {
            return Ok(Reuse::TwoHands);
        };
        let opened = self.keyring.open(&place(row), sealed)?;
        let successor = String::from_utf8(opened.to_vec()).map_err(corrupt)?;
        let hash = secrets::sha256(successor.as_bytes());
        let next = store::refresh_tokens::find(tx, &hash).await?;
        let unused = next.is_some_and(|next| next.used_at.is_none());
        Ok(if unused { Reuse::Lost(Secret::new(successor)) } else { Reuse::TwoHands })
    }

    async fn new_refresh_token(
        &self,
        tx: &mut Tx,
        grant: GrantId,
        live: &LiveGrant,
        now: Timestamp,
    ) -> Result<Secret, Fault> {
        let token = URL_SAFE_NO_PAD.encode(self.random.token());
        let idle = now.plus(self.settings.limits.refresh_idle);
        let expires_at = idle.min(Timestamp(live.grant.expires_at));
        let hash = secrets::sha256(token.as_bytes());
        store::refresh_tokens::insert(tx, &hash, grant, now, expires_at).await?;
        Ok(Secret::new(token))
    }

    fn tokens(&self, issue: Issue<'_>, now: Timestamp) -> Result<TokenResponse, Fault> {
        let grant = &issue.live.grant;
        let proofs = Proofs::parse(&grant.proofs);
        let (auth_time, sid) = (Timestamp(grant.proved_at).seconds(), grant.sid.to_string());
        let keys = self.keys.known();
        let token = AccessToken {
            sub: UserId(grant.user_id).to_string(),
            jti: token_id(Some(GrantId(grant.id)), self.random.opaque_id()),
            auth_time: Some(auth_time),
            acr: levels(&proofs).last().map(ToString::to_string),
            amr: proofs.names().into_iter().map(ToOwned::to_owned).collect(),
            sid: Some(sid),
            ..self.plain_token(issue.client, issue.audience, issue.scopes.clone(), now)
        };
        let algorithm = issue.client.access_token_signed_response_alg;
        let access_token = token.sign(keys.signing(algorithm, now)?).map_err(corrupt)?;
        let id_token = if issue.scopes.contains(OPENID) {
            let algorithm = issue.client.id_token_signed_response_alg;
            let person = if issue.client.claims_in_id_token {
                person_claims(issue.live).for_scopes(&issue.scopes)
            } else {
                PersonClaims::default()
            };
            let id_token = IdToken {
                iss: token.iss,
                sub: token.sub,
                aud: grant.client_id.clone(),
                exp: token.exp,
                iat: token.iat,
                auth_time,
                nonce: issue.nonce,
                acr: token.acr,
                amr: token.amr,
                sid: token.sid,
                at_hash: Some(at_hash(&access_token, algorithm)),
                person,
            };
            Some(id_token.sign(keys.signing(algorithm, now)?).map_err(corrupt)?)
        } else {
            None
        };
        Ok(self.answer(access_token, issue.scopes, id_token, issue.refresh_token))
    }

    fn token_of_client(
        &self,
        client: &Client,
        request: &ClientCredentialsRequest,
    ) -> Result<TokenResponse, ProtocolError> {
        let now = self.clock.now();
        let audience = audience(&request.resources, &request.resources, client, &self.issuer)?;
        let token = self.plain_token(client, audience, request.scopes.clone(), now);
        let keys = self.keys.known();
        let algorithm = client.access_token_signed_response_alg;
        let access_token = token.sign(keys.signing(algorithm, now)?).map_err(corrupt)?;
        Ok(self.answer(access_token, token.scope, None, None))
    }

    /// An access token of the client itself.
    fn plain_token(&self, client: &Client, audience: &str, scope: Scopes, now: Timestamp) -> AccessToken {
        AccessToken {
            iss: self.issuer.clone(),
            sub: client.client_id.clone(),
            aud: audience.to_owned(),
            exp: now.plus(self.settings.limits.token_life).seconds(),
            iat: now.seconds(),
            jti: token_id(None, self.random.opaque_id()),
            client_id: client.client_id.clone(),
            scope,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            sid: None,
        }
    }

    fn answer(
        &self,
        access_token: Secret,
        scope: Scopes,
        id_token: Option<Secret>,
        refresh_token: Option<Secret>,
    ) -> TokenResponse {
        let expires_in = u32::try_from(self.settings.limits.token_life.as_secs()).unwrap_or(u32::MAX);
        TokenResponse {
            access_token,
            token_type: TokenType::Bearer,
            expires_in,
            scope,
            id_token,
            refresh_token,
        }
    }
}

fn place(row: &RefreshToken) -> Place<'_> {
    encryption::place(Column::Successor, &row.hash)
}

/// Resources, as a row has them: with a space between.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(ToOwned::to_owned).collect()
}
