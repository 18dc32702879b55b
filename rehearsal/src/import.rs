//! How many accounts from elsewhere come in a second, whose hashes need no wrapping: by the running server, beside those who sign in,
//! and on the file of one that is stopped.

use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Failure;
use crate::machine::processor;
use crate::server::Program;

/// What the rows that the bar is of may take.
const BAR: Duration = Duration::from_mins(1);
/// The rows that the bar is of.
const ROWS: u32 = 100_000;
/// bcrypt at cost 10, of a password that nobody tries; each row has a salt of its own.
const HASH: &str = "$2b$10$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";

/// Import many accounts, and hold it to its bar: a hundred thousand in a minute.
#[derive(Args)]
pub(crate) struct Import {
    /// Rows to bring in.
    #[arg(long, default_value_t = ROWS, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    rows: u32,
}

impl Import {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        program.describe(&format!("{}; {} rows, bcrypt, SQLite", processor(), self.rows))?;
        let most = BAR.mul_f64(f64::from(self.rows) / f64::from(ROWS));
        println!("Stated before: at most {:.1} s, of the release build.\n", most.as_secs_f64());
        println!("| by | s | rows a second | at most, s | met |\n|---|---|---|---|---|");
        let mut all_met = true;
        for (name, is_running) in [("the running server", true), ("the command alone", false)] {
            let folder = TempDir::with_prefix("keyward-rehearsal-")?;
            // A first start makes the database.
            let server = program.start(folder.path(), "").await?;
            let server = is_running.then_some(server);
            let file = folder.path().join("people.ndjson");
            self.write(&file)?;
            let took = self.import(program, folder.path(), &file)?;
            drop(server);
            let met = took <= most;
            all_met &= met;
            println!(
                "| {name} | {:.1} | {:.0} | {:.1} | {} |",
                took.as_secs_f64(),
                f64::from(self.rows) / took.as_secs_f64(),
                most.as_secs_f64(),
                if met { "yes" } else { "NO" },
            );
        }
        if !program.is_release() {
            println!("\nThis was no release build: the bar is not held to it.");
        }
        Ok(all_met || !program.is_release())
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        let (head, tail) = HASH.split_at(HASH.len() - 53);
        for number in 0..self.rows {
            // Digits are letters of bcrypt's own.
            let hash = format!("{head}{number:08}{}", &tail[8..]);
            let row = json!({ "email": format!("person{number}@example.com"), "password_hash": hash, "name": "A Person" });
            writeln!(file, "{row}")?;
        }
        Ok(file.flush()?)
    }

    /// How long it took, once it is certain that every row is in.
    #[expect(clippy::disallowed_methods, reason = "how long a real command took")]
    fn import(&self, program: &Program, folder: &Path, file: &Path) -> Result<Duration, Failure> {
        let begun = Instant::now();
        let done = program.ask(folder, ["user", "import", "--json"], Some(file))?;
        let took = begun.elapsed();
        let done: Value = serde_json::from_str(&done)?;
        let counted = program.ask(folder, ["passwords", "report", "--json"], None)?;
        let counted: Value = serde_json::from_str(counted.lines().next().unwrap_or_default())?;
        if done["added"] != self.rows || counted["accounts"] != self.rows {
            return Err(format!("not all rows are in: {done}, and then {counted}").into());
        }
        Ok(took)
    }
}
