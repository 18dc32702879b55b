//! What the tests need from outside, and where it is.

use std::env;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// The browser's parts.
pub(crate) struct Tools {
    pub(crate) chromedriver: PathBuf,
    pub(crate) chromium: PathBuf,
    /// The script of axe-core, which finds what keeps people out of a page.
    pub(crate) axe: String,
}

impl Tools {
    /// All of them; or `None`, with a line that says the test is skipped. Under `CI=true` a missing one fails the test.
    pub(crate) fn find() -> Option<Self> {
        match Self::look() {
            Ok(tools) => Some(tools),
            Err(tool) => {
                missing(tool);
                None
            }
        }
    }

    fn look() -> Result<Self, &'static str> {
        let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
        Ok(Self {
            chromedriver: program(&["chromedriver"]).ok_or("chromedriver")?,
            chromium: program(&["chromium", "chromium-browser", "google-chrome"]).ok_or("Chromium")?,
            axe: std::fs::read_to_string(axe).map_err(|_| "axe-core")?,
        })
    }
}

/// Says that a test is skipped for want of something; under `CI=true` fails it instead.
pub(crate) fn missing(tool: &str) {
    let message = format!("{tool} is missing; ./scripts/test installs it");
    assert_ne!(env::var("CI").as_deref(), Ok("true"), "{message}");
    // Not `eprintln!`, which a passing test keeps to itself.
    let mut terminal = io::stderr();
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    writeln!(terminal, "SKIPPED: {test}, which counts as passed and was not run: {message}").unwrap();
}

/// A program by one of these names.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The folder that Cargo builds into.
pub(crate) fn target_folder() -> PathBuf {
    // This very program is `<target>/<profile>/deps/it-<hash>`, however Cargo was told where to build.
    env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned()
}
