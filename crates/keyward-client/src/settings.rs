//! What the library has to know.

use std::time::Duration;

use oidc::{Algorithm, OPENID, Scopes, SigningKey, is_this_machine};
use outbound::EgressError;
use secrets::SecretString;
use secrets::sealing::KeyTextError;
use url::Url;

use crate::{Clock, Notice};

/// What the library has to know.
#[derive(Debug)]
pub struct Settings {
    /// The issuer: the public address of the sign-in server, letter by letter as it calls itself, such as
    /// `https://sign-in.example.com`.
    pub issuer: String,
    /// Where this app asks the server, when that is another address than the public one: a private network, or a machine
    /// that does not know the public name. People are sent to the public one all the same.
    pub internal_url: Option<Url>,
    /// The public address of this app, without a path: `https://app.example.com`. Over https, or http on this machine.
    pub app_url: Url,
    /// The id that this app is registered by.
    pub client_id: String,
    /// How this app shows who it is.
    pub authentication: ClientAuthentication,
    /// What it asks for; `openid` among it. `profile` and `email` give a name and an address. Not `offline_access`: with it
    /// a refresh would go on after a sign-out.
    pub scopes: Scopes,
    /// What its ID tokens are signed by, as it is registered. A token that is signed by anything else is refused.
    pub id_token_algorithm: Algorithm,
    /// Seals the cookies: 32 random bytes, as 64 hex digits or base64 (`openssl rand -hex 32`). Every process of the app has
    /// the same.
    pub session_key: SecretString,
    /// Keys that sealed before it: what they sealed can still be opened.
    pub older_session_keys: Vec<SecretString>,
    /// Where a person lands after signing out: a path of this app. The server must know the whole address.
    pub after_sign_out: String,
    /// A session ends so long after the sign-in; the server may end it sooner.
    pub session_life: Duration,
    /// How long one question to the server may take.
    pub timeout: Duration,
    /// How far the clocks of app and server may be apart.
    pub leeway: Duration,
    /// The app's own page for what went wrong; by default a plain one.
    pub notice_page: fn(&Notice) -> String,
    /// Where the present comes from.
    pub clock: Clock,
}

/// How an app shows who it is at the token endpoint (OpenID Connect Core section 9).
#[derive(Debug)]
pub enum ClientAuthentication {
    /// Its secret, in the `Authorization` header: `client_secret_basic`.
    Secret(SecretString),
    /// A JWT that it signs: `private_key_jwt`.
    PrivateKey(Box<SigningKey>),
    /// Not at all: a public client. An answer that it loses costs it the session, since it gets no second one.
    Public,
}

impl Settings {
    /// The usual settings: name and address asked for, ID tokens by RS256, sessions of 30 days at most.
    pub fn new(
        issuer: impl Into<String>,
        app_url: Url,
        client_id: impl Into<String>,
        authentication: ClientAuthentication,
        session_key: SecretString,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            internal_url: None,
            app_url,
            client_id: client_id.into(),
            authentication,
            scopes: Scopes::parse("openid profile email").unwrap_or_default(),
            id_token_algorithm: Algorithm::Rs256,
            session_key,
            older_session_keys: Vec::new(),
            after_sign_out: "/".to_owned(),
            session_life: Duration::from_hours(30 * 24),
            timeout: Duration::from_secs(5),
            leeway: Duration::from_mins(1),
            notice_page: Notice::page,
            clock: Clock::system(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        let issuer = Url::parse(&self.issuer).map_err(|_| InvalidSettings::Issuer)?;
        if !is_bare(&issuer) || !is_protected(&issuer) {
            return Err(InvalidSettings::Issuer);
        }
        if !is_bare(&self.app_url) || !is_protected(&self.app_url) || self.app_url.path() != "/" {
            return Err(InvalidSettings::AppUrl);
        }
        let asked = |url: &Url| is_bare(url) && matches!(url.scheme(), "http" | "https");
        if !self.internal_url.as_ref().is_none_or(asked) {
            return Err(InvalidSettings::InternalUrl);
        }
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(1..=100).contains(&self.client_id.len()) || !self.client_id.bytes().all(named) {
            return Err(InvalidSettings::ClientId);
        }
        if !self.scopes.contains(OPENID) {
            return Err(InvalidSettings::Scopes);
        }
        Ok(())
    }
}

/// An address of a server and nothing more.
fn is_bare(url: &Url) -> bool {
    let plain = url.query().is_none() && url.fragment().is_none();
    plain && url.username().is_empty() && url.password().is_none() && url.has_host()
}

fn is_protected(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_this_machine(url)
}

/// Why the library cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// The issuer.
    #[error(
        "the issuer is not the address of a sign-in server: write it as the server calls itself, https://host without \
         query and fragment (http for this machine only)"
    )]
    Issuer,
    /// The app's own address.
    #[error(
        "the app's address is not one that cookies can be kept for: write https://host, without a path (http for this \
         machine only)"
    )]
    AppUrl,
    /// The internal address.
    #[error(
        "the internal address is not one of a server: write http://host:port or https://host, without query"
    )]
    InternalUrl,
    /// The client's id.
    #[error(
        "the client_id is not one: it has letters, digits, '-', '.', '_' and '~', 100 at most; see `keyward client list`"
    )]
    ClientId,
    /// The scopes.
    #[error("the scopes lack `openid`, without which nobody is told who signed in; add it")]
    Scopes,
    /// Where a person lands after signing out.
    #[error("the place to land after signing out is not a path of this app: write one such as /")]
    AfterSignOut,
    /// A key.
    #[error("the key that seals the sessions: {0}")]
    SessionKey(#[from] KeyTextError),
    /// The HTTP client did not start.
    #[error(transparent)]
    Client(#[from] EgressError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let (issuer, app) = ("https://auth.example.com", "https://app.example.com");
        let key = secrets::sealing::generate_key_text();
        Settings::new(issuer, app.parse().unwrap(), "app", ClientAuthentication::Public, key)
    }

    fn check(change: impl Fn(&mut Settings)) -> Result<(), InvalidSettings> {
        let mut settings = settings();
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn addresses_are_of_servers_and_protected() {
        assert!(check(|_| ()).is_ok());
        for wrong in [
            "",
            "auth.example.com",
            "ftp://auth.example.com",
            "http://auth.example.com",
            "https://a@auth.example.com",
            "https://auth.example.com?x",
            "https://auth.example.com#x",
        ] {
            let issuer = check(|settings| wrong.clone_into(&mut settings.issuer));
            assert!(matches!(issuer, Err(InvalidSettings::Issuer)), "{wrong}");
            let Ok(url) = Url::parse(wrong) else { continue };
            let app = check(|settings| settings.app_url = url.clone());
            assert!(matches!(app, Err(InvalidSettings::AppUrl)), "{wrong}");
        }
        assert!(check(|settings| settings.app_url = "http://localhost:8000".parse().unwrap()).is_ok());
        let below = check(|settings| settings.app_url = "https://app.example.com/below".parse().unwrap());
        assert!(matches!(below, Err(InvalidSettings::AppUrl)));
        let internal = |url: &str| check(|settings| settings.internal_url = Some(url.parse().unwrap()));
        assert!(internal("http://auth-service:3000").is_ok());
        assert!(matches!(internal("file:///etc/passwd"), Err(InvalidSettings::InternalUrl)));
    }

    #[test]
    fn the_rest_is_in_order_too() {
        for wrong in ["", "a b", "ä", "a;b"] {
            let id = check(|settings| wrong.clone_into(&mut settings.client_id));
            assert!(matches!(id, Err(InvalidSettings::ClientId)), "{wrong}");
        }
        let scopes = check(|settings| settings.scopes = Scopes::parse("email").unwrap());
        assert!(matches!(scopes, Err(InvalidSettings::Scopes)));
    }
}
