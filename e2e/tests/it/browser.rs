//! A browser of a test's own, and what a person does in it.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{Capabilities, ChromiumLikeCapabilities, DesiredCapabilities};
use url::Url;

use crate::tools::{Tools, free_port};
use crate::wait::until;

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// A headless Chromium with an empty profile; ends with the value.
pub(crate) struct Browser {
    /// Its own way to end blocks for two minutes when a test fails, so then the processes are ended instead.
    pub(crate) driver: ManuallyDrop<WebDriver>,
    chromium: Chromium,
    _chromedriver: Chromedriver,
    _profile: TempDir,
}

/// The browser's process while it runs; its driver does not take it along.
struct Chromium(Option<u64>);

impl Drop for Chromium {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).stderr(Stdio::null()).status();
        }
    }
}

struct Chromedriver(Child);

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    pub(crate) async fn start(tools: &Tools, scripts: Scripts) -> Self {
        Self::start_in_a_world(tools, scripts, &[]).await
    }

    /// The same, with arguments that say which names and certificates there are.
    pub(crate) async fn start_in_a_world(tools: &Tools, scripts: Scripts, world: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let port = free_port();
        let output = File::create(profile.path().join("chromedriver.log")).unwrap();
        let chromedriver = Command::new(&tools.chromedriver)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let chromedriver = Chromedriver(chromedriver);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://127.0.0.1:{port}");
        until("chromedriver to answer", async || http.get(format!("{address}/status")).send().await.ok())
            .await;
        let driver = WebDriver::new(&address, capabilities(tools, &profile, scripts, world)).await.unwrap();
        let process = driver.capabilities().get("goog:processID").and_then(serde_json::Value::as_u64);
        assert!(process.is_some(), "chromedriver names the browser's process");
        Self {
            driver: ManuallyDrop::new(driver),
            chromium: Chromium(process),
            _chromedriver: chromedriver,
            _profile: profile,
        }
    }

    /// Closes it.
    pub(crate) async fn quit(mut self) {
        ManuallyDrop::into_inner(self.driver).quit().await.unwrap();
        self.chromium.0 = None;
    }

    /// Whether pages run scripts here: one that does says so before it is loaded, so nothing has to be waited for.
    pub(crate) async fn runs_scripts(&self) -> bool {
        self.driver
            .goto("data:text/html,<title>off</title><script>document.title = 'on'</script>")
            .await
            .unwrap();
        self.driver.title().await.unwrap() == "on"
    }

    /// Types an address.
    pub(crate) async fn open(&self, url: &Url) {
        self.driver.goto(url.as_str()).await.unwrap();
    }

    /// Where it is.
    pub(crate) async fn address(&self) -> Url {
        self.driver.current_url().await.unwrap()
    }

    /// Waits until it is at one of these pages, whatever their query, and says which.
    pub(crate) async fn arrives_at(&self, pages: &[&Url]) -> Url {
        let wanted = pages.iter().map(|page| page.as_str()).collect::<Vec<_>>().join(" or ");
        until(&format!("the browser to arrive at {wanted}"), async || {
            let mut here = self.address().await;
            here.set_query(None);
            here.set_fragment(None);
            pages.contains(&&here).then_some(here)
        })
        .await
    }

    /// Fills in fields, by their names.
    pub(crate) async fn fill(&self, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let field = self.find(&format!("main [name='{name}']:not([type=hidden])")).await;
            field.clear().await.unwrap();
            field.send_keys(*value).await.unwrap();
        }
    }

    /// Ticks a box, by its name.
    pub(crate) async fn tick(&self, name: &str) {
        let field = self.find(&format!("main [type=checkbox][name='{name}']")).await;
        if !field.is_selected().await.unwrap() {
            field.click().await.unwrap();
        }
    }

    /// Presses the first button of the form that goes to `action`.
    pub(crate) async fn submit(&self, action: &str) {
        self.press(&format!("main form[action='{action}'] button:not([type=button])")).await;
    }

    /// Follows the first link on the page whose address begins like this.
    pub(crate) async fn follow(&self, address: &str) {
        self.press(&format!("main a[href^='{address}']")).await;
    }

    /// Presses what the selector finds first, and waits for another page.
    pub(crate) async fn press(&self, selector: &str) {
        let page = self.find("html").await;
        self.find(selector).await.click().await.unwrap();
        until(&format!("another page after pressing {selector}"), async || {
            page.tag_name().await.is_err().then_some(())
        })
        .await;
    }

    /// Whether the page has this.
    pub(crate) async fn has(&self, selector: &str) -> bool {
        !self.driver.find_all(By::Css(selector)).await.unwrap().is_empty()
    }

    /// What a person reads on the page.
    pub(crate) async fn text(&self) -> String {
        self.find("body").await.text().await.unwrap()
    }

    /// The value of a cookie.
    pub(crate) async fn cookie(&self, name: &str) -> Option<String> {
        self.driver.get_named_cookie(name).await.ok().map(|cookie| cookie.value)
    }

    async fn find(&self, selector: &str) -> WebElement {
        until(&format!("{selector} on the page"), async || self.driver.find(By::Css(selector)).await.ok())
            .await
    }
}

fn capabilities(tools: &Tools, profile: &TempDir, scripts: Scripts, world: &[&str]) -> Capabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    capabilities.set_binary(tools.chromium.to_str().unwrap()).unwrap();
    let folder = profile.path().join("profile");
    for argument in [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--window-size=1280,900",
        &format!("--user-data-dir={}", folder.display()),
    ] {
        capabilities.add_arg(argument).unwrap();
    }
    for argument in world {
        capabilities.add_arg(argument).unwrap();
    }
    if scripts == Scripts::Off {
        let preferences = json!({ "profile.managed_default_content_settings.javascript": 2 });
        capabilities.add_experimental_option("prefs", preferences).unwrap();
    }
    capabilities.into()
}
