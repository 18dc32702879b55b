//! `EgressClient`: sends requests out, within limits.

use std::{
    error::Error as _,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Certificate, Client, Response, header::LOCATION, redirect::Policy};
use url::{Host, Url};

use super::{
    EgressError, EgressRequest, EgressResponse, Network,
    resolver::{Guard, GuardedResolver},
};

/// What the client may reach, and how much it takes.
#[derive(Clone, Debug)]
pub struct EgressSettings {
    /// Networks that may be reached although they are not public.
    pub allowed_networks: Vec<Network>,
    /// Hosts that may be asked over plain HTTP, as they stand in the URL, without port. Their addresses are checked
    /// all the same.
    pub plain_http_hosts: Vec<String>,
    /// A file of certificates in PEM. Whatever they signed for is believed, besides what the system's did.
    pub root_certificate: Option<PathBuf>,
    /// For the whole exchange, from the look-up of the name to the last byte.
    pub timeout: Duration,
    /// The largest body that is read, in bytes.
    pub maximum_response_bytes: usize,
}

impl Default for EgressSettings {
    /// Nothing but public addresses over HTTPS, ten seconds, 1 MiB.
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            plain_http_hosts: Vec::new(),
            root_certificate: None,
            timeout: Duration::from_secs(10),
            maximum_response_bytes: 1024 * 1024,
        }
    }
}

/// The certificates of a file, of which there is at least one.
fn certificates(path: &Path) -> Result<Vec<Certificate>, EgressError> {
    let wrong = |cause: String| EgressError::RootCertificate { path: path.to_owned(), cause };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(chain(&error)))?;
    if found.is_empty() {
        return Err(wrong(
            "there is none in it, which would begin with -----BEGIN CERTIFICATE-----".to_owned(),
        ));
    }
    Ok(found)
}

/// The one way out by HTTP. Follows no redirect unless it is asked to follow one, takes no proxy from the environment, keeps no cookie.
/// Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct EgressClient {
    client: Client,
    guard: Guard,
    plain_http_hosts: Vec<String>,
    timeout: Duration,
    maximum_response_bytes: usize,
}

impl EgressClient {
    /// Builds the client.
    pub fn new(settings: &EgressSettings) -> Result<Self, EgressError> {
        let guard = Guard::new(&settings.allowed_networks);
        let mut client = Client::builder();
        if let Some(path) = &settings.root_certificate {
            client = client.tls_certs_merge(certificates(path)?);
        }
        let client = client
            .dns_resolver(GuardedResolver(guard.clone()))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(settings.timeout)
            .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| EgressError::Setup { cause: chain(&error) })?;
        Ok(Self {
            client,
            guard,
            plain_http_hosts: settings
                .plain_http_hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            timeout: settings.timeout,
            maximum_response_bytes: settings.maximum_response_bytes,
        })
    }

    /// Sends a request and reads its answer to the end, whatever its status. A redirect is an error.
    pub async fn send(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let (host, response) = self.begin(request).await?;
        if response.status().is_redirection() {
            return Err(EgressError::Redirect { host, status: response.status().as_u16() });
        }
        self.read(&host, response).await
    }

    /// The same of a GET that may be answered elsewhere, as a registry has its blobs: one redirect is followed. Where it leads is checked as
    /// any other address, and is sent none of the headers, which were meant for the first.
    pub async fn send_following_one(&self, request: EgressRequest) -> Result<EgressResponse, EgressError> {
        let (host, response) = self.begin(request).await?;
        let status = response.status();
        if !status.is_redirection() {
            return self.read(&host, response).await;
        }
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let next = place.and_then(|place| response.url().join(place).ok());
        let next = next.ok_or(EgressError::Redirect { host, status: status.as_u16() })?;
        self.send(EgressRequest::get(next.as_str())).await
    }

    /// Sends a request; the host that it went to, and the head of the answer.
    async fn begin(&self, request: EgressRequest) -> Result<(String, Response), EgressError> {
        if let Some(mistake) = request.mistake {
            return Err(mistake);
        }
        let (url, host) = self.check_url(&request.url)?;
        let mut builder = self.client.request(request.method, url).headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let response = builder.send().await.map_err(|error| self.explain(&host, error))?;
        Ok((host, response))
    }

    /// Whether a request to this URL may be sent, as far as that can be told before its host is looked up.
    pub fn check(&self, url: &str) -> Result<(), EgressError> {
        self.check_url(url).map(drop)
    }

    /// An address in the URL passes by the resolver, so it is checked here. `url` has already read its odd spellings:
    /// `0x7f.1`, `2130706433` and `0177.0.0.1` are all 127.0.0.1 by now.
    fn check_url(&self, text: &str) -> Result<(Url, String), EgressError> {
        let refused = |cause: &str| EgressError::Url { cause: cause.to_owned() };
        let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        let host = url.host_str().ok_or_else(|| refused("it has no host"))?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it holds a user name or password"));
        }
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http_hosts.contains(&host) => {}
            "http" => return Err(EgressError::PlainHttp { host }),
            _ => return Err(refused("its scheme is not https")),
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.guard.check(&host, IpAddr::V4(address))?,
            Some(Host::Ipv6(address)) => self.guard.check(&host, IpAddr::V6(address))?,
            Some(Host::Domain(_)) | None => {}
        }
        Ok((url, host))
    }

    /// Reads in pieces, so that a body that lies about its length, or has none, stops at the limit.
    async fn read(&self, host: &str, mut response: Response) -> Result<EgressResponse, EgressError> {
        let limit = self.maximum_response_bytes;
        let too_large = || EgressError::TooLarge { host: host.to_owned(), limit };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.explain(host, error))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        Ok(EgressResponse { status: response.status().as_u16(), headers, body })
    }

    /// The resolver's refusal lies at the bottom of the library's error.
    fn explain(&self, host: &str, error: reqwest::Error) -> EgressError {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(refused) = inner.downcast_ref::<EgressError>() {
                return refused.clone();
            }
            cause = inner.source();
        }
        if error.is_timeout() {
            return EgressError::TimedOut { host: host.to_owned(), limit: self.timeout };
        }
        // Without its URL, whose query may hold a secret.
        EgressError::Failed { host: host.to_owned(), cause: chain(&error.without_url()) }
    }
}

impl fmt::Debug for EgressClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EgressClient").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// An error and its causes in one line.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
