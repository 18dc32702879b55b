//! Somebody signs in to an app, and the app exchanges what it is given.

use std::sync::Arc;

use auth::{Auth, Current, NewTicket, Next, ProtocolError, RegisteredClient};
use oidc::{AuthorizationResponse, ClientAuthentication, Parameters, TokenRequest, TokenResponse};
use secrets::ExposeSecret as _;

use crate::people::browser;
use crate::world::World;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of that, RFC 7636 appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a browser that was sent comes back by.
pub(crate) const HASH: [u8; 32] = [1; 32];

/// What the app asks, and more than it has to say.
pub(crate) fn asked(more: &str) -> Parameters {
    Parameters::read(&format!(
        "client_id=wiki&redirect_uri=https://wiki.example.com/callback&response_type=code&scope=openid&nonce=n\
         &code_challenge={CHALLENGE}&code_challenge_method=S256{more}"
    ))
}

/// The app sends somebody who is signed in, or nobody, with more than it has to say.
pub(crate) fn sent(
    at: &Arc<Auth>,
    current: Option<&Current>,
    more: &str,
) -> impl Future<Output = Next> + use<> {
    let (auth, current, asked) = (at.clone(), current.cloned(), asked(more));
    async move {
        let ticket = NewTicket { hash: HASH, gives_way: Vec::new() };
        auth.authorize(&asked, Ok(current), Some(&ticket), &browser(1)).await.unwrap()
    }
}

/// What an app is told.
pub(crate) fn told(next: &Next) -> &str {
    let Next::Answer(AuthorizationResponse::Redirect { location }) = next else { panic!("{next:?}") };
    location
}

/// A person, and an app that they sign in to without being asked.
pub(crate) struct InApp {
    pub(crate) world: World,
    /// A session of theirs.
    pub(crate) current: Current,
    pub(crate) client: Arc<RegisteredClient>,
}

impl InApp {
    /// Makes the account, and registers the app, which wants to be told of sign-outs. It has no secret.
    pub(crate) async fn of(name: &str, world: World) -> Self {
        Self::that_authenticates(name, world, "none").await
    }

    /// The same, of an app that authenticates so: by `none`, or `client_secret_post`.
    pub(crate) async fn that_authenticates(name: &str, world: World, method: &str) -> Self {
        world.account(name, &browser(1)).await;
        let current = world.signed_in(name, &browser(1)).await;
        let text = r#"{"client_id": "wiki", "client_name": "Wiki", "redirect_uris": ["https://wiki.example.com/callback"],
            "scope": "openid offline_access", "token_endpoint_auth_method": "none", "first_party": true,
            "grant_types": ["authorization_code", "refresh_token"], "id_token_signed_response_alg": "EdDSA",
            "backchannel_logout_uri": "https://wiki.example.com/logout"}"#;
        let text = text.replace("\"none\"", &format!("\"{method}\""));
        let client: oidc::Client = serde_json::from_str(&text).unwrap();
        let secret = world.auth.clients().add(&client, world.auth.now()).await.unwrap();
        let shown =
            secret.map_or_else(String::new, |secret| format!("&client_secret={}", secret.expose_secret()));
        let shown = Parameters::parse(&format!("client_id=wiki{shown}")).unwrap();
        let shown = ClientAuthentication::read(None, &shown).unwrap();
        let client = world.auth.authenticate_client(shown, None, &browser(1)).await.unwrap();
        Self { world, current, client }
    }

    /// A code, on its way to the app.
    pub(crate) async fn code(&self, current: &Current) -> String {
        self.code_at(&self.world.auth, current).await
    }

    /// The same of another process.
    pub(crate) async fn code_at(&self, at: &Arc<Auth>, current: &Current) -> String {
        let next = sent(at, Some(current), "").await;
        let location = told(&next);
        let (_, answer) = location.split_once("code=").unwrap_or_else(|| panic!("{location}"));
        answer.split('&').next().unwrap().to_owned()
    }

    /// The app sends somebody who is signed in, or nobody.
    pub(crate) async fn asks(&self, current: Option<&Current>) -> Next {
        sent(&self.world.auth, current, "").await
    }

    fn exchange(
        &self,
        at: &Arc<Auth>,
        fields: &str,
    ) -> impl Future<Output = Result<TokenResponse, ProtocolError>> + use<> {
        let (auth, client, fields) = (at.clone(), self.client.clone(), fields.to_owned());
        async move {
            let form = Parameters::parse(&format!("client_id=wiki&{fields}")).unwrap();
            let request = TokenRequest::parse(&form, &client.client).unwrap();
            auth.exchange(&client, &request, &browser(1)).await
        }
    }

    pub(crate) fn by_code(
        &self,
        code: &str,
    ) -> impl Future<Output = Result<TokenResponse, ProtocolError>> + use<> {
        self.by_code_at(&self.world.auth, code)
    }

    /// At another process.
    pub(crate) fn by_code_at(
        &self,
        at: &Arc<Auth>,
        code: &str,
    ) -> impl Future<Output = Result<TokenResponse, ProtocolError>> + use<> {
        let fields = format!(
            "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}\
             &redirect_uri=https://wiki.example.com/callback"
        );
        self.exchange(at, &fields)
    }

    pub(crate) fn by_refresh(
        &self,
        token: &str,
    ) -> impl Future<Output = Result<TokenResponse, ProtocolError>> + use<> {
        self.by_refresh_at(&self.world.auth, token)
    }

    /// At another process.
    pub(crate) fn by_refresh_at(
        &self,
        at: &Arc<Auth>,
        token: &str,
    ) -> impl Future<Output = Result<TokenResponse, ProtocolError>> + use<> {
        self.exchange(at, &format!("grant_type=refresh_token&refresh_token={token}"))
    }
}
