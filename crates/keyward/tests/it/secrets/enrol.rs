//! A secret id comes wrapped: it is unwrapped once, proved, and then in its place; whatever is odd is told.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::openbao::OpenBao;
use super::{command, ended, write_private};

const POLICY: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n";

fn wrapped(bao: &OpenBao, role: &str) -> String {
    let at = format!("auth/approle/role/{role}/secret-id");
    bao.bao(&["write", "-f", "-wrap-ttl=10m", "-field=wrapping_token", &at])
}

struct Machine<'a> {
    bao: &'a OpenBao,
    folder: &'a Path,
    config: String,
}

impl Machine<'_> {
    fn enrol(&self, token: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let file = self.folder.join("wrapping_token");
        write_private(&file, token);
        let file = file.display().to_string();
        let all = [
            "enrol",
            "--wrapping-token-file",
            &file,
            "--secret-id-file",
            "secret_id",
            "--config",
            &self.config,
        ];
        let told = ended(&command(self.folder, &[&all[..], more].concat()).output().unwrap());
        let mut names = std::fs::read_dir(self.folder).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!names.any(|name| name.to_string_lossy().starts_with(".secret_id")), "a draft is left");
        told
    }

    fn secret_id(&self) -> String {
        std::fs::read_to_string(self.folder.join("secret_id")).unwrap()
    }

    /// How many secret ids of the role there are.
    fn known(&self) -> usize {
        let listed = self.bao.bao(&["list", "-format=json", "auth/approle/role/keyward/secret-id"]);
        serde_json::from_str::<Vec<String>>(&listed).unwrap().len()
    }
}

#[test]
fn a_secret_id_is_unwrapped_once_proved_and_put_in_its_place() {
    let Some(bao) = OpenBao::start() else { return };
    let (role_id, _) = bao.role("keyward", POLICY);
    let (other_id, _) = bao.role("other", POLICY);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("keyward.toml");
    // The rest of it need not be there, nor right.
    let text = format!(
        "[secrets.vault]\naddress = \"{}\"\nroot_certificate = \"{}\"\nrole_id = \"{role_id}\"\n",
        bao.address,
        bao.certificate().display()
    );
    std::fs::write(&config, &text).unwrap();
    let machine = Machine { bao: &bao, folder: folder.path(), config: config.display().to_string() };

    let token = wrapped(&bao, "keyward");
    let group = std::fs::metadata(folder.path()).unwrap().gid().to_string();
    let (code, output, error) = machine.enrol(&token, &["--json", "--group", &group]);
    assert_eq!(code, Some(0), "{error}");
    let told: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        (told["role"].as_str(), told["proved"].as_bool(), told["uses"].as_u64()),
        (Some("keyward"), Some(true), Some(0))
    );
    let first = machine.secret_id();
    assert_eq!(std::fs::metadata(folder.path().join("secret_id")).unwrap().mode() & 0o7777, 0o440);
    assert!(
        !output.contains(&first) && !error.contains(&first) && error.contains("no audit trail has an entry"),
        "{error}"
    );
    // It is the role's, and its accessor is told rightly.
    let accessor = format!("secret_id_accessor={}", told["accessor"].as_str().unwrap());
    bao.bao(&["write", "auth/approle/role/keyward/secret-id-accessor/lookup", &accessor]);
    let login = [
        "write",
        "-field=token",
        "auth/approle/login",
        &format!("role_id={role_id}"),
        &format!("secret_id={first}"),
    ];
    assert!(!bao.bao(&login).is_empty());

    // The same token again: somebody has been there.
    let (code, output, error) = machine.enrol(&token, &[]);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(error.contains("was used already") && error.contains("secret-id-accessor/destroy"), "{error}");
    assert_eq!(machine.secret_id(), first);

    // One that wraps something else is not unwrapped.
    for (swapped, more) in [
        (
            bao.bao(&["write", "-wrap-ttl=10m", "-field=wrapping_token", "sys/wrapping/wrap", "secret_id=x"]),
            &[][..],
        ),
        (wrapped(&bao, "other"), &["--role", "keyward"][..]),
    ] {
        let (code, _, error) = machine.enrol(&swapped, more);
        assert!(code == Some(1) && error.contains("It was not unwrapped"), "{error}");
        bao.bao(&["write", "sys/wrapping/unwrap", &format!("token={swapped}")]);
    }
    assert_eq!(machine.secret_id(), first);

    // One of another role proves nothing, and does not take the place of one that does.
    let (code, _, error) = machine.enrol(&wrapped(&bao, "other"), &[]);
    assert!(code == Some(1) && error.contains("It was not written") && error.contains("destroy"), "{error}");
    assert_eq!(machine.secret_id(), first);

    // Where it cannot be written the token is not used up.
    let token = wrapped(&bao, "keyward");
    let known = machine.known();
    let (code, _, error) = machine.enrol(&token, &["--group", "no such group"]);
    assert!(code == Some(1) && error.contains("no group no such group"), "{error}");
    let (code, output, error) = machine.enrol(&token, &["--role", "keyward"]);
    assert!(code == Some(0) && output.contains("A sign-in by it went well"), "{output}{error}");
    assert_eq!((machine.known(), machine.secret_id() == first), (known, false));
    assert_eq!(std::fs::metadata(folder.path().join("secret_id")).unwrap().mode() & 0o7777, 0o400);

    // By standard input, where no configuration tells of anything: it is written, and not proved.
    std::fs::remove_file(&config).unwrap();
    let certificate = bao.certificate().display().to_string();
    let place =
        ["enrol", "--wrapping-token-file", "-", "--secret-id-file", "other_id", "--address", &bao.address];
    let mut piped = command(folder.path(), &[&place[..], &["--root-certificate", &certificate]].concat());
    let mut child =
        piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", wrapped(&bao, "other")).as_bytes()).unwrap();
    let (code, _, error) = ended(&child.wait_with_output().unwrap());
    assert!(code == Some(0) && error.contains("it was not proved, since no role id is known"), "{error}");
    let secret_id = std::fs::read_to_string(folder.path().join("other_id")).unwrap();
    let login = [
        "write",
        "-field=token",
        "auth/approle/login",
        &format!("role_id={other_id}"),
        &format!("secret_id={secret_id}"),
    ];
    assert!(!bao.bao(&login).is_empty());
}
