//! The mailbox of development, as a script reads it.

use reqwest::Client;
use serde::Deserialize;
use url::Url;

use crate::wait::until;

/// A mail as it was sent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) links: Vec<String>,
    pub(crate) codes: Vec<String>,
}

/// Everybody's mail, newest first.
pub(crate) struct Mailbox {
    http: Client,
    url: Url,
}

impl Mailbox {
    pub(crate) fn new(http: Client, url: Url) -> Self {
        Self { http, url }
    }

    /// The mails of one address, newest first.
    pub(crate) async fn of(&self, address: &str) -> Vec<Mail> {
        let answer = self.http.get(self.url.clone()).send().await.unwrap().error_for_status().unwrap();
        let mails: Vec<Mail> = answer.json().await.unwrap();
        mails.into_iter().filter(|mail| mail.to.contains(address)).collect()
    }

    /// Does `act`, and waits for the mail that it causes.
    pub(crate) async fn after(&self, address: &str, act: impl Future<Output = ()>) -> Mail {
        let before = self.of(address).await.len();
        act.await;
        until(&format!("a mail to {address}"), async || {
            let mails = self.of(address).await;
            (mails.len() > before).then(|| mails.into_iter().next()).flatten()
        })
        .await
    }
}

impl Mail {
    /// The link in it that leads to this page or one below it.
    pub(crate) fn link(&self, path: &str) -> Url {
        let mut links = self.links.iter().map(|link| link.parse::<Url>().unwrap());
        let link = links.find(|link| link.path().starts_with(path));
        link.unwrap_or_else(|| panic!("no link to {path} in {self:?}"))
    }

    /// The one code in it.
    pub(crate) fn code(&self) -> &str {
        assert_eq!(self.codes.len(), 1, "one code in {self:?}");
        assert!(
            self.text.contains(&self.codes[0]) && self.html.contains(&self.codes[0]),
            "in both parts: {self:?}"
        );
        assert!(!self.subject.is_empty());
        &self.codes[0]
    }
}
