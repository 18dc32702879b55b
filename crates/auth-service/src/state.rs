//! What every handler can reach. Built once, in `server`.

use std::sync::Arc;

use auth::Auth;
use ipnet::IpNet;
use url::Url;

use crate::branding::Branding;
use crate::client_keys::ClientKeys;
use crate::http::cookies::CookieNames;
use crate::mailbox::Mailbox;
use crate::metrics::Traffic;
use crate::protocol::metadata::Documents;
use crate::warm::WarmHeaders;

/// The application.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

/// What an application is made of.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a decision by itself")]
pub struct Inner {
    /// The use cases.
    pub auth: Arc<Auth>,
    /// Name, logo and colours.
    pub branding: Branding,
    /// Networks whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether `POST /signup` says that an address has an account.
    pub reveal_accounts: bool,
    /// The development mailbox; none outside `keyward dev`.
    pub mailbox: Option<Mailbox>,
    /// The keys that apps publish.
    pub client_keys: ClientKeys,
    pub(crate) cookies: CookieNames,
    pub(crate) origin: String,
    pub(crate) https: bool,
    /// What the server says of itself as a provider, ready made.
    pub(crate) documents: Documents,
    /// What stands over answers from memory.
    pub(crate) warm_headers: WarmHeaders,
    /// What was asked, how often, and how long the answers took.
    pub(crate) traffic: Traffic,
    /// Whether the log has whole addresses.
    pub(crate) full_addresses: bool,
    /// Whether the way of requests is recorded.
    pub(crate) traced: bool,
}

/// What [`App::new`] is given.
#[derive(Debug)]
pub struct AppParts {
    /// The use cases.
    pub auth: Arc<Auth>,
    /// Name, logo and colours.
    pub branding: Branding,
    /// Networks whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether `POST /signup` says that an address has an account.
    pub reveal_accounts: bool,
    /// The development mailbox; none outside `keyward dev`.
    pub mailbox: Option<Mailbox>,
    /// The keys that apps publish.
    pub client_keys: ClientKeys,
}

impl App {
    /// Puts an application together.
    pub fn new(parts: AppParts) -> Self {
        let AppParts { auth, branding, trusted_proxies, reveal_accounts, mailbox, client_keys } = parts;
        let url = &auth.settings().public_url;
        let origin = url.origin().ascii_serialization();
        let https = url.scheme() == "https";
        let cookies = CookieNames::new(https);
        let documents = Documents::new(auth.issuer(), auth.keys().published(), https);
        Self(Arc::new(Inner {
            auth,
            branding,
            trusted_proxies,
            reveal_accounts,
            mailbox,
            client_keys,
            cookies,
            origin,
            https,
            documents,
            warm_headers: WarmHeaders::new(https),
            traffic: Traffic::default(),
            full_addresses: false,
            traced: false,
        }))
    }

    /// Logs the whole address that a request came from, and not the network alone. Asked for before it is shared.
    #[must_use]
    pub fn with_full_addresses(mut self, full: bool) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.full_addresses = full;
        }
        self
    }

    /// Has a span for each request, for whoever records it. Asked for before it is shared.
    #[must_use]
    pub fn with_traces(mut self, traced: bool) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.traced = traced;
        }
        self
    }

    /// Where people reach this server.
    pub fn public_url(&self) -> &Url {
        &self.auth.settings().public_url
    }

    /// Whether this is `keyward dev`.
    pub(crate) fn is_development(&self) -> bool {
        self.mailbox.is_some()
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
