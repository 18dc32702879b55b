//! Which installation a verb is about: one with a configuration, or the data of `keyward dev`.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use auth::{AccountSettings, HasherSettings, Limits, Settings};
use auth_service::admin::{Desk, Offline, Operator};
use auth_service::config::{self, Config, Egress, Keys, Mode};
use auth_service::server::{Secrets, desk, open_store};
use clap::Args;
use secrets::Keeper;
use store::{LockError, ServerLock};
use tokio::sync::OnceCell;
use url::Url;

use crate::channel::Channel;
use crate::stack::Stack;
use crate::{Failure, dev};

/// Names an installation.
#[derive(Args)]
pub(crate) struct Installation {
    /// The configuration of the installation; without it, the data of `keyward dev`.
    #[arg(long, global = true, env = "KEYWARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of `keyward dev`.
    #[arg(long, global = true, default_value = DATA, value_name = "DIR")]
    data: PathBuf,
    /// The socket of the running server, or a folder of sockets of servers of one installation, in the place of the one that the
    /// configuration says. Without either: what `keyward dev` left in its folder, then `run/` beside compose.yml, then /run/keyward.
    #[arg(long, global = true, env = "KEYWARD_SOCKET", value_name = "SOCKET")]
    socket: Option<PathBuf>,
}

/// The folder of `keyward dev`, if none is named.
pub(crate) const DATA: &str = "keyward-data";

/// Where servers listen to the operator that have no file.
const RUN: &str = "/run/keyward";

/// The same of a stack, in its folder: see `compose.yml`.
const STACK: &str = "compose.yml";
const STACK_RUN: &str = "run";
const STACK_ENVIRONMENT: &str = ".env";

/// The database in it.
pub(crate) const DATABASE: &str = "keyward.sqlite";

impl Installation {
    /// The options that name it, as a shell takes them, for a hint that can be copied.
    pub(crate) fn repeated(&self) -> String {
        if let Some(socket) = &self.socket {
            return format!(" --socket {}", quoted(&socket.display().to_string()));
        }
        match &self.config {
            Some(config) => format!(" --config {}", quoted(&config.display().to_string())),
            None if self.data.as_os_str() == DATA => String::new(),
            None => format!(" --data {}", quoted(&self.data.display().to_string())),
        }
    }

    /// The configuration that was named.
    pub(crate) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// A way to one of its running servers, and to no file. Where nothing was named, a configuration that was found tells of them.
    pub(crate) async fn server(&self, found: Option<&Path>) -> Result<Channel, Failure> {
        let found = found.filter(|_| self.data.as_os_str() == DATA).map(Path::to_owned);
        let config = self.config.clone().or(found);
        let same = Self { config, data: self.data.clone(), socket: self.socket.clone() };
        let (folder, sockets) = same.sockets()?;
        Channel::to_one_of(&folder, &sockets).await
    }

    /// A way to its data: by the running server, or, where there is none, by its file.
    pub(crate) async fn channel(&self) -> Result<Channel, Failure> {
        if let Some(folder) = self.folder_of_servers() {
            return Channel::to_one_of(&folder, &sockets_in(&folder)?).await;
        }
        if let Some(socket) = &self.socket {
            return Channel::to_server(socket).await;
        }
        let place = self.place()?;
        let Some(database) = &place.database else {
            return Channel::to_server(place.socket.as_deref().unwrap_or(Path::new(""))).await;
        };
        if place.is_hidden {
            return match &place.socket {
                Some(socket) => Channel::to_server(socket).await,
                None => Err(hidden(database)),
            };
        }
        match Channel::to_server_or_lock(place.socket.as_deref(), database).await? {
            Ok(channel) => Ok(channel),
            Err(lock) => Channel::of_file(&place.desk(database).await?, lock),
        }
    }

    /// Its file, for what is done while no server runs.
    pub(crate) async fn file(&self) -> Result<(Desk, ServerLock), Failure> {
        let place = self.place()?;
        let Some(database) = &place.database else {
            return Err(
                "the accounts are in PostgreSQL, which this command does not open: `auth-service audit begin-anew` does it".into(),
            );
        };
        if place.is_hidden {
            return Err(hidden(database));
        }
        let lock = match ServerLock::take(database) {
            Ok(lock) => lock,
            Err(LockError::Taken { who, .. }) => {
                return Err(format!(
                    "{who} serves the database {}: stop it first, since this is done on the file alone",
                    database.display()
                )
                .into());
            }
            Err(error) => return Err(error.into()),
        };
        let desk = place.desk(database).await?;
        Ok((desk.of(&Operator::of_process()?), lock))
    }

    /// The folder in which each server has a socket: one that is named, or, where nothing is and `keyward dev` has not run, that of
    /// the stack whose folder this is, or that of this host. Any of its servers does for all, since they share one database.
    fn folder_of_servers(&self) -> Option<PathBuf> {
        match (&self.socket, &self.config) {
            (Some(named), _) => named.is_dir().then(|| named.clone()),
            (None, Some(_)) => None,
            (None, None) if self.data.as_os_str() != DATA || self.data.join(DATABASE).exists() => None,
            (None, None) if Path::new(STACK).is_file() && Path::new(STACK_RUN).is_dir() => {
                Some(PathBuf::from(STACK_RUN))
            }
            (None, None) => Some(PathBuf::from(RUN)).filter(|run| run.is_dir()),
        }
    }

    /// Where its servers listen to the operator: the folder that was looked into, and the sockets there. One that is named is looked
    /// at alone.
    pub(crate) fn sockets(&self) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
        if let Some(folder) = self.folder_of_servers() {
            let sockets = sockets_in(&folder)?;
            return Ok((folder, sockets));
        }
        let (folder, told) = match (&self.socket, &self.config) {
            (Some(socket), _) => return Ok((socket.clone(), vec![socket.clone()])),
            (None, Some(config)) => {
                let socket = Config::load(config)?.admin_socket();
                let socket = socket.ok_or("admin.socket is empty, so that the server takes no orders")?;
                let folder = socket.parent().unwrap_or(Path::new("/"));
                (folder.to_owned(), Some(socket))
            }
            (None, None) if self.data.join(DATABASE).exists() => (self.data.clone(), None),
            (None, None) => (PathBuf::from(RUN), None),
        };
        let mut sockets = sockets_in(&folder)?;
        // It may have a name of its own.
        if let Some(socket) = told.filter(|socket| socket.exists())
            && !sockets.contains(&socket)
        {
            sockets.push(socket);
        }
        sockets.sort();
        Ok((folder, sockets))
    }

    /// What is to live, if it is the stack whose folder this is.
    pub(crate) fn stack(&self) -> Result<Option<Stack>, Failure> {
        let is_here = Path::new(STACK).is_file()
            && self.folder_of_servers().is_some_and(|folder| folder == Path::new(STACK_RUN));
        if !is_here {
            return Ok(None);
        }
        match std::fs::read_to_string(STACK_ENVIRONMENT) {
            Ok(environment) => Ok(Some(Stack::of(&environment))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{STACK_ENVIRONMENT} cannot be read: {error}").into()),
        }
    }

    /// Where things are. A database that is not there is not made.
    fn place(&self) -> Result<Place, Failure> {
        let place = match &self.config {
            Some(path) => Place::of(Config::load(path)?),
            None => Place::of_development(&self.data)?,
        };
        match &place.database {
            // Nor is one made of a file that holds nothing: that no account is in it would be no answer.
            Some(path) if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) => Err(format!(
                "the file {} is empty, and no database: start the server once, name another folder with --data, or the \
                 configuration with --config",
                path.display()
            )
            .into()),
            Some(path) => match path.try_exists() {
                Ok(true) => Ok(place),
                // Members of the group may be let in at the socket, and not to the file.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    Ok(Place { is_hidden: true, ..place })
                }
                Err(error) => {
                    Err(format!("the database {} cannot be looked at: {error}", path.display()).into())
                }
                Ok(false) => Err(format!(
                    "there is no database at {}: name the folder with --data, or the configuration with --config",
                    path.display()
                )
                .into()),
            },
            None => Ok(place),
        }
    }
}

/// What is said of a file that may be there.
fn hidden(database: &Path) -> Failure {
    format!(
        "this user may not look at the database {}: ask as root, or as the user of the server",
        database.display()
    )
    .into()
}

/// Every socket `*.sock` of a folder; of one that is not there, none. Whoever runs the servers may write there, and must not lead
/// root elsewhere by a link.
pub(crate) fn sockets_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |error: std::io::Error| {
        format!(
            "{} cannot be looked into: {error}; ask as root, or as a member of its group",
            folder.display()
        )
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error).into()),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(wrong)?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "sock")
            && entry.file_type().map_err(wrong)?.is_socket()
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Where an installation has its things.
struct Place {
    socket: Option<PathBuf>,
    /// The file; none if it is PostgreSQL.
    database: Option<PathBuf>,
    /// Whether this user may not look at it: then only a server is asked.
    is_hidden: bool,
    keys: Keys,
    keeper: Keeper,
    egress: Egress,
    hashing: HasherSettings,
    settings: Settings,
}

impl Place {
    fn of(config: Config) -> Self {
        let database = match config.mode() {
            Some(Mode::Small(path)) => Some(path.to_owned()),
            _ => None,
        };
        Self {
            socket: config.admin_socket(),
            database,
            is_hidden: false,
            keys: config.keys,
            keeper: config.secrets.keeper(),
            egress: config.egress,
            hashing: config.password.hashing,
            settings: Settings {
                public_url: config.server.public_url,
                product: config.branding.name,
                return_to: config.apps.return_to,
                algorithms: Vec::new(),
                accounts: config.accounts,
                limits: config.limits,
            },
        }
    }

    fn of_development(data: &Path) -> Result<Self, Failure> {
        let database = data.join(DATABASE);
        Ok(Self {
            socket: Some(config::socket_beside(&database)),
            keys: dev::keys(data)?,
            keeper: Keeper::local(),
            egress: dev::egress(),
            database: Some(database),
            is_hidden: false,
            hashing: HasherSettings::default(),
            settings: Settings {
                public_url: Url::parse("http://localhost/")?,
                product: "Keyward".to_owned(),
                return_to: Vec::new(),
                algorithms: Vec::new(),
                accounts: AccountSettings::default(),
                limits: Limits::default(),
            },
        })
    }

    async fn desk(&self, database: &Path) -> Result<Desk, Failure> {
        let offline = Offline {
            secrets: Secrets::resolve(&self.keys, &self.hashing, &self.keeper).await?,
            keeper: self.keeper.clone(),
            hashing: self.hashing.clone(),
            settings: self.settings.clone(),
            import: OnceCell::new(),
        };
        Ok(desk(open_store(database).await?, &self.egress, offline)?)
    }
}

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:,@".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A moment in Unix microseconds, as RFC 3339 in UTC.
pub(crate) fn moment(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_installation_as_a_shell_reads_it() {
        let installation = |config: Option<&str>, data: &str| Installation {
            config: config.map(PathBuf::from),
            data: PathBuf::from(data),
            socket: None,
        };
        assert_eq!(installation(None, DATA).repeated(), "");
        assert_eq!(installation(None, "/srv/a b").repeated(), " --data '/srv/a b'");
        assert_eq!(installation(None, "it's $HOME").repeated(), r" --data 'it'\''s $HOME'");
        assert_eq!(installation(Some("/etc/keyward.toml"), "x").repeated(), " --config /etc/keyward.toml");
    }
}
