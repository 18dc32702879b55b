//! What a browser says about itself, in three words.

use super::Frame;

/// A browser and a system, as far as `User-Agent` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The browser's name.
    pub browser: Option<&'static str>,
    /// The system's name.
    pub system: Option<&'static str>,
}

/// What gives a browser away; the first that is found stands, since each also claims to be those after it.
const BROWSERS: [(&str, &str); 11] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// What gives a system away, likewise in order.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

impl Device {
    /// Reads a `User-Agent`; nothing of it is ever shown but the names in the tables above.
    pub fn of(user_agent: &str) -> Self {
        let known = |table: &[(&str, &'static str)]| {
            table.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
        };
        Self { browser: known(&BROWSERS), system: known(&SYSTEMS) }
    }

    /// The names, in the form that [`from_stored`](Self::from_stored) reads.
    pub fn stored(self) -> String {
        format!("{}/{}", self.browser.unwrap_or_default(), self.system.unwrap_or_default())
    }

    /// Reads what [`stored`](Self::stored) wrote; a name that is not in the tables above is none.
    pub fn from_stored(stored: &str) -> Self {
        let (browser, system) = stored.split_once('/').unwrap_or_default();
        let known = |table: &[(&str, &'static str)], name: &str| {
            table.iter().map(|(_, known)| *known).find(|known| *known == name)
        };
        Self { browser: known(&BROWSERS, browser), system: known(&SYSTEMS, system) }
    }

    /// The device in words.
    pub(super) fn words(self, frame: &Frame<'_>) -> String {
        self.text(frame.locale.texts())
    }

    /// The device in words, as a page or a mail names it.
    pub fn text(self, texts: crate::locale::Texts) -> String {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => texts.format(
                "device-browser-on-system",
                &[("browser", browser.into()), ("system", system.into())],
            ),
            (Some(name), None) | (None, Some(name)) => name.to_owned(),
            (None, None) => texts.text("device-unknown"),
        }
    }
}
