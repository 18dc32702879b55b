//! A release as a registry has it: an OCI image manifest (image specification 1.1, "guidelines for artifact usage") with two blobs, the
//! release manifest and its signature. `scripts/pipeline/push-manifest` makes it.

use serde::Deserialize;

use super::order::Digest;

/// How an OCI manifest is asked for.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What kind of artefact it is.
const ARTEFACT: &str = "application/vnd.keyward.release.v1";
/// The blob that is signed.
const RELEASE: &str = "application/vnd.keyward.release.v1+json";
/// The blob that signs it: as `ssh-keygen -Y sign` writes it.
const SIGNATURE: &str = "application/vnd.keyward.release.signature.v1";
/// A manifest has some hundred bytes, and so has a signature; nothing that is fetched has more than this.
pub(super) const LARGEST: usize = 64 * 1024;

/// Where the two are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Artefact {
    pub(super) release: Blob,
    pub(super) signature: Blob,
}

/// A blob, by what it is known by.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    media_type: String,
    pub(super) digest: Digest,
    pub(super) size: usize,
}

/// As much of the OCI manifest as is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u8,
    artifact_type: Option<String>,
    layers: Vec<Blob>,
}

impl Artefact {
    /// From bytes whose digest was looked at.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Manifest = serde_json::from_slice(bytes)
            .map_err(|error| format!("what has this digest is no OCI manifest of a release ({error})"))?;
        if manifest.schema_version != 2 || manifest.artifact_type.as_deref() != Some(ARTEFACT) {
            return Err(format!(
                "what has this digest is no release, but something else ({}): name the digest of a release manifest",
                manifest.artifact_type.as_deref().unwrap_or("an image")
            ));
        }
        if !manifest.layers.iter().any(|layer| layer.media_type == SIGNATURE) {
            return Err("the release is not signed: only one with a signature is let in".to_owned());
        }
        let Ok([release, signature]) = <[Blob; 2]>::try_from(manifest.layers) else {
            return Err("the release has not one manifest and one signature".to_owned());
        };
        for (blob, kind) in [(&release, RELEASE), (&signature, SIGNATURE)] {
            if blob.media_type != kind {
                return Err(format!("the release has {:?} where {kind} is to be", blob.media_type));
            }
            if blob.size > LARGEST {
                return Err(format!("the release's {kind} has {} bytes, and {LARGEST} are taken", blob.size));
            }
        }
        Ok(Self { release, signature })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn manifest() -> Value {
        let blob = |kind: &str, size: usize| json!({ "mediaType": kind, "digest": Digest::of(kind.as_bytes()), "size": size });
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": ARTEFACT,
            "config": blob("application/vnd.oci.empty.v1+json", 2),
            "layers": [blob(RELEASE, 400), blob(SIGNATURE, 300)],
        })
    }

    #[test]
    fn a_release_names_its_manifest_and_its_signature() {
        let artefact = Artefact::parse(manifest().to_string().as_bytes()).unwrap();
        assert_eq!((artefact.release.size, artefact.signature.size), (400, 300));
        assert_eq!(artefact.release.digest, Digest::of(RELEASE.as_bytes()));
    }

    #[test]
    fn what_is_no_signed_release_is_refused() {
        let with = |change: fn(&mut Value)| {
            let mut manifest = manifest();
            change(&mut manifest);
            manifest.to_string()
        };
        for (text, said) in [
            (String::new(), "no OCI manifest"),
            ("[]".to_owned(), "no OCI manifest"),
            (
                with(|manifest| manifest["artifactType"] = "application/vnd.example".into()),
                "application/vnd.example",
            ),
            (with(|manifest| manifest["artifactType"] = Value::Null), "an image"),
            (with(|manifest| manifest["schemaVersion"] = 1.into()), "no release"),
            (with(|manifest| drop(manifest["layers"].as_array_mut().unwrap().pop())), "is not signed"),
            (with(|manifest| manifest["layers"].as_array_mut().unwrap().reverse()), "where"),
            (with(|manifest| manifest["layers"] = json!([])), "is not signed"),
            (
                with(|manifest| {
                    let layers = manifest["layers"].as_array_mut().unwrap();
                    layers.push(layers[0].clone());
                }),
                "not one manifest and one signature",
            ),
            (with(|manifest| manifest["layers"][0]["size"] = 65_537.into()), "are taken"),
            (with(|manifest| manifest["layers"][0]["size"] = (-1).into()), "no OCI manifest"),
            (with(|manifest| manifest["layers"][0]["digest"] = "sha256:../../etc".into()), "no OCI manifest"),
        ] {
            let error = Artefact::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
