//! A folder of `keyward init`, and the stack that Compose makes of it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::docker::{Docker, success};
use super::guide;
use super::mail_server::MailServer;
use super::rises::UP;
use crate::service::binary;
use crate::tools::free_port;

pub(super) const AUTH: &str = "auth.example.com";
pub(super) const APP: &str = "app.example.com";

/// The group that may give orders: it has no name on the host either.
pub(super) const OPERATORS: u32 = 4711;

/// Who mail comes from.
pub(super) const MAIL_FROM: &str = "no-reply@example.com";
const MAIL_USER: &str = "keyward";
const MAIL_PASSWORD: &str = "7d1f60c2b3a94e58";

const WITHOUT_PROOF: &str = "[accounts]\nrequire_proof = false\n\n";

/// Ends, with its containers, networks and volumes, with the value.
pub(super) struct Installation {
    pub(super) docker: Docker,
    pub(super) folder: PathBuf,
    pub(super) project: String,
    address: Ipv4Addr,
    overrides: Vec<PathBuf>,
    _parent: TempDir,
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = self.compose(&["logs", "--no-color", "--tail", "40"]);
            eprintln!("--- what the stack said last ---\n{}", String::from_utf8_lossy(&said.stdout));
        }
        let _ = self.compose(&["--profile", "*", "down", "--volumes", "--timeout", "5"]);
    }
}

impl Installation {
    /// Made by the command as an operator types it, then the images named that are tested.
    pub(super) fn make(docker: Docker) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("keyward");
        // A port that is free is a number that no other test has.
        let [high, low] = free_port().to_be_bytes();
        let secret = parent.path().join("mail-password");
        fs::write(&secret, MAIL_PASSWORD).unwrap();
        let init = Command::new(binary())
            .args(["init", "--domain", AUTH, "--app-domain", APP, "--contact", "ops@example.org"])
            .args(["--mail-from", MAIL_FROM, "--mail", "mail.example.com:587"])
            .args(["--mail-user", MAIL_USER, "--mail-secret", secret.to_str().unwrap()])
            .args(["--group", &OPERATORS.to_string()])
            .args(["--front", &format!("10.{high}.{low}"), "--local-certificates"])
            .arg(&folder)
            .output()
            .unwrap();
        success(&init);
        let address = Ipv4Addr::new(127, high, low, 77);
        let environment = folder.join(".env");
        let text = fs::read_to_string(&environment).unwrap();
        let text = text
            .replace("PUBLISH_ON=0.0.0.0", &format!("PUBLISH_ON={address}"))
            .replace(&format!("-service:{}", env!("CARGO_PKG_VERSION")), "-service:test")
            .replace("=keyward/", "=keyward-testing/")
            // What each part writes of a request is laid side by side.
            .replace("APP_LOG_ACCESS=false", "APP_LOG_ACCESS=true");
        fs::write(&environment, text).unwrap();
        // Unless there is a mail server (`with_mail_server`) none is reached from here: an account can sign in without a proved address.
        let configuration = folder.join("config/keyward.toml");
        let text = fs::read_to_string(&configuration).unwrap();
        // They once were where people sign in only if they were the same as in `.env`: the server took this for its own name, refused every
        // form, and was healthy.
        let elsewhere = text
            .replace(
                &format!("public_url = \"https://{AUTH}\""),
                "public_url = \"https://elsewhere.example.com\"",
            )
            .replace("trusted_proxies = [\"10.", "trusted_proxies = [\"11.");
        assert_ne!(elsewhere, text);
        let text = elsewhere;
        fs::write(&configuration, format!("{text}\n{WITHOUT_PROOF}[log]\naccess = true\n")).unwrap();
        let images = testing().join("compose.images.yml");
        let project = format!("keyward-test-{high}-{low}");
        Self { docker, folder, project, address, overrides: vec![images], _parent: parent }
    }

    /// The live colour runs images of this tag.
    pub(super) fn begins_with(&self, tag: &str) {
        let environment = self.folder.join(".env");
        let text = fs::read_to_string(&environment).unwrap();
        fs::write(&environment, text.replace("-service:test", &format!("-service:{tag}"))).unwrap();
    }

    /// One more file over compose.yml.
    pub(super) fn and(mut self, file: &str) -> Self {
        self.overrides.push(testing().join(file));
        self
    }

    /// With compose.openbao.yml, on a network of its own.
    pub(super) fn with_openbao(mut self) -> Self {
        self.overrides.push(self.folder.join("compose.openbao.yml"));
        let stack = self.and("compose.images.openbao.yml");
        let environment = stack.folder.join(".env");
        let text = fs::read_to_string(&environment).unwrap();
        let [_, high, low, _] = stack.address.octets();
        // Beside that of the proxy and the services.
        let own = text.replace("=172.30.11\n", &format!("=10.{high}.{}\n", low ^ 1));
        assert_ne!(own, text);
        fs::write(&environment, own).unwrap();
        stack
    }

    /// Its mail goes to a server on this machine, which the containers reach by their network to the world; and addresses have to be proved,
    /// as they have by default. Before anything is started.
    pub(super) async fn with_mail_server(&self) -> MailServer {
        self.does(&["create"]);
        let network = self.docker.inspect(&format!("{}_outward", self.project));
        let address: IpAddr = network["IPAM"]["Config"][0]["Gateway"].as_str().unwrap().parse().unwrap();
        let server = MailServer::start(address, MAIL_USER, MAIL_PASSWORD).await;
        self.types(guide::block("config/mail-root.pem"), server.root_certificate());
        let configuration = self.folder.join("config/keyward.toml");
        let mut text = fs::read_to_string(&configuration).unwrap();
        let (host, port) = (format!("host = \"{address}\"\n"), format!("port = {}\n", server.port()));
        for (before, after) in [
            ("host = \"mail.example.com\"\n", host.as_str()),
            ("port = 587\n", port.as_str()),
            (WITHOUT_PROOF, ""),
        ] {
            assert_eq!(text.matches(before).count(), 1, "{before} in {text}");
            text = text.replace(before, after);
        }
        fs::write(&configuration, text).unwrap();
        server
    }

    /// A program that calls Compose by itself, told which files it is to read and what the stack is called.
    pub(super) fn told_of<'a>(&self, program: &'a mut Command) -> &'a mut Command {
        let files = [vec![self.folder.join("compose.yml")], self.overrides.clone()].concat();
        let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        program.env("COMPOSE_FILE", files.join(":")).env("COMPOSE_PROJECT_NAME", &self.project)
    }

    /// `docker compose ARGUMENTS` in the folder.
    pub(super) fn compose(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, not yet run.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.current_dir(&self.folder).args(["compose", "-p", &self.project, "-f", "compose.yml"]);
        for file in &self.overrides {
            command.arg("-f").arg(file);
        }
        command.args(arguments);
        command
    }

    /// The same, which has to end well; what it printed.
    pub(super) fn does(&self, arguments: &[&str]) -> String {
        success(&self.compose(arguments))
    }

    /// The id of a service's container.
    pub(super) fn container(&self, service: &str) -> String {
        let id = self.does(&["ps", "--all", "--quiet", "--no-trunc", service]);
        assert_eq!(id.lines().count(), 1, "{service} has one container: {id}");
        id.trim().to_owned()
    }

    /// What the daemon knows of a service's container.
    pub(super) fn inspect(&self, service: &str) -> Value {
        self.docker.inspect(&self.container(service))
    }

    /// All that have a container.
    pub(super) fn services(&self) -> Vec<String> {
        let mut all: Vec<_> =
            self.does(&["ps", "--all", "--format", "{{.Service}}"]).lines().map(str::to_owned).collect();
        all.sort();
        all
    }

    /// Where the world reaches it.
    pub(super) fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.address), port)
    }

    /// The certificate of the authority that Caddy made for itself.
    pub(super) fn authority(&self) -> Vec<u8> {
        let path = "/data/caddy/pki/authorities/local/root.crt";
        self.does(&["exec", "-T", "caddy", "cat", path]).into_bytes()
    }

    /// What docs/guide/production.md has those do who try it without public names: the servers believe what Caddy's own authority
    /// signed.
    pub(super) fn believes_its_own_authority(&self) {
        self.types(guide::block("config/root.pem"), "");
        self.does(&UP);
    }

    /// Every secret that `keyward init` wrote, with the place of it.
    pub(super) fn secrets(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for folder in fs::read_dir(self.folder.join("secrets")).unwrap() {
            for file in fs::read_dir(folder.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                all.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
        all
    }
}

fn testing() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/testing")
}
