//! The release before and this one side by side: on one PostgreSQL and one Redis, as while one is exchanged for the other. What a person,
//! a browser or an app has in flight at the one goes on at the other, in both directions.

mod in_flight;
mod mails;
mod side;
mod visitor;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::draw::{Draw, any_seed};
use crate::psql::{self, on_postgres};
use crate::redis::Redis;
use crate::server::Program;
use in_flight::{InFlight, mail, person};
use mails::Mails;
use side::{Side, migrate};
use visitor::basic;

/// As high as a server takes them that is no development's.
const LIMITS: &str = "[limits]
account_failures = 100
network_failures = 10000
network_sign_ups = 10000
mails = 100
network_mails = 10000
second_step_mails = 100
";

/// Run the release before beside this one, and look whether what is in flight at the one goes on at the other. It needs PostgreSQL at
/// `KEYWARD_TEST_POSTGRES_URL` and `redis-server`; `scripts/rehearse overlap` starts one and builds both.
#[derive(Args)]
pub(crate) struct Overlap {
    /// The server of the release before.
    #[arg(long, value_name = "FILE")]
    previous: PathBuf,
    /// The commit it was built from, for the record.
    #[arg(long, default_value = "unknown", value_name = "COMMIT")]
    commit: String,
}

/// What both servers share, and whoever visits them.
struct House {
    mails: Mails,
    draw: Draw,
    /// How the app says that it is the app.
    app: String,
}

/// How it went, a line for each thing in flight.
#[derive(Default)]
struct Report {
    wrongs: Vec<String>,
}

impl Overlap {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let this = program.auth_service();
        let postgres = psql::Server::of_environment()?;
        let version = on_postgres(&postgres.of("postgres"), "SHOW server_version")?;
        let redis = Redis::start()?;
        program.describe(&format!(
            "beside the release before, commit {}; PostgreSQL {version}, {}",
            self.commit,
            Redis::version()?
        ))?;
        let folder = TempDir::with_prefix("keyward-rehearsal-")?;
        let folder = folder.path();
        let mut house = House::build(folder, &postgres, &redis).await?;
        let (old, new) = exchange(&self.previous, &this, folder, &mut house).await?;
        let mut report = Report::default();
        println!("\n| in flight | from old to new | from new to old |\n|---|---|---|");
        for what in InFlight::ALL {
            let there = what.cross(&mut house, &old, &new).await;
            let back = what.cross(&mut house, &new, &old).await;
            report.tell(what.name(), there, back);
        }
        let there = mail(&mut house, old, &new).await;
        // The release before is started on tables of this one: as after a deploy that was taken back.
        let old = Side::start("old", &self.previous, folder).await?;
        let back = mail(&mut house, new, &old).await;
        report.tell("a mail that was queued, and could not be sent until its server was gone", there, back);
        Ok(report.end())
    }
}

/// Brings this release in beside the one before, as a deploy does; who is served goes on being served.
async fn exchange(
    previous: &Path,
    this: &Path,
    folder: &Path,
    house: &mut House,
) -> Result<(Side, Side), Failure> {
    migrate(previous, folder, &["apply"])?;
    let old = Side::start("old", previous, folder).await?;
    person(house, &old, false).await?;
    let plan: Value = serde_json::from_str(&migrate(this, folder, &["plan", "--json"])?)?;
    if plan["keeps_running_release"] != true {
        return Err(format!("the plan says that the release before does not go on: {plan}").into());
    }
    migrate(this, folder, &["apply"])?;
    person(house, &old, false).await?;
    let new = Side::start("new", this, folder).await?;
    Ok((old, new))
}

impl House {
    /// Writes the settings of both servers.
    async fn build(folder: &Path, postgres: &psql::Server, redis: &Redis) -> Result<Self, Failure> {
        let (mails, mut draw) = (Mails::start().await?, Draw::new(any_seed()));
        for name in ["encryption", "audit", "client"] {
            std::fs::write(folder.join(name), draw.secret())?;
        }
        let app = basic("wiki", &std::fs::read_to_string(folder.join("client"))?);
        on_postgres(&postgres.of("postgres"), "CREATE DATABASE overlap")?;
        let settings = format!(
            "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\ndrain = \"0s\"\n\
             [internal]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{}\"\n[redis]\nhost = \"127.0.0.1\"\nport = {}\n\
             [keys]\nencryption = \"file:FOLDER/encryption\"\naudit = \"file:FOLDER/audit\"\n\
             [mail]\nfrom = \"no-reply@example.com\"\n\
             [mail.transport]\nkind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n{LIMITS}\
             [[clients]]\nclient_id = \"wiki\"\nclient_name = \"Wiki\"\nscope = \"openid profile email offline_access\"\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\nfirst_party = true\nsecret = \"file:FOLDER/client\"\n\
             redirect_uris = [\"{}\"]\nid_token_signed_response_alg = \"ES256\"\n",
            postgres.of("overlap"),
            redis.port(),
            mails.port(),
            in_flight::CALLBACK
        );
        let settings = settings.replace("FOLDER", &folder.display().to_string());
        std::fs::write(folder.join("keyward.toml"), settings)?;
        Ok(Self { mails, draw, app })
    }
}

impl Report {
    /// Prints the line of one of them.
    fn tell(&mut self, what: &str, there: Result<(), Failure>, back: Result<(), Failure>) {
        let told = [("from old to new", there), ("from new to old", back)].map(|(way, done)| match done {
            Ok(()) => "goes on",
            Err(error) => {
                self.wrongs.push(format!("{what}, {way}: {error}"));
                "does not"
            }
        });
        println!("| {what} | {} | {} |", told[0], told[1]);
    }

    /// Whether all went on.
    fn end(self) -> bool {
        for wrong in &self.wrongs {
            println!("WRONG: {wrong}");
        }
        self.wrongs.is_empty()
    }
}
