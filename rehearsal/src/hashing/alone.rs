//! What is compared with: the crate `argon2`, hashing and nothing else, on one core.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use argon2::{Argon2, Block};
use clap::{Args, ValueEnum};

use crate::Failure;

/// Hash on this core and do nothing else; print hashes a second.
#[derive(Args)]
pub(crate) struct Alone {
    /// For how long.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How it comes by its memory.
    #[arg(long, value_enum, default_value_t = Form::Plain)]
    form: Form,
}

/// How the crate is used.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// As its documentation has it: memory is allocated for each hash.
    Plain,
    /// The same memory for all hashes, on huge pages: what the server does, without the server.
    Reused,
}

impl Alone {
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    pub(crate) fn run(&self) -> Result<bool, Failure> {
        // Its default is the same: Argon2id, 19456 KiB, t=2, p=1.
        let argon2 = Argon2::default();
        let (secret, salt, mut output) = (b"what everybody hashes", b"a salt of sixteen", [0; 32]);
        let mut memory = Vec::new();
        if self.form == Form::Reused {
            memory = vec![Block::new(); argon2.params().block_count()];
        }
        let mut hash = || {
            let done = match self.form {
                Form::Plain => argon2.hash_password_into(secret, salt, &mut output),
                Form::Reused => argon2.hash_password_into_with_memory(secret, salt, &mut output, &mut memory),
            };
            done.map_err(|error| error.to_string())
        };
        hash()?;
        let (begun, mut done) = (Instant::now(), 0_u32);
        while begun.elapsed() < Duration::from_secs(self.seconds) {
            hash()?;
            done += 1;
        }
        println!("{}", f64::from(done) / begun.elapsed().as_secs_f64());
        Ok(true)
    }
}

/// Hashes a second of this core, by a process of its own.
pub(super) fn on_core(core: &str, seconds: u64, form: Form) -> Result<f64, Failure> {
    let form = if form == Form::Plain { "plain" } else { "reused" };
    let asked = Command::new("taskset")
        .args(["-c", core])
        .arg(std::env::current_exe()?)
        .args(["alone", "--seconds", &seconds.to_string(), "--form", form])
        // By this glibc asks for huge pages.
        .env("GLIBC_TUNABLES", if form == "reused" { "glibc.malloc.hugetlb=1" } else { "" })
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("taskset (util-linux) is needed: {error}"))?;
    Ok(String::from_utf8_lossy(&asked.stdout).trim().parse()?)
}
