//! Nothing acknowledged is lost: the server is killed (SIGKILL) in the middle of many sign-ups and started again on the
//! same data, over and over.
//!
//! This shows what a crash of the process does. It cannot show a power cut, which also loses what the kernel had not yet
//! written; against that stands SQLite's `synchronous=FULL`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;

use crate::Failure;
use crate::accounts::{NO_LIMITS, PASSWORD};
use crate::connection::Connection;
use crate::draw::{self, Draw};
use crate::server::{Program, Server, said_last};
use crate::{database, statistics};

/// Sign-ups that have not come so far by then are stuck.
const LONGEST_ROUND: Duration = Duration::from_secs(30);
/// Signing in to look what is left: two hash at once, two wait.
const AT_ONCE: usize = 4;

/// Kill the server in the middle of many sign-ups, again and again, and look for what was lost.
#[derive(Args)]
pub(crate) struct Crash {
    /// How often.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Sign-ups at once.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    sign_ups: u32,
    /// Repeats the addresses and moments of an earlier run, as far as the machine lets it.
    #[arg(long)]
    seed: Option<u64>,
}

/// What became of one sign-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Answered 201.
    Acknowledged,
    /// Answered, and with a refusal.
    Refused(u16),
    /// The server died first.
    Unanswered,
}

#[derive(Default)]
struct Tally {
    acknowledged: Vec<String>,
    lost: Vec<String>,
    unanswered: usize,
    unanswered_but_made: usize,
    refused: usize,
    wrongs: Vec<String>,
    restarts: Vec<Duration>,
}

impl Crash {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let seed = self.seed.unwrap_or_else(draw::any_seed);
        let parameters = format!("{} rounds of {} sign-ups at once, seed {seed}", self.rounds, self.sign_ups);
        program.describe(&parameters)?;
        let settings = format!("[accounts]\nrequire_proof = false\n{NO_LIMITS}");
        let folder = TempDir::with_prefix("keyward-rehearsal-")?;
        let mut draw = Draw::new(seed);
        let mut tally = Tally::default();
        if !database::can_be_checked() {
            println!("MISSING: sqlite3, so that the tables are not checked for half-made accounts");
        }
        for round in 1..=self.rounds {
            let mut server = program.start(folder.path(), &settings).await?;
            let fates = self.storm(&mut server, &mut draw).await?;
            let restarted = program.start(folder.path(), &settings).await?;
            tally.restarts.push(restarted.started_in);
            let before = (tally.acknowledged.len(), tally.unanswered_but_made);
            tally.count(fates, &restarted).await?;
            drop(restarted);
            tally.inspect(program, folder.path())?;
            println!(
                "round {round:>2}: killed after {:>3} acknowledged; {} unanswered sign-ups had been made all the same",
                tally.acknowledged.len() - before.0,
                tally.unanswered_but_made - before.1,
            );
        }
        // A later crash must not take what an earlier one left.
        let server = program.start(folder.path(), &settings).await?;
        let all = tally.acknowledged.clone();
        for (email, status) in sign_in_to(all, &server).await? {
            if status != 200 && !tally.lost.contains(&email) {
                tally.lost.push(email);
            }
        }
        if !tally.lost.is_empty() {
            println!("\nThe server said last:\n{}", said_last(folder.path()));
        }
        Ok(tally.print())
    }

    /// Many sign-ups at once, and a kill once some random number of them has been acknowledged.
    async fn storm(&self, server: &mut Server, draw: &mut Draw) -> Result<Vec<(String, Fate)>, Failure> {
        let count = self.sign_ups as usize;
        let (acknowledged, mut heard) = mpsc::unbounded_channel();
        let together = Arc::new(Barrier::new(count));
        let mut sign_ups = JoinSet::new();
        for _ in 0..count {
            let (email, connection) = (draw.address(), server.connect().await?);
            sign_ups.spawn(sign_up(connection, email, together.clone(), acknowledged.clone()));
        }
        drop(acknowledged);
        let enough = 1 + draw.below(u64::from(self.sign_ups) * 9 / 10);
        let moment = Duration::from_micros(draw.below(20_000));
        let counting = async {
            for _ in 0..enough {
                heard.recv().await;
            }
        };
        tokio::time::timeout(LONGEST_ROUND, counting).await.map_err(|_| "the sign-ups got stuck")?;
        // Anywhere within a hash and a commit, not always right after an answer.
        tokio::time::sleep(moment).await;
        server.kill()?;
        Ok(sign_ups.join_all().await)
    }
}

async fn sign_up(
    mut connection: Connection,
    email: String,
    together: Arc<Barrier>,
    acknowledged: mpsc::UnboundedSender<()>,
) -> (String, Fate) {
    let body = json!({ "email": email, "password": PASSWORD, "requires2FA": false });
    together.wait().await;
    let fate = match connection.post("/signup", &body).await {
        Ok(answer) if answer.status == 201 => Fate::Acknowledged,
        Ok(answer) => Fate::Refused(answer.status),
        Err(_) => Fate::Unanswered,
    };
    if fate == Fate::Acknowledged {
        let _ = acknowledged.send(());
    }
    (email, fate)
}

/// What the server says to each of these people when they sign in.
async fn sign_in_to(emails: Vec<String>, server: &Server) -> Result<Vec<(String, u16)>, Failure> {
    let mut visits = JoinSet::new();
    for share in emails.chunks(emails.len().div_ceil(AT_ONCE).max(1)) {
        let (share, mut connection) = (share.to_vec(), server.connect().await?);
        visits.spawn(async move {
            let mut answers = Vec::with_capacity(share.len());
            for email in share {
                let body = json!({ "email": email, "password": PASSWORD });
                let status = connection.post("/login", &body).await?.status;
                answers.push((email, status));
            }
            Ok::<_, Failure>(answers)
        });
    }
    Ok(visits.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

impl Tally {
    async fn count(&mut self, fates: Vec<(String, Fate)>, server: &Server) -> Result<(), Failure> {
        let of =
            |wanted| fates.iter().filter(move |(_, fate)| *fate == wanted).map(|(email, _)| email.clone());
        let acknowledged: Vec<_> = of(Fate::Acknowledged).collect();
        let unanswered: Vec<_> = of(Fate::Unanswered).collect();
        self.refused += fates.len() - acknowledged.len() - unanswered.len();
        self.unanswered += unanswered.len();
        self.acknowledged.extend(acknowledged.iter().cloned());
        let gone = sign_in_to(acknowledged, server).await?.into_iter().filter(|(_, status)| *status != 200);
        self.lost.extend(gone.map(|(email, _)| email));
        // Whole or not at all: anything but "come in" and "nobody" is an account half made.
        for (email, status) in sign_in_to(unanswered, server).await? {
            match status {
                200 => self.unanswered_but_made += 1,
                401 => {}
                _ => self.wrongs.push(format!("{email}, never acknowledged, is answered {status}")),
            }
        }
        Ok(())
    }

    fn inspect(&mut self, program: &Program, folder: &Path) -> Result<(), Failure> {
        let (holds, words) = program.verify_audit(folder)?;
        if !holds {
            self.wrongs.push(format!("the audit trail: {words}"));
        }
        if database::can_be_checked() {
            self.wrongs.extend(database::wrongs(folder)?);
        }
        Ok(())
    }

    fn print(&self) -> bool {
        let restart = statistics::median(self.restarts.iter().copied());
        println!(
            "\nacknowledged {}, lost {}; unanswered {}, of which made {}; refused {}; wrongs {}; median restart {} ms",
            self.acknowledged.len(),
            self.lost.len(),
            self.unanswered,
            self.unanswered_but_made,
            self.refused,
            self.wrongs.len(),
            restart.as_millis(),
        );
        for wrong in &self.wrongs {
            println!("WRONG: {wrong}");
        }
        for email in &self.lost {
            println!("LOST: {email}");
        }
        self.lost.is_empty() && self.wrongs.is_empty()
    }
}
