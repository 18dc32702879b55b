//! The installation folder: what `docker compose` reads, and what it hands to the containers.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::Path;

use super::answers::{Answers, Mail};
use super::secret_files::AUTH_SERVICE;
use crate::Failure;

/// These are the same in every installation: what is tested is what is written.
const COMPOSE: &str = include_str!("../../../../compose.yml");
const CADDYFILE: &str = include_str!("../../../../deploy/Caddyfile");
const USERS: &str = include_str!("../../../../deploy/db/users.sh");
/// For whoever has the server's secrets in OpenBao; of no effect until `openbao/setup` is run.
const OPENBAO: [(&str, &str, u32); 6] = [
    ("compose.openbao.yml", include_str!("../../../../compose.openbao.yml"), 0o644),
    ("openbao/openbao.hcl", include_str!("../../../../deploy/openbao/openbao.hcl"), 0o644),
    ("openbao/auth-service.hcl", include_str!("../../../../deploy/openbao/auth-service.hcl"), 0o644),
    ("openbao/migrate.hcl", include_str!("../../../../deploy/openbao/migrate.hcl"), 0o644),
    ("openbao/operator.hcl", include_str!("../../../../deploy/openbao/operator.hcl"), 0o644),
    ("openbao/setup", include_str!("../../../../deploy/openbao/setup"), 0o755),
];
/// And these differ.
const CONFIGURATION: &str = include_str!("keyward.toml");
const ENVIRONMENT: &str = include_str!("env");

/// Nothing is written over what is there.
pub(super) fn is_free(folder: &Path) -> Result<(), Failure> {
    let first = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().transpose()?,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{} cannot be looked into: {error}", folder.display()).into()),
    };
    match first {
        None => Ok(()),
        Some(entry) => Err(format!(
            "{} is not empty ({} is there), and nothing is written over: name a folder that is new",
            folder.display(),
            entry.file_name().display()
        )
        .into()),
    }
}

/// Takes back what was made in a folder that was free, and the folder too if it was not there.
pub(super) fn take_back(folder: &Path, was_there: bool) -> Result<(), Failure> {
    let empty = |folder: &Path| -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    };
    match if was_there { empty(folder) } else { fs::remove_dir_all(folder) } {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{} cannot be taken back: {error}; remove it yourself", folder.display()).into())
        }
        _ => Ok(()),
    }
}

/// A failure at this path.
pub(super) fn at(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    move |error| format!("{} cannot be made: {error}", path.display()).into()
}

/// Writes all but the secrets.
pub(super) fn write(folder: &Path, answers: &Answers) -> Result<(), Failure> {
    let project = project_of(folder);
    let filled = |template: &str| fill(template, answers, &project);
    file(&folder.join("caddy/Caddyfile"), CADDYFILE, 0o644)?;
    file(&folder.join("db/users.sh"), USERS, 0o755)?;
    file(&folder.join("config/keyward.toml"), &filled(CONFIGURATION), 0o644)?;
    file(&folder.join(".env"), &filled(ENVIRONMENT), 0o644)?;
    for (path, text, mode) in OPENBAO {
        file(&folder.join(path), text, mode)?;
    }
    // The server makes its sockets there, and nobody but root, it and the group may look for them.
    let run = folder.join("run");
    DirBuilder::new().mode(0o750).create(&run).map_err(at(&run))?;
    fs::set_permissions(&run, fs::Permissions::from_mode(0o750)).map_err(at(&run))?;
    chown(&run, Some(AUTH_SERVICE), Some(answers.group)).map_err(at(&run))?;
    // Last: a folder without it is one that cannot be started by mistake.
    file(&folder.join("compose.yml"), COMPOSE, 0o644)
}

/// What Docker is to call the stack: the folder's name, in the letters that a name may have there.
fn project_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let name: String = name.chars().map(letter).collect();
    let name = name.trim_start_matches(['-', '_']);
    if name.is_empty() { "keyward".to_owned() } else { name.to_owned() }
}

fn fill(template: &str, answers: &Answers, project: &str) -> String {
    let tls_mode = if answers.local_certificates { "local_certs" } else { "" };
    [
        ("{PROJECT}", project),
        ("{AUTH_DOMAIN}", answers.domain.as_str()),
        ("{APP_DOMAIN}", &answers.app_domain),
        ("{CONTACT}", &answers.contact),
        ("{MAIL_FROM}", &toml::Value::String(answers.mail_from.clone()).to_string()),
        ("{MAIL_TRANSPORT}", &mail_transport(answers)),
        ("{FRONT_PREFIX}", &answers.front),
        ("{GROUP}", &answers.group.to_string()),
        ("{SECRETS}", &answers.secrets.display().to_string()),
        ("{TLS_MODE}", tls_mode),
        ("{VERSION}", env!("CARGO_PKG_VERSION")),
    ]
    .iter()
    .fold(template.to_owned(), |text, (place, value)| text.replace(place, value))
}

fn mail_transport(answers: &Answers) -> String {
    match &answers.mail {
        Mail::Postmark => {
            "[mail.transport]\nkind = \"postmark\"\ntoken = \"file:/run/secrets/postmark-token\"".to_owned()
        }
        Mail::Smtp { host, port, security, user } => {
            let server = format!(
                "[mail.transport]\nkind = \"smtp\"\nhost = \"{host}\"\nport = {port}\nsecurity = \"{security}\""
            );
            let Some(user) = user else { return server };
            let user = toml::Value::String(user.clone());
            format!("{server}\nusername = {user}\npassword = \"file:/run/secrets/mail-password\"")
        }
    }
}

/// Readable for the containers' users, whatever the umask: there is no secret in it.
fn file(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(at(folder))?;
    }
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    };
    write().map_err(at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_by_its_folder_in_letters_that_docker_takes() {
        for (folder, project) in [
            ("/srv/keyward", "keyward"),
            ("/srv/Key ward.2", "key-ward-2"),
            ("/srv/_tests", "tests"),
            ("/srv/ä", "keyward"),
            ("/", "keyward"),
        ] {
            assert_eq!(project_of(Path::new(folder)), project, "{folder}");
        }
    }
}
