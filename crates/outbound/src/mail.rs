//! `Mail`: one message to one person, whatever carries it.

/// One message to one person, in text and HTML.
///
/// Every field is data: a control character in the subject, a name or a header's value is sent as a space, so that
/// nothing breaks out of its line.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The name that the recipient sees; may be empty.
    pub from_name: String,
    /// The sender's address.
    pub from_address: String,
    /// The recipient's address, without a name.
    pub to: String,
    /// The subject, in plain text.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as an HTML document.
    pub html: String,
    /// `<unique@domain>` (RFC 5322 section 3.6.4). The same one at each try, so that a mail which arrives twice is
    /// seen to be one.
    pub message_id: String,
    /// Further headers, such as `Auto-Submitted: auto-generated` (RFC 3834).
    pub headers: Vec<(String, String)>,
}

/// Without the bodies and the recipient: they hold codes, links and personal data, and end up in no log.
impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mail").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

/// The text on one line. Control characters are no part of a header (RFC 5322 section 2.2), and lettre 0.11 panics
/// over one in a name.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Why a mail was not taken. The texts are for the operator; they hold no credential and no part of the mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Try again later: the server is down, busy, or wants its operator (a wrong password, say).
    #[error("{0}")]
    Temporary(String),
    /// Trying again would get the same answer: no such mailbox, or a mail that cannot be sent.
    #[error("{0}")]
    Permanent(String),
}
