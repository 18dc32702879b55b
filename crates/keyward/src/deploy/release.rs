//! What is to run, as it is named: on the command line, or by a release manifest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;

use crate::Failure;
use crate::stack::Service;

/// `SERVICE=IMAGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageNamed {
    pub(super) service: Service,
    pub(super) image: String,
}

impl FromStr for ImageNamed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "it is SERVICE=IMAGE, such as auth-service=registry.example.com/auth-service:1.2";
        let (name, image) = text.split_once('=').ok_or(form)?;
        let service = Service::ALL.into_iter().find(|service| service.name() == name);
        let service = service
            .ok_or_else(|| format!("there is no service {name}: it is auth-service or app-service"))?;
        Ok(Self { service, image: reference(image)?.to_owned() })
    }
}

/// Whatever is not the letters of a reference never gets to a command line, or into `.env`.
fn reference(image: &str) -> Result<&str, String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
    let begins = image.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if begins && image.len() <= 512 && image.chars().all(is_letter) {
        return Ok(image);
    }
    Err(format!(
        "{image:?} is no reference of an image: those are like registry.example.com/auth-service:1.2"
    ))
}

/// The file of a release. What it does not know yet it passes over: a later release says more.
#[derive(Deserialize)]
struct Manifest {
    images: BTreeMap<Service, String>,
}

/// The images that a manifest names.
pub(super) fn images(path: &Path) -> Result<BTreeMap<Service, String>, Failure> {
    let wrong = |what: &dyn std::fmt::Display| format!("{} is no release manifest: {what}", path.display());
    let text = fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| wrong(&error))?;
    if manifest.images.is_empty() {
        return Err(wrong(&"it names no image").into());
    }
    for image in manifest.images.values() {
        reference(image).map_err(|why| wrong(&why))?;
    }
    Ok(manifest.images)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_and_its_image_are_read_and_nothing_that_a_shell_could_mean() {
        let named: ImageNamed = "auth-service=registry.example.com:5000/auth@sha256:0f".parse().unwrap();
        assert_eq!(
            (named.service, named.image.as_str()),
            (Service::AuthService, "registry.example.com:5000/auth@sha256:0f")
        );
        for text in [
            "auth-service",
            "caddy=a",
            "auth-service=",
            "auth-service=-v",
            "auth-service=a b",
            "auth-service=a\nB=c",
            "auth-service=$(id)",
            "auth-service='a'",
        ] {
            assert!(text.parse::<ImageNamed>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_manifest_names_images_and_one_that_does_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("release.json");
        fs::write(&path, r#"{"version": "1.2.0", "images": {"app-service": "app:2"}}"#).unwrap();
        assert_eq!(images(&path).unwrap(), [(Service::AppService, "app:2".to_owned())].into());
        for text in [
            "",
            "{}",
            r#"{"images": {}}"#,
            r#"{"images": {"caddy": "a"}}"#,
            r#"{"images": {"app-service": "a b"}}"#,
        ] {
            fs::write(&path, text).unwrap();
            let error = images(&path).unwrap_err().to_string();
            assert!(error.contains("is no release manifest"), "{error}");
        }
    }
}
