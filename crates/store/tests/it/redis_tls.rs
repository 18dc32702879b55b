//! Redis by TLS, as a certificate of the operator's own signs for it.

use store::ephemeral::{Ephemeral, RedisSettings};

use crate::certificates::Certificates;
use crate::redis_server::{RedisServer, free_port};

#[tokio::test]
async fn tls_is_spoken_with_whom_the_root_certificate_signed_for() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Certificates::of("127.0.0.1");
    let root = ours.write_root(folder.path(), "root");
    let other_root = Certificates::of("127.0.0.1").write_root(folder.path(), "another");
    let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
    std::fs::write(&certificate, &ours.certificate).unwrap();
    std::fs::write(&key, &ours.key).unwrap();
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
