//! What is to be on the host, as text, from what was asked for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::sshd;
use super::tree::Wanted;
use crate::gate::{ACCOUNT, CONFIGURATION, Configuration, Fingerprint, NAMESPACE, SIGNER, SIGNERS};

/// Which keys sign in to the account: in a file of root's, where the account has no way to.
pub(super) const KEYS: &str = "/etc/ssh/keyward-deploy-keys";
/// What sshd is told. It comes before those of higher numbers, and the first word counts.
pub(super) const SSHD: &str = "/etc/ssh/sshd_config.d/40-keyward.conf";
pub(super) const SOCKET_UNIT: &str = "/etc/systemd/system/keyward-deploy.socket";
const SERVICE_UNIT: &str = "/etc/systemd/system/keyward-deploy.service";
/// Where the command is, unless something else is said.
pub(super) const PROGRAM: &str = "/usr/local/bin/keyward";

const SOCKET_TEXT: &str = include_str!("../../../../deploy/systemd/keyward-deploy.socket");
const SERVICE_TEXT: &str = include_str!("../../../../deploy/systemd/keyward-deploy.service");

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) folder: &'a Path,
    pub(super) registry: &'a str,
    pub(super) repository: &'a str,
    pub(super) allowed_networks: &'a [String],
    pub(super) registry_certificate: Option<&'a Path>,
    /// Public keys, a line each.
    pub(super) signers: Vec<String>,
    pub(super) deploy_keys: Vec<String>,
    pub(super) program: &'a Path,
    pub(super) close_root: bool,
}

/// All files, in the order in which they are put there: what gives a right comes after what bounds it.
pub(super) fn files(asked: &Asked<'_>) -> Result<Vec<Wanted>, String> {
    let program = asked.program.display().to_string();
    // It goes into files in which a space or a percent sign would mean something.
    if !program.starts_with('/')
        || !program.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte))
    {
        return Err(format!("--program {program} is to be a whole path of letters, digits and ./_- alone"));
    }
    let keys = keys(&asked.deploy_keys, "--deploy-key")?;
    let signers = keys_of(&asked.signers, "--signer")?;
    if keys_of(&asked.deploy_keys, "--deploy-key")?.iter().any(|key| signers.contains(key)) {
        return Err("the same key is to sign releases and to ask for them: whoever had it could deploy anything; make two".to_owned());
    }
    let signers: Vec<_> =
        signers.iter().map(|key| format!("{SIGNER} namespaces=\"{NAMESPACE}\" {key}\n")).collect();
    let [service, socket] = units(&program);
    Ok(vec![
        wanted(CONFIGURATION, configuration(asked)?),
        wanted(SIGNERS, signers.concat()),
        service,
        socket,
        wanted(SSHD, sshd::text(&program, asked.close_root)),
        wanted(KEYS, keys),
    ])
}

/// The units, which run the command that lies there.
pub(super) fn units(program: &str) -> [Wanted; 2] {
    [
        wanted(SERVICE_UNIT, SERVICE_TEXT.replace(PROGRAM, program)),
        wanted(SOCKET_UNIT, SOCKET_TEXT.to_owned()),
    ]
}

fn wanted(path: &str, text: String) -> Wanted {
    Wanted { path: PathBuf::from(path), text }
}

fn configuration(asked: &Asked<'_>) -> Result<String, String> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text = format!(
        "# Written by `keyward host setup`, which writes it anew: what the deploy service believes.\n\
         folder = {}\nregistry = {}\nrepository = {}\n",
        quoted(&asked.folder.display().to_string()),
        quoted(asked.registry),
        quoted(asked.repository),
    );
    if !asked.allowed_networks.is_empty() {
        let networks: Vec<_> = asked.allowed_networks.iter().map(|network| quoted(network)).collect();
        let _ = writeln!(text, "allowed_networks = [{}]", networks.join(", "));
    }
    if let Some(certificate) = asked.registry_certificate {
        let _ = writeln!(text, "root_certificate = {}", quoted(&certificate.display().to_string()));
    }
    // What would not be read later is refused now.
    Configuration::parse(&text)?;
    Ok(text)
}

/// The lines of keys in some files, without their comments.
fn keys_of(texts: &[String], option: &str) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    for text in texts {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            Fingerprint::of_public_key(line).map_err(|why| format!("{option}: {why}"))?;
            keys.push(line.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" "));
        }
    }
    if keys.is_empty() {
        return Err(format!(
            "{option} names no key: name the .pub file of an Ed25519 key (ssh-keygen -t ed25519)"
        ));
    }
    keys.dedup();
    Ok(keys)
}

/// As sshd reads them. `restrict` takes away whatever a later sshd may come to allow.
fn keys(texts: &[String], option: &str) -> Result<String, String> {
    let mut text = format!("# Written by `keyward host setup`: who may ask for deploys, as {ACCOUNT}.\n");
    for key in keys_of(texts, option)? {
        let _ = writeln!(text, "restrict {key}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL8zp/sAb5+YyBQ2cbrMKfzn2NtiE/H70mU5TCkAWDkJ one\n";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA two\n";

    fn asked() -> Asked<'static> {
        Asked {
            folder: Path::new("/srv/keyward"),
            registry: "ghcr.io",
            repository: "team/keyward",
            allowed_networks: &[],
            registry_certificate: None,
            signers: vec![ONE.to_owned()],
            deploy_keys: vec![TWO.to_owned()],
            program: Path::new(PROGRAM),
            close_root: false,
        }
    }

    fn text(files: &[Wanted], path: &str) -> String {
        files.iter().find(|file| file.path == Path::new(path)).unwrap().text.clone()
    }

    #[test]
    fn all_is_made_from_what_was_asked_for() {
        let wanted = files(&asked()).unwrap();
        assert!(text(&wanted, CONFIGURATION).ends_with("repository = \"team/keyward\"\n"));
        let key = ONE.trim_end_matches(" one\n");
        assert_eq!(text(&wanted, SIGNERS), format!("release namespaces=\"keyward-release\" {key}\n"));
        let keys = text(&wanted, KEYS);
        assert!(keys.lines().skip(1).all(|line| line.starts_with("restrict ssh-ed25519 ")), "{keys}");
        assert!(text(&wanted, SERVICE_UNIT).contains("ExecStart=/usr/local/bin/keyward deploy-service\n"));
        let elsewhere = Asked { program: Path::new("/opt/keyward"), ..asked() };
        let wanted = files(&elsewhere).unwrap();
        assert!(text(&wanted, SERVICE_UNIT).contains("ExecStart=/opt/keyward deploy-service\n"));
        assert!(text(&wanted, SSHD).contains("ForceCommand /opt/keyward deploy-gate\n"));
        let networks = ["10.0.0.0/8".to_owned()];
        let more = Asked {
            allowed_networks: &networks,
            registry_certificate: Some(Path::new("/etc/keyward/registry.pem")),
            ..asked()
        };
        let configuration = text(&files(&more).unwrap(), CONFIGURATION);
        assert!(
            configuration.contains("allowed_networks = [\"10.0.0.0/8\"]\nroot_certificate = "),
            "{configuration}"
        );
    }

    #[test]
    fn what_would_be_no_use_or_too_much_is_refused() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== a\n".to_owned();
        for (asked, said) in [
            (Asked { deploy_keys: vec![rsa], ..asked() }, "--deploy-key: it does not begin with ssh-ed25519"),
            (Asked { signers: vec!["# none\n".to_owned()], ..asked() }, "--signer names no key"),
            (Asked { signers: vec![ONE.to_owned(), TWO.to_owned()], ..asked() }, "make two"),
            (Asked { program: Path::new("bin/keyward"), ..asked() }, "a whole path"),
            (Asked { program: Path::new("/opt/key ward"), ..asked() }, "a whole path"),
            (Asked { program: Path::new("/opt/key\nward"), ..asked() }, "a whole path"),
            (Asked { folder: Path::new("srv"), ..asked() }, "a whole path"),
            (Asked { registry: "ghcr.io/team", ..asked() }, "is to be a host"),
            (Asked { repository: "Team", ..asked() }, "in small letters"),
        ] {
            let error = files(&asked).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
