//! The line that the log has of a request: to which route, how it was answered, how long that took, and from where. What matters of
//! a request that went well is in the audit trail, and a proxy logs each, so these are written only if the operator asks.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::Network;

use crate::App;
use crate::http::asking;
use crate::metrics::{Measured, template};

/// What such lines are named by in the filter of the log.
const TARGET: &str = "access";
/// A proxy's name for a request is no longer.
const LONGEST_ID: usize = 64;
/// No path of ours is longer; a stranger's may be, and fills no log with it.
const LONGEST_PATH: usize = 200;

/// A request that is being answered.
pub(crate) struct Line {
    measured: Measured,
    /// Nothing if lines are not written: what stands in them costs.
    told: Option<(String, String)>,
}

/// Whether such lines are written.
pub(crate) fn are_written() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::DEBUG)
}

impl Line {
    pub(crate) fn of(app: &App, request: &Request, measured: Measured) -> Self {
        let told = are_written().then(|| (template(request).to_owned(), origin(app, request)));
        Self { measured, told }
    }

    /// It was answered: counts it, and writes the line.
    pub(crate) fn end(self, status: StatusCode) {
        let took = self.measured.end(status);
        if let Some((route, from)) = self.told {
            let seconds = took.as_secs_f64();
            tracing::debug!(target: TARGET, route, status = status.as_u16(), seconds, from, "answered");
        }
    }
}

/// Whom it is from, as exactly as the operator wants to know.
fn origin(app: &App, request: &Request) -> String {
    let (address, _) = asking::came_from(request.headers(), request.extensions(), app);
    if app.full_addresses { address.to_string() } else { Network::of(address).to_string() }
}

/// As much of a path as is written down of it.
pub(crate) fn shown(path: &str) -> Cow<'_, str> {
    if path.len() <= LONGEST_PATH {
        return path.into();
    }
    let (beginning, _) = path.split_at(path.floor_char_boundary(LONGEST_PATH));
    format!("{beginning}…").into()
}

/// What a proxy that is believed calls a request, so that its log and ours can be laid side by side.
pub(crate) fn request_id<'a>(app: &App, head: &'a Parts) -> Option<&'a str> {
    let id = head.headers.get("x-request-id")?.to_str().ok()?;
    let is_name = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
    let fits = !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(is_name);
    (fits && asking::came_from(&head.headers, &head.extensions, app).1).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_is_cut_between_letters_and_says_so() {
        let fits = "/".repeat(LONGEST_PATH);
        assert_eq!(shown(&fits), fits);
        assert_eq!(shown(&"/".repeat(LONGEST_PATH + 1)), format!("{fits}…"));
        // The two bytes of the last letter are the 200th and the 201st.
        let umlauts = format!("/{}", "ä".repeat(LONGEST_PATH));
        assert_eq!(shown(&umlauts), format!("/{}…", "ä".repeat(99)));
    }
}
