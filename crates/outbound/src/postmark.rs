//! `Postmark`: mail through Postmark's HTTP API (<https://postmarkapp.com/developer/api/email-api>).

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{EgressClient, EgressError, EgressRequest, EgressResponse, Mail, SendError, mail::one_line};

/// Where Postmark listens.
pub const POSTMARK_URL: &str = "https://api.postmarkapp.com";

const TOKEN: &str = "x-postmark-server-token";
const REFUSED: &str = "Postmark refused the server token; check the token in the mail settings";

/// Sends mail through Postmark's transactional stream, `outbound`.
#[derive(Clone)]
pub struct Postmark {
    egress: EgressClient,
    token: Arc<RwLock<SecretString>>,
    endpoint: Url,
    /// What a token is of: asked to prove one.
    server: Url,
}

impl Postmark {
    /// `token` is the server API token; `base_url` is [`POSTMARK_URL`] except in tests.
    pub fn new(egress: EgressClient, token: SecretString, base_url: &str) -> Result<Self, EgressError> {
        let at = |path| Url::parse(base_url).and_then(|base| base.join(path));
        let at = |path| at(path).map_err(|cause| EgressError::Url { cause: cause.to_string() });
        Ok(Self {
            egress,
            token: Arc::new(RwLock::new(token)),
            endpoint: at("/email")?,
            server: at("/server")?,
        })
    }

    /// Goes by another token from now on, once Postmark has said that it knows it; else all stays as it was.
    pub async fn exchange(&self, token: &SecretString) -> Result<(), SendError> {
        let request = EgressRequest::get(self.server.as_str())
            .header("accept", "application/json")
            .secret_header(TOKEN, token);
        let answer = self.egress.send(request).await.map_err(|error| unasked(&error))?;
        match answer.status {
            200 => {}
            401 | 403 => return temporary(REFUSED),
            status => {
                let told = format!("Postmark did not say whether it knows the server token ({status})");
                return Err(SendError::Temporary(told));
            }
        }
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = token.clone();
        Ok(())
    }

    /// Hands the mail to Postmark. `Ok` says that Postmark has taken it on.
    ///
    /// Permanent is what another try cannot change: an inactive or invalid recipient, a mail that Postmark cannot
    /// read. A wrong token, an unconfirmed sender or an account on hold is temporary: the operator can put it right,
    /// and no mail should be lost over it.
    pub async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner).clone();
        let request = EgressRequest::post(self.endpoint.as_str())
            .header("accept", "application/json")
            .secret_header(TOKEN, &token)
            .json(&Email::from(mail));
        judge(&self.egress.send(request).await.map_err(|error| unasked(&error))?)
    }
}

impl fmt::Debug for Postmark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Postmark({})", self.endpoint)
    }
}

fn unasked(error: &EgressError) -> SendError {
    SendError::Temporary(format!("Postmark could not be asked: {error}"))
}

fn judge(answer: &EgressResponse) -> Result<(), SendError> {
    // Postmark's own text is left out: it repeats addresses. The code says as much, in its documentation.
    let code = serde_json::from_slice::<Answer>(&answer.body).map(|answer| answer.error_code).ok();
    match (answer.status, code) {
        (200, Some(0)) => Ok(()),
        (401 | 403, _) => temporary(REFUSED),
        (429, _) => temporary("Postmark wants fewer mails at a time (429); it will be tried again"),
        (422, Some(406)) => {
            permanent("Postmark marks the recipient as inactive (406), after a bounce or complaint")
        }
        (422, Some(300)) => permanent("Postmark says that an address of the mail is not valid (300)"),
        (422, Some(400 | 401)) => temporary(
            "Postmark does not know the sender's address (400, 401); confirm it as a sender signature",
        ),
        (422, Some(405 | 412 | 413)) => temporary(
            "Postmark's account may not send to this address now (405, 412, 413); look at the account",
        ),
        (422, code) => Err(SendError::Permanent(format!(
            "Postmark cannot read the mail (error code {})",
            code.map_or_else(|| "missing".to_owned(), |code| code.to_string())
        ))),
        (413, _) => permanent("Postmark says that the mail is too large"),
        (status, _) => Err(SendError::Temporary(format!(
            "Postmark answered {status}, which is not about the mail; see its status page"
        ))),
    }
}

fn temporary(text: &str) -> Result<(), SendError> {
    Err(SendError::Temporary(text.to_owned()))
}

fn permanent(text: &str) -> Result<(), SendError> {
    Err(SendError::Permanent(text.to_owned()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    error_code: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Email<'a> {
    from: String,
    to: &'a str,
    subject: String,
    text_body: &'a str,
    html_body: &'a str,
    message_stream: &'static str,
    headers: Vec<Header<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Header<'a> {
    name: &'a str,
    value: String,
}

impl<'a> From<&'a Mail> for Email<'a> {
    fn from(mail: &'a Mail) -> Self {
        // Without `X-PM-KeepID` Postmark makes a message id of its own.
        let id = [("Message-ID", mail.message_id.as_str()), ("X-PM-KeepID", "true")];
        let further = mail.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self {
            from: mailbox(&mail.from_name, &mail.from_address),
            to: &mail.to,
            subject: one_line(&mail.subject),
            text_body: &mail.text,
            html_body: &mail.html,
            message_stream: "outbound",
            headers: id
                .into_iter()
                .chain(further)
                .map(|(name, value)| Header { name, value: one_line(value) })
                .collect(),
        }
    }
}

/// `"Name" <address>` (RFC 5322 section 3.4), the name quoted so that it stays a name.
fn mailbox(name: &str, address: &str) -> String {
    if name.is_empty() {
        return address.to_owned();
    }
    let name = one_line(name);
    format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""))
}
