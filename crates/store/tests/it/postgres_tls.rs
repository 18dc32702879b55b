//! PostgreSQL by TLS: what each setting asks for, and what is said where it is not so.

use std::path::PathBuf;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use store::{PostgresSettings, Store, migrations};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::postgres_server::PostgresServer;

struct Sealed {
    server: PostgresServer,
    folder: TempDir,
    root: PathBuf,
}

impl Sealed {
    /// One whose certificate is for `host`.
    async fn start(host: &str) -> Option<Self> {
        let certificates = Certificates::of(host);
        let files = [("certificate.pem", &*certificates.certificate), ("key.pem", &*certificates.key)];
        let settings = ["ssl=on", "ssl_cert_file=certificate.pem", "ssl_key_file=key.pem"];
        let server = PostgresServer::start_with(&settings, &files).await?;
        let folder = tempfile::tempdir().unwrap();
        let root = certificates.write_root(folder.path(), "root.pem");
        Some(Self { server, folder, root })
    }

    fn settings(&self, ssl_mode: &str, root: Option<&PathBuf>) -> PostgresSettings {
        let url = format!("postgres://keyward@127.0.0.1:{}/postgres{ssl_mode}", self.server.port());
        PostgresSettings { root_certificate: root.cloned(), ..PostgresSettings::new(url.into()) }
    }

    /// Whether what is sent is sealed.
    async fn is_sealed(&self, settings: &PostgresSettings) -> bool {
        let store = Store::connect(settings).await.unwrap();
        let url = format!("postgres://keyward@127.0.0.1:{}/postgres?sslmode=disable", self.server.port());
        let mut past = PgConnection::connect(&url).await.unwrap();
        let asked = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a ON a.pid = s.pid
                     WHERE a.application_name = 'keyward'";
        let sealed = sqlx::query_scalar(asked).fetch_one(&mut past).await.unwrap();
        store.close().await;
        // Whoever asks next is not to see these connections.
        let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keyward'";
        while sqlx::query_scalar::<_, i64>(left).fetch_one(&mut past).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
        sealed
    }

    /// Why it is not used.
    async fn refusal(&self, settings: &PostgresSettings) -> String {
        let refused = Store::connect(settings).await.unwrap_err().to_string();
        let migrating = migrations::status(settings).await.unwrap_err().to_string();
        assert_eq!(refused, migrating, "one sentence, whoever asks");
        refused.replace(&self.server.port().to_string(), "PORT")
    }
}

#[tokio::test]
async fn each_setting_asks_for_as_much_as_it_says() {
    let Some(sealed) = Sealed::start("127.0.0.1").await else { return };
    let ours = Some(&sealed.root);
    for (ssl_mode, root, is_sealed) in [
        ("", None, true),
        ("?sslmode=prefer", None, true),
        ("?sslmode=require", None, true),
        ("?sslmode=disable", None, false),
        ("", ours, true),
        ("?sslmode=verify-full", ours, true),
    ] {
        let settings = sealed.settings(ssl_mode, root);
        assert_eq!(sealed.is_sealed(&settings).await, is_sealed, "{ssl_mode} {root:?}");
    }
    let settings = sealed.settings("", ours);
    assert!(!migrations::apply(&settings).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_is_not_who_they_should_be_is_refused_in_a_sentence_that_helps() {
    let Some(sealed) = Sealed::start("127.0.0.1").await else { return };
    let another = Certificates::of("127.0.0.1").write_root(sealed.folder.path(), "another.pem");
    for settings in [sealed.settings("", Some(&another)), sealed.settings("?sslmode=verify-full", None)] {
        let refused = sealed.refusal(&settings).await;
        assert!(
            refused.starts_with(
                "PostgreSQL at 127.0.0.1:PORT/postgres cannot be used: its certificate is not trusted ("
            ) && refused.ends_with("; name the one it is signed by in database.root_certificate"),
            "{refused}"
        );
    }
    let nonsense = sealed.folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    let refused = sealed.refusal(&sealed.settings("", Some(&nonsense))).await;
    assert!(refused.contains("database.root_certificate has to be the certificate, as PEM"), "{refused}");
    let Some(elsewhere) = Sealed::start("db.internal").await else { return };
    let refused = elsewhere.refusal(&elsewhere.settings("", Some(&elsewhere.root))).await;
    assert!(
        refused.contains("its certificate is for another name (")
            && refused.contains("db.internal")
            && refused.ends_with("write its host in database.url as it stands in the certificate"),
        "{refused}"
    );
}

#[tokio::test]
async fn who_has_no_tls_to_speak_is_told_which_setting_asks_for_it() {
    let Some(open) = PostgresServer::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let root = Certificates::of("127.0.0.1").write_root(folder.path(), "root.pem");
    let settings =
        PostgresSettings { root_certificate: Some(root), ..PostgresServer::settings_at(open.port()) };
    let refused = Store::connect(&settings).await.unwrap_err().to_string();
    assert!(refused.contains("it does not speak TLS, and is to; switch `ssl` on there"), "{refused}");
    let certificates = Certificates::of("127.0.0.1");
    let files = [
        ("certificate.pem", &*certificates.certificate),
        ("key.pem", &*certificates.key),
        ("pg_hba.conf", "hostssl all all 127.0.0.1/32 trust\n"),
    ];
    let settings = ["ssl=on", "ssl_cert_file=certificate.pem", "ssl_key_file=key.pem"];
    let Some(strict) = PostgresServer::start_with(&settings, &files).await else { return };
    let url = format!("postgres://keyward@127.0.0.1:{}/postgres?sslmode=disable", strict.port());
    let refused = Store::connect(&PostgresSettings::new(url.into())).await.unwrap_err().to_string();
    assert!(
        refused.contains("it takes nobody without TLS (") && refused.ends_with("leave sslmode=disable out"),
        "{refused}"
    );
}
