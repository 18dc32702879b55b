//! The team's logo: a file that is read with the configuration, and served as one of ours.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};

use crate::views::assets;

/// A logo larger than this is a mistake: every page loads it.
const MAXIMUM_BYTES: u64 = 256 * 1024;
/// The first bytes of every PNG (PNG specification, section 5.2).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture, SVG or PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    name: &'static str,
    content_type: &'static str,
    bytes: Arc<[u8]>,
    hash: u64,
}

impl Logo {
    /// Takes a picture by what it is, whatever its file is called.
    pub fn new(bytes: Vec<u8>) -> Result<Self, String> {
        let (name, content_type) = if bytes.starts_with(PNG) {
            ("brand-logo.png", "image/png")
        } else if std::str::from_utf8(&bytes).is_ok_and(is_svg) {
            ("brand-logo.svg", "image/svg+xml")
        } else {
            return Err("it is neither an SVG nor a PNG".to_owned());
        };
        let hash = assets::hash(&bytes);
        Ok(Self { name, content_type, bytes: bytes.into(), hash })
    }

    fn read(path: &Path) -> Result<Self, String> {
        let length = std::fs::metadata(path).map_err(|error| format!("it cannot be read: {error}"))?.len();
        if length > MAXIMUM_BYTES {
            return Err(format!("it has {length} bytes and may have {MAXIMUM_BYTES}: every page loads it"));
        }
        Self::new(std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))?)
    }

    /// Its address, which changes with its content.
    pub fn address(&self) -> String {
        format!("/static/{}?v={:016x}", self.name, self.hash)
    }

    /// Its file name under `/static/`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its `Content-Type`.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A hash of its content.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}

/// Whether the first element is `svg`, behind what XML lets stand before it.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    for (begin, end) in [("<?xml", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"), ("<!--", "-->")] {
        while let Some(after) = rest.strip_prefix(begin) {
            let Some((_, after)) = after.split_once(end) else { return false };
            rest = after.trim_start();
        }
    }
    rest.strip_prefix("<svg").is_some_and(|rest| rest.starts_with([' ', '\t', '\r', '\n', '>']))
}

/// Reads the file that the configuration names.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Logo>, D::Error> {
    let Some(path) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let logo = Logo::read(Path::new(&path));
    logo.map(Some).map_err(|error| de::Error::custom(format!("the logo {path}: {error}")))
}
