//! Redis by TLS, as a certificate of the operator's own signs for it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use store::ephemeral::{Ephemeral, RedisSettings};
use tempfile::TempDir;

use crate::redis_server::{RedisServer, free_port};

/// An authority, and what it signed for 127.0.0.1.
fn certificates(folder: &TempDir, name: &str) -> (PathBuf, PathBuf, PathBuf) {
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let write = |what: &str, label: &str, der: &[u8]| {
        let path = folder.path().join(format!("{name}-{what}.pem"));
        let text = STANDARD.encode(der);
        std::fs::write(&path, format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")).unwrap();
        path
    };
    (
        write("root", "CERTIFICATE", authority.der()),
        write("server", "CERTIFICATE", server.der()),
        write("key", "PRIVATE KEY", key.serialized_der()),
    )
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_root_certificate_signed_for() {
    let folder = tempfile::tempdir().unwrap();
    let (root, certificate, key) = certificates(&folder, "ours");
    let (other_root, ..) = certificates(&folder, "another");
    let tls_port = free_port();
    let paths = [certificate, key, root.clone()].map(|path| path.display().to_string());
    let tls_port_text = tls_port.to_string();
    let arguments = [
        "--tls-port",
        &tls_port_text,
        "--tls-cert-file",
        &paths[0],
        "--tls-key-file",
        &paths[1],
        "--tls-ca-cert-file",
        &paths[2],
        "--tls-auth-clients",
        "no",
    ];
    let Some(_server) = RedisServer::start_with(&arguments) else { return };
    let settings =
        RedisSettings { tls: true, root_certificate: Some(root), ..RedisServer::settings_at(tls_port) };
    let ephemeral = Ephemeral::connect(&settings).await.unwrap();
    assert!(ephemeral.publish("sealed on its way").await);
    let stranger = RedisSettings { root_certificate: Some(other_root), ..settings.clone() };
    let error = Ephemeral::connect(&stranger).await.unwrap_err().to_string();
    assert!(error.contains("its certificate is not trusted"), "{error}");
    let open = RedisSettings { tls: false, ..settings };
    let error = Ephemeral::connect(&open).await.unwrap_err().to_string();
    assert!(error.contains("cannot be used"), "{error}");
}
