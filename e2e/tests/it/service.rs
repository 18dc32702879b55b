//! `keyward dev`, as a person starts it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::{env, fs};

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use crate::mailbox::Mailbox;
use crate::tools::{free_port, target_folder};
use crate::wait::until;

/// A running server and app; ends with the value.
pub(crate) struct Service {
    /// Where people sign in.
    pub(crate) auth: Url,
    /// The app behind it.
    pub(crate) app: Url,
    pub(crate) mailbox: Mailbox,
    http: Client,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts on free ports, keeping everything in `data`, and waits until both answer.
    pub(crate) async fn start(data: &TempDir) -> Self {
        // Built before ports are chosen: while it builds another test could be given the same.
        let binary = binary();
        let (port, app_port) = (free_port(), free_port());
        let log = data.path().join(format!("output-{port}.log"));
        let output = File::create(&log).unwrap();
        let child = Command::new(binary)
            .args(["dev", "--port", &port.to_string(), "--app-port", &app_port.to_string(), "--data"])
            .arg(data.path().join("keyward-data"))
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let auth: Url = format!("http://localhost:{port}/").parse().unwrap();
        let app: Url = format!("http://localhost:{app_port}/").parse().unwrap();
        // No cookies and no redirects: a stranger's client, such as the scanner of a mail provider.
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let mailbox = Mailbox::new(http.clone(), auth.join("/dev/mailbox.json").unwrap());
        let mut service = Self { auth, app, mailbox, http, child, log };
        let pages = [service.auth.join("/sign-in").unwrap(), service.app.clone()];
        for page in pages {
            until(&format!("{page} to answer"), async || {
                let ended = service.child.try_wait().unwrap();
                assert!(ended.is_none(), "`keyward dev` ended at once: {ended:?}");
                let answer = service.http.get(page.clone()).send().await.ok()?;
                (answer.status() == StatusCode::OK).then_some(())
            })
            .await;
        }
        service
    }

    /// Ctrl-C: the program drains and ends well.
    pub(crate) async fn stop(mut self) {
        let interrupt = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        let status =
            until("`keyward dev` to stop after Ctrl-C", async || self.child.try_wait().unwrap()).await;
        assert!(status.success(), "`keyward dev` ended with {status}");
    }

    /// A page of the server.
    pub(crate) fn page(&self, path: &str) -> Url {
        self.auth.join(path).unwrap()
    }

    /// A page of the app.
    pub(crate) fn app_page(&self, path: &str) -> Url {
        self.app.join(path).unwrap()
    }

    /// What a client gets that is no browser and knows nobody.
    pub(crate) async fn as_a_stranger(&self, method: Method, url: &Url) -> Response {
        self.http.request(method, url.clone()).send().await.unwrap()
    }

    /// The same, while it is not yet certain that anybody answers.
    pub(crate) async fn try_as_a_stranger(&self, method: Method, url: &Url) -> Option<Response> {
        self.http.request(method, url.clone()).send().await.ok()
    }

    /// What the server says of a token: 200 or 401.
    pub(crate) async fn verify_token(&self, token: &str) -> StatusCode {
        let question = self.http.post(self.page("/verify-token")).json(&json!({ "token": token }));
        question.send().await.unwrap().status()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let from = log.char_indices().rev().nth(8000).map_or(0, |(at, _)| at);
            eprintln!("--- what `keyward dev` said last ---\n{}", &log[from..]);
        }
    }
}

/// The program under test: `KEYWARD_BINARY`, or what Cargo builds of these sources for the tests. Cargo is asked each time,
/// once a run: a program that was there may be of other sources, and what is up to date takes it a moment.
pub(crate) fn binary() -> PathBuf {
    if let Some(binary) = env::var_os("KEYWARD_BINARY") {
        return binary.into();
    }
    build_programs();
    target_folder().join("debug/keyward")
}

/// Every program, beside [`binary`]. As all tests build them, which is why it takes a moment only: packages by themselves would
/// be built once more, with fewer features.
pub(crate) fn build_programs() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let status = Command::new(env!("CARGO"))
            .args(["test", "--workspace", "--no-run", "--quiet", "--locked", "--target-dir"])
            .arg(target_folder())
            .current_dir(workspace)
            .status()
            .unwrap();
        assert!(status.success(), "`cargo test --no-run` failed, so there is nothing to test");
    });
}
