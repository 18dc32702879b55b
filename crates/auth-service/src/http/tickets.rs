//! The tickets of a browser: by what it comes back for each authorization request of its that waits. Each is a cookie of its
//! own, so that no tab takes another's, not even the first two at once in a browser that is new here.

use std::collections::BTreeMap;

use auth::{NewTicket, REQUEST_LIFE, Ticket};
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::RequestId;

use crate::App;
use crate::http::asking::hash_browser_token;
use crate::http::cookies::{CookieNames, pairs};

/// So many requests of a browser may wait; the oldest give way, so that no number of tabs makes its requests larger than
/// servers read.
const AT_ONCE: usize = 10;

/// What a browser has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets(BTreeMap<RequestId, Kept>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    /// When it was given, as the browser says: it decides about its own alone. Unix seconds.
    given_at: i64,
    hash: [u8; 32],
}

impl Kept {
    fn read(value: &str) -> Option<Self> {
        let (given_at, token) = value.split_once('.')?;
        Some(Self { given_at: given_at.parse().ok()?, hash: hash_browser_token(token)? })
    }
}

impl Tickets {
    /// Those that can be read. Of two for one request neither counts: one of them is not ours.
    pub(crate) fn read(headers: &HeaderMap, names: &CookieNames) -> Self {
        let mut found: BTreeMap<RequestId, Option<Kept>> = BTreeMap::new();
        for (name, value) in pairs(headers) {
            if let Some(id) = name.strip_prefix(names.request).and_then(|id| id.parse().ok()) {
                found.entry(id).and_modify(|twice| *twice = None).or_insert_with(|| Kept::read(value));
            }
        }
        Self(found.into_iter().filter_map(|(id, kept)| Some((id, kept?))).collect())
    }

    /// The one for a request.
    pub(crate) fn of(&self, request: RequestId) -> Ticket {
        Ticket { request, hash: self.0.get(&request).map(|kept| kept.hash) }
    }

    /// One more, and those that give way to it.
    pub(crate) fn next(&self, token: &[u8; 32]) -> NewTicket {
        let mut oldest: Vec<_> = self.0.iter().map(|(request, kept)| (*kept, *request)).collect();
        oldest.sort_unstable();
        let surplus = (oldest.len() + 1).saturating_sub(AT_ONCE);
        let gives_way = oldest.into_iter().take(surplus).map(|(_, request)| self.of(request)).collect();
        NewTicket { hash: secrets::sha256(token), gives_way }
    }
}

/// Gives the browser one for a request that waits, and takes those back that give way.
pub(crate) fn give(
    app: &App,
    response: &mut Response,
    request: RequestId,
    token: &[u8; 32],
    new: &NewTicket,
) {
    for given_up in &new.gives_way {
        take_back(app, response, given_up.request);
    }
    let value = format!("{}.{}", app.auth.now().seconds(), URL_SAFE_NO_PAD.encode(token));
    app.cookies.set(response, &name(app, request), &value, REQUEST_LIFE);
}

/// Takes the one for a request back, which is answered.
pub(crate) fn take_back(app: &App, response: &mut Response, request: RequestId) {
    app.cookies.clear(response, &name(app, request));
}

fn name(app: &App, request: RequestId) -> String {
    format!("{}{request}", app.cookies.request)
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;

    use super::*;

    fn tickets(cookies: &[String]) -> Tickets {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, cookie.parse().unwrap());
        }
        Tickets::read(&headers, &CookieNames::new(true))
    }

    fn cookie(number: u128, value: &str) -> String {
        format!("__Host-keyward-request-{}={value}", RequestId(uuid::Uuid::from_u128(number)))
    }

    fn kept(number: u128, given_at: i64) -> String {
        cookie(number, &format!("{given_at}.{}", URL_SAFE_NO_PAD.encode([7; 32])))
    }

    #[test]
    fn what_is_no_ticket_or_there_twice_is_none() {
        let id = RequestId(uuid::Uuid::from_u128(1));
        let token = URL_SAFE_NO_PAD.encode([7; 32]);
        assert_eq!(tickets(&[kept(1, 5)]).of(id).hash, Some(secrets::sha256(&[7; 32])));
        for cookies in [
            vec![],
            vec![kept(2, 5)],
            vec![kept(1, 5), kept(1, 6)],
            vec![format!("{}; {}", kept(1, 5), cookie(1, "x"))],
            vec![cookie(1, "")],
            vec![cookie(1, &token)],
            vec![cookie(1, &format!("x.{token}"))],
            vec![cookie(1, &format!("5.{}", &token[1..]))],
            vec![kept(1, 5).replace("__Host-", "")],
        ] {
            assert_eq!(tickets(&cookies).of(id).hash, None, "{cookies:?}");
        }
    }

    #[test]
    fn the_oldest_give_way() {
        let many: Vec<_> = (0..12).map(|number| kept(number, 100 - i64::try_from(number).unwrap())).collect();
        let new = tickets(&many).next(&[8; 32]);
        let gives_way: Vec<_> = new.gives_way.iter().map(|ticket| ticket.request.0.as_u128()).collect();
        assert_eq!(gives_way, [11, 10, 9]);
        assert!(new.gives_way.iter().all(|ticket| ticket.hash == Some(secrets::sha256(&[7; 32]))));
        assert!(tickets(&many[..9]).next(&[8; 32]).gives_way.is_empty());
    }
}
