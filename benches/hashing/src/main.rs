//! How many hashes a CPU second each implementation of Argon2id makes, and what that is of RustCrypto's `argon2` in its plain form.
//!
//! They take turns in short rounds, and each is timed by the processor time that it took, so that what else the machine does falls on all
//! alike; of the ratios the median counts. Before anything is timed, all have to give the same output.

#[path = "../../../crates/auth/src/hasher/huge_pages.rs"]
mod huge_pages;
#[path = "../../../crates/auth/src/hasher/memory.rs"]
#[allow(dead_code, reason = "the server uses all of it")]
mod memory;
#[cfg(feature = "c-reference")]
mod reference;
mod sodium;

use std::error::Error;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use memory::Memory;
use rustix::time::{ClockId, clock_gettime};

const PASSWORD: &[u8] = b"what everybody hashes";
const SALT: &[u8; 16] = b"a salt of 16 by.";
/// At each: memory in KiB, passes. One lane, as libsodium has it.
const SETTINGS: [(u32, u32); 2] = [(19_456, 2), (65_536, 3)];

type Output = [u8; 32];
type Hash = Box<dyn FnMut() -> Result<Output, Box<dyn Error>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let (rounds, seconds) = arguments()?;
    for (memory_kib, passes) in SETTINGS {
        println!("Argon2id, {memory_kib} KiB, t={passes}, p=1; {rounds} rounds of {seconds} CPU s each");
        let mut candidates = candidates(memory_kib, passes)?;
        let expected = (candidates[0].1)()?;
        for (name, hash) in &mut candidates {
            if hash()? != expected {
                return Err(format!("{name} gives another output than RustCrypto's argon2").into());
            }
        }
        let mut rates = vec![Vec::new(); candidates.len()];
        for _ in 0..rounds {
            for ((_, hash), rates) in candidates.iter_mut().zip(&mut rates) {
                rates.push(rate(hash, Duration::from_secs_f64(seconds))?);
            }
        }
        for ((name, _), own) in candidates.iter().zip(&rates) {
            println!("{name:<34} {:7.1}/s   {} of plain", median(&mut own.clone()), compared(own, &rates[0]));
        }
        println!(
            "huge pages alone: {} of the same without them\n",
            compared(&rates[HUGE_PAGES], &rates[HUGE_PAGES - 1])
        );
    }
    Ok(())
}

/// What one is of another, round by round: the median, the least and the most.
fn compared(own: &[f64], other: &[f64]) -> String {
    let mut ratios: Vec<f64> = own.iter().zip(other).map(|(own, other)| own / other).collect();
    let ratio = median(&mut ratios);
    format!("{ratio:.2} ({:.2} to {:.2})", ratios[0], ratios[ratios.len() - 1])
}

/// Which of them is what the server does: the one before it differs in its pages alone.
const HUGE_PAGES: usize = 2;

/// Every implementation, RustCrypto's in its plain form first.
fn candidates(memory_kib: u32, passes: u32) -> Result<Vec<(&'static str, Hash)>, Box<dyn Error>> {
    let params = Params::new(memory_kib, passes, 1, None).map_err(|error| error.to_string())?;
    let blocks = params.block_count();
    let plain = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (reused, served) = (plain.clone(), plain.clone());
    let (mut small, mut memory) = (vec![Block::new(); blocks], Memory::default());
    #[cfg_attr(
        not(feature = "c-reference"),
        expect(unused_mut, reason = "with the C reference it is added to")
    )]
    let mut candidates: Vec<(&'static str, Hash)> = vec![
        (
            "argon2 (RustCrypto), plain",
            Box::new(move || {
                let mut output = Output::default();
                plain.hash_password_into(PASSWORD, SALT, &mut output).map_err(|error| error.to_string())?;
                Ok(output)
            }),
        ),
        (
            "the same, memory used again",
            Box::new(move || {
                let mut output = Output::default();
                reused
                    .hash_password_into_with_memory(PASSWORD, SALT, &mut output, &mut small)
                    .map_err(|error| error.to_string())?;
                Ok(output)
            }),
        ),
        (
            "the same, on huge pages",
            Box::new(move || {
                let mut output = Output::default();
                served
                    .hash_password_into_with_memory(PASSWORD, SALT, &mut output, memory.blocks(blocks))
                    .map_err(|error| error.to_string())?;
                Ok(output)
            }),
        ),
        ("libsodium", Box::new(move || sodium::hash(PASSWORD, SALT, memory_kib, passes))),
        (
            "rust-argon2",
            Box::new(move || {
                let config = rust_argon2::Config {
                    mem_cost: memory_kib,
                    time_cost: passes,
                    ..rust_argon2::Config::default()
                };
                Ok(rust_argon2::hash_raw(PASSWORD, SALT, &config)?.as_slice().try_into()?)
            }),
        ),
    ];
    #[cfg(feature = "c-reference")]
    candidates.push((
        "the C reference (libargon2)",
        Box::new(move || reference::hash(PASSWORD, SALT, memory_kib, passes)),
    ));
    Ok(candidates)
}

/// Hashes a second of processor time, over so much of it.
fn rate(hash: &mut Hash, lasting: Duration) -> Result<f64, Box<dyn Error>> {
    let (begun, mut count) = (processor_time(), 0_u32);
    loop {
        hash()?;
        count += 1;
        let took = processor_time() - begun;
        if took >= lasting {
            return Ok(f64::from(count) / took.as_secs_f64());
        }
    }
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// The middle one; sorts them.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn arguments() -> Result<(usize, f64), Box<dyn Error>> {
    let (mut rounds, mut seconds) = (15, 1.0);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} wants a number"))?;
        match name.as_str() {
            "--rounds" => rounds = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            _ => return Err(format!("{name} is no option: there are --rounds N and --seconds N").into()),
        }
    }
    if rounds == 0 || !(0.01..=60.0).contains(&seconds) {
        return Err("there is at least one round, of 0.01 to 60 seconds".into());
    }
    Ok((rounds, seconds))
}
