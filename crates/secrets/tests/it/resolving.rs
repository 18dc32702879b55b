//! From a reference to the secret, and what is told when there is none.

use std::{fs, path::Path};

use secrets::{ExposeSecret as _, SecretCause, SecretError, SecretRef, SecretString};

fn file(path: &Path) -> SecretRef {
    format!("file:{}", path.display()).parse().unwrap()
}

async fn resolve(directory: &Path, bytes: &[u8]) -> Result<SecretString, SecretError> {
    let path = directory.join("secret");
    fs::write(&path, bytes).unwrap();
    file(&path).resolve().await
}

#[tokio::test]
async fn a_file_is_read_less_one_newline() {
    let directory = tempfile::tempdir().unwrap();
    for (bytes, expected) in [
        ("value", "value"),
        ("value\n", "value"),
        ("value\r\n", "value"),
        ("value\n\n", "value\n"),
        (" value \n", " value "),
        ("two\nlines\n", "two\nlines"),
        ("ключ🔑\n", "ключ🔑"),
    ] {
        let secret = resolve(directory.path(), bytes.as_bytes()).await.unwrap();
        assert_eq!(secret.expose_secret(), expected);
    }
}

#[tokio::test]
async fn what_is_no_secret_is_refused_by_name_and_never_shown() {
    type Fits = fn(&SecretError) -> bool;
    let directory = tempfile::tempdir().unwrap();
    let large = vec![b'h'; 64 * 1024 + 1];
    let cases: [(&[u8], Fits); 5] = [
        (b"", |error| matches!(error.cause, SecretCause::Empty)),
        (b"\n", |error| matches!(error.cause, SecretCause::Empty)),
        (b" \t \n", |error| matches!(error.cause, SecretCause::Empty)),
        (b"hunter2\xff\xfe", |error| matches!(error.cause, SecretCause::NotText)),
        (&large, |error| matches!(error.cause, SecretCause::TooLarge)),
    ];
    for (bytes, fits) in cases {
        let error = resolve(directory.path(), bytes).await.unwrap_err();
        assert!(fits(&error), "{error}");
        let message = format!("{error} {error:?}");
        assert!(message.contains("file:/") && !message.contains("hunter2"), "{message}");
    }
    for path in [directory.path().join("missing"), directory.path().to_owned()] {
        let error = file(&path).resolve().await.unwrap_err();
        assert!(matches!(error.cause, SecretCause::Unreadable(_)), "{error}");
        assert!(error.to_string().contains("check that"), "{error}");
    }
}

#[tokio::test]
async fn an_endless_file_stops_at_the_limit() {
    let error = file(Path::new("/dev/zero")).resolve().await.unwrap_err();
    assert!(matches!(error.cause, SecretCause::TooLarge), "{error}");
}

#[tokio::test]
async fn a_variable_is_read_and_an_unset_one_is_named() {
    // Cargo sets this one for every test; setting our own would be unsafe beside other threads.
    let set: SecretRef = "env:CARGO_PKG_NAME".parse().unwrap();
    assert_eq!(set.resolve().await.unwrap().expose_secret(), "secrets");
    let unset: SecretRef = "env:KEYWARD_NOBODY_SETS_THIS".parse().unwrap();
    let error = unset.resolve().await.unwrap_err();
    assert!(matches!(error.cause, SecretCause::Unset), "{error}");
    assert!(error.to_string().contains("env:KEYWARD_NOBODY_SETS_THIS"), "{error}");
}

#[tokio::test]
async fn what_a_manager_keeps_is_told_to_be_elsewhere_by_whoever_asks_none() {
    for text in ["vault:kv/keyward#audit", "aws:keyward", "gcp:projects/p/secrets/s#1"] {
        let reference: SecretRef = text.parse().unwrap();
        assert!(reference.is_managed());
        let error = reference.resolve().await.unwrap_err();
        assert_eq!(error.cause.kind(), "not_configured", "{error}");
        assert!(!error.cause.is_passing() && error.to_string().contains(text), "{error}");
    }
}
