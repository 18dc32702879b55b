//! What was done with secrets is noted in the audit trail, where a server runs that has one.

use std::path::Path;
use std::time::Duration;

use auth_service::admin::{NoteSecretDeed, SecretDeed};
use secrets::SecretRef;

use crate::installation::Installation;

/// A server that is there answers at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be noted, and where.
pub(super) struct Note<'a> {
    pub(super) installation: &'a Installation,
    /// The configuration, where none was named and one was found.
    pub(super) config: Option<&'a Path>,
    pub(super) deed: SecretDeed,
    pub(super) places: Vec<SecretRef>,
    pub(super) exposed: u32,
}

impl Note<'_> {
    /// Notes it, and says whether that was done. If not, whoever did it is told: the deed itself is done.
    pub(super) async fn write(self) -> bool {
        let Self { installation, config, deed, places, exposed } = self;
        let noting = async {
            let server = installation.server(config).await.map_err(|error| error.to_string())?;
            let note = NoteSecretDeed { deed, places, exposed };
            server.run(note).await.map_err(|error| error.to_string())
        };
        let why = match tokio::time::timeout(PATIENCE, noting).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => error,
            Err(_) => format!("the server says nothing for {} s", PATIENCE.as_secs()),
        };
        eprintln!("keyward: done, but no audit trail has an entry of it: {why}");
        false
    }
}
