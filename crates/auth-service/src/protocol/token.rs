//! The token, introspection and revocation endpoints.

use std::sync::Arc;

use auth::{ProtocolError, RegisteredClient};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use oidc::{ClientAuthentication, ErrorCode, OAuthError, Parameters, TokenReference, TokenRequest};

use super::answer;
use crate::App;
use crate::client_keys::KeysAway;
use crate::http::asking::Asking;

/// An app that has shown who it is, and what it asks.
async fn read(
    app: &App,
    asking: &Asking,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Arc<RegisteredClient>, Parameters), ProtocolError> {
    let form = answer::form(headers, body)?;
    let shown = ClientAuthentication::read(answer::authorization(headers), &form)?;
    let keys = match app.auth.published_keys(&shown).await? {
        Some(uri) => {
            let keys = app.client_keys.of(&uri, shown.claimed_kid().as_deref(), app.auth.now()).await;
            // Nobody guessed at anything: nothing is counted.
            Some(keys.map_err(|why| keys_away(&why))?)
        }
        None => None,
    };
    Ok((app.auth.authenticate_client(shown, keys.as_deref(), &asking.context).await?, form))
}

fn keys_away(why: &KeysAway) -> OAuthError {
    let description = match why {
        KeysAway::Unreached(_) => {
            "The keys at the client's jwks_uri cannot be had, so its assertion cannot be checked; see that this server \
             reaches the address and is answered by a JWK set, and ask again."
                .to_owned()
        }
        KeysAway::Refused(error) => format!(
            "The JWK set at the jwks_uri of the client is refused, so its assertion cannot be checked: {error}. Put the \
             set right, and ask again."
        ),
    };
    OAuthError::new(ErrorCode::TemporarilyUnavailable, description)
}

/// RFC 6749 section 3.2.
pub(super) async fn exchange(
    State(app): State<App>,
    asking: Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered = async {
        let (client, form) = read(&app, &asking, &headers, &body).await?;
        let request = TokenRequest::parse(&form, &client.client)?;
        app.auth.exchange(&client, &request, &asking.context).await
    };
    match answered.await {
        Ok(tokens) => answer::json(&tokens),
        Err(error) => answer::refuse_client(&app, &asking.context.support_id, error),
    }
}

/// RFC 7662. An app has to show who it is: otherwise anybody could try tokens here.
pub(super) async fn introspect(
    State(app): State<App>,
    asking: Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered = async {
        let (client, form) = read(&app, &asking, &headers, &body).await?;
        if client.client.is_public() {
            let text = "A public client cannot show who it is, and so cannot ask about tokens.";
            return Err(OAuthError::new(ErrorCode::InvalidClient, text).into());
        }
        let reference = TokenReference::parse(&form)?;
        app.auth.introspect(&client, &reference.token).await
    };
    match answered.await {
        Ok(introspection) => answer::json(&introspection),
        Err(error) => answer::refuse_client(&app, &asking.context.support_id, error),
    }
}

/// RFC 7009.
pub(super) async fn revoke(
    State(app): State<App>,
    asking: Asking,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered = async {
        let (client, form) = read(&app, &asking, &headers, &body).await?;
        let reference = TokenReference::parse(&form)?;
        app.auth.revoke(&client, &reference.token, &asking.context).await
    };
    match answered.await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => answer::refuse_client(&app, &asking.context.support_id, error),
    }
}
