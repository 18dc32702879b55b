//! `Provider`: the sign-in server: what it says of itself, and its keys.

use std::sync::Arc;
use std::time::Duration;

use oidc::{Algorithm, Discovered, JwkSet, JwsError, KeySet, discovery_url};
use outbound::{EgressClient, EgressError, EgressRequest, EgressResponse, EgressSettings};
use url::Url;

use crate::activity::{Answered, Counts};
use crate::fetched::{Fetched, Fresh};
use crate::provider_error::ProviderError;
use crate::{ClientAuthentication, Clock, Settings};

/// More than its documents and tokens have.
const LARGEST_ANSWER: usize = 256 * 1024;
/// For how long a document is used that does not say.
const USUAL_LIFE: Duration = Duration::from_mins(5);
/// However short or long the server would have it.
const SHORTEST_LIFE: Duration = Duration::from_mins(1);
const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// The sign-in server, as this app knows it.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) authentication: ClientAuthentication,
    pub(crate) algorithm: Algorithm,
    pub(crate) leeway_seconds: u32,
    pub(crate) clock: Clock,
    pub(crate) counts: Counts,
    http: EgressClient,
    /// In the place of the issuer, when this app asks elsewhere.
    internal: Option<String>,
    metadata: Fetched<Discovered>,
    keys: Fetched<KeySet>,
}

impl Provider {
    /// Asks nobody yet. Gives back the rest of the settings.
    pub(crate) fn new(
        settings: &Settings,
        authentication: ClientAuthentication,
    ) -> Result<Self, EgressError> {
        let asked = settings.internal_url.as_ref().map_or(settings.issuer.as_str(), Url::as_str);
        let host = Url::parse(asked).ok().filter(|url| url.scheme() == "http");
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok());
        let http = EgressClient::new(&EgressSettings {
            // The operator names the one host that is asked, and `within` sees to it that there is no other.
            allowed_networks: everywhere.collect(),
            // The system says whom to believe: SSL_CERT_FILE adds an authority of one's own.
            root_certificate: None,
            plain_http_hosts: host.iter().filter_map(Url::host_str).map(str::to_owned).collect(),
            timeout: settings.timeout,
            maximum_response_bytes: LARGEST_ANSWER,
        })?;
        Ok(Self {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            authentication,
            algorithm: settings.id_token_algorithm,
            leeway_seconds: u32::try_from(settings.leeway.as_secs()).unwrap_or(u32::MAX),
            clock: settings.clock.clone(),
            counts: Counts::default(),
            http,
            internal: settings.internal_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            metadata: Fetched::new(settings.clock.clone()),
            keys: Fetched::new(settings.clock.clone()),
        })
    }

    /// What the server says of itself (OpenID Connect Discovery section 4).
    pub(crate) async fn metadata(&self) -> Result<Arc<Discovered>, ProviderError> {
        self.metadata.get(async || self.fetch_metadata().await).await
    }

    /// Its keys.
    pub(crate) async fn keys(&self) -> Result<Arc<KeySet>, ProviderError> {
        self.keys.get(async || self.fetch_keys().await).await
    }

    /// Reads a token by the server's keys. If it names a key that is not known, the keys are fetched anew, at most once in a
    /// while; if they cannot be, nobody knows whether the token is good.
    pub(crate) async fn verify<T>(
        &self,
        read: impl Fn(&KeySet) -> Result<T, JwsError>,
    ) -> Result<T, ProviderError> {
        let keys = self.keys().await?;
        match read(&keys) {
            Err(JwsError::UnknownKey) => {
                let newer = self.keys.beyond(&keys, async || self.fetch_keys().await).await?;
                Ok(read(&newer)?)
            }
            answer => Ok(answer?),
        }
    }

    async fn fetch_metadata(&self) -> Result<Fresh<Discovered>, ProviderError> {
        let answer = self.get(&discovery_url(&self.issuer)).await?;
        let metadata = Discovered::parse(&answer.body, &self.issuer)
            .map_err(|error| ProviderError::Unacceptable(error.to_string()))?;
        let further = [&metadata.userinfo_endpoint, &metadata.end_session_endpoint];
        let all = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        for address in all.into_iter().chain(further.into_iter().flatten()) {
            self.within(address)?;
        }
        Ok(Fresh { value: metadata, life: life(&answer) })
    }

    async fn fetch_keys(&self) -> Result<Fresh<KeySet>, ProviderError> {
        let metadata = self.metadata().await?;
        let answer = self.get(&metadata.jwks_uri).await?;
        // A proxy may have said it: no token was read by it, so none is refused, and nobody is signed out.
        let no_set = |error: oidc::JwkError| {
            let address = &metadata.jwks_uri;
            ProviderError::Unreachable(format!("{address} answered with what is no key set: {error}"))
        };
        let mut set = JwkSet::parse(&answer.body).map_err(no_set)?;
        // Only what this app is registered with: no token chooses its algorithm (RFC 8725 section 3.1).
        let pinned = |key: &oidc::Jwk| {
            oidc::VerifyingKey::from_jwk(key).is_ok_and(|key| key.algorithm() == self.algorithm)
        };
        set.keys.retain(pinned);
        let value = KeySet::from_jwk_set(&set).map_err(no_set)?;
        Ok(Fresh { value, life: life(&answer) })
    }

    /// What of an address comes after the issuer. Metadata leads to the issuer's own addresses and nowhere else, so that
    /// whoever could change it still could not have this app, and what it sends, led astray (class 18).
    fn within<'a>(&self, address: &'a str) -> Result<&'a str, ProviderError> {
        let issuer = self.issuer.trim_end_matches('/');
        let rest = address.strip_prefix(issuer).filter(|rest| rest.starts_with('/'));
        rest.ok_or_else(|| {
            ProviderError::Unacceptable(format!(
                "its metadata names an address that does not begin with {issuer}/"
            ))
        })
    }

    /// The address at which this app asks.
    fn asked(&self, address: &str) -> Result<String, ProviderError> {
        let rest = self.within(address)?;
        Ok(self.internal.as_ref().map_or_else(|| address.to_owned(), |base| format!("{base}{rest}")))
    }

    async fn get(&self, address: &str) -> Result<EgressResponse, ProviderError> {
        let answer = self.send(address, EgressRequest::get).await?;
        match answer.status {
            200 => Ok(answer),
            status => Err(ProviderError::Unreachable(format!(
                "{address} answered {status}, where 200 was expected"
            ))),
        }
    }

    /// Sends one request to the server, whatever it answers.
    pub(crate) async fn send(
        &self,
        address: &str,
        request: impl FnOnce(&str) -> EgressRequest,
    ) -> Result<EgressResponse, ProviderError> {
        let request = request(&self.asked(address)?).header("accept", "application/json");
        let answered = self.http.send(request).await;
        self.counts.asked(match &answered {
            Ok(answer) => Answered::of(answer.status),
            Err(_) => Answered::Not,
        });
        answered.map_err(|error| ProviderError::Unreachable(error.to_string()))
    }
}

/// How long the answer may be used (RFC 9111 section 5.2.2.1), within bounds.
fn life(answer: &EgressResponse) -> Duration {
    let mut directives = answer.header("cache-control").unwrap_or_default().split(',');
    let age = directives.find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok());
    age.map_or(USUAL_LIFE, Duration::from_secs).clamp(SHORTEST_LIFE, LONGEST_LIFE)
}
