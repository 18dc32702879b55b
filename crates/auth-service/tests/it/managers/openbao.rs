//! A real OpenBao: raft storage, TLS by a certificate of its own, an audit log, AppRole.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

/// A line of its log that does not come by then is not going to.
const LONG: Duration = Duration::from_mins(1);

pub(super) struct OpenBao {
    pub(super) folder: TempDir,
    pub(super) address: String,
    program: PathBuf,
    process: Child,
    lines: mpsc::Receiver<String>,
    root: String,
    unseal_key: String,
}

impl OpenBao {
    /// Starts one, unsealed and empty. None if the program is not there.
    pub(super) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same, with one more audit log, which hides nothing: for whoever has to know what it gives out.
    pub(super) fn start_and_tell_all() -> Option<Self> {
        Self::start_with(
            "audit \"file\" \"raw\" {\n options {\n file_path = \"FOLDER/raw.log\"\n log_raw = \"true\"\n }\n}\n",
        )
    }

    fn start_with(more: &str) -> Option<Self> {
        let program = super::program("bao")?;
        let folder = tempfile::tempdir().unwrap();
        write_certificate(&folder);
        // Somebody else may take a port in between; then others are free.
        let (port, process, lines) = (0..10).find_map(|_| run(&program, &folder, more))?;
        let mut bao = Self {
            address: format!("https://127.0.0.1:{port}"),
            folder,
            program,
            process,
            lines,
            root: String::new(),
            unseal_key: String::new(),
        };
        let made = bao.bao(&["operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        made["unseal_keys_hex"][0].as_str().unwrap().clone_into(&mut bao.unseal_key);
        made["root_token"].as_str().unwrap().clone_into(&mut bao.root);
        bao.unseal();
        bao.bao(&["secrets", "enable", "-path=kv", "-version=2", "kv"]);
        bao.bao(&["auth", "enable", "approle"]);
        // Its audit log tells who asks.
        bao.bao(&["write", "sys/config/auditing/request-headers/user-agent", "hmac=false"]);
        Some(bao)
    }

    /// Does it as root, and hands back what is printed.
    pub(super) fn bao(&self, arguments: &[&str]) -> String {
        let ran = Command::new(&self.program)
            .args(arguments)
            .env("BAO_ADDR", &self.address)
            .env("BAO_CACERT", self.certificate())
            .env("BAO_TOKEN", &self.root)
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    pub(super) fn seal(&self) {
        self.bao(&["operator", "seal"]);
    }

    /// Unseals it, and waits until it answers.
    pub(super) fn unseal(&mut self) {
        self.bao(&["operator", "unseal", &self.unseal_key]);
        self.wait_for_line("post-unseal setup complete");
    }

    /// A role with these policies: its id, and a secret id that is written into a file.
    pub(super) fn role(&self, name: &str, policy: &str) -> (String, PathBuf) {
        self.write_policy(name, policy);
        let role = format!("auth/approle/role/{name}");
        self.bao(&["write", &role, &format!("token_policies={name}")]);
        let id = self.bao(&["read", "-field=role_id", &format!("{role}/role-id")]);
        let file = self.folder.path().join(format!("{name}.secret_id"));
        self.write_secret_id(name, &file);
        (id, file)
    }

    pub(super) fn write_policy(&self, name: &str, policy: &str) {
        let rules = self.folder.path().join(format!("{name}.hcl"));
        std::fs::write(&rules, policy).unwrap();
        self.bao(&["policy", "write", name, &rules.display().to_string()]);
    }

    pub(super) fn write_secret_id(&self, name: &str, file: &std::path::Path) {
        let role = format!("auth/approle/role/{name}");
        let secret_id = self.bao(&["write", "-f", "-field=secret_id", &format!("{role}/secret-id")]);
        super::write_private(file, &secret_id);
    }

    pub(super) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// What it wrote of every request and answer.
    pub(super) fn audit_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap()
    }

    /// All of what it was asked and answered, if it tells all.
    pub(super) fn told(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("raw.log")).unwrap()
    }

    /// Kills it (SIGKILL).
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn wait_for_line(&self, part: &str) {
        wait_for_line(&self.lines, part).unwrap_or_else(|log| panic!("no line with {part}: {log}"));
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        // It may be dead already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write_certificate(folder: &TempDir) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.path().join("certificate.pem"), pem("CERTIFICATE", made.cert.der())).unwrap();
    super::write_private(
        &folder.path().join("key.pem"),
        &pem("PRIVATE KEY", &made.signing_key.serialize_der()),
    );
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn run(program: &PathBuf, folder: &TempDir, more: &str) -> Option<(u16, Child, mpsc::Receiver<String>)> {
    let (port, cluster) = (free_port(), free_port());
    let at = folder.path().display();
    let settings = format!(
        "storage \"raft\" {{\n path = \"{at}/data\"\n node_id = \"one\"\n}}\n\
         listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n cluster_address = \"127.0.0.1:{cluster}\"\n \
         tls_cert_file = \"{at}/certificate.pem\"\n tls_key_file = \"{at}/key.pem\"\n}}\n\
         audit \"file\" \"file\" {{\n options {{\n file_path = \"{at}/audit.log\"\n }}\n}}\n\
         api_addr = \"https://127.0.0.1:{port}\"\ncluster_addr = \"https://127.0.0.1:{cluster}\"\n"
    );
    let settings = settings + &more.replace("FOLDER", &at.to_string());
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("bao.hcl"), settings).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut process = Command::new(program)
        .arg("server")
        .arg(format!("-config={at}/bao.hcl"))
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    match wait_for_line(&lines, "server started!") {
        Ok(()) => Some((port, process, lines)),
        Err(log) => {
            println!("{log}");
            let _ = process.kill();
            let _ = process.wait();
            None
        }
    }
}

fn wait_for_line(lines: &mpsc::Receiver<String>, part: &str) -> Result<(), String> {
    let mut log = String::new();
    while let Ok(line) = lines.recv_timeout(LONG) {
        if line.contains(part) {
            return Ok(());
        }
        log.extend([&line, "\n"]);
    }
    Err(log)
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
