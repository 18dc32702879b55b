//! The key file that `keyward dev` makes for itself.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Barrier},
    thread,
};

use secrets::{
    ExposeSecret as _,
    sealing::{KeyFileError, Keyring, load_or_create_key_file},
};

#[test]
fn it_is_made_once_for_its_owner_only_and_holds_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let first = load_or_create_key_file(&path).unwrap();
    let second = load_or_create_key_file(&path).unwrap();
    assert_eq!(first.expose_secret(), second.expose_secret());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Keyring::from_text(&first, &[]).is_ok());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn processes_that_start_at_once_get_the_same_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = Arc::new(directory.path().join("key"));
    let barrier = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (path, barrier) = (Arc::clone(&path), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                load_or_create_key_file(&path).unwrap().expose_secret().to_owned()
            })
        })
        .collect();
    let keys: HashSet<String> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn one_that_others_may_read_or_write_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    load_or_create_key_file(&path).unwrap();
    for mode in [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o666, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = load_or_create_key_file(&path).unwrap_err();
        assert!(matches!(error, KeyFileError::OpenToOthers { mode: found, .. } if found == mode), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert!(load_or_create_key_file(&path).is_ok());
}

#[test]
fn an_empty_one_is_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    fs::write(&path, "\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(load_or_create_key_file(&path), Err(KeyFileError::NoKey { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "\n");
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = load_or_create_key_file(&directory.path().join("no/key")).unwrap_err();
    assert!(matches!(error, KeyFileError::Uncreatable { .. }), "{error}");
    assert!(error.to_string().contains("no/key"), "{error}");
}
