//! The full mode: PostgreSQL and Redis, which may come later than we do, and the operator's act of migrating.

use auth::{Processes, Random, RegisterError};
use secrets::{ExposeSecret as _, Keeper, SecretString};
use store::ephemeral::{Ephemeral, RedisSettings};
use store::migrations::Schema;
use store::{PostgresSettings, Store};
use url::Url;

use super::keeping::keeper;
use super::references::{connection_url, foreign_password, name};
use super::waiting::{Awaited, Trouble, passing, reach};
use super::{Memory, ServerError, system_clock};
use crate::config::{Config, ConnectionUrl, Database, Mode, Redis};
use crate::health::{Health, Phase};

/// Opens both, once they are there and the database has this release's tables.
pub(super) async fn open(
    config: &Config,
    url: &ConnectionUrl,
    keeper: &Keeper,
    random: &Random,
    health: &Health,
) -> Result<Memory, ServerError> {
    let postgres = postgres(&config.database, url, keeper).await?;
    let redis = redis(&config.redis, keeper).await?;
    let at_redis = format!("Redis at {}", redis.at());
    let ephemeral = Awaited { name: "redis", what: &at_redis, limit: Some(config.startup.wait) };
    let (store, ephemeral) = tokio::try_join!(
        connect(&postgres, config, health, random),
        // Whatever Redis says may pass: of what it is it tells nothing that a proxy for one that is not up would not say, too.
        ephemeral.wait(health, random, async || reach(Ephemeral::connect(&redis), passing).await),
    )?;
    for dependency in [store.health(), ephemeral.health()].into_iter().flatten() {
        health.watch(dependency);
    }
    wait_for_tables(&store, &postgres, health, random).await?;
    Ok(Memory { store, ephemeral, processes: Processes::Several })
}

/// How PostgreSQL is reached by whoever serves.
pub(super) async fn postgres(
    database: &Database,
    url: &ConnectionUrl,
    keeper: &Keeper,
) -> Result<PostgresSettings, ServerError> {
    used(database, PostgresSettings::new(serving_url(database, url, keeper).await?))
}

/// The URL of the user who serves.
async fn serving_url(
    database: &Database,
    url: &ConnectionUrl,
    keeper: &Keeper,
) -> Result<SecretString, ServerError> {
    let password = database.password.as_ref();
    let resolved = connection_url(["database.url", "database.password"], url, password, keeper).await?;
    let Some(reference) = &database.username else { return Ok(resolved) };
    let user = name("database.username", reference, keeper).await?;
    let wrong = |error: &str| ServerError::Secret { setting: "database.username", error: error.to_owned() };
    // It was put together from one a moment ago.
    let mut url = Url::parse(resolved.expose_secret()).map_err(|_| wrong("database.url is no URL"))?;
    url.set_username(user.expose_secret().trim())
        .map_err(|()| wrong("database.url names no host; write postgres://HOST/NAME"))?;
    Ok(SecretString::from(String::from(url)))
}

/// PostgreSQL, once it is there.
pub(super) async fn connect(
    settings: &PostgresSettings,
    config: &Config,
    health: &Health,
    random: &Random,
) -> Result<Store, ServerError> {
    let what = format!("PostgreSQL at {}", settings.at());
    let store = Awaited { name: "database", what: &what, limit: Some(config.startup.wait) };
    store.wait(health, random, async || reach(Store::connect(settings), unusable).await).await
}

/// Whoever migrates may take as long as the tables are large, so there is no limit to it.
async fn wait_for_tables(
    store: &Store,
    postgres: &PostgresSettings,
    health: &Health,
    random: &Random,
) -> Result<(), ServerError> {
    health.enter(Phase::Migrating);
    let tables = Awaited { name: "migrations", what: "the database's tables", limit: None };
    let schema = async || {
        let judge = |error: store::Error| {
            if error.is_forbidden() { forbidden(postgres, "database.url", error) } else { passing(error) }
        };
        let schema = reach(store.schema(), judge).await?;
        match schema {
            Schema::Ready => Ok(()),
            Schema::Ahead(recorded) => {
                tracing::warn!(
                    release = recorded.number,
                    "the database was migrated by a newer release, beside which this one runs on"
                );
                Ok(())
            }
            Schema::Behind(steps) => Err(Trouble::Passing(format!(
                "they are not those of this release yet ({} migrations are to be applied): run `auth-service migrate apply`",
                steps.len()
            ))),
            Schema::Refused(why) => Err(Trouble::Lasting(ServerError::Schema(why))),
        }
    };
    tables.wait(health, random, schema).await
}

/// For what is done on the database before anybody is served: it may be lost just then, or others that start at the same time may
/// be in the way.
pub(super) fn beginning(config: &Config) -> Awaited<'static> {
    Awaited { name: "database", what: "the database", limit: Some(config.startup.wait) }
}

/// Whoever makes users gives them their rights before there are tables, so that these do not come late.
fn forbidden(settings: &PostgresSettings, setting: &'static str, error: impl std::fmt::Display) -> Trouble {
    Trouble::Lasting(ServerError::Forbidden { user: settings.user(), error: error.to_string(), setting })
}

/// Which of what PostgreSQL said may pass: see [`store::PostgresError::is_lasting`].
fn unusable(error: store::PostgresError) -> Trouble {
    if error.is_lasting() { Trouble::Lasting(ServerError::Unusable(error)) } else { passing(error) }
}

/// Whether it may go better at another try.
pub(super) fn trouble(error: ServerError) -> Trouble {
    match error {
        ServerError::Fault(fault) | ServerError::Clients(RegisterError::Fault(fault))
            if fault.is_unavailable() =>
        {
            Trouble::Passing(fault.to_string())
        }
        error => Trouble::Lasting(error),
    }
}

/// What a start, or `migrate`, would refuse of where PostgreSQL and Redis are: settings, and why not. What is wrong with a secret is
/// found [elsewhere](super::secrets_of).
pub(super) async fn refused(config: &Config, keeper: &Keeper) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut tell = |setting, result: Result<(), ServerError>| match result {
        Err(ServerError::Postgres(error)) => found.push((setting, error.reason().to_owned())),
        Err(ServerError::Redis(error)) => found.push((setting, error.reason().to_owned())),
        Ok(()) | Err(_) => {}
    };
    let database = &config.database;
    if let Some(url) = &database.url {
        let url = match &database.username {
            Some(_) => serving_url(database, url, keeper).await,
            None => connection_url(["database.url"; 2], url, None, keeper).await,
        };
        tell("database.url", url.and_then(|url| used(database, PostgresSettings::new(url))).map(drop));
    }
    if let Some(url) = &database.migrate_url {
        let setting = "database.migrate_url";
        let url = connection_url([setting; 2], url, None, keeper).await;
        tell(setting, url.and_then(|url| used(database, PostgresSettings::new(url))).map(drop));
    }
    if config.redis.is_set() {
        let setting = if config.redis.url.is_some() { "redis.url" } else { "redis.host" };
        tell(setting, redis(&config.redis, keeper).await.map(drop));
    }
    found
}

/// A PostgreSQL that is about to be migrated, by the user that may.
#[derive(Debug)]
pub struct Migrating {
    settings: PostgresSettings,
    config: Config,
}

/// Where migrations are applied. None in the small mode, where the server does it as it starts.
pub async fn migrating(config: Config) -> Result<Option<Migrating>, ServerError> {
    let Some(Mode::Full(url)) = config.mode() else { return Ok(None) };
    let database = &config.database;
    let references = config.references_to_migrate();
    // Nobody is told but whoever reads the log.
    let health = Health::new(system_clock());
    let keeper = keeper(&config, &references, &health, &Random::system()).await?;
    let url = match &database.migrate_url {
        Some(url) => {
            let names = ["database.migrate_url", "database.migrate_password"];
            connection_url(names, url, database.migrate_password.as_ref(), &keeper).await?
        }
        None => serving_url(database, url, &keeper).await?,
    };
    let settings = used(database, PostgresSettings::new(url))?;
    Ok(Some(Migrating { settings, config }))
}

impl Migrating {
    /// Once the database is there: `apply`, `plan` or `status` of [`store::migrations`].
    pub async fn run<T>(
        &self,
        act: impl AsyncFn(&PostgresSettings) -> Result<T, store::migrations::MigrationError>,
    ) -> Result<T, ServerError> {
        let what = format!("PostgreSQL at {}", self.settings.at());
        let database = Awaited { name: "database", what: &what, limit: Some(self.config.startup.wait) };
        // Nobody is told but whoever reads the log.
        let health = Health::new(system_clock());
        let done = async || match act(&self.settings).await {
            Ok(done) => Ok(done),
            Err(error) if error.is_forbidden() => {
                let own = self.config.database.migrate_url.is_some();
                let setting = if own { "database.migrate_url" } else { "database.url" };
                Err(forbidden(&self.settings, setting, error))
            }
            Err(error) if error.is_unavailable() => Err(Trouble::Passing(error.to_string())),
            Err(error) => Err(Trouble::Lasting(ServerError::Migration(error))),
        };
        database.wait(&health, &Random::system(), done).await
    }
}

fn used(database: &Database, settings: PostgresSettings) -> Result<PostgresSettings, ServerError> {
    let settings = PostgresSettings {
        maximum_connections: database.maximum_connections,
        root_certificate: database.root_certificate.clone(),
        statement_cache: database.statement_cache as usize,
        ..settings
    };
    settings.check()?;
    Ok(settings)
}

/// How Redis is reached.
pub(super) async fn redis(redis: &Redis, keeper: &Keeper) -> Result<RedisSettings, ServerError> {
    let settings = if let Some(url) = &redis.url {
        let names = ["redis.url", "redis.password"];
        let url = connection_url(names, url, redis.password.as_ref(), keeper).await?;
        RedisSettings::from_url(&url, redis.tls)?
    } else {
        let password = match &redis.password {
            Some(reference) => Some(foreign_password("redis.password", reference, keeper).await?),
            None => None,
        };
        RedisSettings {
            host: redis.host.clone().unwrap_or_default(),
            port: redis.port,
            password,
            tls: redis.tls,
            ..RedisSettings::default()
        }
    };
    let settings = RedisSettings {
        username: redis.username.clone().or(settings.username),
        root_certificate: redis.root_certificate.clone(),
        ..settings
    };
    settings.check()?;
    Ok(settings)
}
