//! What a release says of itself, and that nobody says it in its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{done, is_empty, key, program, refused, script, verifies};
use crate::guides::workspace;

/// Images as `join-images` prints them.
fn images() -> String {
    ["app-service", "auth-service"]
        .map(|service| {
            format!("{service}=registry.example.com/keyward/{service}@sha256:{}\n", "0f".repeat(32))
        })
        .concat()
}

fn manifest(folder: &Path, images: &str, arguments: &[&str]) -> Output {
    let file = folder.join("images.txt");
    fs::write(&file, images).unwrap();
    script("manifest").arg("--images").arg(&file).args(arguments).output().unwrap()
}

/// A manifest that was made, in a file.
pub(super) fn made(folder: &Path) -> PathBuf {
    let release = folder.join("release.json");
    let told = done(&manifest(folder, &images(), &["--version", "1.3.0", "--sequence", "7"]));
    fs::write(&release, told).unwrap();
    release
}

/// Signs it by the key in a file; gives the signature's file.
pub(super) fn signed(release: &Path, key: &Path) -> PathBuf {
    let secret = fs::read_to_string(key).unwrap();
    done(&script("sign-manifest").arg(release).env("RELEASE_SIGNING_KEY", secret).output().unwrap());
    PathBuf::from(format!("{}.sig", release.display()))
}

#[test]
fn a_manifest_is_what_was_given_and_its_signature_holds() {
    if program("ssh-keygen").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let revision = "0123456789abcdef0123456789abcdef01234567";
    let release = folder.path().join("release.json");
    let arguments = ["--version", "1.3.0", "--sequence", "7", "--revision", revision];
    fs::write(&release, done(&manifest(folder.path(), &images(), &arguments))).unwrap();
    let told: Value = serde_json::from_slice(&fs::read(&release).unwrap()).unwrap();
    let migrations = fs::read_dir(workspace().join("crates/store/migrations")).unwrap().count();
    let image = |service: &str| format!("registry.example.com/keyward/{service}@sha256:{}", "0f".repeat(32));
    assert_eq!(
        told,
        json!({
            "version": "1.3.0",
            "sequence": 7,
            "images": {"app-service": image("app-service"), "auth-service": image("auth-service")},
            "migrations": migrations,
            "revision": revision,
        })
    );

    let signer = key(folder.path(), "signer");
    let signature = signed(&release, &signer);
    assert!(verifies(&signer, "keyward-release", &release, &signature));
    assert!(!verifies(&signer, "file", &release, &signature), "it was signed for nothing else");
    let stranger = key(folder.path(), "stranger");
    assert!(!verifies(&stranger, "keyward-release", &release, &signature));
    let other = folder.path().join("other.json");
    fs::write(&other, fs::read_to_string(&release).unwrap().replace("\"sequence\": 7", "\"sequence\": 8"))
        .unwrap();
    assert!(!verifies(&signer, "keyward-release", &other, &signature));
}

#[test]
fn a_later_manifest_has_a_higher_number_where_none_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let number = || {
        let told = done(&manifest(folder.path(), &images(), &["--version", "1.3.0"]));
        serde_json::from_str::<Value>(&told).unwrap()["sequence"].as_u64().unwrap()
    };
    let first = number();
    // In the year 2026 and later.
    assert!(first > 1_767_225_600, "{first}");
    while number() == first {}
    assert!(number() > first);
}

#[test]
fn what_is_no_release_gets_no_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let good = ["--version", "1.3.0", "--sequence", "7"].as_slice();
    let line = |service: &str| format!("{service}=example.com/{service}@sha256:{}\n", "0f".repeat(32));
    let both = images();
    for (images, arguments, why) in [
        (String::new(), good, "names nothing"),
        (line("auth-service"), good, "names auth-service"),
        (both.clone() + &line("caddy"), good, "names app-service, auth-service, caddy"),
        (both.clone() + &line("auth-service"), good, "names auth-service twice"),
        (both.replace("@sha256:", ":"), good, "no image by its digest"),
        (both.replace("/keyward/", "/$(id)/"), good, "no image by its digest"),
        (both.replace("0f0f", "0F0F"), good, "no image by its digest"),
        (both.clone(), ["--version", "1.3"].as_slice(), "no version"),
        (both.clone(), ["--version", "1.3.0\n"].as_slice(), "no version"),
        (both.clone(), ["--version", "1.3.0", "--sequence", "0"].as_slice(), "between 1 and"),
        (both.clone(), ["--version", "1.3.0", "--sequence", "9007199254740992"].as_slice(), "between 1 and"),
        (both.clone(), ["--version", "1.3.0", "--revision", "main"].as_slice(), "no commit"),
    ] {
        let told = refused(&manifest(folder.path(), &images, arguments));
        assert!(told.contains(why) && told.lines().count() == 1, "{why}: {told}");
    }
}

/// Whatever happens, no key is left lying about, and no signature that does not hold.
#[test]
fn what_cannot_sign_signs_nothing_and_leaves_nothing() {
    if program("ssh-keygen").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (release, temporary) = (made(folder.path()), folder.path().join("temporary"));
    fs::create_dir(&temporary).unwrap();
    let other = |name: &str, kind: &str, passphrase: &str| {
        let path = folder.path().join(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(&path).status();
        assert!(made.unwrap().success());
        fs::read_to_string(path).unwrap()
    };
    for (secret, why) in [
        (String::new(), "there is no key"),
        ("no key".to_owned(), "cannot be read"),
        (other("locked", "ed25519", "open sesame"), "has a passphrase"),
        (other("kind", "ecdsa", ""), "another kind than Ed25519"),
    ] {
        let output = script("sign-manifest")
            .arg(&release)
            .env("RELEASE_SIGNING_KEY", secret)
            .env("TMPDIR", &temporary)
            .output()
            .unwrap();
        let told = refused(&output);
        assert!(told.contains(why), "{why}: {told}");
        assert!(is_empty(&temporary), "{why}");
        assert!(!folder.path().join("release.json.sig").exists(), "{why}");
    }
    let signer = key(folder.path(), "signer");
    let output = script("sign-manifest")
        .arg(&release)
        .env("RELEASE_SIGNING_KEY_FILE", &signer)
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    done(&output);
    assert!(is_empty(&temporary));
    assert!(verifies(&signer, "keyward-release", &release, &folder.path().join("release.json.sig")));
}
