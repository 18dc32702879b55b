//! Pictures of pages, for people to look at: `target/e2e-screenshots/`.

use std::fs;
use std::path::PathBuf;

use auth_service::branding::Colour;
use serde_json::json;

use crate::browser::Browser;
use crate::tools::target_folder;

/// One way to look at a page.
struct View {
    name: &'static str,
    scheme: &'static str,
    width: u32,
}

const VIEWS: [View; 3] = [
    View { name: "light", scheme: "light", width: 1280 },
    View { name: "dark", scheme: "dark", width: 1280 },
    View { name: "phone", scheme: "light", width: 390 },
];

/// The narrowest a page must fit without scrolling sideways (WCAG 2.2, 1.4.10).
const NARROWEST: u32 = 320;

impl Browser {
    /// Takes a picture of the whole page in every view.
    pub(crate) async fn picture(&self, page: &str) {
        let folder = folder();
        for View { name, scheme, width } in VIEWS {
            self.prefers(scheme).await;
            let height = self.height_at(page, width).await;
            self.resize(width, height).await;
            self.driver.screenshot(&folder.join(format!("{page}-{name}.png"))).await.unwrap();
        }
        self.prefers("light").await;
        self.height_at(page, NARROWEST).await;
        self.command("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    /// Fails if the page scrolls sideways on a narrow screen.
    pub(crate) async fn fits(&self, page: &str) {
        self.height_at(page, NARROWEST).await;
        self.command("Emulation.clearDeviceMetricsOverride", json!({})).await;
    }

    /// Does something while the page is as wide as a phone.
    pub(crate) async fn on_a_phone(&self, act: impl AsyncFnOnce()) {
        self.at_width(390, act).await;
    }

    /// Does something while the page is so wide.
    pub(crate) async fn at_width<T>(&self, width: u32, act: impl AsyncFnOnce() -> T) -> T {
        self.resize(width, 800).await;
        let done = act().await;
        self.command("Emulation.clearDeviceMetricsOverride", json!({})).await;
        done
    }

    /// The colour that a property of the first such element has come to.
    pub(crate) async fn colour(&self, selector: &str, property: &str) -> Colour {
        let script = "const style = getComputedStyle(document.querySelector(arguments[0]));
            return style.getPropertyValue(arguments[1]).match(/\\d+/g).map(Number);";
        let channels = self.driver.execute(script, vec![json!(selector), json!(property)]).await.unwrap();
        let channels: Vec<u8> = channels.convert().unwrap();
        let [red, green, blue] = channels[..] else { panic!("{selector} is see-through: {channels:?}") };
        Colour::new(red, green, blue)
    }

    /// How many such elements take room on the page.
    pub(crate) async fn seen(&self, selector: &str) -> u64 {
        let script = "return [...document.querySelectorAll(arguments[0])].filter((found) => found.getClientRects().length).length;";
        self.driver.execute(script, vec![json!(selector)]).await.unwrap().convert().unwrap()
    }

    /// Sets the person's wish for light or dark pages.
    pub(crate) async fn prefers(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", features).await;
    }

    /// How high the page is at this width, which it must not exceed.
    async fn height_at(&self, page: &str, width: u32) -> u64 {
        self.resize(width, 800).await;
        let metrics = self.command("Page.getLayoutMetrics", json!({})).await;
        let content = &metrics["cssContentSize"];
        assert!(
            content["width"].as_u64().unwrap() <= width.into(),
            "{page} scrolls sideways at {width} px: {metrics}"
        );
        content["height"].as_u64().unwrap()
    }

    async fn resize(&self, width: u32, height: u64) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
    }

    async fn command(&self, name: &str, parameters: serde_json::Value) -> serde_json::Value {
        self.driver.cdp().send_raw(name, parameters).await.unwrap()
    }
}

fn folder() -> PathBuf {
    let folder = target_folder().join("e2e-screenshots");
    fs::create_dir_all(&folder).unwrap();
    folder
}
