//! The key that seals is kept in OpenBao: `keyward secrets rotate` tells the steps, and whoever does what they say, on a server that
//! runs, has all of it sealed anew and needs the key before no more.

use std::path::PathBuf;
use std::process::Command;

use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use serde_json::{Value, json};

use super::openbao::OpenBao;
use super::rotate::serve;
use super::{ended, kept, program, sealed, write_private};
use crate::command::{run, text};
use crate::restart::PASSWORD;
use crate::running::{Running, free_port};

const READS: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n";
/// Of the person who changes secrets.
const CHANGES: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\", \"update\", \"patch\"]\n}\n";
const ROTATE: [&str; 3] = ["secrets", "rotate", "keys.encryption"];

/// An OpenBao with the secrets of a server, and a server whose configuration holds nothing but references to them.
struct Installation {
    bao: OpenBao,
    folder: tempfile::TempDir,
    config: PathBuf,
    port: u16,
    vault: String,
    /// By which a person signs in.
    token: String,
}

impl Installation {
    fn new() -> Option<Self> {
        let bao = OpenBao::start()?;
        let key = || generate_key_text().expose_secret().to_owned();
        let first = key();
        // As `keyward init` writes it: until the first exchange the same key is in both places.
        let values = json!({ "encryption": first, "encryption_older": first, "audit": key() });
        let file = bao.folder.path().join("values.json");
        write_private(&file, &values.to_string());
        bao.bao(&["kv", "put", "kv/keyward", &format!("@{}", file.display())]);
        let (role_id, secret_id) = bao.role("keyward", READS);
        bao.write_policy("changes", CHANGES);
        let token = bao.bao(&["token", "create", "-policy=changes", "-field=token"]).trim().to_owned();
        let vault = format!(
            "[secrets.vault]\naddress = \"{}\"\nroot_certificate = \"{}\"\nrole_id = \"{}\"\nsecret_id = \"file:{}\"\n",
            bao.address,
            bao.certificate().display(),
            role_id.trim(),
            secret_id.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("keyward.toml");
        Some(Self { bao, folder, config, port: free_port(), vault, token })
    }

    /// Starts the server, which keeps the key before in its place or names none.
    fn serve(&self, with_older: bool) -> Running {
        let older = "older_encryption = [\"vault:kv/keyward#encryption_older\"]\n";
        let settings = format!(
            "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:{}\"\n[internal]\nlisten = \"127.0.0.1:0\"\n\
             [database]\npath = \"{}/keyward.sqlite\"\n[accounts]\nrequire_proof = false\n\
             [keys]\nencryption = \"vault:kv/keyward#encryption\"\n{}audit = \"vault:kv/keyward#audit\"\n\
             [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\nkind = \"smtp\"\nhost = \"mail.example.com\"\n{}",
            self.port,
            self.folder.path().display(),
            if with_older { older } else { "" },
            self.vault
        );
        std::fs::write(&self.config, settings).unwrap();
        serve(&self.config, self.port)
    }

    fn keyward(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        ended(&run(&[arguments, &["--config", self.config.to_str().unwrap()]].concat()))
    }

    fn data(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// Types into a shell what was told, as somebody who has signed in to OpenBao.
    fn type_in(&self, command: &str) -> (bool, String) {
        let bao = program("bao").unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", bao.parent().unwrap().display());
        let done = Command::new("sh")
            .args(["-c", command])
            .env("PATH", path)
            .env("BAO_ADDR", &self.bao.address)
            .env("BAO_CACERT", self.bao.certificate())
            .env("BAO_TOKEN", &self.token)
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        (done.status.success(), text(&done.stdout) + &text(&done.stderr))
    }

    fn values(&self) -> Value {
        kept(&self.bao, "kv/keyward")
    }

    /// Waits until the server seals by another key than `before`, and has sealed anew what that has sealed; gives the key's id.
    fn until_sealed(&self, before: &str) -> String {
        for _ in 0..2000 {
            let (seals, others) = sealed(self.data());
            if seals != before && others == 0 {
                return seals;
            }
        }
        panic!("{before}: {:?}", sealed(self.data()))
    }
}

/// The command that a step gives.
fn command_of(steps: &str) -> String {
    let (_, rest) = steps.split_once("`(").unwrap_or_else(|| panic!("no command: {steps}"));
    format!("({}", rest.split('`').next().unwrap())
}

fn sign_in(running: &Running) -> String {
    let body = format!("{{\"email\":\"ana@example.com\",\"password\":\"{PASSWORD}\"}}");
    running.ask("POST", "/api/v1/sign-in", &body)
}

#[test]
fn a_key_that_openbao_keeps_is_exchanged_by_the_steps_that_are_told_and_the_one_before_is_dropped() {
    let Some(here) = Installation::new() else { return };
    let running = here.serve(true);
    let body = format!("{{\"email\":\"ana@example.com\",\"password\":\"{PASSWORD}\"}}");
    assert!(running.ask("POST", "/api/v1/sign-up", &body).starts_with("HTTP/1.1 201 "));
    // What was mailed ends by itself, and is not sealed anew until then.
    assert_eq!(here.keyward(&["mail", "withdraw", "--yes"]).0, Some(0));
    let (before, first) = (sealed(here.data()).0, here.values());

    let (status, steps, error) = here.keyward(&ROTATE);
    assert_eq!((status, error.as_str()), (Some(3), ""), "{steps}");
    assert!(
        steps.starts_with("Nothing was done yet: keys.encryption (vault:kv/keyward#encryption)"),
        "{steps}"
    );
    assert_eq!(here.values(), first);
    let command = command_of(&steps);
    let (is_done, said) = here.type_in(&command);
    assert!(is_done, "{said}");
    let second = here.values();
    assert_eq!((&second["encryption_older"], &second["audit"]), (&first["encryption"], &first["audit"]));
    assert_ne!(second["encryption"], first["encryption"]);
    assert!(!said.contains(second["encryption"].as_str().unwrap()), "{said}");
    // Typed once more it would put the next key in the place of the one before, which is needed.
    assert!(!here.type_in(&command).0);
    assert_eq!(here.values(), second);
    assert!(steps.contains("\n  3. keyward secrets refresh."), "{steps}");
    let (status, said, error) = here.keyward(&["secrets", "refresh"]);
    assert_eq!((status, error.as_str()), (Some(0), ""), "{said}");
    let after = here.until_sealed(&before);

    // Nothing needs the one before: it is dropped.
    assert_eq!(running.stop().code(), Some(0));
    assert!(here.type_in("bao kv patch -method=rw -remove-data=encryption_older kv/keyward").0);
    let running = here.serve(false);
    assert_eq!(sealed(here.data()), (after, 0));
    assert!(sign_in(&running).starts_with("HTTP/1.1 200 "));
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn with_a_key_in_openbao_that_others_may_have_what_was_mailed_ends_and_so_do_the_keys_that_sign() {
    let Some(here) = Installation::new() else { return };
    let running = here.serve(true);
    let body = format!("{{\"email\":\"ana@example.com\",\"password\":\"{PASSWORD}\"}}");
    assert!(running.ask("POST", "/api/v1/sign-up", &body).starts_with("HTTP/1.1 201 "));
    let ask_for_a_mail = || {
        let answer = running.ask("POST", "/api/v1/reset", "{\"email\":\"ana@example.com\"}");
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    };
    // And the one of the sign-up.
    ask_for_a_mail();
    let (before, signing) = (sealed(here.data()).0, here.keyward(&["keys", "list"]).1);
    let compromised = [&ROTATE[..], &["--assume-compromised", "--yes"]].concat();
    let (status, steps, error) = here.keyward(&compromised);
    assert_eq!((status, error.as_str()), (Some(3), ""), "{steps}");
    assert!(steps.contains("Every code and link that was mailed ends (2 are good now)"), "{steps}");
    assert!(steps.contains("What was mailed is good no more: 2 until now. But keys.encryption"), "{steps}");
    // Until it is exchanged, what is mailed is kept by the present one still.
    ask_for_a_mail();
    let (is_done, said) = here.type_in(&command_of(&steps));
    assert!(is_done, "{said}");
    assert_eq!(here.keyward(&["secrets", "refresh"]).0, Some(0));
    let mut tries = 0;
    while sealed(here.data()).0 == before {
        tries += 1;
        assert!(tries < 500, "{before}");
    }
    for named in ["keyward keys rotate --compromised", "keyward mail withdraw"] {
        assert!(steps.contains(&format!("`{named}`")), "{named}: {steps}");
    }
    assert_eq!(here.keyward(&["keys", "rotate", "--compromised"]).0, Some(0));
    let (status, said, _) = here.keyward(&["mail", "withdraw", "--yes"]);
    assert!(status == Some(0) && said.contains("What was mailed is good no more: 1 until now."), "{said}");
    assert_ne!(here.keyward(&["keys", "list"]).1, signing);
    assert!(sign_in(&running).starts_with("HTTP/1.1 200 "));
    assert_eq!(running.stop().code(), Some(0));
}
