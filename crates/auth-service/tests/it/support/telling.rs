//! The work in the background, while it tells apps of sign-outs.

use std::time::Duration;

use auth_service::background::{self, Sender, Transport};
use auth_service::branding::Branding;
use auth_service::mailbox::Mailbox;
use outbound::{EgressClient, EgressSettings};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::TestApp;

/// What an operator allows whose apps live on this machine.
pub(crate) fn apps_here() -> EgressSettings {
    EgressSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        plain_http_hosts: vec!["127.0.0.1".to_owned()],
        ..EgressSettings::default()
    }
}

/// Work under way.
pub(crate) struct Telling {
    stop: watch::Sender<bool>,
    work: JoinSet<()>,
}

impl TestApp {
    /// Begins it, allowed to go there.
    pub(crate) fn tell_apps(&self, egress: &EgressSettings) -> Telling {
        let egress = EgressClient::new(egress).unwrap();
        let sender = Sender { address: "no-reply@example.com".to_owned(), name: "Keyward".to_owned() };
        let transport = Transport::Mailbox(Mailbox::default());
        let (stop, told) = watch::channel(false);
        let auth = &self.app.auth;
        let work = background::start(auth, transport, sender, &Branding::default(), Some(egress), &told);
        Telling { stop, work }
    }
}

impl Telling {
    /// Ends it, in time.
    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(Duration::from_secs(30), self.work.join_all()).await.unwrap();
    }
}
