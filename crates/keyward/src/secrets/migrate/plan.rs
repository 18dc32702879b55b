//! What is moved, and what is left where it is: from what the file of variables and the configuration say, before anybody is asked.

use std::ops::Range;

use auth_service::config::{Holds, Place, setting_of_variable};
use secrets::{ExposeSecret as _, SecretRef, SecretString};

use crate::secrets::are_alike;

use super::env_file::EnvFile;
use super::naming::{key_of, looks_secret};
use crate::Failure;

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) moves: Vec<Move>,
    pub(super) left: Vec<Left>,
}

/// A value that goes to the manager.
#[derive(Debug)]
pub(super) struct Move {
    /// `keys.audit`, `clients[wiki].secret`.
    pub(super) setting: String,
    pub(super) value: SecretString,
    /// Where it is going to be, and under which key there.
    pub(super) reference: SecretRef,
    pub(super) key: String,
    /// Where it stands now.
    pub(super) from: Vec<Source>,
    pub(super) change: Change,
}

/// Where a value stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A variable of the file of variables, and its line.
    Variable(String, usize),
    /// A line of the configuration.
    Line(usize),
    /// A place that the configuration or a variable named.
    Elsewhere(SecretRef),
}

/// What becomes of the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The reference takes the place of these bytes.
    Replace(Range<usize>),
    /// It had no such line yet.
    Insert,
    /// It has the reference already: what is moved was left behind by a run before.
    Nothing,
}

/// What stays where it is.
#[derive(Debug)]
pub(super) struct Left {
    /// `REDIS_PASSWORD (line 3)`, `keys.audit (line 12)`.
    pub(super) what: String,
    pub(super) why: String,
    /// Whether somebody has to see to it before it can be moved.
    pub(super) is_fault: bool,
}

/// Where plans are made from.
pub(super) struct Sources<'a> {
    /// `kv/keyward`.
    pub(super) path: &'a str,
    /// Whether what references name on this machine goes too.
    pub(super) files: bool,
    pub(super) env: Option<&'a EnvFile>,
    pub(super) places: &'a [Place],
    /// Variables whose settings only the operator knows.
    pub(super) named: &'a [(String, String)],
}

/// Nobody reads the manager before they have signed in.
const SIGNS_IN: &str = "it is what the server signs in to the manager by, so that it cannot be kept there: write it into a file that the \
                        server alone may read, and name that";
/// What stands for any value in a question about a variable.
const ANY: &str = "postgres://a:b@c/d";

impl Plan {
    pub(super) async fn of(sources: &Sources<'_>) -> Result<Self, Failure> {
        let mut plan = Self::default();
        for (name, setting) in sources.named {
            let variable = format!("KEYWARD__{}", setting.replace('.', "__").to_ascii_uppercase());
            if setting_of_variable(&variable, ANY).is_none() {
                return Err(format!("--name {name}={setting}: no secret belongs into {setting}").into());
            }
            if sources.env.is_none_or(|env| env.find(name).is_none()) {
                return Err(format!("--name {name}={setting}: no line of --from sets {name}").into());
            }
        }
        for place in sources.places {
            plan.place(place, sources).await?;
        }
        let mut seen: Vec<&str> = Vec::new();
        for entry in sources.env.iter().flat_map(|env| &env.entries) {
            if !seen.contains(&entry.name.as_str()) {
                seen.push(&entry.name);
                plan.variable(&entry.name, sources).await?;
            }
        }
        plan.is_free_of_clashes()?;
        Ok(plan)
    }

    /// A place of the configuration.
    async fn place(&mut self, place: &Place, sources: &Sources<'_>) -> Result<(), Failure> {
        let setting = &place.setting;
        let what = format!("{setting} (line {})", place.line);
        let change = Change::Replace(place.span.clone());
        match &place.holds {
            Holds::Neither(why) => self.leave(what, format!("it cannot be used: {why}"), true),
            Holds::Value(_) if signs_in(setting) => self.leave(what, SIGNS_IN.to_owned(), true),
            Holds::Value(value) => {
                self.go(sources, setting, value, key_of(setting), Source::Line(place.line), change)?;
            }
            Holds::Reference(_) if signs_in(setting) => {}
            Holds::Reference(SecretRef::Environment(name))
                if sources.env.is_some_and(|env| env.find(name).is_some()) =>
            {
                let Some((line, value)) = sources.env.and_then(|env| env.find(name)) else { return Ok(()) };
                let source = Source::Variable(name.clone(), line);
                match value {
                    Ok(value) if !value.expose_secret().trim().is_empty() => {
                        self.go(sources, setting, value, name.to_ascii_lowercase(), source, change)?;
                    }
                    Ok(_) => self.leave(format!("{name} (line {line})"), "it is empty".to_owned(), true),
                    Err(why) => self.leave(format!("{name} (line {line})"), why.to_owned(), true),
                }
            }
            Holds::Reference(reference) if sources.files && !reference.is_managed() => {
                match reference.resolve().await {
                    Ok(value) => {
                        let source = Source::Elsewhere(reference.clone());
                        self.go(sources, setting, &value, key_of(setting), source, change)?;
                    }
                    Err(error) => self.leave(what, error.to_string(), true),
                }
            }
            Holds::Reference(_) => {}
        }
        Ok(())
    }

    /// A variable of the file.
    async fn variable(&mut self, name: &str, sources: &Sources<'_>) -> Result<(), Failure> {
        let Some((line, value)) = sources.env.and_then(|env| env.find(name)) else { return Ok(()) };
        if self.moves.iter().any(|one| one.comes_from(name)) {
            return Ok(());
        }
        let what = format!("{name} (line {line})");
        let named = sources.named.iter().find(|(variable, _)| variable == name).map(|(_, setting)| setting);
        let setting = match (named, value) {
            (Some(setting), Ok(value)) => Some((setting.clone(), Holds::Value(value.clone()))),
            (Some(setting), Err(_)) => Some((setting.clone(), Holds::Value(ANY.into()))),
            (None, Ok(value)) => setting_of_variable(name, value.expose_secret()),
            (None, Err(_)) => setting_of_variable(name, ANY),
        };
        let Some((setting, holds)) = setting else {
            return self.stranger(name, line, value, sources);
        };
        let key = if named.is_some() { name.to_ascii_lowercase() } else { key_of(&setting) };
        match (value, holds) {
            (Err(why), _) => self.leave(what, why.to_owned(), true),
            (_, Holds::Neither(why)) => self.leave(what, format!("it cannot be used: {why}"), true),
            (_, Holds::Value(_)) if signs_in(&setting) => self.leave(what, SIGNS_IN.to_owned(), true),
            (_, Holds::Value(value)) if value.expose_secret().trim().is_empty() => {}
            (_, Holds::Value(value)) => self.in_force(sources, &setting, &value, key, (name, line))?,
            (_, Holds::Reference(reference))
                if sources.files && !reference.is_managed() && !signs_in(&setting) =>
            {
                match reference.resolve().await {
                    Ok(value) => self.in_force(sources, &setting, &value, key, (name, line))?,
                    Err(error) => self.leave(what, error.to_string(), true),
                }
            }
            (_, Holds::Reference(_)) => {}
        }
        Ok(())
    }

    /// A variable says a setting, and is heard before the configuration.
    fn in_force(
        &mut self,
        sources: &Sources<'_>,
        setting: &str,
        value: &SecretString,
        key: String,
        (name, line): (&str, usize),
    ) -> Result<(), Failure> {
        let source = Source::Variable(name.to_owned(), line);
        let change = match sources.places.iter().find(|place| place.setting == setting) {
            None => Change::Insert,
            Some(place) => match &place.holds {
                Holds::Value(other) if are_alike(other, value) => {
                    if let Some(there) = self.moves.iter_mut().find(|one| one.setting == setting) {
                        there.from.push(source);
                    }
                    return Ok(());
                }
                Holds::Value(_) => {
                    self.moves.retain(|one| one.setting != setting);
                    let why = format!(
                        "line {} of the configuration has another value for {setting}: remove one of them",
                        place.line
                    );
                    self.leave(format!("{name} (line {line})"), why, true);
                    return Ok(());
                }
                Holds::Reference(there) if *there == reference_to(sources.path, &key)? => Change::Nothing,
                Holds::Reference(_) | Holds::Neither(_) => Change::Replace(place.span.clone()),
            },
        };
        // What the configuration names is not what is in force.
        self.moves.retain(|one| one.setting != setting);
        self.go(sources, setting, value, key, source, change)
    }

    /// A variable that says no setting: left behind by a run that was cut short, or somebody else's.
    fn stranger(
        &mut self,
        name: &str,
        line: usize,
        value: Result<&SecretString, &'static str>,
        sources: &Sources<'_>,
    ) -> Result<(), Failure> {
        let key = name.to_ascii_lowercase();
        let reference = reference_to(sources.path, &key)?;
        let is_it = |place: &&Place| matches!(&place.holds, Holds::Reference(there) if *there == reference);
        match (sources.places.iter().find(is_it), value) {
            (Some(place), Ok(value)) => {
                let source = Source::Variable(name.to_owned(), line);
                self.go(sources, &place.setting, value, key, source, Change::Nothing)?;
            }
            (None, Ok(value)) if looks_secret(name, value.expose_secret()) => {
                let why = format!(
                    "no setting of Keyward is called so: if one is said by it, add --name {name}=SETTING"
                );
                self.leave(format!("{name} (line {line})"), why, false);
            }
            _ => {}
        }
        Ok(())
    }

    fn go(
        &mut self,
        sources: &Sources<'_>,
        setting: &str,
        value: &SecretString,
        key: String,
        from: Source,
        change: Change,
    ) -> Result<(), Failure> {
        let reference = reference_to(sources.path, &key)?;
        let (setting, value, from) = (setting.to_owned(), value.clone(), vec![from]);
        self.moves.push(Move { setting, value, reference, key, from, change });
        Ok(())
    }

    fn leave(&mut self, what: String, why: String, is_fault: bool) {
        self.left.push(Left { what, why, is_fault });
    }

    /// Two values under one key would be one.
    fn is_free_of_clashes(&self) -> Result<(), Failure> {
        for (index, one) in self.moves.iter().enumerate() {
            let other = self.moves[..index]
                .iter()
                .find(|other| other.key == one.key && !are_alike(&other.value, &one.value));
            if let Some(other) = other {
                return Err(format!(
                    "{} and {} would both be {}: move one of them by hand first",
                    other.setting, one.setting, one.reference
                )
                .into());
            }
        }
        Ok(())
    }
}

impl Move {
    /// Whether it is this variable's.
    pub(super) fn comes_from(&self, name: &str) -> bool {
        self.from.iter().any(|source| matches!(source, Source::Variable(variable, _) if variable == name))
    }
}

fn signs_in(setting: &str) -> bool {
    setting.starts_with("secrets.vault.")
}

fn reference_to(path: &str, key: &str) -> Result<SecretRef, Failure> {
    Ok(format!("vault:{path}#{key}").parse::<SecretRef>()?)
}
