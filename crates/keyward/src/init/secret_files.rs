//! The secrets: a folder a service, which only that service's group may read, however a host's users are numbered.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::Path;

use secrets::sealing::generate_key_text;
use secrets::{ExposeSecret as _, SecretString};

use super::answers::Answers;
use super::folder::at;
use crate::Failure;

/// The groups that the services run as in their containers (`user:` in compose.yml).
pub(super) const AUTH_SERVICE: u32 = 10001;
const APP_SERVICE: u32 = 10002;
const DATABASE: u32 = 999;
const REDIS: u32 = 999;

/// What docs/reference/redis.md says that the server needs in Redis; what clients of Redis 7.2 and later say of themselves; and
/// `SCAN`, by which an operator sees which keys there are.
const REDIS_RIGHTS: &str = "~keyward:* &keyward:* +ping +select +set +get +publish +subscribe +evalsha +script|load +lrange \
                            +lindex +llen +lpush +lpop +rpush +lrem +pexpire +client|setinfo +scan";

/// Files are given to groups, which is root's to do.
pub(super) fn may_give_to_groups() -> Result<(), Failure> {
    let probe = tempfile_in_memory()?;
    match chown(&probe, None, Some(AUTH_SERVICE)) {
        Ok(()) => Ok(fs::remove_file(probe)?),
        Err(error) => {
            fs::remove_file(probe)?;
            Err(format!(
                "a secret cannot be given to a service's group ({error}): run `keyward init` as root"
            )
            .into())
        }
    }
}

/// An empty file of this process, to try with.
fn tempfile_in_memory() -> Result<std::path::PathBuf, Failure> {
    let path = std::env::temp_dir().join(format!("keyward-init-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok(path)
}

/// Makes all of them.
pub(super) fn write(folder: &Path, answers: &Answers) -> Result<(), Failure> {
    let (running, migrating) = (generate_key_text(), generate_key_text());
    let (redis, app) = (generate_key_text(), generate_key_text());
    // No key was before it: the place for one holds the same, so that the configuration need not change at the first exchange.
    let encryption = generate_key_text();
    let url = |user: &str, password: &SecretString| -> SecretString {
        format!("postgres://{user}:{}@db:5432/keyward", password.expose_secret()).into()
    };
    let redis_configuration: SecretString = format!(
        "# One user, that of the server, may do what the server does there, and nothing else (docs/reference/redis.md). Nobody is \
         let\n# in without a name. No command is renamed: the modules of Redis 8 ask CONFIG as they are loaded.\n\
         user default reset off\n\
         user keyward reset on >{} {REDIS_RIGHTS}\n",
        redis.expose_secret()
    )
    .into();

    let parent = folder.parent().unwrap_or(folder);
    DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(at(parent))?;
    if !folder.exists() {
        DirBuilder::new().mode(0o700).create(folder).map_err(at(folder))?;
    }
    // Root's alone, also where it was there before: on the host the numbers below are other groups, such as the next one that
    // `groupadd --system` makes. A container has the folder of its own mounted, and need not come through this one.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(at(folder))?;
    let service = |name: &str, group: u32, files: &[(&str, &SecretString)]| -> Result<(), Failure> {
        let folder = folder.join(name);
        DirBuilder::new().mode(0o750).create(&folder).map_err(at(&folder))?;
        // Whatever the umask: the group has to read it.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).map_err(at(&folder))?;
        chown(&folder, None, Some(group)).map_err(at(&folder))?;
        for (file, secret) in files {
            replace(&folder.join(file), secret, group)?;
        }
        Ok(())
    };
    service(
        "db",
        DATABASE,
        &[
            ("superuser-password", &generate_key_text()),
            ("migrate-password", &migrating),
            ("run-password", &running),
        ],
    )?;
    service("redis", REDIS, &[("password", &redis), ("redis.conf", &redis_configuration)])?;
    service("migrate", AUTH_SERVICE, &[("database-url", &url("keyward_migrate", &migrating))])?;
    service(
        "auth-service",
        AUTH_SERVICE,
        &[
            ("database-url", &url("keyward_run", &running)),
            ("redis-password", &redis),
            ("encryption", &encryption),
            ("encryption-older", &encryption),
            ("audit", &generate_key_text()),
            ("example-app", &app),
        ],
    )?;
    if let (Some(file), Some(secret)) = (answers.mail_secret_file(), &answers.mail_secret) {
        replace(&folder.join("auth-service").join(file), secret, AUTH_SERVICE)?;
    }
    service("app-service", APP_SERVICE, &[("client-secret", &app), ("session-key", &generate_key_text())])
}

/// Written beside, then renamed: who watches the folder sees the old secret or the new one, and never half of one.
fn replace(path: &Path, secret: &SecretString, group: u32) -> Result<(), Failure> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&new)?;
        file.write_all(secret.expose_secret().as_bytes())?;
        chown(&new, None, Some(group))?;
        file.set_permissions(fs::Permissions::from_mode(0o440))?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(at(path))
}
