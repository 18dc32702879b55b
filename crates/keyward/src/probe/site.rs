//! Where an installation is reached, and by whose certificates it is believed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::Failure;

/// Where the installation is reached.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Sign-in, by its public address.
    pub(crate) auth: Url,
    /// The app, if it is asked too.
    pub(crate) app: Option<Url>,
    /// Where connections go, in the place of what the names lead to. Names and certificates stay the public ones.
    pub(crate) connect_to: Option<SocketAddr>,
    /// Certificates in PEM that are believed besides the system's.
    pub(crate) ca_file: Option<PathBuf>,
}

/// One origin of it, and the way there.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `https://auth.example.com`, as every request by HTTP/2 begins.
    pub(super) origin: String,
    /// The same without the scheme: what a `Host` header says.
    pub(super) authority: String,
    /// Name or address.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) connect_to: Option<SocketAddr>,
    pub(super) tls: Option<Tls>,
}

/// How its connections are encrypted.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) name: ServerName<'static>,
    /// Offers HTTP/2 before HTTP/1.1.
    pub(super) both: TlsConnector,
    /// Offers HTTP/1.1 alone.
    pub(super) one: TlsConnector,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Site {
    /// Whether it can be asked at all, as it is written.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.targets().map(drop)
    }

    /// The ways to sign-in and, if it is asked, to the app.
    pub(super) fn targets(&self) -> Result<(Target, Option<Target>), Failure> {
        let is_encrypted = |url: &Url| url.scheme() == "https";
        let connectors = if is_encrypted(&self.auth) || self.app.as_ref().is_some_and(is_encrypted) {
            Some(connectors(self.ca_file.as_deref())?)
        } else {
            None
        };
        let auth = self.target(&self.auth, connectors.as_ref())?;
        if self.auth.path() != "/" || self.auth.query().is_some() {
            return Err(format!(
                "{} is more than an address of sign-in: leave out what follows {}",
                self.auth, auth.origin
            )
            .into());
        }
        let app = self.app.as_ref().map(|app| self.target(app, connectors.as_ref())).transpose()?;
        Ok((auth, app))
    }

    fn target(&self, url: &Url, connectors: Option<&[TlsConnector; 2]>) -> Result<Target, Failure> {
        let wrong = || format!("{url} is no address of a site: write one such as https://auth.example.com");
        let host = match url.host().ok_or_else(wrong)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().ok_or_else(wrong)?;
        let origin = url.origin().ascii_serialization();
        let authority =
            origin.split_once("://").map(|(_, authority)| authority.to_owned()).ok_or_else(wrong)?;
        let tls = match (url.scheme(), connectors) {
            ("https", Some([both, one])) => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
                Some(Tls { name, both: both.clone(), one: one.clone() })
            }
            ("http", _) => None,
            _ => return Err(wrong().into()),
        };
        Ok(Target { origin, authority, host, port, connect_to: self.connect_to, tls })
    }
}

/// One that offers HTTP/2 before HTTP/1.1, and one that offers HTTP/1.1 alone.
fn connectors(ca_file: Option<&Path>) -> Result<[TlsConnector; 2], Failure> {
    let roots = Arc::new(roots(ca_file)?);
    let offers: [&[&[u8]]; 2] = [&[b"h2", b"http/1.1"], &[b"http/1.1"]];
    Ok(offers.map(|offer| {
        let mut config = ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
        config.alpn_protocols = offer.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }))
}

/// The system's authorities, and those of a file.
fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    // One of the system's that cannot be read is passed over, as everybody else does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let cannot = |error: &dyn std::fmt::Display| {
            format!(
                "--ca-file {}: {error}. It has to hold certificates of authorities in PEM",
                path.display()
            )
        };
        let pem = std::fs::read(path).map_err(|error| cannot(&error))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| cannot(&error))?;
            roots.add(certificate).map_err(|error| cannot(&error))?;
        }
        if roots.len() == before {
            return Err(cannot(&"there is none in it").into());
        }
    }
    if roots.is_empty() {
        return Err("this system has no certificates of authorities, so that no server can be believed: install them \
                    (ca-certificates), or name those of your own with --ca-file"
            .into());
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(auth: &str, app: Option<&str>) -> Site {
        let url = |text: &str| text.parse().unwrap();
        Site { auth: url(auth), app: app.map(url), connect_to: None, ca_file: None }
    }

    #[test]
    fn an_address_is_read_as_what_is_dialled_and_what_is_said() {
        for (url, authority, host, port) in [
            ("http://localhost:3000", "localhost:3000", "localhost", 3000),
            ("http://auth.example.com/", "auth.example.com", "auth.example.com", 80),
            ("http://[::1]:3000/", "[::1]:3000", "::1", 3000),
            ("http://127.0.0.1:80", "127.0.0.1", "127.0.0.1", 80),
        ] {
            let (target, app) = site(url, None).targets().unwrap();
            assert_eq!(
                (target.authority.as_str(), target.host.as_str(), target.port),
                (authority, host, port)
            );
            assert_eq!(target.origin, format!("http://{authority}"));
            assert!(target.tls.is_none() && app.is_none());
        }
        let error = site("https://auth.example.com/sign-in", None).targets().unwrap_err().to_string();
        assert!(error.ends_with("leave out what follows https://auth.example.com"), "{error}");
        for wrong in ["ftp://auth.example.com", "mailto:ana@example.com", "data:,"] {
            let error = site(wrong, None).targets().unwrap_err().to_string();
            assert!(error.contains("is no address of a site"), "{error}");
            assert!(site("http://localhost", Some(wrong)).targets().is_err());
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        for (content, why) in [(None, "No such file"), (Some(""), "there is none in it")] {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let site = Site { ca_file: Some(path.clone()), ..site("https://localhost", None) };
            let error = site.targets().unwrap_err().to_string();
            assert!(error.contains("ca.pem") && error.contains(why), "{error}");
        }
    }
}
