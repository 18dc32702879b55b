//! The apps that sign people in here.

use std::time::Duration;

use auth::ClientInfo;
use oidc::Client;
use secrets::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{Desk, Done, Operation, Refusal};

/// Register an app.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AddClient {
    /// What the protocol has to know of it.
    pub client: Client,
}

/// It is registered.
#[derive(Clone, Deserialize, Serialize)]
pub struct AddedClient {
    /// Its secret, if it has one, told this once.
    pub secret: Option<String>,
    /// Why it could not be told of sign-outs.
    pub unreachable: Option<String>,
}

impl Operation for AddClient {
    const PATH: &'static str = "/v1/clients/add";
    type Answer = AddedClient;

    async fn run(self, desk: &Desk) -> Result<AddedClient, Refusal> {
        let secret = desk.clients().add(&self.client, desk.now()).await?;
        let uri = self.client.backchannel_logout_uri.as_deref();
        let unreachable = uri.and_then(|uri| desk.egress.check(uri).err()).map(|error| error.to_string());
        Ok(AddedClient { secret: secret.map(|secret| secret.expose_secret().to_owned()), unreachable })
    }
}

/// Every app.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ListClients {}

/// An app. Moments are Unix microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ClientShown {
    /// What the protocol knows of it.
    pub client: Client,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Until when the secret before it is good.
    pub older_secret_until: Option<i64>,
    /// Whether it stands in the configuration.
    pub declared: bool,
    /// When it was added.
    pub created_at: i64,
}

fn shown(info: ClientInfo) -> ClientShown {
    ClientShown {
        client: info.client,
        has_secret: info.has_secret,
        older_secret_until: info.older_secret_until.map(domain::Timestamp::micros),
        declared: info.declared,
        created_at: info.created_at.micros(),
    }
}

impl Operation for ListClients {
    const PATH: &'static str = "/v1/clients/list";
    type Answer = Vec<ClientShown>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        Ok(desk.clients().list().await?.into_iter().map(shown).collect())
    }
}

/// One app.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ShowClient {
    /// Its id.
    pub id: String,
}

impl Operation for ShowClient {
    const PATH: &'static str = "/v1/clients/show";
    type Answer = ClientShown;

    async fn run(self, desk: &Desk) -> Result<ClientShown, Refusal> {
        Ok(shown(desk.clients().find(&self.id).await?))
    }
}

/// Give an app another secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RotateSecret {
    /// Its id.
    pub id: String,
    /// For how many hours the present one is good.
    pub overlap: u64,
}

/// Thirty days.
const LONGEST_OVERLAP: u64 = 720;

impl Operation for RotateSecret {
    const PATH: &'static str = "/v1/clients/rotate-secret";
    /// The secret, told this once.
    type Answer = String;

    async fn run(self, desk: &Desk) -> Result<String, Refusal> {
        let overlap = Duration::from_hours(self.overlap.min(LONGEST_OVERLAP));
        let secret = desk.clients().rotate_secret(&self.id, overlap, desk.now()).await?;
        Ok(secret.expose_secret().to_owned())
    }
}

/// Remove an app.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RemoveClient {
    /// Its id.
    pub id: String,
}

impl Operation for RemoveClient {
    const PATH: &'static str = "/v1/clients/remove";
    type Answer = Done;

    async fn run(self, desk: &Desk) -> Result<Done, Refusal> {
        desk.clients().remove(&self.id, desk.now()).await?;
        Ok(Done {})
    }
}
