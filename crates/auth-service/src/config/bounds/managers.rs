//! What `[secrets]` must say, and must not.

use secrets::SecretRef;
use url::{Host, Url};

use super::super::{Config, Violation};

pub(super) fn violations(config: &Config, violations: &mut Vec<Violation>) {
    let mut refuse = |setting, found: Option<String>, expected: String| {
        violations.push(Violation { setting, found, expected });
    };
    let managers = &config.secrets;
    for (setting, url) in [
        ("secrets.vault.address", &managers.vault.address),
        ("secrets.aws.endpoint", &managers.aws.endpoint),
        ("secrets.gcp.endpoint", &managers.gcp.endpoint),
    ] {
        if let Some(url) = url.as_ref().filter(|url| !is_fit(url)) {
            // It is shown without what a secret could stand in.
            let shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
            let expected = "it must be https://HOST or https://HOST:PORT, without user, password and query, or what it is asked \
                            for travels in the open; http:// is for this machine alone (localhost)";
            refuse(setting, Some(shown), expected.to_owned());
        }
    }
    let vault = &managers.vault;
    for (setting, path) in [
        ("secrets.vault.approle_mount", Some(&vault.approle_mount)),
        ("secrets.vault.namespace", vault.namespace.as_ref()),
    ] {
        if let Some(path) = path.filter(|path| !is_path(path)) {
            let expected = "it must be a path of letters, digits, `_`, `-` and `.`, with `/` between and none at its ends";
            refuse(setting, Some(format!("{path:?}")), expected.to_owned());
        }
    }
    for (setting, reference) in
        [("secrets.vault.secret_id", &vault.secret_id), ("secrets.vault.token", &vault.token)]
    {
        if let Some(reference) = reference.as_ref().filter(|reference| reference.is_managed()) {
            let expected =
                "it must be on this machine (file:, credential: or env:): it is what managers are asked by";
            refuse(setting, Some(reference.to_string()), expected.to_owned());
        }
    }
    let asked =
        config.references().into_iter().find(|named| matches!(named.reference, SecretRef::Vault { .. }));
    if vault.address.is_none()
        && let Some(named) = asked
    {
        let expected = format!(
            "is missing, and {} is kept there ({}): write address = \"https://HOST:8200\" under [secrets.vault]",
            named.setting, named.reference
        );
        refuse("secrets.vault.address", None, expected);
    }
    if vault.address.is_some() {
        let (setting, expected) = match (&vault.role_id, &vault.secret_id, &vault.token) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => return,
            (None, None, None) => (
                "secrets.vault.role_id",
                "is missing, and so is token, so that nobody could sign in to it: write role_id and secret_id of an AppRole",
            ),
            (Some(_), None, None) => (
                "secrets.vault.secret_id",
                "is missing, and role_id is set: write secret_id = \"file:/run/secrets/vault_secret_id\" beside it",
            ),
            (None, Some(_), None) => (
                "secrets.vault.role_id",
                "is missing, and secret_id is set: write the role_id that it belongs to beside it",
            ),
            (_, _, Some(_)) => (
                "secrets.vault.token",
                "and an AppRole are both set, and one of them signs in: remove token, or role_id and secret_id",
            ),
        };
        refuse(setting, None, expected.to_owned());
    }
}

fn is_path(path: &str) -> bool {
    path.split('/').all(|part| {
        let fits = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        fits && !part.is_empty() && part != "." && part != ".."
    })
}

fn is_fit(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_bare && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}
