//! A real registry, and releases in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::machine::Server;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const RELEASES: &str = "team/keyward/release";

/// Ends with the value.
pub(crate) struct Registry {
    pub(crate) server: Server,
    folder: TempDir,
    port: u16,
}

fn digest(bytes: &[u8]) -> String {
    let digits: Vec<_> = secrets::sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

impl Registry {
    pub(crate) fn start(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let configuration = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.path().join("data").display()
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("/usr/bin/docker-registry");
        command.arg("serve").arg(&configuration);
        let server = Server::start(&mut command).listens_on(port);
        Self { server, folder, port }
    }

    /// As images are called by it.
    pub(crate) fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A release manifest of these images' digests.
    pub(crate) fn release(&self, sequence: u64, auth: &str, app: &str) -> Value {
        let image = |service: &str, digest: &str| format!("{}/team/keyward/{service}@{digest}", self.name());
        json!({
            "version": format!("1.{sequence}.0"),
            "sequence": sequence,
            "images": { "auth-service": image("auth-service", auth), "app-service": image("app-service", app) },
            "migrations": 1,
        })
    }

    /// Puts it there with a signature by this key, if by any; by which digest it is asked for.
    pub(crate) fn push(&self, release: &Value, signed_by: Option<&Path>) -> String {
        let text = release.to_string();
        let mut layers = vec![self.blob("application/vnd.keyward.release.v1+json", text.as_bytes())];
        if let Some(signer) = signed_by {
            let signature = self.sign(&text, signer);
            layers.push(self.blob("application/vnd.keyward.release.signature.v1", &signature));
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.keyward.release.v1",
            "config": self.blob("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": layers,
        });
        self.push_manifest(&manifest)
    }

    fn sign(&self, text: &str, signer: &Path) -> Vec<u8> {
        let path = self.folder.path().join("release.json");
        let signature = self.folder.path().join("release.json.sig");
        let _ = fs::remove_file(&signature);
        fs::write(&path, text).unwrap();
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-Y", "sign", "-n", "keyward-release", "-f"]).arg(signer).arg(&path);
        assert!(sign.status().unwrap().success());
        fs::read(signature).unwrap()
    }

    /// Another manifest, of whatever it is.
    pub(crate) fn push_manifest(&self, manifest: &Value) -> String {
        let text = manifest.to_string();
        let digest = digest(text.as_bytes());
        let path = format!("/v2/{RELEASES}/manifests/{digest}");
        let (status, _) = self.ask("PUT", &path, MANIFEST, text.as_bytes());
        assert_eq!(status, 201, "{path}");
        digest
    }

    /// A blob that is there from now on, as a manifest names it.
    pub(crate) fn blob(&self, kind: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        let uploads = format!("/v2/{RELEASES}/blobs/uploads/");
        let (status, head) = self.ask("POST", &uploads, "application/octet-stream", b"");
        assert_eq!(status, 202, "{head}");
        let place = head.lines().find_map(|line| line.strip_prefix("Location: ")).unwrap().trim();
        let place = place.strip_prefix(&format!("http://{}", self.name())).unwrap_or(place);
        let mark = if place.contains('?') { '&' } else { '?' };
        let (status, head) =
            self.ask("PUT", &format!("{place}{mark}digest={digest}"), "application/octet-stream", bytes);
        assert_eq!(status, 201, "{head}");
        json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
    }

    /// Where the registry keeps what has this digest.
    pub(crate) fn kept(&self, digest: &str) -> PathBuf {
        let digits = digest.strip_prefix("sha256:").unwrap();
        self.folder
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(&digits[..2])
            .join(digits)
            .join("data")
    }

    /// The status, and the head of the answer.
    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.name(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let head = answer.split("\r\n\r\n").next().unwrap().to_owned();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
    }
}
