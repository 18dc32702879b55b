//! Values go from files into OpenBao, and references take their place.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use auth_service::config::Sources;
use auth_service::server::secrets_of;
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::openbao::OpenBao;
use super::{command, ended, kept, writer};

const READS: &str = "path \"kv/data/keyward\" {\n capabilities = [\"read\"]\n}\n";
const NAMES: [&str; 6] = ["encryption", "audit", "postmark", "older", "wiki", "pepper"];

/// An installation whose secrets stand in its files, in a git repository.
struct Installation {
    bao: OpenBao,
    folder: TempDir,
    secrets: [String; 6],
    writer: Vec<String>,
}

impl Installation {
    fn new() -> Option<Self> {
        let bao = OpenBao::start()?;
        let folder = tempfile::tempdir().unwrap();
        let secrets = NAMES.map(|_| generate_key_text().expose_secret().to_owned());
        let [encryption, _, postmark, older, wiki, _] = &secrets;
        let (role_id, secret_id) = bao.role("keyward", READS);
        let writer = writer(&bao);
        let at = folder.path().display();
        let config = format!(
            "# Where people reach it.\n[server]\npublic_url = \"https://auth.example.com\"\n[database]\npath = \"{at}/keyward.sqlite\"\n\n\
             [keys] # They are not in the database.\nencryption = '{encryption}' # seals\n\
             older_encryption = [ \"{older}\" ]\naudit = \"env:AUDIT_KEY\"\n\n[mail]\nfrom = \"no-reply@example.com\"\n\
             [mail.transport]\nkind = \"postmark\"\ntoken = \"file:{at}/postmark\"\n\n\
             [[clients]]\nclient_id = \"wiki\"\nclient_name = \"Wiki\"\nsecret = \"{wiki}\"\nscope = \"openid\"\n\
             redirect_uris = [\"https://wiki.example.com/callback\"]\n\n\
             [secrets.vault]\naddress = \"{}\"\nroot_certificate = \"{}\"\nrole_id = \"{role_id}\"\nsecret_id = \"file:{}\"\n",
            bao.address,
            bao.certificate().display(),
            secret_id.display()
        );
        let made = Self { bao, folder, secrets: secrets.clone(), writer };
        std::fs::write(made.at("keyward.toml"), config).unwrap();
        std::fs::write(made.at("postmark"), postmark).unwrap();
        made.write_env();
        Some(made)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_env(&self) {
        let [_, audit, _, _, _, pepper] = &self.secrets;
        let text = format!(
            "# What differs.\nAUTH_DOMAIN=auth.example.com\nexport AUDIT_KEY=\"{audit}\" # chains\n\nOTHER_TOKEN=hunter2-of-others\n\
             KEYWARD__PASSWORD__HASHING__PEPPER='{pepper}'\nTLS_MODE=\n"
        );
        std::fs::write(self.at(".env"), text).unwrap();
        std::fs::set_permissions(self.at(".env"), std::fs::Permissions::from_mode(0o640)).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    /// What was said, in which none of the secrets is.
    fn migrate(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let all = ["migrate", "--from", ".env", "--to", "vault:kv/keyward"];
        let output =
            command(self.folder.path(), &[&all[..], more].concat()).args(&self.writer).output().unwrap();
        let (code, output, error) = ended(&output);
        for (name, secret) in NAMES.iter().zip(&self.secrets) {
            assert!(!output.contains(secret) && !error.contains(secret), "{name} is shown: {output}{error}");
        }
        (code, output, error)
    }

    fn in_json(&self, more: &[&str]) -> (Option<i32>, Value, String) {
        let (code, output, error) = self.migrate(&[more, &["--json"]].concat());
        (code, serde_json::from_str(&output).unwrap_or_else(|_| panic!("{output}{error}")), error)
    }

    fn files(&self) -> [String; 2] {
        ["keyward.toml", ".env"].map(|name| self.text(name))
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.current_dir(self.folder.path()).env("HOME", self.folder.path());
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let ran = git.args(who).args(arguments).output().unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[tokio::test]
async fn values_are_moved_read_back_and_replaced_by_references_and_nothing_is_left_to_do() {
    let Some(made) = Installation::new() else { return };
    made.bao.bao(&["kv", "put", "kv/keyward", "somebody=else"]);
    let before = made.files();
    // What was committed once is in the history, whoever took it out again.
    made.git(&["init", "--quiet"]);
    made.git(&["add", ".env"]);
    made.git(&["commit", "--quiet", "--message", "first"]);
    made.git(&["rm", "--quiet", "--cached", ".env"]);
    made.git(&[
        "commit",
        "--quiet",
        "--amend",
        "--allow-empty",
        "--message",
        &format!("second {}", made.secrets[4]),
    ]);

    let (code, told, error) = made.in_json(&["--dry-run"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{told}");
    assert_eq!(
        (made.files(), kept(&made.bao, "kv/keyward")),
        (before.clone(), json!({ "somebody": "else" }))
    );
    let values: Vec<_> = told["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let from: Vec<_> =
                one["from"].as_array().unwrap().iter().map(|from| from.as_str().unwrap()).collect();
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (
                text("setting"),
                from.join(" "),
                text("reference"),
                text("there"),
                one["must_rotate"].as_bool().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("keys.encryption", "keyward.toml:8", "encryption", false),
        ("keys.older_encryption[1]", "keyward.toml:9", "older_encryption_1", false),
        ("keys.audit", ".env:3 AUDIT_KEY", "audit_key", true),
        ("clients[wiki].secret", "keyward.toml:21", "client_wiki_secret", true),
        ("password.hashing.pepper", ".env:6 KEYWARD__PASSWORD__HASHING__PEPPER", "pepper", true),
    ];
    let expected = expected.map(|(setting, from, key, rotate)| {
        (setting.to_owned(), from.to_owned(), format!("vault:kv/keyward#{key}"), "new".to_owned(), rotate)
    });
    assert_eq!(values, expected);
    assert_eq!(told["left"][0]["what"], "OTHER_TOKEN (line 5)");
    assert_eq!(told["values"][2]["git_history"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["not_known"], json!([]));

    let (code, output, error) = made.migrate(&["--files"]);
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("ROTATE: keys.audit") && output.contains(".env ("), "{output}");
    assert!(output.contains("Remove it once every server was started anew: file:"), "{output}");
    assert!(error.contains("no audit trail has an entry of it"), "{error}");
    let [encryption, audit, postmark, older, wiki, pepper] = &made.secrets;
    let expected = json!({
        "somebody": "else", "encryption": encryption, "older_encryption_1": older, "audit_key": audit,
        "client_wiki_secret": wiki, "pepper": pepper, "mail_token": postmark,
    });
    assert_eq!(kept(&made.bao, "kv/keyward"), expected);
    let reference = |key: &str| format!("\"vault:kv/keyward#{key}\"");
    let config = before[0]
        .replace(&format!("'{encryption}'"), &reference("encryption"))
        .replace(&format!("\"{older}\""), &reference("older_encryption_1"))
        .replace("\"env:AUDIT_KEY\"", &reference("audit_key"))
        .replace(&format!("\"file:{}\"", made.at("postmark").display()), &reference("mail_token"))
        .replace(&format!("\"{wiki}\""), &reference("client_wiki_secret"));
    let config = format!("{config}\n[password.hashing]\npepper = {}\n", reference("pepper"));
    let env = "# What differs.\nAUTH_DOMAIN=auth.example.com\n\nOTHER_TOKEN=hunter2-of-others\nTLS_MODE=\n";
    assert_eq!(made.files(), [config, env.to_owned()]);
    assert_eq!(std::fs::metadata(made.at(".env")).unwrap().mode() & 0o7777, 0o640);
    let config = Sources::of_file(&made.at("keyward.toml")).unwrap().read().into_config().unwrap();
    let found = secrets_of(&config).await;
    assert_eq!((found.problems, found.seen.len()), (Vec::new(), 7));
    let names = std::fs::read_dir(made.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [".env", ".git", "keyward.toml", "postmark"], "no copy is left");

    let after = made.files();
    let (code, output, _) = made.migrate(&["--files"]);
    assert!(code == Some(0) && output.contains("Nothing to move."), "{output}");
    let (code, told, _) = made.in_json(&[]);
    assert_eq!((code, &told["values"], &told["done"]), (Some(0), &json!([]), &Value::Null));
    assert_eq!((made.files(), kept(&made.bao, "kv/keyward")), (after, expected));
}

#[test]
fn a_run_that_was_cut_short_is_gone_on_with_and_what_is_not_right_stops_it_before_files_change() {
    let Some(made) = Installation::new() else { return };
    let before = made.files();
    let refused = |more: &[&str], why: &str| {
        let (code, output, error) = made.migrate(more);
        assert!(code == Some(1) && error.contains(why), "no {why}: {output}{error}");
        assert_eq!(made.files(), before, "{why}");
    };
    // Somebody else's value under one of the keys.
    made.bao.bao(&["kv", "put", "kv/keyward", "audit_key=another"]);
    refused(&[], "another value is kept already as vault:kv/keyward#audit_key");
    assert_eq!(kept(&made.bao, "kv/keyward"), json!({ "audit_key": "another" }));
    // A place that the server may not read: the values are there, the files are as they were.
    made.bao.bao(&["policy", "delete", "keyward"]);
    refused(&["--force"], "by its own sign-in the server cannot read them");
    assert_eq!(kept(&made.bao, "kv/keyward").as_object().unwrap().len(), 5);
    made.bao.role("keyward", READS);
    // Two values for one setting.
    let plain = before[0].replace("env:AUDIT_KEY", &generate_key_text().expose_secret()[..40]);
    std::fs::write(made.at("keyward.toml"), &plain).unwrap();
    let both = format!("{}KEYWARD__KEYS__AUDIT={}\n", before[1], made.secrets[1]);
    std::fs::write(made.at(".env"), &both).unwrap();
    let (code, told, _) = made.in_json(&["--dry-run"]);
    assert_eq!(code, Some(1));
    assert!(told["left"].to_string().contains("has another value for keys.audit"), "{told}");
    std::fs::write(made.at("keyward.toml"), &before[0]).unwrap();
    made.write_env();

    // The values are there already, and the configuration still has them.
    let (code, told, error) = made.in_json(&["--history-seconds", "0"]);
    assert_eq!(code, Some(0), "{told}{error}");
    assert!(told["values"].as_array().unwrap().iter().all(|one| one["there"] == "same"), "{told}");
    assert_eq!((&told["done"]["written"], &told["done"]["config"]), (&json!([]), &json!(true)));
    assert!(told["not_known"].to_string().contains("git histories were not searched"), "{told}");
    // The configuration has its references, and the lines still stand in the file of variables.
    let after = made.files();
    made.write_env();
    let (code, told, _) = made.in_json(&[]);
    assert_eq!((code, told["values"].as_array().unwrap().len()), (Some(0), 2), "{told}");
    assert_eq!((&told["done"]["config"], &told["done"]["env"]), (&json!(false), &json!(true)));
    assert_eq!(made.files(), after);
    // But not if they say something else than what was moved.
    made.bao.bao(&["kv", "patch", "kv/keyward", "pepper=another"]);
    made.write_env();
    let (code, _, error) = made.migrate(&["--force"]);
    assert!(code == Some(1) && error.contains("names vault:kv/keyward#pepper already"), "{error}");
    assert_eq!(kept(&made.bao, "kv/keyward")["pepper"], "another");
    assert!(made.text(".env").contains("PEPPER"));
}

#[test]
fn an_engine_of_version_1_takes_them_too_and_a_running_server_notes_it() {
    let Some(made) = Installation::new() else { return };
    made.bao.bao(&["secrets", "enable", "-path=old", "-version=1", "kv"]);
    made.bao.bao(&["kv", "put", "old/a/b", "somebody=else"]);
    let data = made.at("data");
    let running = crate::running::Running::start(&data);
    // By a name that only the operator knows; and nothing tells the server's own sign-in, which is not tried so.
    let config = made
        .text("keyward.toml")
        .replace(&format!("file:{}/postmark", made.folder.path().display()), "env:NOT_SET");
    let config = config.replace("secret_id = \"file:", "secret_id = \"file:/nowhere");
    std::fs::write(made.at("keyward.toml"), config).unwrap();
    let socket = format!("{}/keyward.sqlite.sock", data.display());
    let all = ["migrate", "--from", ".env", "--to", "vault:old/a/b", "--socket", &socket];
    let more = ["--name", "OTHER_TOKEN=mail.transport.token"];
    let mut run = command(made.folder.path(), &[&all[..], &more].concat());
    let (code, output, error) = ended(&run.args(&made.writer).output().unwrap());
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("KV of version 1") && error.contains("was not tried"), "{output}{error}");
    assert!(!error.contains("no audit trail"), "{error}");
    let values = kept(&made.bao, "old/a/b");
    assert_eq!((&values["somebody"], &values["other_token"]), (&json!("else"), &json!("hunter2-of-others")));
    assert!(made.text("keyward.toml").contains("token = \"vault:old/a/b#other_token\""));
    crate::channel::until_sealed(&data);
    let listed = crate::command::text(
        &crate::command::run(&["audit", "list", "--data", data.to_str().unwrap()]).stdout,
    );
    assert!(listed.contains("migrate_secrets") && listed.contains("vault:old/a/b#other_token"), "{listed}");
    running.stop();
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| ended(&command(folder.path(), arguments).output().unwrap());
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let to = ["migrate", "--from", ".env", "--to", "vault:kv/keyward"];
    let refused = |arguments: &[&str], why: &str| {
        let (code, output, error) = run(arguments);
        assert!(code != Some(0) && error.contains(why), "no {why}: {output}{error}");
        assert!(!output.contains("hunter2") && !error.contains("hunter2"), "{output}{error}");
    };
    refused(&["migrate", "--from", ".env", "--to", "aws:keyward"], "write vault:MOUNT/PATH");
    refused(&["migrate", "--from", ".env", "--to", "vault:kv/keyward#key"], "leave out #KEY");
    refused(&to, "there is no keyward.toml here");
    write("keyward.toml", "[keys]\naudit = hunter2\n");
    refused(&to, ".env cannot be read");
    write(".env", "AUDIT=\"hunter2-$X\"\n'hunter2\nTOKEN=hunter2\n");
    refused(&to, "keyward.toml:2: this is not TOML");
    write("keyward.toml", "[keys]\naudit = \"env:AUDIT\"\n");
    refused(&[&to[..], &["--name", "TOKEN=keys.nothing"]].concat(), "no secret belongs into keys.nothing");
    refused(&[&to[..], &["--name", "NOT=keys.audit"]].concat(), "sets NOT");
    // Nothing says where the manager is, so that the server would not find it.
    refused(&[&to[..], &["--name", "TOKEN=keys.encryption"]].concat(), "secrets.vault.address is missing");
    let (code, output, _) = run(&to);
    assert!(code == Some(1) && output.contains("AUDIT (line 1): it holds a `$`"), "{output}");
    assert!(output.contains("line 2 of the file of variables") && !output.contains("hunter2"), "{output}");
    assert_eq!(
        std::fs::read_to_string(folder.path().join(".env")).unwrap(),
        "AUDIT=\"hunter2-$X\"\n'hunter2\nTOKEN=hunter2\n"
    );
    assert!(Path::new(&folder.path().join("keyward.toml")).exists());
}
