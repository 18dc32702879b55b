//! The two programs behind nobody, as they would be behind any other proxy.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use reqwest::header::{HOST, HeaderMap};
use reqwest::redirect::Policy;
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use tempfile::TempDir;

use super::headers::{OF_APP_SERVICE, OF_AUTH_SERVICE, asks};
use super::installation::{APP, AUTH};
use crate::service::{binary, build_programs};
use crate::tools::free_port;
use crate::wait::until;

struct Program {
    child: Child,
    port: u16,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The headers of some answers of each, with where they are from.
pub(super) async fn headers() -> Vec<(String, HeaderMap)> {
    build_programs();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let mut found = Vec::new();
    let auth_service = auth_service(&folder);
    // It asks the server before it leads there.
    let app_service = app_service(&folder, auth_service.port);
    for (program, host, pages) in
        [(&auth_service, AUTH, OF_AUTH_SERVICE.as_slice()), (&app_service, APP, OF_APP_SERVICE.as_slice())]
    {
        for (method, path, status) in pages {
            let url = format!("http://127.0.0.1:{}{path}", program.port);
            let answer = until(&format!("{host}{path}"), async || {
                asks(&client, method, &url).header(HOST, host).send().await.ok()
            })
            .await;
            assert_eq!(answer.status(), *status, "{host}{path}");
            found.push((format!("{host}{path}"), answer.headers().clone()));
        }
    }
    found
}

fn secret(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, generate_key_text().expose_secret()).unwrap();
    format!("file:{}", path.display())
}

fn auth_service(folder: &TempDir) -> Program {
    let folder = folder.path();
    let port = free_port();
    let configuration = folder.join("keyward.toml");
    let text = format!(
        r#"
        [server]
        public_url = "https://{AUTH}"
        listen = "127.0.0.1:{port}"
        [database]
        path = "{database}"
        [keys]
        encryption = "{encryption}"
        audit = "{audit}"
        [mail]
        from = "no-reply@example.com"
        [mail.transport]
        kind = "postmark"
        token = "{token}"
        "#,
        database = folder.join("keyward.sqlite").display(),
        encryption = secret(folder, "encryption"),
        audit = secret(folder, "audit"),
        token = secret(folder, "token"),
    );
    fs::write(&configuration, text).unwrap();
    let child = Command::new(binary().with_file_name("auth-service"))
        .args(["serve", "--config"])
        .arg(configuration)
        .env("KEYWARD__INTERNAL__LISTEN", format!("127.0.0.1:{}", free_port()))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Program { child, port }
}

fn app_service(folder: &TempDir, issuer: u16) -> Program {
    let port = free_port();
    let child = Command::new(binary().with_file_name("app-service"))
        .env("APP_URL", format!("https://{APP}"))
        .env("ISSUER_URL", format!("https://{AUTH}"))
        .env("INTERNAL_AUTH_URL", format!("http://127.0.0.1:{issuer}"))
        .env("CLIENT_SECRET", secret(folder.path(), "client-secret"))
        .env("SESSION_KEY", secret(folder.path(), "session-key"))
        .env("APP_LISTEN", format!("127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Program { child, port }
}
