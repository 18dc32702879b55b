//! What is compared with: the crate `argon2`, hashing and nothing else, in its plain form (memory allocated for each hash), on one
//! core.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use argon2::Argon2;
use clap::Args;

use crate::Failure;

/// Hash on this core and do nothing else; print hashes a second.
#[derive(Args)]
pub(crate) struct Alone {
    /// For how long.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

impl Alone {
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    pub(crate) fn run(&self) -> Result<bool, Failure> {
        // Its default is the same: Argon2id, 19456 KiB, t=2, p=1.
        let argon2 = Argon2::default();
        let mut output = [0; 32];
        let mut hash =
            || argon2.hash_password_into(b"what everybody hashes", b"a salt of sixteen", &mut output);
        hash().map_err(|error| error.to_string())?;
        let (begun, mut done) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(self.seconds) {
            hash().map_err(|error| error.to_string())?;
            done += 1;
        }
        println!("{}", f64::from(done) / begun.elapsed().as_secs_f64());
        Ok(true)
    }
}

/// Hashes a second of this core, by a process of its own.
pub(super) fn on_core(core: &str, seconds: u64) -> Result<f64, Failure> {
    let asked = Command::new("taskset")
        .args(["-c", core])
        .arg(std::env::current_exe()?)
        .args(["alone", "--seconds", &seconds.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("taskset (util-linux) is needed: {error}"))?;
    Ok(String::from_utf8_lossy(&asked.stdout).trim().parse()?)
}
