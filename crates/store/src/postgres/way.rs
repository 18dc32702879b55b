//! How the server is reached, which is exchanged as a whole; and whether it can be used so.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Executor as _, FromRow as _};
use tokio::time::timeout;

use super::settings::{PostgresError, PostgresSettings};
use super::{fault, keeper, pooler};

/// To reach the server and sign in.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where it is, and as whom it is asked.
pub(super) struct Way {
    settings: PostgresSettings,
    options: PgConnectOptions,
}

/// What a server said of itself.
pub(super) struct Told {
    /// It acknowledges what is not durable.
    pub(super) asynchronous: bool,
}

impl Way {
    pub(super) fn of(settings: &PostgresSettings) -> Result<Self, PostgresError> {
        Ok(Self { options: settings.options()?, settings: settings.clone() })
    }

    /// Where it leads.
    pub(super) fn at(&self) -> String {
        self.settings.at()
    }

    pub(super) async fn sign_in(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    /// Makes sure that the server can be used. The connection is for asking whether it is there.
    pub(super) async fn prove(&self) -> Result<(PgConnection, Told), PostgresError> {
        let wrong = |reason: String| PostgresError::passing(self.at(), reason);
        let lasting = |reason: String| PostgresError::lasting(self.at(), reason);
        let reaching = async {
            let mut connection = self.sign_in().await?;
            let asked = "SELECT current_setting('server_version_num') AS version,
                                current_setting('server_encoding') AS encoding,
                                current_setting('synchronous_commit') AS synchronous";
            // In one message: a pooler may send a second one to another server.
            let told = connection.fetch_one(sqlx::raw_sql(asked)).await?;
            let told = <(String, String, String)>::from_row(&told)?;
            keeper::takes_writes(&mut connection).await?;
            Ok((connection, told))
        };
        let reached: Result<_, sqlx::Error> =
            timeout(CONNECT_TIMEOUT, reaching).await.map_err(|_| wrong(too_late()))?;
        let (connection, (version, encoding, synchronous)) = reached.map_err(|error| PostgresError {
            is_refusal: fault::is_refusal(&error),
            ..wrong(fault::reason(&error))
        })?;
        if version.parse::<u32>().unwrap_or_default() < 150_000 {
            return Err(lasting(format!(
                "it is version {version}, and 15 (150000) is the oldest that will do"
            )));
        }
        if encoding != "UTF8" {
            return Err(lasting(format!("it is encoded in {encoding}; make a database in UTF8")));
        }
        Ok((connection, Told { asynchronous: synchronous == "off" }))
    }

    /// Makes sure that what a connection prepares is what it runs. Gives back the connection it was given, and another.
    pub(super) async fn check_statements(
        &self,
        probe: PgConnection,
    ) -> Result<(PgConnection, PgConnection), PostgresError> {
        let wrong = |reason: String| PostgresError::passing(self.at(), reason);
        let checking = async {
            let mut both = [probe, self.sign_in().await?];
            let is_known = pooler::knows_statements(&mut both).await?;
            Ok::<_, sqlx::Error>((both, is_known))
        };
        let checked = timeout(CONNECT_TIMEOUT, checking).await.map_err(|_| wrong(too_late()))?;
        let ([probe, other], is_known) = checked.map_err(|error| wrong(fault::reason(&error)))?;
        if !is_known {
            return Err(PostgresError::lasting(self.at(), pooler::REASON.to_owned()));
        }
        Ok((probe, other))
    }
}

/// Of the options nothing: the password is among them.
impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way").field("settings", &self.settings).finish_non_exhaustive()
    }
}

pub(super) fn too_late() -> String {
    format!("it did not answer within {} s", CONNECT_TIMEOUT.as_secs())
}
