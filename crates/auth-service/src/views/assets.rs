//! The files that pages refer to, built into the binary.

/// A file under `/static/`.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path on the server.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// A hash of its content (FNV-1a, 64 bits): the `ETag` without quotes, and the `v` of its address.
    pub hash: u64,
}

/// Every file there is; `/static/brand.css` is made by [`brand_stylesheet`](super::brand_stylesheet).
pub const ASSETS: &[Asset] = &[
    asset("/static/style.css", "text/css; charset=utf-8", include_bytes!("../../static/style.css")),
    asset("/static/logo.svg", "image/svg+xml", include_bytes!("../../static/logo.svg")),
    asset("/static/favicon.svg", "image/svg+xml", include_bytes!("../../static/favicon.svg")),
    asset("/static/zxcvbn.js", "text/javascript; charset=utf-8", include_bytes!("../../static/zxcvbn.js")),
    asset(
        "/static/strength.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/strength.js"),
    ),
    asset(
        "/static/form_post.js",
        "text/javascript; charset=utf-8",
        include_bytes!("../../static/form_post.js"),
    ),
    asset("/static/wards.svg", "image/svg+xml", include_bytes!("../../static/wards.svg")),
];

const fn asset(path: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { path, content_type, bytes, hash: hash(bytes) }
}

/// The file at a path.
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// A hash that tells one content from another; it guards nothing.
pub const fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}
