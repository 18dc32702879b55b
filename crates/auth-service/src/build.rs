//! Which build of Keyward this is.

use std::sync::LazyLock;

/// The version, as it is released.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit that it was built from, if whoever built it said so (`KEYWARD_REVISION`).
pub const REVISION: Option<&str> = match option_env!("KEYWARD_REVISION") {
    // An argument of a build that nobody gave is empty.
    Some(revision) if !revision.is_empty() => Some(revision),
    _ => None,
};

static TOLD: LazyLock<String> = LazyLock::new(|| match REVISION {
    Some(revision) => format!("{VERSION} (revision {revision})"),
    None => VERSION.to_owned(),
});

/// Both, as `--version` tells them.
pub fn told() -> &'static str {
    &TOLD
}
