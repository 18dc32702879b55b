//! A real PgBouncer of a test's own, on a free port of 127.0.0.1.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::postgres_programs::{as_owner, owner};
use crate::redis_server::{free_port, once_it_says};

/// The pooler. It ends with this.
pub(crate) struct PgBouncer {
    _folder: TempDir,
    port: u16,
    process: Child,
}

impl PgBouncer {
    /// Starts one in transaction mode in front of the PostgreSQL at `server`. None if there is none to start: then what it is needed for is not
    /// tested, which is said, and fails where all has to be tested (`CI=true`).
    pub(crate) fn start(server: u16) -> Option<Self> {
        Self::start_in("transaction", server)
    }

    /// The same in another mode.
    pub(crate) fn start_in(mode: &str, server: u16) -> Option<Self> {
        let Some(program) = program() else {
            assert!(std::env::var("CI").is_err(), "PgBouncer is not there; ./scripts/test installs it");
            println!("NOT RUN behind PgBouncer, since it is not there; ./scripts/test installs it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("users.txt"), "\"keyward\" \"\"\n").unwrap();
        if let Some((user, group)) = owner() {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        // Somebody else may take the port in between; then another one is free.
        let mut said = String::new();
        for _ in 0..10 {
            let port = free_port();
            std::fs::write(folder.path().join("pgbouncer.ini"), settings(mode, server, port)).unwrap();
            match run(&program, folder.path()) {
                Ok(process) => return Some(Self { _folder: folder, port, process }),
                Err(log) => said = log,
            }
        }
        panic!("PgBouncer does not start: {said}");
    }

    /// Its near end.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Few connections for many, so that they are exchanged all the time; otherwise as it comes, but that it takes who is on this
/// machine.
fn settings(mode: &str, server: u16, port: u16) -> String {
    format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = users.txt\npool_mode = {mode}\ndefault_pool_size = 5\n\
         max_client_conn = 1000\nserver_idle_timeout = 10\n"
    )
}

/// In PATH, or where Debian puts it, which is not in everybody's.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.find_map(|folder| Some(folder.join("pgbouncer")).filter(|program| program.is_file()))
}

/// Starts it and waits until it says that it is up. What it said if it ends instead.
fn run(program: &Path, folder: &Path) -> Result<Child, String> {
    let mut process = as_owner(&mut Command::new(program))
        .arg("pgbouncer.ini")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = process.stderr.take().unwrap();
    once_it_says("process up", log, process)
}
