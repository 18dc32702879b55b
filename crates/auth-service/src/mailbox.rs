//! The development mailbox: mail that would have been sent, kept in memory for the person at this machine to read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// As many mails are kept; the oldest go.
const KEPT: usize = 200;

/// A mailbox. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<Message>>>);

/// A mail in it.
#[derive(Clone, Serialize)]
pub struct Message {
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// When it came, Unix microseconds.
    pub at: i64,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The links in it.
    pub links: Vec<String>,
    /// The six-digit codes in it.
    pub codes: Vec<String>,
}

shows_its_name_only!(Message);

impl Message {
    /// A mail as it is shown.
    pub fn new(to: &str, at: i64, mail: crate::views::mail::Rendered) -> Self {
        let words = || mail.text.split(|c: char| c.is_whitespace() || c == '<' || c == '>');
        let links = words().filter(|word| word.starts_with("http://") || word.starts_with("https://"));
        let codes = words().map(|word| word.trim_end_matches(['.', ','])).filter(|word| is_code(word));
        Self {
            to: to.to_owned(),
            at,
            links: links.map(ToOwned::to_owned).collect(),
            codes: codes.map(ToOwned::to_owned).collect(),
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
        }
    }
}

impl Mailbox {
    /// Puts a mail in.
    pub fn put(&self, message: Message) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push_front(message);
        messages.truncate(KEPT);
    }

    /// All mails, newest first.
    pub fn messages(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}
