//! An authority of a test's own, and what it signed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// As PEM.
pub(crate) struct Certificates {
    /// The authority's own.
    pub(crate) root: String,
    /// What it signed for a host.
    pub(crate) certificate: String,
    /// That host's key.
    pub(crate) key: String,
}

impl Certificates {
    /// A new authority, which has signed for `host` and nobody else.
    pub(crate) fn of(host: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let server =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        Self {
            root: pem("CERTIFICATE", authority.der()),
            certificate: pem("CERTIFICATE", server.der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
        }
    }

    /// Writes the authority's, as an operator would.
    pub(crate) fn write_root(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, &self.root).unwrap();
        path
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
