//! `auth-service migrate`: brings PostgreSQL to this release's tables, as the user that may.

use std::io::Write as _;
use std::process::ExitCode;

use auth_service::config::Config;
use auth_service::server::{Migrating, migrating};
use clap::{Args, Subcommand};
use serde_json::json;
use store::PostgresSettings;
use store::migrations::{self, Kind, OLDEST_SUPPORTED, Plan, RELEASE, Schema, Status, Step};

use super::{Configuration, Failure, logging};

/// Bring the tables of PostgreSQL to this release's form. SQLite needs none of it: the server does it as it starts.
#[derive(Subcommand)]
pub(crate) enum Migrate {
    /// Print what `apply` would do, as SQL, and whether the release that runs now goes on meanwhile: exit code 0 if it does, 1 if it
    /// does not. Changes nothing.
    Plan(Planning),
    /// Apply what is missing. Any number may be started at once: one does it, and the others wait for it.
    Apply(Options),
    /// Tell whether this release can serve the database: exit code 0 if it can, 1 if it has to be migrated first or is refused.
    Status(Options),
}

#[derive(Args)]
pub(crate) struct Planning {
    #[command(flatten)]
    options: Options,
    /// The release that runs now, where it is not the one that migrated the database last: one that was gone back to.
    #[arg(long, value_name = "RELEASE")]
    running: Option<i64>,
}

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    configuration: Configuration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.options().configuration.sources()?.read().into_config()?;
        logging::start(&config.log, None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (text, code) = runtime.block_on(self.done(config))?;
        // Nobody listening any more is no failure.
        let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
        Ok(code)
    }

    fn options(&self) -> &Options {
        match self {
            Self::Plan(planning) => &planning.options,
            Self::Apply(options) | Self::Status(options) => options,
        }
    }

    async fn done(&self, config: Config) -> Result<(String, ExitCode), Failure> {
        let Some(database) = migrating(config).await? else {
            let told = "SQLite is migrated by `auth-service serve` as it starts: there is nothing to do.";
            let text =
                if self.options().json { json!({ "mode": "small" }).to_string() } else { told.to_owned() };
            return Ok((text, ExitCode::SUCCESS));
        };
        match self {
            Self::Plan(planning) => plan(&database, planning.running, planning.options.json).await,
            Self::Apply(options) => apply(&database, options.json).await,
            Self::Status(options) => status(&database, options.json).await,
        }
    }
}

async fn plan(database: &Migrating, running: Option<i64>, json: bool) -> Result<(String, ExitCode), Failure> {
    let asked = async |settings: &PostgresSettings| migrations::plan(settings, running).await;
    let plan = database.run(asked).await?;
    let code = if plan.keeps_running_release() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok((if json { in_json(&plan) } else { in_words(&plan) }, code))
}

fn in_json(plan: &Plan) -> String {
    json!({
        "release": RELEASE,
        "oldest_supported": OLDEST_SUPPORTED,
        "running_release": plan.running,
        "steps": plan.steps.iter().map(as_json).collect::<Vec<_>>(),
        "keeps_running_release": plan.keeps_running_release(),
        "reason": plan.refusal,
    })
    .to_string()
}

/// As SQL: what is no statement is a comment.
fn in_words(plan: &Plan) -> String {
    let verdict = match (&plan.refusal, plan.running) {
        (Some(why), _) => format!("Refused: {why}."),
        (None, _) if plan.steps.is_empty() => {
            "Nothing is to be done: this release can serve the tables as they are.".to_owned()
        }
        (None, Some(running)) => format!("-- Release {running}, which runs now, goes on meanwhile."),
        (None, None) => "-- No release runs on these tables yet.".to_owned(),
    };
    let comment = if plan.steps.is_empty() || plan.refusal.is_none() { "" } else { "-- " };
    let steps = plan
        .steps
        .iter()
        .map(|step| format!("-- {:04} {}\n{}\n", step.version, step.description, step.sql.trim_end()));
    steps.chain([format!("{comment}{verdict}")]).collect::<Vec<_>>().join("\n")
}

async fn apply(database: &Migrating, json: bool) -> Result<(String, ExitCode), Failure> {
    let applied = database.run(migrations::apply).await?;
    let text = if json {
        json!({ "applied": applied, "release": RELEASE }).to_string()
    } else if applied.is_empty() {
        "Nothing was to be done: the tables are those of this release.".to_owned()
    } else {
        format!("Applied {}. The tables are those of release {RELEASE}.", listed(&applied))
    };
    Ok((text, ExitCode::SUCCESS))
}

async fn status(database: &Migrating, json: bool) -> Result<(String, ExitCode), Failure> {
    let Status { recorded, applied, schema } = database.run(migrations::status).await?;
    let (name, told, can_serve) = match &schema {
        Schema::Ready => ("ready", format!("The tables are those of this release, {RELEASE}."), true),
        Schema::Ahead(by) => {
            let told = format!(
                "Release {} migrated the database; this one, {RELEASE}, runs on beside it.",
                by.number
            );
            ("ahead", told, true)
        }
        Schema::Behind(steps) => {
            let missing: Vec<_> = steps.iter().map(|step| step.version).collect();
            let told = match &missing[..] {
                [] => "Every migration is applied, and this release is not recorded".to_owned(),
                some => format!("To be applied: {}", listed(some)),
            };
            ("behind", format!("{told}. Run `auth-service migrate apply`."), false)
        }
        Schema::Refused(why) => ("refused", format!("Refused: {why}."), false),
    };
    let text = if json {
        let recorded = recorded.map(
            |recorded| json!({ "release": recorded.number, "oldest_supported": recorded.oldest_supported }),
        );
        let mut told =
            json!({ "release": RELEASE, "recorded": recorded, "applied": applied, "schema": name });
        match schema {
            Schema::Behind(steps) => told["missing"] = steps.iter().map(|step| step.version).collect(),
            Schema::Refused(why) => told["reason"] = why.into(),
            Schema::Ready | Schema::Ahead(_) => {}
        }
        told.to_string()
    } else {
        told
    };
    Ok((text, if can_serve { ExitCode::SUCCESS } else { ExitCode::FAILURE }))
}

fn as_json(step: &Step) -> serde_json::Value {
    let (kind, oldest) = match step.kind {
        Kind::Expand => ("expand", None),
        Kind::Contract { oldest } => ("contract", Some(oldest)),
    };
    json!({
        "version": step.version,
        "description": step.description,
        "kind": kind,
        "oldest_release": oldest,
        "sql": step.sql,
    })
}

/// `migration 7`, `migrations 1, 2 and 3`.
fn listed(versions: &[i64]) -> String {
    let words: Vec<String> = versions.iter().map(i64::to_string).collect();
    match &words[..] {
        [] => "no migration".to_owned(),
        [one] => format!("migration {one}"),
        [all @ .., last] => format!("migrations {} and {last}", all.join(", ")),
    }
}
