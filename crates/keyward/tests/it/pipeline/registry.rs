//! What the pipeline puts into a registry: a real one, of Debian's `docker-registry`, on loopback.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use super::release::{made, signed};
use super::{done, key, program, refused, script, verifies};
use crate::command::text;
use crate::guides::workspace;
use crate::running::free_port;

const USER: &str = "pipeline";
const PASSWORD: &str = "a password of the registry";
/// Of that password, by bcrypt: the one kind that the registry takes.
const HASH: &str = "$2b$05$GHSk5PxBNiEDeOYli9ianez0YLLZGbAzQWX1jRFJZ30NivmJtT4yy";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Ended when dropped.
struct Registry {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Registry {
    /// One that lets everybody in.
    fn open() -> Option<Self> {
        Self::start("")
    }

    /// One that wants a password.
    fn closed() -> Option<Self> {
        Self::start("auth:\n  htpasswd:\n    realm: registry\n    path: PLACE/htpasswd\n")
    }

    /// None if there is none on this machine.
    fn start(auth: &str) -> Option<Self> {
        let (registry, _) = (program("docker-registry")?, program("curl")?);
        let folder = tempfile::tempdir().unwrap();
        let (place, port) = (folder.path().display().to_string(), free_port());
        fs::write(folder.path().join("htpasswd"), format!("{USER}:{HASH}\n")).unwrap();
        let configuration = format!(
            "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: PLACE/blobs\n\
             http:\n  addr: 127.0.0.1:{port}\n{auth}"
        );
        let file = folder.path().join("registry.yml");
        fs::write(&file, configuration.replace("PLACE", &place)).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(registry)
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut registry = Self { process, port, folder };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(registry.path("log")).unwrap();
            assert!(registry.process.try_wait().unwrap().is_none(), "the registry ended: {log}");
            std::thread::yield_now();
        }
        Some(registry)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A repository in it.
    fn repository(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// What is asked for, as anybody may.
    fn get(&self, path: &str, accept: &str) -> Vec<u8> {
        let output = Command::new("curl")
            .args(["--disable", "--silent", "--show-error", "--fail", "--noproxy", "*"])
            .args(["--header", &format!("Accept: {accept}")])
            .arg(format!("http://127.0.0.1:{}/v2/{path}", self.port))
            .output()
            .unwrap();
        assert!(output.status.success(), "{path}: {}", text(&output.stderr));
        output.stdout
    }

    fn push(&self, release: &Path, tag: &[&str]) -> Output {
        let repository = self.repository("keyward/release");
        script("push-manifest").arg(repository).arg(release).args(tag).output().unwrap()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn digest(bytes: &[u8]) -> String {
    secrets::sha256(bytes).iter().fold("sha256:".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[test]
fn a_release_is_pushed_and_is_what_its_digest_fetches() {
    let Some(registry) = Registry::open() else { return };
    let release = made(registry.folder.path());
    let told = refused(&registry.push(&release, &[]));
    assert!(told.contains("release.json.sig"), "unsigned it is not pushed: {told}");
    let signer = key(registry.folder.path(), "signer");
    let signature = signed(&release, &signer);
    let told = done(&registry.push(&release, &[]));
    let named = told.trim_end();
    assert_eq!(done(&registry.push(&release, &["1.3.0"])), told, "the same again, and by a tag");

    let fetched = registry.get(&format!("keyward/release/manifests/{named}"), OCI_MANIFEST);
    assert_eq!(digest(&fetched), named);
    assert_eq!(registry.get("keyward/release/manifests/1.3.0", OCI_MANIFEST), fetched);
    let manifest: Value = serde_json::from_slice(&fetched).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.keyward.release.v1");
    let layers = manifest["layers"].as_array().unwrap();
    let kinds: Vec<_> = layers.iter().map(|layer| layer["mediaType"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["application/vnd.keyward.release.v1+json", "application/vnd.keyward.release.signature.v1"]
    );
    let blob = |at: usize, name: &str| {
        let wanted = layers[at]["digest"].as_str().unwrap();
        let bytes = registry.get(&format!("keyward/release/blobs/{wanted}"), "*/*");
        assert_eq!(
            (digest(&bytes).as_str(), bytes.len() as u64),
            (wanted, layers[at]["size"].as_u64().unwrap())
        );
        let path = registry.path(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let (content, fetched) = (blob(0, "fetched.json"), blob(1, "fetched.sig"));
    assert_eq!(fs::read(&content).unwrap(), fs::read(&release).unwrap());
    assert_eq!(fs::read(&fetched).unwrap(), fs::read(&signature).unwrap());
    assert!(verifies(&signer, "keyward-release", &content, &fetched));
}

#[test]
fn a_registry_that_wants_a_password_is_told_it_and_no_command_line_has_it() {
    let Some(registry) = Registry::closed() else { return };
    let release = made(registry.folder.path());
    signed(&release, &key(registry.folder.path(), "signer"));
    let told = refused(&registry.push(&release, &[]));
    assert!(told.contains("set REGISTRY_USER and REGISTRY_PASSWORD"), "{told}");

    // Before the real one stands a curl that writes down what it is called with, and told.
    let (programs, log) = (registry.path("programs"), registry.path("called"));
    fs::create_dir(&programs).unwrap();
    let real = program("curl").unwrap();
    let wrapper = format!(
        "#!/bin/sh\n{{ printf '%s\\n' \"$@\"; env; }} >> {}\nexec {} \"$@\"\n",
        log.display(),
        real.display()
    );
    fs::write(programs.join("curl"), wrapper).unwrap();
    fs::set_permissions(programs.join("curl"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let push = |password: &str| {
        let repository = registry.repository("keyward/release");
        let mut command = script("push-manifest");
        command.arg(repository).arg(&release).env("PATH", &path);
        command.env("REGISTRY_USER", USER).env("REGISTRY_PASSWORD", password).output().unwrap()
    };
    let told = refused(&push("another"));
    assert!(told.contains("401") && !told.contains("another"), "{told}");
    assert!(done(&push(PASSWORD)).starts_with("sha256:"));
    let called = fs::read_to_string(log).unwrap();
    assert!(called.contains("--config") && called.contains("PATH="), "{called}");
    for secret in [PASSWORD.to_owned(), STANDARD.encode(format!("{USER}:{PASSWORD}"))] {
        assert!(!called.contains(&secret), "{called}");
    }
}

/// Two images without layers, one a processor, by the pipeline's own hand.
const IMAGES: &str = r#"
import json, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import oci
repository = oci.Registry(sys.argv[2])
for processor in ("arm64", "amd64"):
    config = json.dumps({"os": "linux", "architecture": processor}).encode()
    repository.upload(config)
    described = oci.descriptor("application/vnd.oci.image.config.v1+json", config)
    print(repository.put("", {"schemaVersion": 2, "mediaType": oci.MANIFEST, "config": described, "layers": []}))
"#;

#[test]
fn images_of_two_processors_are_one_that_a_host_asks_for_whatever_it_is() {
    let Some(registry) = Registry::open() else { return };
    let mut by_processor = [String::new(), String::new()];
    for service in ["app-service", "auth-service"] {
        let output = Command::new("python3")
            .args(["-c", IMAGES])
            .arg(workspace().join("scripts/pipeline"))
            .arg(registry.repository(&format!("keyward/{service}")))
            .output()
            .unwrap();
        for (digest, file) in done(&output).lines().zip(&mut by_processor) {
            file.extend([service, " ", digest, "\n"]);
        }
    }
    let [arm, intel] = by_processor;
    let join = |files: &[&str]| {
        let written = files.iter().enumerate().map(|(at, content)| {
            let path = registry.path(&format!("images-{at}.txt"));
            fs::write(&path, content).unwrap();
            path
        });
        // A forge may write it in capitals.
        let repository = registry.repository("Keyward");
        let files: Vec<_> = written.collect();
        script("join-images").arg(repository).arg("1.3.0").args(files).output().unwrap()
    };
    let told = done(&join(&[arm.as_str(), intel.as_str()]));
    let lines: Vec<_> = told.lines().collect();
    for (line, service) in lines.iter().zip(["app-service", "auth-service"]) {
        let place = format!("{service}={}@", registry.repository(&format!("keyward/{service}")));
        let named = line.strip_prefix(&place).unwrap_or_else(|| panic!("{line}"));
        let fetched = registry.get(&format!("keyward/{service}/manifests/{named}"), OCI_INDEX);
        assert_eq!(digest(&fetched), named);
        let index: Value = serde_json::from_slice(&fetched).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        let for_each = entries.iter().map(|entry| {
            let told = &entry["platform"];
            (
                told["os"].as_str().unwrap(),
                told["architecture"].as_str().unwrap(),
                entry["digest"].as_str().unwrap(),
            )
        });
        let of = |file: &str| {
            let line = file.lines().find_map(|line| line.strip_prefix(&format!("{service} ")));
            line.unwrap().to_owned()
        };
        let (for_intel, for_arm) = (of(&intel), of(&arm));
        assert_eq!(
            for_each.collect::<Vec<_>>(),
            [("linux", "amd64", for_intel.as_str()), ("linux", "arm64", for_arm.as_str())]
        );
    }
    assert_eq!(lines.len(), 2, "{told}");

    // What comes next reads it.
    let file = registry.path("images.txt");
    fs::write(&file, &told).unwrap();
    done(&script("manifest").args(["--version", "1.3.0", "--images"]).arg(file).output().unwrap());

    let gone = ["app-service", "auth-service"]
        .map(|service| format!("{service} sha256:{}\n", "0f".repeat(32)))
        .concat();
    for (files, why) in [
        (vec![arm.as_str(), arm.as_str()], "twice for one processor"),
        (vec![arm.as_str(), "auth-service latest\n"], "no service and its digest"),
        (vec![arm.as_str(), gone.as_str()], "was answered by 404"),
        (vec![arm.as_str(), ""], "is not once in each of"),
    ] {
        let told = text(&join(&files).stderr);
        assert!(told.contains(why), "{why}: {told}");
    }
}
