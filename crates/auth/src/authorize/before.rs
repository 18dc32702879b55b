//! Whether somebody has proved who they are since a request came in.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Current;
use crate::janitor::CLOCKS;

/// Who was signed in when the request came in. One process took it, and another may take the proof: by their clocks alone a proof of
/// before would be one of after, or the other way round.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) enum Before {
    /// A release that did not write it down took the request.
    #[default]
    Unknown,
    /// Nobody.
    Nobody,
    /// Somebody. Not told by the session's id, which changes without a proof too: at a switch of the second step, say.
    Session {
        /// What apps call the session.
        sid: Uuid,
        /// When its owner had proved who they are.
        proved_at: Timestamp,
    },
}

impl Before {
    pub(super) fn of(current: Option<&Current>) -> Self {
        current
            .map_or(Self::Nobody, |current| Self::Session { sid: current.sid, proved_at: current.proved_at })
    }

    /// Whether whoever is signed in by now has proved it since then. The time is looked at all the same, as exactly as clocks allow:
    /// an old session that was kept elsewhere, and is put into the browser meanwhile, is no proof.
    pub(super) fn is_proved_since(self, current: &Current, since: Timestamp) -> bool {
        let recently = current.proved_at >= since.minus(CLOCKS);
        match self {
            Self::Unknown => current.proved_at >= since,
            Self::Nobody => recently,
            Self::Session { sid, proved_at } => {
                recently && (sid, proved_at) != (current.sid, current.proved_at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use oidc::{AuthorizationRequest, Client, Parameters};
    use serde_json::json;

    use super::super::Waiting;
    use super::Before;

    #[test]
    fn what_a_release_sealed_that_did_not_write_it_down_is_read() {
        let client: Client = serde_json::from_value(json!({
            "client_id": "wiki", "client_name": "Wiki", "redirect_uris": ["https://wiki.example.com/callback"],
            "scope": "openid", "token_endpoint_auth_method": "none", "first_party": true,
        }))
        .unwrap();
        let asked = Parameters::read(
            "client_id=wiki&redirect_uri=https://wiki.example.com/callback&response_type=code&scope=openid&nonce=n\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        );
        let request = AuthorizationRequest::parse(&asked, &client).unwrap();
        let waiting = Waiting { request, account_chosen: true, before: Before::Nobody };
        let mut sealed = serde_json::to_value(&waiting).unwrap();
        assert!(sealed.as_object_mut().unwrap().remove("before").is_some());
        let read: Waiting = serde_json::from_str(&sealed.to_string()).unwrap();
        assert!(matches!(read.before, Before::Unknown));
        assert!(read.account_chosen && read.request == waiting.request);
    }
}
