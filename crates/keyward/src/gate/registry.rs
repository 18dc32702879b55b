//! The registry: what a digest names is fetched from the configured one, and from no other. Nothing that comes is looked at before its own
//! digest was.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use outbound::egress::Network;
use outbound::{EgressClient, EgressRequest, EgressResponse, EgressSettings};
use secrets::SecretString;
use serde::Deserialize;
use url::{Host, Url};

use super::artefact::{Artefact, Blob, LARGEST, MANIFEST};
use super::challenge::Challenge;
use super::configuration::Configuration;
use super::order::Digest;

/// For each question.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was signed, and by what; both as they came.
pub(super) struct Fetched {
    pub(super) release: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// The configured one.
pub(super) struct Registry {
    client: EgressClient,
    /// Its host, as images are called by it.
    name: String,
    /// `https://ghcr.io`
    origin: String,
    /// The repository of releases.
    repository: String,
}

/// The answer of whoever gives tokens out (token authentication of the distribution specification).
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// As much of `config.json` of `docker login` as is asked for.
#[derive(Deserialize)]
struct Logins {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
}

#[derive(Deserialize)]
struct Login {
    /// Name and password, with a colon between, in base64.
    auth: Option<String>,
}

impl Registry {
    pub(super) fn of(configuration: &Configuration) -> Result<Self, String> {
        let loopback = loopback(&configuration.registry);
        let mut networks = configuration.networks()?;
        if loopback.is_some() {
            for network in ["127.0.0.0/8", "::1"] {
                networks.push(network.parse::<Network>().map_err(|error| format!("{network}: {error}"))?);
            }
        }
        // Without TLS on this very machine alone, as Docker does it.
        let scheme = if loopback.is_some() { "http" } else { "https" };
        let client = EgressClient::new(&EgressSettings {
            allowed_networks: networks,
            plain_http_hosts: loopback.into_iter().collect(),
            root_certificate: configuration.root_certificate.clone(),
            timeout: PATIENCE,
            maximum_response_bytes: LARGEST,
        });
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            name: configuration.registry.clone(),
            origin: format!("{scheme}://{}", configuration.registry),
            repository: configuration.releases(),
        })
    }

    /// The release whose OCI manifest has this digest.
    pub(super) async fn fetch(&self, digest: &Digest) -> Result<Fetched, String> {
        let manifest = self.get(&format!("manifests/{digest}"), MANIFEST, digest).await?;
        let artefact = Artefact::parse(&manifest)?;
        Ok(Fetched {
            release: self.blob(&artefact.release).await?,
            signature: self.blob(&artefact.signature).await?,
        })
    }

    async fn blob(&self, blob: &Blob) -> Result<Vec<u8>, String> {
        let bytes = self.get(&format!("blobs/{}", blob.digest), "*/*", &blob.digest).await?;
        if bytes.len() == blob.size {
            Ok(bytes)
        } else {
            Err(format!("{} has {} bytes, and {} were told", blob.digest, bytes.len(), blob.size))
        }
    }

    /// What has this digest, and nothing else.
    async fn get(&self, path: &str, accept: &str, digest: &Digest) -> Result<Vec<u8>, String> {
        let url = format!("{}/v2/{}/{path}", self.origin, self.repository);
        let mut answer = self.ask(&url, accept, None).await?;
        if answer.status == 401 {
            let header = answer.header("www-authenticate").unwrap_or_default().to_owned();
            let proof = self.proof(&header).await?;
            answer = self.ask(&url, accept, Some(&proof)).await?;
        }
        let (name, repository) = (&self.name, &self.repository);
        match answer.status {
            200 => {}
            404 => return Err(format!("{name} has no {digest} in {repository}")),
            401 | 403 => {
                return Err(format!(
                    "{name} lets this host see nothing of {repository} ({}): `docker login {name}` as root, once",
                    answer.status
                ));
            }
            status => return Err(format!("{name} answered with {status} as it was asked for {digest}")),
        }
        let found = Digest::of(&answer.body);
        if found == *digest {
            return Ok(answer.body);
        }
        Err(format!(
            "{name} answered with something that has the digest {found} as it was asked for {digest}: it was changed, and is not looked at"
        ))
    }

    async fn ask(
        &self,
        url: &str,
        accept: &str,
        proof: Option<&SecretString>,
    ) -> Result<EgressResponse, String> {
        let mut request = EgressRequest::get(url).header("accept", accept);
        if let Some(proof) = proof {
            request = request.secret_header("authorization", proof);
        }
        self.client.send_following_one(request).await.map_err(|error| error.to_string())
    }

    /// What the registry asked for.
    async fn proof(&self, header: &str) -> Result<SecretString, String> {
        let login = login(&self.name)?;
        let (realm, service) = match Challenge::parse(header) {
            Some(Challenge::Bearer { realm, service }) => (realm, service),
            Some(Challenge::Basic) => {
                return login.ok_or_else(|| {
                    format!("{0} asks for a password: `docker login {0}` as root, once", self.name)
                });
            }
            None => return Err(format!("{} asks for a proof that is not understood", self.name)),
        };
        let mut url = Url::parse(&realm)
            .map_err(|error| format!("{} gives tokens out at no address: {error}", self.name))?;
        let scope = format!("repository:{}:pull", self.repository);
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", &service);
        }
        let mut request = EgressRequest::get(url.as_str());
        if let Some(login) = &login {
            request = request.secret_header("authorization", login);
        }
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        let token = serde_json::from_slice(&answer.body)
            .ok()
            .and_then(|token: Token| token.token.or(token.access_token));
        match token {
            Some(token) if answer.status == 200 => Ok(format!("Bearer {token}").into()),
            _ => Err(format!(
                "{} gives this host no token for {} ({}): `docker login {0}` as root, once",
                self.name, self.repository, answer.status
            )),
        }
    }
}

/// The host of a registry that is this machine, as it stands in a URL.
fn loopback(registry: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{registry}/")).ok()?;
    let is_here = match url.host()? {
        Host::Ipv4(address) => IpAddr::V4(address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(address).is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    if is_here { url.host_str().map(str::to_owned) } else { None }
}

/// What root has signed in to this registry with, by `docker login`: so there is one such secret on the host, and it is Docker's.
fn login(registry: &str) -> Result<Option<SecretString>, String> {
    let folder = std::env::var_os("DOCKER_CONFIG")
        .map_or_else(|| Path::new("/root/.docker").to_owned(), PathBuf::from);
    let path = folder.join("config.json");
    let Ok(text) = std::fs::read(&path) else { return Ok(None) };
    let logins: Logins = serde_json::from_slice(&text)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let login = logins.auths.get(registry).or_else(|| logins.auths.get(&format!("https://{registry}")));
    Ok(login
        .and_then(|login| login.auth.as_deref())
        .filter(|auth| !auth.is_empty())
        .map(|auth| format!("Basic {auth}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_alone_is_asked_without_tls() {
        for (registry, host) in [
            ("127.0.0.1:5000", Some("127.0.0.1")),
            ("127.9.9.9", Some("127.9.9.9")),
            ("localhost:5000", Some("localhost")),
            ("[::1]:5000", Some("[::1]")),
            ("ghcr.io", None),
            ("10.0.0.1:5000", None),
            ("localhost.example.com", None),
        ] {
            assert_eq!(loopback(registry).as_deref(), host, "{registry}");
            let text = format!("folder = \"/srv\"\nregistry = \"{registry}\"\nrepository = \"a\"\n");
            let registry = Registry::of(&Configuration::parse(&text).unwrap()).unwrap();
            assert_eq!(registry.origin.starts_with("http://"), host.is_some(), "{}", registry.origin);
        }
    }
}
