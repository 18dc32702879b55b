//! What a deploy does, decided before anything is done: pure, from what `.env` says and what is wanted.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use crate::Failure;
use crate::stack::{Colour, Service};

/// What it is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A new version, or another configuration.
    Deploy,
    /// What ran before.
    Rollback,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
        })
    }
}

/// What is done, in this order.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Whether the release that runs goes on with the tables as they will be.
    Check,
    /// The tables get what the new release needs. It is only added to: what runs goes on.
    Migrate,
    /// The slots of the other colour are started.
    Start,
    /// They say that they are ready.
    Wait,
    /// The proxy sends them requests.
    TakeIn,
    /// They are watched beside the old ones.
    Bake,
    /// `.env` says that they are to live. From here on a deploy that is broken off is finished, and before it is undone.
    Switch,
    /// The old ones are told to stop, and answer what they have.
    Drain,
}

impl Step {
    const ALL: [Self; 8] = [
        Self::Check,
        Self::Migrate,
        Self::Start,
        Self::Wait,
        Self::TakeIn,
        Self::Bake,
        Self::Switch,
        Self::Drain,
    ];

    /// What it does, for people.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Check => "look whether what runs goes on with the new tables",
            Self::Migrate => "bring the tables to what the new version needs",
            Self::Start => "start the other colour",
            Self::Wait => "wait until it is ready",
            Self::TakeIn => "let the proxy take it in",
            Self::Bake => "watch it beside the old one",
            Self::Switch => "write down that it lives",
            Self::Drain => "let the old one end what it does, and stop it",
        }
    }

    /// What becomes of a deploy that was broken off in this step.
    pub(crate) fn if_broken_off(self) -> Settlement {
        if self < Self::Switch { Settlement::Undo } else { Settlement::Finish }
    }
}

/// How a deploy that was broken off comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// What ran goes on alone.
    Undo,
    /// What is new goes on alone.
    Finish,
}

/// One service that changes its colour.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Turn {
    pub(crate) service: Service,
    /// The colour that serves.
    pub(crate) from: Colour,
    /// What it runs.
    pub(crate) from_image: String,
    /// What the other colour is to run.
    pub(crate) to_image: String,
    /// What `.env` said that it runs, before.
    pub(crate) stood: Option<String>,
}

impl Turn {
    pub(crate) fn to(&self) -> Colour {
        self.from.other()
    }

    pub(crate) fn old_slots(&self) -> Vec<String> {
        self.service.slots(self.from)
    }

    pub(crate) fn new_slots(&self) -> Vec<String> {
        self.service.slots(self.to())
    }
}

/// A deploy, or the way back.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) turns: Vec<Turn>,
}

impl Plan {
    /// The services named run their images in the other colour. Without any named, each runs what it runs: that is how a change of
    /// the configuration comes in.
    pub(super) fn deploy(
        environment: &Environment,
        images: &BTreeMap<Service, String>,
    ) -> Result<Self, Failure> {
        let every = || Service::ALL.into_iter().map(|service| (service, None)).collect::<Vec<_>>();
        let named = || images.iter().map(|(service, image)| (*service, Some(image.clone()))).collect();
        let wanted = if images.is_empty() { every() } else { named() };
        let turns = wanted.into_iter().map(|(service, image)| turn(environment, service, image));
        Ok(Self { kind: Kind::Deploy, turns: turns.collect::<Result<_, _>>()? })
    }

    /// The services of the last deploy run in the colour and by the image that they had before it.
    pub(super) fn rollback(environment: &Environment, last: &[Turn]) -> Result<Self, Failure> {
        let turns = last.iter().map(|done| {
            let back = turn(environment, done.service, Some(done.from_image.clone()))?;
            if back.from == done.to() && back.from_image == done.to_image {
                return Ok(back);
            }
            Err(format!(
                "{} runs {} in {}, and the last deploy had left {} in {}: somebody has changed .env since, and what ran before that \
                 is not known. Name what is to run: keyward deploy --image {}=…",
                done.service,
                back.from_image,
                back.from,
                done.to_image,
                done.to(),
                done.service,
            )
            .into())
        });
        Ok(Self { kind: Kind::Rollback, turns: turns.collect::<Result<_, Failure>>()? })
    }

    /// Of these steps it is made. The way back changes no table: what ran before runs on those that are there, as was looked at on the
    /// way here.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let server = self.turns.iter().any(|turn| turn.service == Service::AuthService);
        let has = |step: &Step| match (step, self.kind) {
            (Step::Check | Step::Migrate, Kind::Deploy) => server,
            (Step::Check | Step::Migrate | Step::Bake, Kind::Rollback) => false,
            _ => true,
        };
        Step::ALL.into_iter().filter(has).collect()
    }

    /// What the server's new slots run, if they are among them.
    pub(crate) fn server_image(&self) -> Option<&str> {
        self.turns.iter().find(|turn| turn.service == Service::AuthService).map(|turn| turn.to_image.as_str())
    }

    pub(crate) fn new_slots(&self) -> Vec<String> {
        self.turns.iter().flat_map(Turn::new_slots).collect()
    }

    pub(crate) fn old_slots(&self) -> Vec<String> {
        self.turns.iter().flat_map(Turn::old_slots).collect()
    }

    /// `.env` while both colours run: the new one has its image there, and does not live yet.
    pub(super) fn begun(&self, environment: &Environment) -> Environment {
        let image = |turn: &Turn| (turn.service.image_variable(turn.to()), turn.to_image.clone());
        environment.with(&self.turns.iter().map(image).collect::<Vec<_>>())
    }

    /// `.env` once the new colour lives.
    pub(super) fn switched(&self, environment: &Environment) -> Environment {
        let profiles = self.profiles(environment, |turn| (turn.from, turn.to()));
        let mut values = vec![("COMPOSE_PROFILES".to_owned(), profiles)];
        if let Some(image) = self.server_image().filter(|_| self.kind == Kind::Deploy) {
            values.push(("MIGRATE_IMAGE".to_owned(), image.to_owned()));
        }
        self.begun(environment).with(&values)
    }

    /// The same taken back: the old colour lives again.
    pub(super) fn switched_back(&self, environment: &Environment) -> Environment {
        let profiles = self.profiles(environment, |turn| (turn.to(), turn.from));
        environment.with(&[("COMPOSE_PROFILES".to_owned(), profiles)])
    }

    /// `COMPOSE_PROFILES` with each service's one colour in the place of the other.
    fn profiles(&self, environment: &Environment, change: impl Fn(&Turn) -> (Colour, Colour)) -> String {
        let said = environment.value("COMPOSE_PROFILES").unwrap_or_default();
        let mut profiles: Vec<String> = said.split(',').map(|one| one.trim().to_owned()).collect();
        for turn in &self.turns {
            let (from, to) = change(turn);
            let (from, to) = (turn.service.profile(from), turn.service.profile(to));
            for profile in profiles.iter_mut().filter(|profile| **profile == from) {
                profile.clone_from(&to);
            }
        }
        profiles.dedup();
        profiles.join(",")
    }

    /// `.env` as it was before.
    pub(super) fn undone(&self, environment: &Environment) -> Environment {
        let image = |turn: &Turn| Some((turn.service.image_variable(turn.to()), turn.stood.clone()?));
        environment.with(&self.turns.iter().filter_map(image).collect::<Vec<_>>())
    }
}

/// From the colour that lives to the other one.
fn turn(environment: &Environment, service: Service, image: Option<String>) -> Result<Turn, Failure> {
    let live: Vec<Colour> = environment
        .stack()
        .live
        .iter()
        .filter(|(one, _)| *one == service)
        .map(|(_, colour)| *colour)
        .collect();
    let from = match live[..] {
        [one] => one,
        [] => {
            return Err(format!(
                "COMPOSE_PROFILES in .env names no colour of {service}, so that nothing says which one serves: write {} or {} \
                 there, whichever runs",
                service.profile(Colour::Blue),
                service.profile(Colour::Green)
            )
            .into());
        }
        _ => {
            return Err(format!(
                "COMPOSE_PROFILES in .env names both colours of {service}, so that none is free for the next version: leave one there, \
                 and stop the other one"
            )
            .into());
        }
    };
    let runs = environment.value(&service.image_variable(from));
    let Some(from_image) = runs else {
        return Err(format!(
            "{} in .env does not say what runs: write the image of {} there",
            service.image_variable(from),
            service.profile(from)
        )
        .into());
    };
    let to_image = image.unwrap_or_else(|| from_image.clone());
    let stood = environment.value(&service.image_variable(from.other()));
    Ok(Turn { service, from, from_image, to_image, stood })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(text: &str) -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), text).unwrap();
        let environment = Environment::read(folder.path()).unwrap();
        (folder, environment)
    }

    const STACK: &str = "COMPOSE_PROFILES=auth-service-blue,own,app-service-green\n\
        AUTH_SERVICE_BLUE_IMAGE=auth:1\nAUTH_SERVICE_GREEN_IMAGE=auth:0\n\
        APP_SERVICE_BLUE_IMAGE=app:0\nAPP_SERVICE_GREEN_IMAGE=app:1\nMIGRATE_IMAGE=auth:1\n";

    #[test]
    fn a_service_that_is_named_goes_to_its_other_colour_and_back() {
        let (_folder, before) = environment(STACK);
        let images = [(Service::AuthService, "auth:2".to_owned())].into();
        let plan = Plan::deploy(&before, &images).unwrap();
        assert_eq!(plan.new_slots(), ["auth-service-green-1", "auth-service-green-2"]);
        assert_eq!(plan.old_slots(), ["auth-service-blue-1", "auth-service-blue-2"]);
        let begun = plan.begun(&before);
        assert_eq!(begun.value("AUTH_SERVICE_GREEN_IMAGE").as_deref(), Some("auth:2"));
        assert_eq!(begun.stack().live, before.stack().live, "nothing lives but what lived");
        assert_eq!(plan.undone(&begun).value("AUTH_SERVICE_GREEN_IMAGE").as_deref(), Some("auth:0"));
        let after = plan.switched(&begun);
        assert_eq!(
            after.value("COMPOSE_PROFILES").as_deref(),
            Some("auth-service-green,own,app-service-green"),
            "a profile of the operator's own stays"
        );
        assert_eq!(after.value("MIGRATE_IMAGE").as_deref(), Some("auth:2"));
        assert_eq!(plan.switched_back(&after).stack().live, before.stack().live);
        let back = Plan::rollback(&after, &plan.turns).unwrap();
        assert_eq!(back.turns[0].to_image, "auth:1");
        let back_again = back.switched(&back.begun(&after));
        assert_eq!(back_again.stack().live, before.stack().live);
        assert_eq!(back_again.value("AUTH_SERVICE_BLUE_IMAGE").as_deref(), Some("auth:1"));
        assert_eq!(
            back_again.value("MIGRATE_IMAGE").as_deref(),
            Some("auth:2"),
            "what brought the tables there knows them"
        );
    }

    #[test]
    fn without_an_image_each_service_runs_what_it_runs() {
        let (_folder, before) = environment(STACK);
        let plan = Plan::deploy(&before, &BTreeMap::new()).unwrap();
        let runs: Vec<_> =
            plan.turns.iter().map(|turn| (turn.service, turn.from, turn.to_image.as_str())).collect();
        assert_eq!(
            runs,
            [(Service::AuthService, Colour::Blue, "auth:1"), (Service::AppService, Colour::Green, "app:1")]
        );
    }

    #[test]
    fn what_does_not_say_which_colour_serves_is_refused() {
        for (text, why) in [
            ("COMPOSE_PROFILES=app-service-green\n", "names no colour of auth-service"),
            ("COMPOSE_PROFILES=auth-service-blue,auth-service-green\n", "names both colours of auth-service"),
            ("COMPOSE_PROFILES=auth-service-blue\n", "AUTH_SERVICE_BLUE_IMAGE in .env does not say"),
        ] {
            let (_folder, before) = environment(text);
            let images = [(Service::AuthService, "auth:2".to_owned())].into();
            let error = Plan::deploy(&before, &images).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_somebody_has_changed_since_is_not_gone_back_from() {
        let (_folder, before) = environment(STACK);
        let images = [(Service::AuthService, "auth:2".to_owned())].into();
        let plan = Plan::deploy(&before, &images).unwrap();
        let error = Plan::rollback(&before, &plan.turns).unwrap_err().to_string();
        assert!(error.contains("somebody has changed .env since"), "{error}");
    }

    #[test]
    fn whatever_is_broken_off_before_the_switch_is_undone_and_after_it_finished() {
        for step in Step::ALL {
            let expected = match step {
                Step::Switch | Step::Drain => Settlement::Finish,
                _ => Settlement::Undo,
            };
            assert_eq!(step.if_broken_off(), expected, "{step:?}");
        }
        assert!(Step::ALL.is_sorted());
    }

    #[test]
    fn the_way_back_changes_no_table_and_an_app_alone_asks_nothing_of_them() {
        let (_folder, before) = environment(STACK);
        let app = [(Service::AppService, "app:2".to_owned())].into();
        let app = Plan::deploy(&before, &app).unwrap();
        assert!(!app.steps().contains(&Step::Check) && !app.steps().contains(&Step::Migrate));
        let both = Plan::deploy(&before, &BTreeMap::new()).unwrap();
        assert_eq!(both.steps(), Step::ALL);
        let back = Plan { kind: Kind::Rollback, ..both };
        assert_eq!(back.steps(), [Step::Start, Step::Wait, Step::TakeIn, Step::Switch, Step::Drain]);
    }
}
