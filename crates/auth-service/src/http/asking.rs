//! Who is asking: extractors that prove it.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use auth::{Context, Current, Fault, IdempotentRequest, TokenError};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Email, Network, SessionId};

use crate::App;
use crate::http::cookies;
use crate::http::failure::{Failure, is_for_people};
use crate::http::tickets::Tickets;
use crate::locale::Locale;
use crate::views::{Device, Notice};

/// What names this request in the log, in the audit trail, and to the person.
#[derive(Clone, Debug)]
pub(crate) struct SupportId(pub(crate) String);

/// The token a browser keeps, whether it brought it or is given it with this answer.
#[derive(Clone)]
pub(crate) struct BrowserToken(pub(crate) String);

/// A token for a browser that keeps none: it is given it if it is signed in, and known by it from then on. What it begins
/// before is not bound to it: a program may keep no cookies until then.
#[derive(Clone)]
pub(crate) struct NewBrowserToken(pub(crate) String);

shows_its_name_only!(BrowserToken, NewBrowserToken);

/// A request, as the use cases need to know it.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) context: Context,
    /// The language of the page: the account's if somebody is signed in and chose one, else the browser's.
    pub(crate) locale: Locale,
    /// The address of whoever is signed in, once that was looked up.
    pub(crate) signed_in: Option<String>,
    /// What was just done here, and is to be said.
    pub(crate) said: Option<Said>,
    /// What was done here last, of what is done once.
    pub(crate) done: Option<String>,
    /// What was typed into a form that could not be taken.
    pub(crate) typed: Option<String>,
    pub(crate) session_token: Option<String>,
    pub(crate) jwt: Option<String>,
    /// By which its authorization requests are found.
    pub(crate) tickets: Tickets,
    /// If it came under an `Idempotency-Key` to a route that takes one.
    pub(crate) idempotent: Option<IdempotentRequest>,
}

/// Whether there are tokens, never which.
impl fmt::Debug for Asking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Asking")
            .field("context", &self.context)
            .field("locale", &self.locale)
            .field("has_session_token", &self.session_token.is_some())
            .field("has_jwt", &self.jwt.is_some())
            .finish_non_exhaustive()
    }
}

impl Asking {
    /// What the request alone says: whose account it may be is not looked up.
    pub(crate) fn of<B>(request: &Request<B>, app: &App) -> Self {
        Self::read(request.headers(), request.extensions(), app)
    }

    fn read(headers: &HeaderMap, extensions: &Extensions, app: &App) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let chosen = cookies::read(headers, app.cookies.language).and_then(Locale::from_tag);
        let locale = Locale::negotiate(chosen, header(ACCEPT_LANGUAGE));
        let browser = extensions.get::<BrowserToken>().map(|token| token.0.as_str());
        let browser = browser.or_else(|| cookies::read(headers, app.cookies.browser));
        let context = Context {
            network: network(headers, peer(extensions), app),
            device: Device::of(header(USER_AGENT).unwrap_or_default()).stored(),
            support_id: extensions.get::<SupportId>().map(|id| id.0.clone()).unwrap_or_default(),
            browser: browser.and_then(hash_browser_token),
            new_browser: extensions.get::<NewBrowserToken>().and_then(|token| hash_browser_token(&token.0)),
            locale: locale.tag().to_owned(),
            once: None,
        };
        let owned = |value: Option<&str>| value.map(ToOwned::to_owned);
        Self {
            context,
            locale,
            signed_in: None,
            said: cookies::read(headers, app.cookies.notice).and_then(Said::read),
            done: owned(cookies::read(headers, app.cookies.done)),
            typed: owned(cookies::read(headers, app.cookies.typed)),
            session_token: owned(cookies::read(headers, app.cookies.session)),
            jwt: owned(cookies::read(headers, app.cookies.jwt)),
            tickets: Tickets::read(headers, &app.cookies),
            idempotent: extensions.get::<IdempotentRequest>().cloned(),
        }
    }

    /// Goes on as whoever is signed in, in their language. While the database is away, in the browser's: a page in another
    /// language is better than none.
    pub(crate) async fn find_language(&mut self, app: &App) {
        if let Ok(Some(current)) = find_current(app, self).await {
            self.speak_to(&current);
        }
    }

    fn speak_to(&mut self, current: &Current) {
        self.signed_in = Some(current.email.address().to_owned());
        if let Some(chosen) = current.locale.as_deref().and_then(Locale::from_tag) {
            self.locale = chosen;
        }
    }
}

/// What the page before leaves to be said by the next one. It is in a cookie, since anybody can write what an address says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) notice: Notice,
    /// The address that it is about, for a form to begin with.
    pub(crate) email: Option<Email>,
}

impl Said {
    fn read(text: &str) -> Option<Self> {
        let (tag, email) = text.split_once('.').unwrap_or((text, ""));
        let email = URL_SAFE_NO_PAD.decode(email).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let email = email.and_then(|email| Email::parse(&email).ok());
        Some(Self { notice: Notice::from_tag(tag)?, email })
    }

    pub(crate) fn written(&self) -> String {
        let email = self.email.as_ref().map(|email| URL_SAFE_NO_PAD.encode(email.address()));
        let dot = if email.is_some() { "." } else { "" };
        format!("{}{dot}{}", self.notice.tag(), email.unwrap_or_default())
    }
}

/// The network that a request comes from.
pub(crate) fn network(headers: &HeaderMap, peer: Option<SocketAddr>, app: &App) -> Network {
    let peer = peer.map(|peer| peer.ip());
    Network::of(client_address(peer, headers, &app.trusted_proxies))
}

/// The other end of the connection.
fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
}

/// Where a request comes from, and whether it came through a proxy that is believed.
pub(crate) fn came_from(headers: &HeaderMap, extensions: &Extensions, app: &App) -> (IpAddr, bool) {
    let peer = peer(extensions).map(|peer| peer.ip().to_canonical());
    let through_proxy =
        peer.is_some_and(|peer| app.trusted_proxies.iter().any(|network| network.contains(&peer)));
    (client_address(peer, headers, &app.trusted_proxies), through_proxy)
}

impl FromRequestParts<App> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let mut asking = Self::read(&parts.headers, &parts.extensions, app);
        // Programs read no page.
        if is_for_people(parts.uri.path()) {
            asking.find_language(app).await;
        }
        Ok(asking)
    }
}

/// What is known of a browser is the hash of its token; anything that is no token of ours is none.
pub(crate) fn hash_browser_token(token: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == 32).map(|bytes| secrets::sha256(&bytes))
}

/// The address of the client: the peer's, unless that is a proxy we trust; then the last one it was told of that is not.
fn client_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[ipnet::IpNet]) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::from([127, 0, 0, 1])).to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let mut hops: Vec<IpAddr> = Vec::new();
    for header in headers.get_all("x-forwarded-for") {
        for hop in header.to_str().unwrap_or_default().split(',') {
            match read_hop(hop.trim()) {
                Some(address) => hops.push(address.to_canonical()),
                // What comes before a hop that cannot be read cannot be believed.
                None => hops.clear(),
            }
        }
    }
    hops.into_iter().rev().find(|hop| !is_trusted(hop)).unwrap_or(peer)
}

/// An address, with or without a port: some proxies add it.
fn read_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Whoever comes, signed in or not.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) asking: Asking,
    pub(crate) current: Option<Current>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let mut asking = Asking::read(&parts.headers, &parts.extensions, app);
        let current = find_current(app, &asking).await?;
        if let Some(current) = &current {
            asking.speak_to(current);
        }
        Ok(Self { asking, current })
    }
}

/// Whoever an app sends. Where it cannot be looked up who is signed in, it may be the app that has to hear of it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) asking: Asking,
    pub(crate) current: Result<Option<Current>, Fault>,
}

impl FromRequestParts<App> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let mut asking = Asking::read(&parts.headers, &parts.extensions, app);
        let current = look_up(app, &asking).await;
        if let Ok(Some(current)) = &current {
            asking.speak_to(current);
        }
        Ok(Self { asking, current })
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) asking: Asking,
    pub(crate) current: Current,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let mut asking = Asking::read(&parts.headers, &parts.extensions, app);
        let current = find_current(app, &asking).await?.ok_or(Failure::Unauthenticated)?;
        asking.speak_to(&current);
        Ok(Self { asking, current })
    }
}

/// Whoever the session cookie says is signed in.
pub(crate) async fn find_current(app: &App, asking: &Asking) -> Result<Option<Current>, Failure> {
    Ok(look_up(app, asking).await?)
}

async fn look_up(app: &App, asking: &Asking) -> Result<Option<Current>, Fault> {
    match &asking.session_token {
        Some(token) => app.auth.current(token).await,
        None => Ok(None),
    }
}

/// Ends the sessions of this browser: that of its cookie, and that of the token it kept, for which apps still take its
/// owner as signed in. A token that does not hold has nothing to end. Says whether one ended.
pub(crate) async fn sign_out(app: &App, asking: &Asking) -> Result<bool, Failure> {
    let current = find_current(app, asking).await?;
    if let Some(current) = &current {
        app.auth.sign_out(current, &asking.context).await?;
    }
    let Some(token) = &asking.jwt else { return Ok(current.is_some()) };
    let ended = match app.auth.check_token(token).await {
        Ok(held) => app.auth.sign_out_by_token(held.user, held.session, &asking.context).await?,
        Err(TokenError::Invalid) => false,
        Err(TokenError::Fault(fault)) => return Err(fault.into()),
    };
    Ok(ended || current.is_some())
}

/// The session that a new one of `email` takes the place of: this browser's own, if it is the same person's.
pub(crate) async fn replaced_by(
    app: &App,
    asking: &Asking,
    email: &Email,
) -> Result<Option<SessionId>, Failure> {
    let current = find_current(app, asking).await?;
    let same = current.filter(|current| current.email.normalized() == email.normalized());
    Ok(same.map(|current| current.id))
}

/// Somebody who is signed in and proved who they are a moment ago.
#[derive(Clone, Debug)]
pub(crate) struct Fresh(pub(crate) SignedIn);

impl FromRequestParts<App> for Fresh {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        if app.auth.is_fresh(&signed_in.current) { Ok(Self(signed_in)) } else { Err(Failure::NotFresh) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is told, the address is the peer's, or one that a proxy we trust was told of.
        #[test]
        fn class_21_any_forwarded_addresses_are_read_or_passed_over(
            told in proptest::collection::vec("[ -~]{0,120}", 0..4),
            hops in "((10\\.|203\\.)?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}(:[0-9]{0,6})?|\\[?[0-9a-f:.]{0,40}\\]?|,| ){0,12}",
            is_trusted in any::<bool>(),
        ) {
            let trusted: [ipnet::IpNet; 1] = ["10.0.0.0/8".parse().unwrap()];
            let peer = IpAddr::from(if is_trusted { [10, 0, 0, 1] } else { [192, 0, 2, 7] });
            let mut headers = HeaderMap::new();
            for line in [told, vec![hops]].concat() {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let found = client_address(Some(peer), &headers, &trusted);
            if !is_trusted {
                prop_assert_eq!(found, peer);
            } else if found != peer {
                prop_assert!(!trusted[0].contains(&found));
                let lines = headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap());
                let named = lines.flat_map(|line| line.split(',')).filter_map(|hop| read_hop(hop.trim()));
                prop_assert!(named.map(|hop| hop.to_canonical()).any(|hop| hop == found));
            }
        }
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "198.51.100.1, 203.0.113.9".parse().unwrap());
        headers.append("x-forwarded-for", "10.1.1.1".parse().unwrap());
        let client =
            |peer: [u8; 4], headers: &HeaderMap| client_address(Some(peer.into()), headers, &trusted);
        assert_eq!(client([192, 0, 2, 7], &headers), IpAddr::from([192, 0, 2, 7]), "a stranger's word");
        assert_eq!(client([10, 0, 0, 1], &headers), IpAddr::from([203, 0, 113, 9]), "the last hop not ours");
        for (told, ip) in [
            ("203.0.113.7:1234", IpAddr::from([203, 0, 113, 7])),
            ("[2001:db8::1]:5", "2001:db8::1".parse().unwrap()),
            ("[2001:db8::1]", "2001:db8::1".parse().unwrap()),
            ("2001:db8::1", "2001:db8::1".parse().unwrap()),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", told.parse().unwrap());
            assert_eq!(client([10, 0, 0, 1], &headers), ip, "{told}");
        }
        headers.append("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(client([10, 0, 0, 1], &headers), IpAddr::from([10, 0, 0, 1]), "nothing readable after it");
    }
}
