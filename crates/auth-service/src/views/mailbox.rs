//! The development mailbox.

/// `/dev/mailbox`: every mail that was "sent", newest first.
#[derive(Clone, Debug, Default)]
pub struct Mailbox<'a> {
    /// Newest first.
    pub messages: &'a [MailboxMessage<'a>],
}

/// One mail. The HTML part is not shown: it would run with the rights of this page.
#[derive(Clone, Copy)]
pub struct MailboxMessage<'a> {
    /// The recipient.
    pub to: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// When it was sent, Unix microseconds.
    pub at: i64,
    /// The text part.
    pub text: &'a str,
    /// The links in it; only those of `http` and `https` can be followed.
    pub links: &'a [String],
    /// The codes in it.
    pub codes: &'a [String],
}

shows_its_name_only!(MailboxMessage<'a>);

/// Whether a link may be followed; anything else (`javascript:`) is shown as text.
fn is_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

page!(Mailbox<'a>, "mailbox.html");
