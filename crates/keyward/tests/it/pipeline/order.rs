//! `scripts/pipeline/deploy`: one order, by SSH, to the one host that is known. The host is a real `sshd` on loopback.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use super::{done, is_empty, key, program, public, script};
use crate::command::text;
use crate::running::free_port;

/// The digest of a manifest that nobody asks for.
fn digest() -> String {
    format!("sha256:{}", "0f".repeat(32))
}

fn id(flag: &str) -> String {
    text(&Command::new("id").arg(flag).output().unwrap().stdout).trim().to_owned()
}

/// A host that answers one key, with what it heard. Ended when dropped.
struct Host {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Host {
    /// None if there is no `sshd`.
    fn start() -> Option<Self> {
        let (sshd, _) = (program("sshd")?, program("ssh")?);
        let folder = tempfile::tempdir().unwrap();
        let (place, port) = (folder.path(), free_port());
        key(place, "host");
        let deployer = key(place, "deployer");
        fs::write(place.join("authorized"), public(&deployer)).unwrap();
        fs::create_dir(place.join("temporary")).unwrap();
        // What every process is told and called with, while one is at it, is looked at from here.
        let answer = format!(
            "#!/bin/sh\ncat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' > {0}/seen\n\
             echo \"heard: $SSH_ORIGINAL_COMMAND\"\necho \"terminal: ${{SSH_TTY:-none}}\"\n\
             case $SSH_ORIGINAL_COMMAND in rollback) exit 75 ;; status) exit 3 ;; esac\n",
            place.display()
        );
        fs::write(place.join("answer"), answer).unwrap();
        fs::set_permissions(place.join("answer"), fs::Permissions::from_mode(0o755)).unwrap();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nStrictModes no\n\
             UsePAM no\nPidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nForceCommand {0}/answer\nLogLevel VERBOSE\n",
            place.display()
        );
        fs::write(place.join("sshd_config"), configuration).unwrap();
        // As the system's own start of it does.
        if id("-u") == "0" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let process = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(place.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(place.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut host = Self { process, port, folder };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(host.process.try_wait().unwrap().is_none(), "sshd ended: {}", host.log());
            std::thread::yield_now();
        }
        Some(host)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// A line of `known_hosts`, with the key that a file has.
    fn known_by(&self, key: &Path) -> String {
        format!("[127.0.0.1]:{} {}", self.port, public(key))
    }

    /// The script, by everything that is right.
    fn deploy(&self) -> Command {
        let mut command = script("deploy");
        command
            .env("DEPLOY_HOST", "127.0.0.1")
            .env("DEPLOY_PORT", self.port.to_string())
            .env("DEPLOY_USER", id("-un"))
            .env("DEPLOY_KNOWN_HOSTS", self.known_by(&self.path("host")))
            .env("DEPLOY_KEY", fs::read_to_string(self.path("deployer")).unwrap())
            .env("TMPDIR", self.path("temporary"));
        command
    }

    /// Nothing of it is left on this machine.
    fn is_left_clean(&self) -> bool {
        is_empty(&self.path("temporary"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ended(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_order_reaches_the_host_that_is_known_and_its_answer_comes_back() {
    let Some(host) = Host::start() else { return };
    let digest = digest();
    for (order, code) in [(vec!["deploy", digest.as_str()], 0), (vec!["rollback"], 75), (vec!["status"], 3)] {
        let output = host.deploy().args(&order).output().unwrap();
        let (ended, said, told) = ended(&output);
        assert_eq!(ended, Some(code), "{told} {}", host.log());
        assert_eq!(said, format!("heard: {}\nterminal: none\n", order.join(" ")));
        assert_eq!(told.contains("another deploy is under way"), code == 75, "{told}");
        assert!(host.is_left_clean());
    }
    // The same with a key that lies in a file.
    let output = host
        .deploy()
        .arg("deploy")
        .arg(&digest)
        .env_remove("DEPLOY_KEY")
        .env("DEPLOY_KEY_FILE", host.path("deployer"))
        .output()
        .unwrap();
    assert!(done(&output).starts_with("heard: deploy sha256:"));
    assert!(host.is_left_clean());
}

#[test]
fn a_host_with_another_key_is_not_spoken_to() {
    let Some(host) = Host::start() else { return };
    let other = key(host.folder.path(), "other");
    for (known, why) in [
        (host.known_by(&other), "has changed"),
        // Known by another name, or not at all.
        (format!("example.com {}", public(&host.path("host"))), "No ED25519 host key is known"),
        ("# nobody".to_owned(), "No ED25519 host key is known"),
        (
            format!("@revoked * {}{}", public(&host.path("host")), host.known_by(&host.path("host"))),
            "revoked",
        ),
    ] {
        let output = host.deploy().arg("status").env("DEPLOY_KNOWN_HOSTS", &known).output().unwrap();
        let (code, said, told) = ended(&output);
        assert_eq!((code, said.as_str()), (Some(255), ""), "{known}: {told}");
        let heard = told.to_lowercase();
        assert!(
            heard.contains(&why.to_lowercase()) && told.contains("Host key verification failed"),
            "{why}: {told}"
        );
        assert!(told.contains("is not the host that DEPLOY_KNOWN_HOSTS says"), "{told}");
        assert!(host.is_left_clean());
    }
    // Without any, nobody is asked.
    let output = host.deploy().arg("status").env_remove("DEPLOY_KNOWN_HOSTS").output().unwrap();
    let (code, _, told) = ended(&output);
    assert!(code == Some(2) && told.contains("anybody could answer in its place"), "{told}");
    assert!(!host.path("seen").exists(), "no order was heard");
    assert!(!host.log().contains("Accepted"), "{}", host.log());
}

#[test]
fn a_key_that_the_host_does_not_know_orders_nothing() {
    let Some(host) = Host::start() else { return };
    let stranger = fs::read_to_string(key(host.folder.path(), "stranger")).unwrap();
    for secret in [stranger.as_str(), "no key"] {
        let output = host.deploy().arg("status").env("DEPLOY_KEY", secret).output().unwrap();
        let (code, said, told) = ended(&output);
        assert_eq!((code, said.as_str()), (Some(255), ""), "{told}");
        assert!(told.contains("does not know the key"), "{told}");
        assert!(host.is_left_clean());
    }
    let output = host.deploy().arg("status").env_remove("DEPLOY_KEY").output().unwrap();
    let (code, _, told) = ended(&output);
    assert!(code == Some(2) && told.contains("there is no key"), "{told}");
    assert!(host.is_left_clean() && !host.path("seen").exists());
}

/// What a process is called with anybody may see, and what it is told whoever is the same user. The host looks at all there are on this
/// machine while it answers.
#[test]
fn the_key_is_on_no_command_line_and_in_no_environment_while_the_host_is_spoken_to() {
    let Some(host) = Host::start() else { return };
    done(&host.deploy().arg("deploy").arg(digest()).output().unwrap());
    let seen = text(&fs::read(host.path("seen")).unwrap());
    let port = format!("DEPLOY_PORT={}", host.port);
    assert!(seen.contains(&port), "the script's own environment was seen");
    assert!(seen.contains("StrictHostKeyChecking=yes"), "so was the command line of ssh");
    let secret = fs::read_to_string(host.path("deployer")).unwrap();
    // Before these stands what all keys of this kind have, and the public half; their last line is shorter.
    let lines: Vec<_> = secret.lines().filter(|line| !line.starts_with("-----")).skip(2).collect();
    assert!(lines.len() > 1, "{}", lines.len());
    for line in lines {
        assert!(!seen.contains(line), "a line of the private key was seen");
    }
}

#[test]
fn nothing_but_the_three_orders_leaves() {
    let digest = digest();
    let ask = |order: &[&str], variable: (&str, &str)| {
        let output = script("deploy")
            .args(order)
            .env("DEPLOY_HOST", "127.0.0.1")
            // Nobody listens there: whoever got so far would be told 255.
            .env("DEPLOY_PORT", "9")
            .env("DEPLOY_KNOWN_HOSTS", "127.0.0.1 ssh-ed25519 none")
            .env("DEPLOY_KEY", "none")
            .env(variable.0, variable.1)
            .output()
            .unwrap();
        ended(&output)
    };
    let (plain, long) = (("DEPLOY_PORT", "9"), "a".repeat(100_000));
    let upper = digest.to_uppercase().replace("SHA256", "sha256");
    let and_more = format!("{digest}; id");
    let in_two_lines = format!("{digest}\nid");
    let longer = format!("{digest}0");
    for order in [
        vec![],
        vec![""],
        vec!["id"],
        vec!["deploy"],
        vec!["deploy", "latest"],
        vec!["deploy", &digest[..70]],
        vec!["deploy", longer.as_str()],
        vec!["deploy", upper.as_str()],
        vec!["deploy", and_more.as_str()],
        vec!["deploy", in_two_lines.as_str()],
        vec!["deploy", digest.as_str(), "id"],
        vec!["deploy", "", digest.as_str()],
        vec!["status", "--help"],
        vec!["rollback\n"],
        vec!["$(id)"],
        vec!["`id`"],
        vec!["*"],
        vec!["'status'"],
        vec!["-oProxyCommand=id"],
        vec![long.as_str()],
    ] {
        let (code, said, told) = ask(&order, plain);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{order:?}: {told}");
        assert!(told.contains("an order is deploy sha256:DIGEST"), "{told}");
    }
    for variable in [
        ("DEPLOY_HOST", ""),
        ("DEPLOY_HOST", "-oProxyCommand=id"),
        ("DEPLOY_HOST", "a host"),
        ("DEPLOY_HOST", "user@host"),
        ("DEPLOY_PORT", "22 -v"),
        ("DEPLOY_PORT", "-1"),
        ("DEPLOY_USER", "-v"),
        ("DEPLOY_USER", "Deploy me"),
    ] {
        let (code, said, told) = ask(&["status"], variable);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{variable:?}: {told}");
        assert!(told.contains(variable.0), "{told}");
    }
    if program("ssh").is_some() {
        assert_eq!(ask(&["status"], plain).0, Some(255), "an order leaves");
    }
}
