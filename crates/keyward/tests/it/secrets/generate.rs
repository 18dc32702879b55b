//! A fresh key goes where it is wanted, and nowhere else.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::openbao::OpenBao;
use super::{command, ended, kept, writer};
use crate::channel::until_sealed;
use crate::command::{run, text};
use crate::running::Running;

#[test]
fn without_a_place_the_key_alone_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let printed = |arguments: &[&str]| {
        let (code, output, error) =
            ended(&command(folder.path(), &[&["generate"], arguments].concat()).output().unwrap());
        assert_eq!((code, error.as_str()), (Some(0), ""), "{arguments:?}");
        output
    };
    let (one, two) = (printed(&[]), printed(&[]));
    assert_eq!((STANDARD.decode(&one).unwrap().len(), one == two), (32, false));
    let hex = printed(&["--format", "hex", "--bytes", "48"]);
    assert!(hex.len() == 96 && hex.bytes().all(|digit| digit.is_ascii_hexdigit()), "{hex}");
    for (arguments, why) in [
        (&["--bytes", "8"][..], "16..=1024"),
        (&["--json"][..], "leave out --json"),
        (&["--force"][..], "--to"),
        (&["--to", "vault:kv/keyward"][..], "vault:MOUNT/PATH#KEY"),
        (&["--to", "env:KEY"][..], "is no place that a key is written to"),
        (&["--to", "vault:kv/a#b"][..], "nobody is signed in to Vault here"),
    ] {
        let output = command(folder.path(), &[&["generate"], arguments].concat()).output().unwrap();
        let (code, output, error) = ended(&output);
        assert!(code != Some(0) && output.is_empty() && error.contains(why), "{arguments:?}: {error}");
    }
}

#[test]
fn a_file_is_made_whole_and_written_over_only_by_force_and_the_trail_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let (data, key) = (data.to_str().unwrap(), folder.path().join("key"));
    let to = format!("file:{}", key.display());
    let generate = |more: &[&str]| {
        let all = [&["generate", "--to", &to, "--data", data], more].concat();
        ended(&command(folder.path(), &all).output().unwrap())
    };
    let (code, output, error) = generate(&["--json"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(told, json!({ "reference": to, "bytes": 32, "version": null, "audited": true }));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let first = read(&key);
    assert_eq!((first.len(), std::fs::metadata(&key).unwrap().mode() & 0o7777), (44, 0o400));
    let (code, _, error) = generate(&[]);
    assert!(code == Some(1) && error.contains("is there already") && read(&key) == first, "{error}");
    let group = std::fs::metadata(&key).unwrap().gid().to_string();
    let (code, output, _) = generate(&["--force", "--group", &group]);
    let second = read(&key);
    assert!(code == Some(0) && second != first && !output.contains(&second), "{output}");
    assert_eq!(std::fs::metadata(&key).unwrap().mode() & 0o7777, 0o440);
    assert_eq!(generate(&["--force", "--group", "no such group"]).0, Some(1));
    until_sealed(Path::new(data));
    let listed = text(&run(&["audit", "list", "--data", data]).stdout);
    let noted = listed.lines().filter(|line| line.contains("generate_secret") && line.contains(&to));
    assert_eq!(noted.count(), 2, "{listed}");
    assert!(!listed.contains(&first) && !listed.contains(&second));
    running.stop();
    let (code, _, error) = generate(&["--force"]);
    assert_eq!(code, Some(0));
    assert!(error.contains("no audit trail has an entry of it"), "{error}");
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_document_of_vault_keeps_its_other_keys_however_many_write_at_once() {
    let Some(bao) = OpenBao::start() else { return };
    bao.bao(&["kv", "put", "kv/keyward", "first=kept"]);
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&bao);
    let generate = |to: &str, more: &[&str]| {
        let mut command = command(folder.path(), &["generate", "--to", to]);
        command.args(&writer).args(more);
        command
    };
    let children: Vec<_> = (0..6)
        .map(|number| {
            generate(&format!("vault:kv/keyward#k{number}"), &[])
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let (code, _, error) = ended(&child.wait_with_output().unwrap());
        assert_eq!(code, Some(0), "{error}");
    }
    let values = kept(&bao, "kv/keyward");
    assert_eq!(
        (values["first"].as_str(), values.as_object().unwrap().len()),
        (Some("kept"), 7),
        "one was lost"
    );
    for number in 0..6 {
        assert_eq!(values[format!("k{number}")].as_str().unwrap().len(), 44);
    }
    let (code, _, error) = ended(&generate("vault:kv/keyward#k0", &[]).output().unwrap());
    assert!(code == Some(1) && error.contains("another value already under k0"), "{error}");
    assert_eq!(kept(&bao, "kv/keyward"), values);
    let (code, output, _) = ended(&generate("vault:kv/keyward#k0", &["--force", "--json"]).output().unwrap());
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((code, told["version"].as_str()), (Some(0), Some("8")), "{output}");
    assert_ne!(kept(&bao, "kv/keyward")["k0"], values["k0"]);
    // What was deleted is no hindrance, and a document that is not there is made.
    bao.bao(&["kv", "delete", "kv/keyward"]);
    for to in ["vault:kv/keyward#again", "vault:kv/new/one#key"] {
        assert_eq!(ended(&generate(to, &[]).output().unwrap()).0, Some(0), "{to}");
    }
    assert_eq!(kept(&bao, "kv/keyward").as_object().unwrap().len(), 1);
    let (code, _, error) = ended(&generate("vault:nowhere/a#key", &[]).output().unwrap());
    assert!(
        code == Some(1) && error.contains("may not be written") && error.contains("bao login"),
        "{error}"
    );
}
