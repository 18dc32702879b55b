//! A server on some cores, with what is asked of it.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::bar::Bar;
use super::{HASH_KIB, SLACK_KIB};
use crate::Failure;
use crate::accounts::{NO_LIMITS, PASSWORD};
use crate::connection::Request;
use crate::server::{Program, Server};

/// Memory is read after the server was left alone for so long.
const IDLE: Duration = Duration::from_secs(2);

pub(super) struct Subject {
    pub(super) server: Server,
    pub(super) sign_ins: Vec<Request>,
    pub(super) check: Request,
    /// Before anything was asked of it.
    idle_kib: u64,
    _folder: TempDir,
}

impl Subject {
    pub(super) async fn start(program: &Program, cores: &str, clients: u32) -> Result<Self, Failure> {
        let folder = TempDir::with_prefix("keyward-rehearsal-")?;
        // Nobody is turned away, however slow the machine is: what is measured is what is done.
        let patient = "[password.hashing]\nlongest_wait = \"30s\"\n";
        let settings = format!("[accounts]\nrequire_proof = false\n{patient}{NO_LIMITS}");
        let server = program.start_on(folder.path(), &settings, Some(cores)).await?;
        tokio::time::sleep(IDLE).await;
        let idle_kib = server.resident_kib()?;
        server.forget_peak()?;
        let mut connection = server.connect().await?;
        let mut sign_ins = Vec::new();
        for number in 0..clients {
            let email = format!("person{number}@example.com");
            let body = json!({ "email": email, "password": PASSWORD, "requires2FA": false });
            connection.post("/signup", &body).await?.expect(201, "a sign-up")?;
            let body = json!({ "email": email, "password": PASSWORD });
            sign_ins.push(connection.prepare_post("/login", &body));
        }
        let answer = connection.send(&sign_ins[0]).await?.expect(200, "a sign-in")?;
        let token = answer.cookie("jwt").ok_or("a sign-in set no cookie `jwt`")?;
        let check = connection.prepare_post("/verify-token", &json!({ "token": token }));
        Ok(Self { server, sign_ins, check, idle_kib, _folder: folder })
    }

    /// What was resident at the most since it was idle, all that was done to it between included.
    pub(super) fn memory_bar(&self, what: &str, permits: u64) -> Result<Bar, Failure> {
        let bound_kib = self.idle_kib + permits * HASH_KIB + SLACK_KIB;
        let peak_kib = self.server.peak_kib()?;
        Ok(Bar {
            what: what.to_owned(),
            bound: format!("{:.0} MiB at most", mebibytes(bound_kib)),
            found: format!("{:.0} MiB, idle {:.0} MiB", mebibytes(peak_kib), mebibytes(self.idle_kib)),
            is_held: peak_kib <= bound_kib,
        })
    }
}

fn mebibytes(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::INFINITY, f64::from) / 1024.0
}
