//! Whether what runs now goes on while a database is migrated: said before anything is done to it, by what the tables say of themselves and
//! what each migration says of itself.

use super::{OLDEST_SUPPORTED, RELEASE, Schema, Status, Step};

/// What a migration does to the releases before its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only adds: what ran before runs on.
    Expand,
    /// It takes something away, or tightens it: what uses that must be gone by then.
    Contract {
        /// The oldest release that runs on afterwards.
        oldest: i64,
    },
}

/// A migration that takes something away says so in a line that begins so…
const CONTRACT: &str = "-- contract";
/// …and is whole so; the number of the release follows.
const CONTRACT_WHOLE: &str = "-- contract: the oldest release that runs on is ";

impl Kind {
    /// What the text of a migration says of itself. One that cannot be read takes everything away from every release but this.
    pub fn of(sql: &str) -> Self {
        let Some(line) = sql.lines().map(str::trim).find(|line| line.starts_with(CONTRACT)) else {
            return Self::Expand;
        };
        let oldest = line.strip_prefix(CONTRACT_WHOLE).and_then(|rest| rest.parse().ok());
        Self::Contract { oldest: oldest.unwrap_or(RELEASE) }
    }
}

/// What migrating would do, and what that means for whoever is served meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What would be applied, in order.
    pub steps: Vec<Step>,
    /// The release that runs now. None where none can, since there are no tables yet, or not all of them.
    pub running: Option<i64>,
    /// Why it must not be applied while that one runs, or at all.
    pub refusal: Option<String>,
}

impl Plan {
    /// Of a database, on which `running` runs: where nobody says, the release that migrated it last. That is another one where a
    /// release was gone back to.
    pub fn of(status: &Status, running: Option<i64>) -> Self {
        let running = running.or(status.recorded.map(|recorded| recorded.number));
        let (steps, refusal) = match &status.schema {
            Schema::Refused(why) => (Vec::new(), Some(why.clone())),
            // Nothing is done to the tables.
            Schema::Ready | Schema::Ahead(_) => (Vec::new(), None),
            Schema::Behind(steps) => (steps.clone(), running.and_then(|running| stops(steps, running))),
        };
        Self { steps, running, refusal }
    }

    /// Whether whoever is served now is served on, while it is applied and afterwards.
    pub fn keeps_running_release(&self) -> bool {
        self.refusal.is_none()
    }
}

/// Why a release that runs could not go on.
fn stops(steps: &[Step], running: i64) -> Option<String> {
    let taken_away =
        steps.iter().find(|step| matches!(step.kind, Kind::Contract { oldest } if oldest > running));
    if let Some(Step { version, description, .. }) = taken_away {
        return Some(format!(
            "migration {version} ({description}) takes away what release {running} uses, which runs now: go by way of release {}, and \
             let no older one run before this",
            running + 1
        ));
    }
    (OLDEST_SUPPORTED > running).then(|| {
        format!(
            "this is release {RELEASE}, beside which {OLDEST_SUPPORTED} is the oldest that runs, and release {running} runs now: go by \
             way of release {}",
            running + 1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::{MIGRATIONS, Recorded};

    fn step(sql: &str) -> Step {
        Step { version: 77, description: "names".to_owned(), kind: Kind::of(sql), sql: sql.to_owned() }
    }

    fn behind(number: i64, steps: &[Step]) -> Status {
        let recorded = Some(Recorded { number, oldest_supported: number });
        Status { recorded, applied: vec![1], schema: Schema::Behind(steps.to_vec()) }
    }

    #[test]
    fn a_migration_says_whether_it_takes_something_away_and_one_that_says_it_badly_is_believed_the_worst() {
        assert_eq!(Kind::of("-- Names.\nALTER TABLE users ADD COLUMN nickname TEXT;"), Kind::Expand);
        let said = "-- Names.\n-- contract: the oldest release that runs on is 7\nALTER TABLE users DROP COLUMN name;";
        assert_eq!(Kind::of(said), Kind::Contract { oldest: 7 });
        for said in ["-- contract", "-- contract: 7", "-- contract: the oldest release that runs on is seven"]
        {
            assert_eq!(Kind::of(said), Kind::Contract { oldest: RELEASE }, "{said}");
        }
    }

    #[test]
    fn what_only_adds_lets_the_release_before_go_on() {
        let steps = [step("CREATE TABLE names (id UUID PRIMARY KEY)")];
        let plan = Plan::of(&behind(OLDEST_SUPPORTED, &steps), None);
        assert!(plan.keeps_running_release(), "{plan:?}");
        assert_eq!((plan.steps, plan.running), (steps.to_vec(), Some(OLDEST_SUPPORTED)));
    }

    #[test]
    fn what_takes_away_what_runs_is_refused_and_lets_go_on_what_does_without() {
        let contract = |oldest: i64| step(&format!("{CONTRACT_WHOLE}{oldest}\nDROP TABLE names"));
        let refused = Plan::of(&behind(OLDEST_SUPPORTED, &[contract(OLDEST_SUPPORTED + 1)]), None);
        assert!(!refused.keeps_running_release());
        let why = refused.refusal.unwrap();
        assert!(why.starts_with("migration 77 (names) takes away what release"), "{why}");
        assert!(
            Plan::of(&behind(OLDEST_SUPPORTED, &[contract(OLDEST_SUPPORTED)]), None).keeps_running_release()
        );
    }

    /// The tables say who migrated them, and not who runs: after a release was gone back to that is another one.
    #[test]
    fn a_release_that_was_gone_back_to_is_not_left_behind() {
        let status = behind(OLDEST_SUPPORTED, &[step("CREATE TABLE names (id UUID PRIMARY KEY)")]);
        let refused = Plan::of(&status, Some(OLDEST_SUPPORTED - 1));
        let why = refused.refusal.unwrap();
        assert!(why.ends_with(&format!("go by way of release {OLDEST_SUPPORTED}")), "{why}");
    }

    #[test]
    fn where_nothing_runs_nothing_is_stopped_and_where_nothing_is_done_neither() {
        let contract = step(&format!("{CONTRACT_WHOLE}{RELEASE}\nDROP TABLE names"));
        let first = Status { recorded: None, applied: Vec::new(), schema: Schema::Behind(vec![contract]) };
        let plan = Plan::of(&first, None);
        assert!(plan.keeps_running_release() && plan.running.is_none(), "{plan:?}");
        let recorded = Some(Recorded { number: RELEASE, oldest_supported: OLDEST_SUPPORTED });
        let ready = Status { recorded, applied: vec![1], schema: Schema::Ready };
        assert!(Plan::of(&ready, Some(0)).keeps_running_release());
        let refused = Status { recorded, applied: vec![1], schema: Schema::Refused("so it is".to_owned()) };
        assert_eq!(Plan::of(&refused, None).refusal.as_deref(), Some("so it is"));
    }

    /// A release that is supported and could not go on would be a promise that is not kept.
    #[test]
    fn no_migration_takes_away_what_a_supported_release_uses() {
        for migration in MIGRATIONS.iter() {
            if let Kind::Contract { oldest } = Kind::of(migration.sql.as_str()) {
                assert!(oldest <= OLDEST_SUPPORTED, "migration {}", migration.version);
            }
        }
    }
}
