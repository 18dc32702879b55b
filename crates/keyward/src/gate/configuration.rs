//! `/etc/keyward/deploy.toml`: where releases come from, who signs them, and which stack they are for. It is root's, and the one thing
//! that the service believes; whoever asks has no word in any of it.

use std::fs;
use std::path::{Path, PathBuf};

use outbound::egress::Network;
use serde::Deserialize;
use url::Url;

use super::ours::is_ours_alone;
use crate::stack::Service;

/// Where it is.
pub(crate) const CONFIGURATION: &str = "/etc/keyward/deploy.toml";
/// Whose signatures count, unless another file is named: as `ssh-keygen -Y verify` reads it.
pub(crate) const SIGNERS: &str = "/etc/keyward/release-signers";
/// What was let in, unless another folder is named.
pub(crate) const STATE: &str = "/var/lib/keyward-deploy";

/// Below the repository of a project: its release manifests.
const RELEASES: &str = "release";

/// What root has said.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// The folder of the stack.
    pub(crate) folder: PathBuf,
    /// The registry, such as `ghcr.io` or `registry.example.com:5000`.
    pub(crate) registry: String,
    /// What comes before the name of each image there, such as `team/keyward`.
    pub(crate) repository: String,
    /// Whose signatures count.
    #[serde(default = "signers")]
    pub(crate) signers: PathBuf,
    /// What was let in.
    #[serde(default = "state")]
    pub(crate) state: PathBuf,
    /// Networks that are not public, in which the registry may be.
    #[serde(default)]
    pub(super) allowed_networks: Vec<String>,
    /// Certificates in PEM that the registry's is believed by, besides the system's.
    #[serde(default)]
    pub(super) root_certificate: Option<PathBuf>,
}

fn signers() -> PathBuf {
    SIGNERS.into()
}

fn state() -> PathBuf {
    STATE.into()
}

impl Configuration {
    /// Reads it, if it is root's alone.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let told = |error: &dyn std::fmt::Display| format!("{} cannot be used: {error}", path.display());
        is_ours_alone(path).map_err(|error| told(&error))?;
        let text = fs::read_to_string(path).map_err(|error| told(&error))?;
        let configuration = Self::parse(&text).map_err(|error| told(&error))?;
        is_ours_alone(&configuration.signers)?;
        Ok(configuration)
    }

    /// From its text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let read: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for path in [&read.folder, &read.signers, &read.state] {
            if !path.is_absolute() {
                return Err(format!("{} is to be a whole path, from / on", path.display()));
            }
        }
        check_registry(&read.registry)?;
        check_repository(&read.repository)?;
        read.networks()?;
        Ok(read)
    }

    /// Where the registry may be although it is not public.
    pub(super) fn networks(&self) -> Result<Vec<Network>, String> {
        let network =
            |one: &String| one.parse::<Network>().map_err(|error| format!("allowed_networks: {error}"));
        self.allowed_networks.iter().map(network).collect()
    }

    /// The repository of the release manifests.
    pub(super) fn releases(&self) -> String {
        format!("{}/{RELEASES}", self.repository)
    }

    /// What an image of this service is called, without its digest.
    pub(super) fn image(&self, service: Service) -> String {
        format!("{}/{}/{service}", self.registry, self.repository)
    }
}

/// A host, with a port or without.
pub(crate) fn check_registry(registry: &str) -> Result<(), String> {
    let wrong =
        || format!("registry {registry:?} is to be a host, such as ghcr.io or registry.example.com:5000");
    let url = Url::parse(&format!("https://{registry}/")).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    // To the letter, so that no user, path or other spelling hides in it; the port of https may be said.
    let same = registry == format!("{host}{port}") || registry == format!("{host}:443");
    if same && url.path() == "/" { Ok(()) } else { Err(wrong()) }
}

/// Names of small letters, digits, and single marks between these, with `/` between (OCI distribution specification).
pub(crate) fn check_repository(repository: &str) -> Result<(), String> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = |name: &str| {
        let ends = |byte: Option<&u8>| byte.is_some_and(|byte| is_word(*byte));
        let bytes = name.as_bytes();
        ends(bytes.first())
            && ends(bytes.last())
            && bytes.iter().all(|byte| is_word(*byte) || b"._-".contains(byte))
    };
    if repository.len() <= 200 && repository.split('/').all(is_name) {
        return Ok(());
    }
    Err(format!("repository {repository:?} is to be one such as team/keyward, in small letters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "folder = \"/srv/keyward\"\nregistry = \"ghcr.io\"\nrepository = \"team/keyward\"\n";

    #[test]
    fn the_least_says_where_and_the_rest_has_its_place() {
        let read = Configuration::parse(LEAST).unwrap();
        assert_eq!((read.signers.as_path(), read.state.as_path()), (Path::new(SIGNERS), Path::new(STATE)));
        assert_eq!(read.releases(), "team/keyward/release");
        assert_eq!(read.image(Service::AppService), "ghcr.io/team/keyward/app-service");
        let more = format!(
            "{LEAST}allowed_networks = [\"10.1.0.0/16\"]\nroot_certificate = \"/etc/keyward/registry.pem\"\n"
        );
        assert_eq!(Configuration::parse(&more).unwrap().networks().unwrap().len(), 1);
    }

    #[test]
    fn what_is_amiss_is_told() {
        for (text, said) in [
            (String::new(), "folder"),
            (format!("{LEAST}command = \"sh\"\n"), "command"),
            (LEAST.replace("/srv", "srv"), "a whole path"),
            (format!("{LEAST}allowed_networks = [\"ten\"]\n"), "is not a network"),
            (LEAST.replace("ghcr.io", "https://ghcr.io"), "is to be a host"),
            (LEAST.replace("ghcr.io", "ghcr.io/team"), "is to be a host"),
            (LEAST.replace("ghcr.io", "user@ghcr.io"), "is to be a host"),
            (LEAST.replace("ghcr.io", "ghcr.io?a"), "is to be a host"),
            (LEAST.replace("ghcr.io", ""), "is to be a host"),
            (LEAST.replace("ghcr.io", "0x7f.1"), "is to be a host"),
            (LEAST.replace("team/", "Team/"), "in small letters"),
            (LEAST.replace("team/", "/"), "in small letters"),
            (LEAST.replace("team/", "team//"), "in small letters"),
            (LEAST.replace("team/", "../"), "in small letters"),
            (LEAST.replace("team/keyward", "team/keyward:1"), "in small letters"),
        ] {
            let error = Configuration::parse(&text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        for registry in ["registry.example.com:5000", "127.0.0.1:5000", "[::1]:5000", "ghcr.io:443"] {
            check_registry(registry).unwrap();
        }
    }
}
