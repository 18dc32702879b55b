//! The release manifest: what a release is. It is read once its signature was found to be good, and not before.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::configuration::Configuration;
use super::order::Digest;
use crate::stack::Service;

/// What JSON's readers agree about: 53 bits.
const LARGEST_SEQUENCE: u64 = (1 << 53) - 1;
/// No version is longer.
const LONGEST_VERSION: usize = 64;

/// What is signed. A later release may say more, which is passed over.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) version: String,
    /// Of two releases the later one has the greater.
    pub(super) sequence: u64,
    /// Each by its digest.
    images: BTreeMap<Service, String>,
    /// The last of the migrations that it brings.
    #[serde(alias = "migration_level")]
    pub(super) migrations: u32,
}

impl Release {
    /// Reads what was signed. Two readers must not read it in two ways, so that no name may be there twice.
    pub(super) fn parse(signed: &[u8], configuration: &Configuration) -> Result<Self, String> {
        let wrong =
            |what: &dyn std::fmt::Display| format!("the release manifest, which is signed well, {what}");
        let value = oidc::parse_strict_json(signed).map_err(|error| wrong(&format_args!("is {error}")))?;
        let release: Self =
            serde_json::from_value(value).map_err(|error| wrong(&format_args!("is none: {error}")))?;
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        let version = &release.version;
        if version.is_empty() || version.len() > LONGEST_VERSION || !version.bytes().all(is_letter) {
            return Err(wrong(&"has no version such as 1.3.0"));
        }
        if release.sequence == 0 || release.sequence > LARGEST_SEQUENCE {
            return Err(wrong(&format_args!(
                "has the sequence number {}, of 1 to {LARGEST_SEQUENCE}",
                release.sequence
            )));
        }
        for service in Service::ALL {
            let Some(image) = release.images.get(&service) else {
                return Err(wrong(&format_args!("names no image of {service}")));
            };
            let place = configuration.image(service);
            let digest = image.strip_prefix(&place).and_then(|rest| rest.strip_prefix('@'));
            if digest.is_none_or(|digest| digest.parse::<Digest>().is_err()) {
                return Err(wrong(&format_args!(
                    "names the image {image:?} of {service}, and only {place}@sha256:DIGEST is run here"
                )));
            }
        }
        Ok(release)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn configuration() -> Configuration {
        Configuration::parse(
            "folder = \"/srv/keyward\"\nregistry = \"ghcr.io\"\nrepository = \"team/keyward\"\n",
        )
        .unwrap()
    }

    fn manifest() -> Value {
        let digest = Digest::of(b"");
        json!({
            "version": "1.3.0",
            "sequence": 17,
            "images": {
                "auth-service": format!("ghcr.io/team/keyward/auth-service@{digest}"),
                "app-service": format!("ghcr.io/team/keyward/app-service@{digest}"),
            },
            "migrations": 11,
            "revision": "said by a later release",
        })
    }

    fn parse(text: &str) -> Result<Release, String> {
        Release::parse(text.as_bytes(), &configuration())
    }

    #[test]
    fn a_release_is_read() {
        let release = parse(&manifest().to_string()).unwrap();
        assert_eq!((release.version.as_str(), release.sequence, release.migrations), ("1.3.0", 17, 11));
        let other_name = manifest().to_string().replace("\"migrations\"", "\"migration_level\"");
        assert_eq!(parse(&other_name).unwrap(), release);
    }

    #[test]
    fn an_image_of_anywhere_else_or_without_its_digest_is_refused() {
        let digest = Digest::of(b"");
        for image in [
            "ghcr.io/team/keyward/auth-service:1.3.0".to_owned(),
            "ghcr.io/team/keyward/auth-service".to_owned(),
            format!("ghcr.io/team/keyward/auth-service:1@{digest}"),
            format!("ghcr.io/team/keyward/app-service@{digest}"),
            format!("ghcr.io/team/keyward/auth-service/x@{digest}"),
            format!("ghcr.io/team/keyward2/auth-service@{digest}"),
            format!("ghcr.io/other/keyward/auth-service@{digest}"),
            format!("ghcr.io.example.com/team/keyward/auth-service@{digest}"),
            format!("ghcr.io/team/keyward/auth-service@{digest} "),
            format!("ghcr.io/team/keyward/auth-service@{digest}\nA=b"),
            format!("ghcr.io/team/keyward/auth-service@{}", digest.to_string().to_uppercase()),
            String::new(),
        ] {
            let mut manifest = manifest();
            manifest["images"]["auth-service"] = image.clone().into();
            let error = parse(&manifest.to_string()).unwrap_err();
            assert!(
                error.contains("only ghcr.io/team/keyward/auth-service@sha256:DIGEST"),
                "{image:?}: {error}"
            );
        }
    }

    #[test]
    fn what_is_signed_and_no_release_is_refused() {
        let without = |name: &str| {
            let mut manifest = manifest();
            manifest.as_object_mut().unwrap().remove(name);
            manifest.to_string()
        };
        let with = |name: &str, value: Value| {
            let mut manifest = manifest();
            manifest[name] = value;
            manifest.to_string()
        };
        for (text, said) in [
            (String::new(), "not acceptable JSON"),
            ("{}".to_owned(), "is none"),
            (without("version"), "version"),
            (without("sequence"), "sequence"),
            (without("images"), "images"),
            (without("migrations"), "migrations"),
            (with("version", "".into()), "no version"),
            (with("version", "1.0\n".into()), "no version"),
            (with("sequence", 0.into()), "sequence number 0"),
            (with("sequence", (-1).into()), "is none"),
            (with("sequence", (1_u64 << 53).into()), "sequence number"),
            (with("images", json!({})), "names no image of auth-service"),
            (with("images", json!({ "caddy": "a" })), "is none"),
            (
                manifest().to_string().replace("\"version\"", "\"sequence\":1,\"version\""),
                "not acceptable JSON",
            ),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
