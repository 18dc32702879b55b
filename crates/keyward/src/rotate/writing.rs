//! How a person writes another value to where a secret is kept.

use std::path::Path;

use auth_service::admin::SecretShown;
use secrets::{SecretRef, Stage};

/// The way there.
pub(super) struct Writing {
    /// What follows upon "write it": `to …`.
    pub(super) how: String,
    /// Whether servers that run do not see what is written.
    pub(super) at_start: bool,
}

impl Writing {
    /// By its reference; the file is this machine's, where it has it.
    pub(super) fn of(secret: &SecretShown, file: Option<&Path>) -> Self {
        let told = &secret.reference;
        let written = |how: String| Self { how, at_start: false };
        match (told.parse::<SecretRef>(), file) {
            (Ok(SecretRef::Vault { path, key }), _) => {
                written(format!("to {told}: {}", vault(&path, &key, secret.version.as_deref())))
            }
            (Ok(SecretRef::Aws { id, stage, key }), _) => {
                written(format!("to {told}: {}", aws(&id, stage, key.as_deref())))
            }
            (Ok(SecretRef::Gcp { name, version }), _) => {
                Self { how: format!("to {told}: {}", gcp(&name, &version)), at_start: version != "latest" }
            }
            (Ok(SecretRef::Credential(name)), _) => Self {
                how: format!(
                    "to the file that the unit of the server names for {name} (`LoadCredential=`, or by `systemd-creds encrypt` for \
                     `LoadCredentialEncrypted=`)"
                ),
                at_start: true,
            },
            (Ok(SecretRef::Environment(name)), _) => Self {
                how: format!(
                    "to wherever the server has its variable {name} from; better, keep it in a file from now on"
                ),
                at_start: true,
            },
            (_, Some(file)) => written(format!(
                "to {}, beside the old one, for the same readers, and moved over it (`mv`)",
                file.display()
            )),
            (_, None) => written(format!(
                "to what is {told} to the server (this machine has no such file; a container's is on its host), beside the old one, for the \
                 same readers, and moved over it (`mv`)"
            )),
        }
    }
}

/// Where both keys that seal are values of one secret in KV of version 2: what makes the present one the one before and writes another,
/// at once. Neither is on a command line: `printf` is the shell's own.
pub(super) fn both_at_once(present: &SecretShown, older: &SecretShown) -> Option<String> {
    let (Ok(SecretRef::Vault { path, key }), Ok(SecretRef::Vault { path: older_path, key: older_key })) =
        (present.reference.parse::<SecretRef>(), older.reference.parse::<SecretRef>())
    else {
        return None;
    };
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let is_one =
        path == older_path && key != older_key && [&path, &key, &older_key].iter().all(|text| is_plain(text));
    let version = present.version.as_deref().filter(|_| is_one)?;
    Some(format!(
        "`(present=\"$(bao kv get -field={key} {path})\" && printf '{{\"{older_key}\":\"%s\",\"{key}\":\"%s\"}}' \"$present\" \
         \"$(openssl rand -hex 32)\" | bao kv patch -cas={version} {path} -)` (or `vault`), which is refused if somebody has written there since \
         version {version}"
    ))
}

/// What Vault makes itself cannot be written: how another is made.
pub(super) fn made_by_vault(secret: &SecretShown) -> Option<String> {
    let Ok(SecretRef::Vault { path, key }) = secret.reference.parse::<SecretRef>() else { return None };
    if secret.version.is_some() || !["username", "password"].contains(&key.as_str()) {
        return None;
    }
    if let Some((mount, role)) = path.split_once("/static-creds/") {
        return Some(format!(
            "bao write -f {mount}/rotate-role/{role}, which has Vault exchange the password."
        ));
    }
    let (mount, role) = path.split_once("/creds/")?;
    Some(format!(
        "kill -HUP each server, which has a new user made for it; the one before ends with its lease, or at once by `bao lease revoke` \
         (`bao list sys/leases/lookup/{mount}/creds/{role}`)."
    ))
}

/// The version that is in force is the one to write upon: whoever was faster is not written over.
fn vault(path: &str, key: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!(
            "`bao kv patch -cas={version} {path} {key}=-` (or `vault`; paste it, then Ctrl-D twice), which is refused if somebody has written \
             there since version {version}"
        ),
        None => format!(
            "`bao kv put {path} @FILE` (or `vault`) with all its values and another {key}, as an object of JSON: KV of version 1 takes all of \
             them at once, and does not tell whether somebody was faster"
        ),
    }
}

fn aws(id: &str, stage: Stage, key: Option<&str>) -> String {
    let stages = match stage {
        Stage::Current => "",
        Stage::Pending => " --version-stages AWSPENDING",
        Stage::Previous => {
            return "AWS itself gives this stage to what was AWSCURRENT, once another is; let the reference name that".to_owned();
        }
    };
    match key {
        None => format!(
            "`aws secretsmanager put-secret-value --secret-id {id}{stages} --secret-string file:///dev/stdin` (paste it, then Ctrl-D twice)"
        ),
        Some(key) => format!(
            "`aws secretsmanager put-secret-value --secret-id {id}{stages} --secret-string file://FILE`, where FILE is the whole object as \
             `get-secret-value` gives it, with another {key}, for you alone to read, and gone afterwards"
        ),
    }
}

fn gcp(name: &str, version: &str) -> String {
    let parts: Vec<_> = name.split('/').collect();
    let (project, secret) = match parts[..] {
        [_, project, _, secret] => (project, secret),
        _ => ("PROJECT", name),
    };
    let add = format!(
        "`gcloud secrets versions add {secret} --project={project} --data-file=-` (paste it, then Ctrl-D twice)"
    );
    if version == "latest" {
        return add;
    }
    format!("{add}, and let the configuration name the version that this prints in the place of {version}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(reference: &str, version: Option<&str>) -> SecretShown {
        serde_json::from_value(json!({
            "setting": "redis.password", "reference": reference, "length": 9, "version": version, "age": 0, "stale": 0, "problem": null
        }))
        .unwrap()
    }

    #[test]
    fn each_keeper_is_written_to_in_its_own_way() {
        for (reference, version, part, at_start) in [
            (
                "vault:kv/keyward#redis",
                Some("7"),
                "to vault:kv/keyward#redis: `bao kv patch -cas=7 kv/keyward redis=-`",
                false,
            ),
            ("vault:old/keyward#redis", None, "`bao kv put old/keyward @FILE`", false),
            (
                "aws:prod/keyward",
                Some("a"),
                "put-secret-value --secret-id prod/keyward --secret-string file:///dev/stdin`",
                false,
            ),
            (
                "aws:prod/keyward#redis",
                Some("a"),
                "the whole object as `get-secret-value` gives it, with another redis",
                false,
            ),
            (
                "aws:x?stage=AWSPENDING",
                Some("a"),
                "--secret-id x --version-stages AWSPENDING --secret-string",
                false,
            ),
            ("aws:x?stage=AWSPREVIOUS", Some("a"), "AWS itself gives this stage", false),
            (
                "gcp:projects/p/secrets/s#latest",
                Some("3"),
                "`gcloud secrets versions add s --project=p --data-file=-`",
                false,
            ),
            (
                "gcp:projects/p/secrets/s#3",
                Some("3"),
                "name the version that this prints in the place of 3",
                true,
            ),
            ("credential:redis", None, "names for redis (`LoadCredential=`", true),
            ("env:REDIS_PASSWORD", None, "its variable REDIS_PASSWORD", true),
            (
                "file:/run/secrets/redis",
                None,
                "to what is file:/run/secrets/redis to the server (this machine has no such file",
                false,
            ),
        ] {
            let writing = Writing::of(&secret(reference, version), None);
            assert!(
                writing.how.contains(part) && writing.at_start == at_start,
                "{reference}: {}",
                writing.how
            );
            let is_file = reference.starts_with("file:");
            assert_eq!(writing.how.contains("`mv`"), is_file, "{reference}: {}", writing.how);
        }
        let here =
            Writing::of(&secret("file:/run/secrets/redis", None), Some(Path::new("/srv/secrets/redis")));
        assert!(here.how.starts_with("to /srv/secrets/redis, beside the old one"), "{}", here.how);
    }

    #[test]
    fn both_keys_that_seal_are_written_at_once_where_they_are_in_one_secret() {
        let both = |present: &str, version, older: &str| {
            both_at_once(&secret(present, version), &secret(older, version))
        };
        let told = both("vault:kv/keyward#encryption", Some("3"), "vault:kv/keyward#older").unwrap();
        let command = "`(present=\"$(bao kv get -field=encryption kv/keyward)\" && printf '{\"older\":\"%s\",\"encryption\":\"%s\"}' \
                       \"$present\" \"$(openssl rand -hex 32)\" | bao kv patch -cas=3 kv/keyward -)`";
        assert!(told.starts_with(command), "{told}");
        for (present, version, older) in [
            ("vault:kv/keyward#encryption", None, "vault:kv/keyward#older"),
            ("vault:kv/keyward#encryption", Some("3"), "vault:kv/elsewhere#older"),
            ("vault:kv/keyward#encryption", Some("3"), "vault:kv/keyward#encryption"),
            ("vault:kv/keyward#encryption", Some("3"), "vault:kv/keyward#o'lder"),
            ("vault:kv/keyward#encryption", Some("3"), "file:/run/secrets/older"),
            ("file:/run/secrets/encryption", None, "vault:kv/keyward#older"),
        ] {
            assert_eq!(both(present, version, older), None, "{present} {older}");
        }
    }

    #[test]
    fn what_vault_makes_is_not_written() {
        let made = |reference: &str, version| made_by_vault(&secret(reference, version));
        let stays = made("vault:database/static-creds/keyward#password", None).unwrap();
        assert!(stays.starts_with("bao write -f database/rotate-role/keyward,"), "{stays}");
        let ends = made("vault:team/database/creds/keyward#password", None).unwrap();
        assert!(ends.starts_with("kill -HUP each server, which has a new user made"), "{ends}");
        for (reference, version) in [("vault:kv/creds/x#password", Some("1")), ("file:/creds/x", None)] {
            assert_eq!(made(reference, version), None, "{reference}");
        }
    }
}
