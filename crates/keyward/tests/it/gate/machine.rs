//! A host that `keyward host setup` has made: its files are below a folder, and whoever runs on it finds them where they belong, in a mount
//! namespace of their own. So sshd reads the very files that it reads on a host, at the very paths, and this machine is not touched.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use tempfile::TempDir;

/// Mounts the host's folders over those of this machine, and the command where it is installed, for what is run and nobody else.
const ENTER: &str = r#"set -e
tree=$1 program=$2
shift 2
mount --bind "$tree/etc" /etc
mount --bind "$tree/var/lib" /var/lib
mount --bind "$tree/var/log" /var/log
mount --bind "$tree/run" /run
mount -t tmpfs -o mode=0755 tmpfs /usr/local/sbin
: >/usr/local/sbin/keyward
mount --bind "$program" /usr/local/sbin/keyward
exec "$@"
"#;
/// Where the command is installed there.
pub(crate) const INSTALLED: &str = "/usr/local/sbin/keyward";

/// What this machine has to have for it; or the name of the first that is missing.
pub(crate) fn missing() -> Option<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return Some("root, to mount the host's folders and to run sshd,");
    }
    let programs = [
        ("/usr/sbin/sshd", "sshd"),
        ("/usr/bin/ssh", "ssh"),
        ("/usr/bin/ssh-keygen", "ssh-keygen"),
        ("/usr/bin/docker-registry", "docker-registry"),
    ];
    programs.into_iter().find(|(path, _)| !Path::new(path).exists()).map(|(_, name)| name)
}

/// A process that ends with the value.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self { child: command.stdin(Stdio::null()).spawn().unwrap() }
    }

    /// Waits until somebody listens on this port of this machine.
    pub(crate) fn listens_on(mut self, port: u16) -> Self {
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            self.is_running();
        }
        self
    }

    /// Waits until a file is there.
    pub(crate) fn makes(mut self, path: &Path) -> Self {
        while !path.exists() {
            self.is_running();
        }
        self
    }

    fn is_running(&mut self) {
        let ended: Option<ExitStatus> = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended: {ended:?}");
        std::thread::yield_now();
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A key, of which the public half is beside it.
pub(crate) fn key(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    path
}

/// The public half.
pub(crate) fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// Its folders, its keys, and where it is reached.
pub(crate) struct Machine {
    pub(crate) tree: TempDir,
    /// Of people, and of the release.
    pub(crate) keys: TempDir,
    /// Where sshd listens.
    pub(crate) port: u16,
    program: PathBuf,
}

impl Machine {
    /// A host as it comes: with Debian's files, and a key of its own. Nothing of Keyward is on it, but the command.
    pub(crate) fn new(program: &Path, port: u16) -> Self {
        let (tree, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let copied = Command::new("cp").args(["--archive", "/etc"]).arg(tree.path()).status().unwrap();
        assert!(copied.success());
        let ssh = tree.path().join("etc/ssh");
        for folder in ["run/sshd", "var/lib", "var/log", "etc/ssh/sshd_config.d"] {
            fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        // What this machine says of its own is not what Debian says.
        for folder in [ssh.clone(), ssh.join("sshd_config.d")] {
            for file in fs::read_dir(folder).unwrap() {
                let file = file.unwrap();
                let name = file.file_name().into_string().unwrap();
                let is_configuration = file.path().extension().is_some_and(|extension| extension == "conf");
                if name.starts_with("ssh_host_") || is_configuration {
                    fs::remove_file(file.path()).unwrap();
                }
            }
        }
        let _ = fs::remove_dir_all(tree.path().join("etc/keyward"));
        key(&ssh, "ssh_host_ed25519_key");
        // Without PAM sshd takes whoever is locked for nobody, and root is in some images.
        let mut unlocked = Command::new("usermod");
        unlocked.arg("--prefix").arg(tree.path()).args(["--password", "*", "root"]);
        assert!(unlocked.status().unwrap().success());
        for name in ["deploy", "release", "stranger"] {
            key(keys.path(), name);
        }
        Self { tree, keys, port, program: program.to_owned() }
    }

    /// A program as it runs on the host.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]);
        command.arg(self.tree.path()).arg(&self.program).arg(program);
        command
    }

    /// What `keyward host setup` is told, but where.
    pub(crate) fn setup(&self, stack: &Path, registry: &str) -> Vec<String> {
        let key = |name: &str| public(&self.key(name)).display().to_string();
        let mut words = vec!["host".to_owned(), "setup".to_owned()];
        for (name, value) in [
            ("--folder", stack.display().to_string()),
            ("--registry", registry.to_owned()),
            ("--repository", "team/keyward".to_owned()),
            ("--signer", key("release")),
            ("--deploy-key", key("deploy")),
            ("--host-name", "127.0.0.1".to_owned()),
            ("--ssh-port", self.port.to_string()),
            ("--program", INSTALLED.to_owned()),
        ] {
            words.extend([name.to_owned(), value]);
        }
        words
    }

    /// Has the command prepare the tree.
    pub(crate) fn prepare(&self, stack: &Path, registry: &str, more: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(self.setup(stack, registry)).arg("--root").arg(self.tree.path()).args(more);
        command.output().unwrap()
    }

    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    /// Where a file of the host is.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.tree.path().join(path.trim_start_matches('/'))
    }

    /// Starts sshd, with the host's own `/etc/ssh/sshd_config`. But for PAM: a container has no login to account for, as Debian's
    /// `pam_loginuid` wants it.
    pub(crate) fn sshd(&self) -> Server {
        let log = File::create(self.at("sshd.log")).unwrap();
        let mut command = self.command("/usr/sbin/sshd");
        command.args([
            "-D",
            "-e",
            "-p",
            &self.port.to_string(),
            "-o",
            "ListenAddress=127.0.0.1",
            "-o",
            "UsePAM=no",
        ]);
        // Of OpenSSH 9.8 and later: whoever is refused often is let wait, and here everybody comes from one address.
        let penalties = "PerSourcePenalties=no";
        let is_known = Command::new("/usr/sbin/sshd").args(["-T", "-o", penalties]).output().unwrap();
        if !String::from_utf8_lossy(&is_known.stderr).contains("Bad configuration option") {
            command.args(["-o", penalties]);
        }
        Server::start(command.stderr(log)).listens_on(self.port)
    }

    /// Starts the deploy service, told what else is to be in its environment.
    pub(crate) fn service(&self, tell: impl FnOnce(&mut Command)) -> Server {
        let log = File::create(self.service_log()).unwrap();
        let mut command = self.command(INSTALLED);
        command.arg("deploy-service").stderr(log);
        tell(&mut command);
        Server::start(&mut command).makes(&self.at("run/keyward-deploy/gate.sock"))
    }

    /// What the service has told the journal.
    pub(crate) fn service_log(&self) -> PathBuf {
        self.at("service.log")
    }

    /// The host's key, for whoever is to know it.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        let path = self.keys.path().join("known_hosts");
        let key = fs::read_to_string(public(&self.at("etc/ssh/ssh_host_ed25519_key"))).unwrap();
        fs::write(&path, format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
        path
    }

    /// `ssh`, or another program that takes its options, as a pipeline calls it: with this key and nothing of this machine.
    pub(crate) fn client(&self, program: &str, key: &str) -> Command {
        let mut command = Command::new(program);
        command.args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
        ]);
        command.args(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "ControlPath=none"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.known_hosts().display()));
        command
            .arg("-o")
            .arg(format!("Port={}", self.port))
            .arg("-i")
            .arg(self.key(key))
            .stdin(Stdio::null());
        command
    }

    /// What comes of an order, by the deploy key.
    pub(crate) fn order(&self, order: &str) -> Output {
        self.client("ssh", "deploy").args(["--", "deploy@127.0.0.1", order]).output().unwrap()
    }
}
