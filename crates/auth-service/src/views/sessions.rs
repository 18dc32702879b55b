//! Where the account is signed in.

use super::Device;

/// `/account/sessions`: posts `id` to `/account/sessions/end`, nothing to `/account/sessions/end-others`.
#[derive(Clone, Debug, Default)]
pub struct Sessions<'a> {
    /// The sessions of this page, the one of this browser first.
    pub sessions: &'a [SessionRow<'a>],
    /// Unix microseconds.
    pub now: i64,
    /// Path and query of the next page, when there is one.
    pub next_page: Option<&'a str>,
}

/// One session.
#[derive(Clone, Copy, Debug)]
pub struct SessionRow<'a> {
    /// What ends it.
    pub id: &'a str,
    /// Browser and system.
    pub device: Device,
    /// The network it was last used from, such as `203.0.113.0/24`.
    pub network: &'a str,
    /// When it began, Unix microseconds.
    pub signed_in_at: i64,
    /// When it was last used, Unix microseconds.
    pub last_used_at: i64,
    /// Whether it is the session of this very browser.
    pub current: bool,
}

page!(Sessions<'a>, "sessions.html");
