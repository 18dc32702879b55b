//! Which Vault or OpenBao a command speaks to, and as whom: an operator, who may write there, rather than the server, which need not.

use std::env;
use std::path::{Path, PathBuf};

use auth_service::config::{Config, Managers};
use clap::Args;
use secrets::{Keeper, ManagerSettings, SecretRef, VaultAuth, VaultSettings};
use serde::Deserialize as _;
use url::{Host, Url};

use crate::Failure;
use crate::installation::Installation;

/// The usual file, where none is named.
const USUAL: &str = "keyward.toml";

/// Where the manager is.
#[derive(Args)]
pub(super) struct Whereabouts {
    /// Where Vault or OpenBao is; without it what the configuration says, or else `BAO_ADDR` or `VAULT_ADDR`
    #[arg(long, value_name = "URL")]
    address: Option<Url>,
    /// The certificate (PEM) that its own is checked by, and by that alone; without it what the configuration says, or else
    /// `BAO_CACERT` or `VAULT_CACERT`
    #[arg(long, value_name = "FILE")]
    root_certificate: Option<PathBuf>,
    /// The namespace that everything is in; without it what the configuration says, or else `BAO_NAMESPACE` or `VAULT_NAMESPACE`
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

/// Who may write there.
#[derive(Args)]
pub(super) struct Writer {
    #[command(flatten)]
    whereabouts: Whereabouts,
    /// A file with a token that may write there; without it `BAO_TOKEN` or `VAULT_TOKEN`, then what `bao login` left in
    /// ~/.vault-token, then the sign-in of the configuration
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// The configuration that is meant: the one that is named, or the usual file if it is here.
pub(super) fn configuration(installation: &Installation) -> Option<PathBuf> {
    let usual = || Some(PathBuf::from(USUAL)).filter(|path| path.is_file());
    installation.config().map(Path::to_owned).or_else(usual)
}

/// What a configuration says of managers, even if a start would not take the rest of it: values may stand in it that are about to be
/// moved.
pub(super) fn managers(config: Option<&Path>) -> Result<Managers, Failure> {
    let Some(path) = config else { return Ok(Managers::default()) };
    if let Ok(config) = Config::load(path) {
        return Ok(config.secrets);
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("the configuration {} cannot be read: {error}", path.display())
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    // The message alone: what stands there may be a secret.
    let mut table: toml::Table = toml::from_str(&text).map_err(|error| unreadable(&error.message()))?;
    let Some(mut section) = table.remove("secrets") else { return Ok(Managers::default()) };
    if let Some(vault) = section.get_mut("vault").and_then(toml::Value::as_table_mut) {
        vault.retain(|key, value| {
            let is_reference = || value.as_str().is_some_and(|text| text.parse::<SecretRef>().is_ok());
            !["secret_id", "token"].contains(&key) || is_reference()
        });
    }
    Managers::deserialize(section)
        .map_err(|error| unreadable(&format!("[secrets]: {}", error.message())).into())
}

impl Whereabouts {
    /// All of it, for whoever signs in so.
    pub(super) fn settings(&self, managers: &Managers, auth: VaultAuth) -> Result<VaultSettings, Failure> {
        let vault = &managers.vault;
        let address = match self.address.clone().or_else(|| vault.address.clone()) {
            Some(address) => address,
            None => match variable(["BAO_ADDR", "VAULT_ADDR"]) {
                Some((name, text)) => {
                    Url::parse(&text).map_err(|error| format!("{name} is no URL: {error}"))?
                }
                None => {
                    return Err("nothing says where Vault or OpenBao is: name it by --address https://HOST:8200, or write \
                                address = \"https://HOST:8200\" under [secrets.vault] and name the configuration by --config"
                        .into());
                }
            },
        };
        if !is_safe(&address) {
            return Err(format!(
                "{}://{} is no address to send a secret to: it must be https://HOST:PORT, or http:// on this machine alone",
                address.scheme(),
                address.host_str().unwrap_or_default()
            )
            .into());
        }
        let root_certificate = self.root_certificate.clone().or_else(|| vault.root_certificate.clone());
        let namespace = self.namespace.clone().or_else(|| vault.namespace.clone());
        let told = |names| variable(names).map(|(_, text)| text);
        Ok(VaultSettings {
            address,
            namespace: namespace.or_else(|| told(["BAO_NAMESPACE", "VAULT_NAMESPACE"])),
            root_certificate: root_certificate
                .or_else(|| told(["BAO_CACERT", "VAULT_CACERT"]).map(PathBuf::from)),
            auth,
        })
    }
}

impl Writer {
    /// What reads and writes there, as whoever types the command.
    pub(super) fn keeper(&self, managers: &Managers) -> Result<Keeper, Failure> {
        let vault = self.whereabouts.settings(managers, self.sign_in(managers)?)?;
        Ok(Keeper::new(ManagerSettings { vault: Some(vault), ..ManagerSettings::default() }))
    }

    fn sign_in(&self, managers: &Managers) -> Result<VaultAuth, Failure> {
        if let Some(file) = &self.token_file {
            return Ok(VaultAuth::Token(SecretRef::File(std::path::absolute(file)?)));
        }
        if let Some((name, _)) = variable(["BAO_TOKEN", "VAULT_TOKEN"]) {
            return Ok(VaultAuth::Token(SecretRef::Environment(name.to_owned())));
        }
        let left = env::home_dir().map(|home| home.join(".vault-token")).filter(|file| file.is_file());
        if let Some(file) = left.filter(|file| file.is_absolute()) {
            return Ok(VaultAuth::Token(SecretRef::File(file)));
        }
        servers_sign_in(managers).ok_or_else(|| {
            "nobody is signed in to Vault here: sign in as somebody who may write there (`bao login`), or name a file with a token \
             by --token-file"
                .into()
        })
    }
}

/// How the server signs in, if the configuration says so.
fn servers_sign_in(managers: &Managers) -> Option<VaultAuth> {
    let vault = &managers.vault;
    match (&vault.role_id, &vault.secret_id, &vault.token) {
        (Some(role_id), Some(secret_id), None) => Some(VaultAuth::AppRole {
            mount: vault.approle_mount.clone(),
            role_id: role_id.clone(),
            secret_id: secret_id.clone(),
        }),
        (None, None, Some(token)) => Some(VaultAuth::Token(token.clone())),
        _ => None,
    }
}

/// The first of two variables that is set to something.
fn variable(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, env::var(name).ok().filter(|text| !text.is_empty())?)))
}

fn is_safe(address: &Url) -> bool {
    let is_here = match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_bare = address.username().is_empty() && address.password().is_none();
    is_bare && (address.scheme() == "https" || (address.scheme() == "http" && is_here))
}
