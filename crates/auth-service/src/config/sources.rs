//! The layers, one over the other: defaults, the file, the environment, `--set` of the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use super::file::{self, Said};
use super::problem::{ConfigError, Origin, Problem};
use super::settings::{Kind, Setting, Settings};
use super::suggest::not_a_setting;
use super::{Config, bounds, development, environment, value};

/// The file that is read if none is named.
const USUAL_FILE: &str = "keyward.toml";

/// Settings of which one stands for all: a layer that says one of them takes the place of what a lower layer said of the others.
const ALTERNATIVES: [&[&str]; 2] = [&["database.path", "database.url"], &["redis.url", "redis.host"]];

/// What is heard before `log.level`. It may name parts of the program.
pub const LOG: &str = "KEYWARD_LOG";

/// Where a configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file and its text; none if there is none.
    file: Option<(PathBuf, String)>,
    /// Variables: names and values, in the order of their names.
    environment: Vec<(String, String)>,
    /// `server.listen=0.0.0.0:3000`.
    flags: Vec<String>,
    /// What `keyward dev` says itself.
    development: Option<Table>,
}

impl Sources {
    /// What this process was given. The usual file need not be there, one that was named must.
    pub fn of_process(named: Option<&Path>, flags: &[String]) -> Result<Self, ConfigError> {
        let path = named.unwrap_or(Path::new(USUAL_FILE));
        let file = match std::fs::read_to_string(path) {
            Ok(text) => Some((path.to_owned(), text)),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(ConfigError::Read { path: path.to_owned(), error }),
        };
        let variables = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        let mut environment: Vec<(String, String)> = variables.collect();
        environment.sort();
        Ok(Self { file, environment, flags: flags.to_vec(), development: None })
    }

    /// A file, which must be there, and nothing else.
    pub fn of_file(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self::of_text(path, &text)),
            Err(error) => Err(ConfigError::Read { path: path.to_owned(), error }),
        }
    }

    /// A text as if it were a file, and nothing else.
    pub fn of_text(path: &Path, text: &str) -> Self {
        Self { file: Some((path.to_owned(), text.to_owned())), ..Self::default() }
    }

    /// The same with variables.
    #[must_use]
    pub fn with_environment(mut self, variables: &[(&str, &str)]) -> Self {
        self.environment =
            variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        self
    }

    /// The same with `--set`.
    #[must_use]
    pub fn with_flags(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self
    }

    /// For development on this machine: `own` is heard before the file, which may say nothing of the sections that are
    /// development's, and apps of the file and of `own` are all known. A count may be as high as it likes there: a test that tries
    /// ten thousand times is no attack.
    #[must_use]
    pub fn for_development(mut self, own: Table) -> Self {
        self.development = Some(own);
        self
    }

    /// Reads every layer, and finds every problem.
    pub fn read(&self) -> Reading {
        let settings = Settings::known();
        let mut merging = Merging { settings: &settings, said: BTreeMap::new(), problems: Vec::new() };
        if let Some((path, text)) = &self.file {
            let layer = file::read(path, text, &settings);
            // What is missing or wrong in the rest of a file that is no TOML would only be noise.
            if layer.1.iter().any(|problem| problem.setting.is_empty()) {
                return Reading { config: None, in_force: Vec::new(), problems: layer.1 };
            }
            merging.layer(layer);
        }
        merging.layer(environment::read(&self.environment, &settings));
        merging.layer(self.read_flags(&settings));
        let purpose = match &self.development {
            Some(own) => {
                development::put_over(&mut merging, own);
                bounds::Use::Development
            }
            None => bounds::Use::Serving,
        };
        let mut reading = merging.finish(self.file.is_some(), purpose);
        if let Some((name, filter)) =
            self.environment.iter().find(|(name, text)| name == LOG && !text.is_empty())
        {
            reading.is_logged_by(name, filter);
        }
        reading
    }

    fn read_flags(&self, settings: &Settings) -> (Vec<Said>, Vec<Problem>) {
        let (mut said, mut problems) = (Vec::new(), Vec::new());
        for flag in &self.flags {
            let Some((name, text)) = flag.split_once('=') else {
                // Not repeated: it may be a value alone, and that a secret.
                let message = "--set wants SETTING=VALUE, such as --set server.listen=127.0.0.1:3000";
                problems.push(Problem::new("", None, message));
                continue;
            };
            let origin = Origin::Flag { name: name.to_owned() };
            match settings.find(name).map(|setting| value::of_text(text, setting)) {
                Some(Ok(value)) => said.push((name.to_owned(), value, origin)),
                Some(Err(message)) => problems.push(Problem::new(name, Some(origin), message)),
                None => problems.push(Problem::new(name, Some(origin), not_a_setting(settings, name))),
            }
        }
        (said, problems)
    }
}

/// What a configuration says, and what is wrong with it.
#[derive(Debug)]
pub struct Reading {
    /// The configuration, if nothing is wrong with it.
    config: Option<Config>,
    /// Every setting that has a value, by name.
    pub(super) in_force: Vec<InForce>,
    /// Every problem.
    problems: Vec<Problem>,
}

/// A setting as it is in force.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) setting: Setting,
    /// None where nobody said anything and there is no default.
    pub(super) value: Option<Value>,
    pub(super) origin: Origin,
}

impl Reading {
    /// The configuration, or every reason why there is none.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        match self.config {
            Some(config) if self.problems.is_empty() => Ok(config),
            _ => Err(ConfigError::Problems(self.problems)),
        }
    }

    /// The configuration, if nothing is wrong with it.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref().filter(|_| self.problems.is_empty())
    }

    /// Where a server that runs on this is asked how it is. It is told of a configuration in which something else is wrong, too: a
    /// server that runs was started with what the file said then.
    pub fn internal_listen(&self) -> Option<SocketAddr> {
        let listen = self.in_force.iter().find(|one| one.setting.name == "internal.listen")?;
        listen.value.as_ref()?.as_str()?.parse().ok()
    }

    /// Every problem.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// A variable decides what is logged, and not what the layers say.
    fn is_logged_by(&mut self, name: &str, filter: &str) {
        let origin = Origin::Environment { name: name.to_owned() };
        if let Err(error) = EnvFilter::try_new(filter) {
            let message =
                format!("is none of error, warn, info and debug, nor a list of them by part ({error})");
            self.problems.push(Problem::new("log.level", Some(origin.clone()), message));
        }
        for level in self.in_force.iter_mut().filter(|one| one.setting.name == "log.level") {
            (level.value, level.origin) = (Some(Value::String(filter.to_owned())), origin.clone());
        }
    }

    /// Adds problems that were found by trying.
    pub fn add(&mut self, problems: impl IntoIterator<Item = (String, String)>) {
        for (setting, message) in problems {
            let found = self.in_force.iter().find(|one| one.setting.name == setting);
            let origin = found.map(|one| one.origin.clone());
            self.problems.push(Problem::new(setting, origin, message));
        }
    }
}

/// What was said so far.
pub(super) struct Merging<'a> {
    pub(super) settings: &'a Settings,
    pub(super) said: BTreeMap<String, (Value, Origin)>,
    pub(super) problems: Vec<Problem>,
}

impl Merging<'_> {
    /// Puts a layer over what is there.
    fn layer(&mut self, (layer, problems): (Vec<Said>, Vec<Problem>)) {
        for group in ALTERNATIVES {
            let chosen: Vec<&Said> =
                layer.iter().filter(|(name, _, _)| group.contains(&name.as_str())).collect();
            if let [first, second, ..] = chosen[..] {
                let message = format!(
                    "and {} ({}) are both set, and one of them decides: remove one",
                    second.0, second.2
                );
                self.problems.push(Problem::new(&first.0, Some(first.2.clone()), message));
            }
            if !chosen.is_empty() {
                self.said.retain(|name, _| !group.contains(&name.as_str()));
            }
        }
        self.problems.extend(problems);
        for (name, value, origin) in layer {
            self.said.insert(name, (value, origin));
        }
    }

    fn finish(mut self, has_file: bool, purpose: bounds::Use) -> Reading {
        let in_force = self.in_force();
        // What takes the place of a setting that is missing or wrong, so that the rest is looked at too.
        let mut stand_ins: BTreeSet<String> =
            self.problems.iter().map(|problem| problem.setting.clone()).collect();
        let mut values: BTreeMap<String, Value> =
            self.said.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
        self.require(has_file, &mut values, &mut stand_ins);
        let beyond = self.hold(&mut values);
        let config = self.deserialize(&mut values, &mut stand_ins);
        if let Some(config) = &config {
            for violation in bounds::violations(config, purpose) {
                let setting = violation.setting;
                if stand_ins.iter().any(|stood| stood == setting || setting.starts_with(&format!("{stood}.")))
                {
                    continue;
                }
                let origin = self.said.get(setting).map(|(_, origin)| origin.clone());
                // What was written, and not what was put in its place.
                let found = beyond.get(setting).map(|(written, _)| written.to_string()).or(violation.found);
                let found = found.map_or_else(String::new, |found| format!("is {found}: "));
                let message = format!("{found}{}", violation.expected);
                self.problems.push(Problem::new(setting, origin, message));
            }
        }
        self.tell_beyond(&beyond);
        self.problems.sort_by_key(Problem::place);
        Reading { config, in_force, problems: self.problems }
    }

    /// Puts the nearest number that a setting can hold in the place of one that it cannot, so that the bounds of the setting are told
    /// and not those of a number in a computer. Gives what was written, and the nearest, by setting.
    fn hold(&self, values: &mut BTreeMap<String, Value>) -> BTreeMap<String, (i64, i64)> {
        let mut beyond = BTreeMap::new();
        for setting in &self.settings.all {
            let Some(most) = setting.largest() else { continue };
            let Some(Value::Integer(number)) = values.get_mut(&setting.name) else { continue };
            let nearest = (*number).clamp(0, most);
            if nearest != *number {
                beyond.insert(setting.name.clone(), (*number, nearest));
                *number = nearest;
            }
        }
        beyond
    }

    /// Tells of numbers that no bound of a setting was told of.
    fn tell_beyond(&mut self, beyond: &BTreeMap<String, (i64, i64)>) {
        for (name, (written, nearest)) in beyond {
            if self.problems.iter().any(|problem| problem.setting == *name) {
                continue;
            }
            let origin = self.said.get(name).map(|(_, origin)| origin.clone());
            let bound = if written < nearest { "no less" } else { "no more" };
            let message = format!(
                "is {written}: it must be {bound} than {nearest}, which is the nearest that is allowed"
            );
            self.problems.push(Problem::new(name, origin, message));
        }
    }

    /// Names what is missing, with the line to add.
    fn require(
        &mut self,
        has_file: bool,
        values: &mut BTreeMap<String, Value>,
        stand_ins: &mut BTreeSet<String>,
    ) {
        for setting in &self.settings.all {
            let decided = setting.of.as_ref().map(|(decision, choice)| {
                values.get(decision).and_then(Value::as_str) == Some(choice.as_str())
            });
            if decided == Some(false) {
                if let Some((_, origin)) =
                    self.said.get(&setting.name).filter(|_| !self.is_shared(setting, values))
                {
                    let (decision, choice) = setting.of.clone().unwrap_or_default();
                    let message = format!("belongs to {decision} = {choice:?}: remove it, or choose that");
                    self.problems.push(Problem::new(&setting.name, Some(origin.clone()), message));
                    stand_ins.insert(setting.name.clone());
                    values.remove(&setting.name);
                }
                continue;
            }
            if !setting.required || values.contains_key(&setting.name) {
                continue;
            }
            // What a choice would ask for that nobody has made is not known.
            let is_known = setting.of.as_ref().is_none_or(|(decision, _)| !stand_ins.contains(decision));
            if !stand_ins.contains(&setting.name) {
                if is_known {
                    self.problems.push(Problem::new(&setting.name, None, missing(setting, has_file)));
                }
                stand_ins.insert(setting.name.clone());
            }
            if let Some(value) = stand_in(setting) {
                values.insert(setting.name.clone(), value);
            }
        }
    }

    /// Whether the form that was chosen has a setting of this name too.
    fn is_shared(&self, setting: &Setting, values: &BTreeMap<String, Value>) -> bool {
        self.settings.all.iter().any(|other| {
            other.name == setting.name
                && other.of.as_ref().is_some_and(|(decision, choice)| {
                    values.get(decision).and_then(Value::as_str) == Some(choice.as_str())
                })
        })
    }

    /// Reads the values as the structs do. One that they refuse is told and taken out, and the rest is read again.
    fn deserialize(
        &mut self,
        values: &mut BTreeMap<String, Value>,
        stand_ins: &mut BTreeSet<String>,
    ) -> Option<Config> {
        loop {
            let table = Value::Table(nested(values));
            let error = match serde_path_to_error::deserialize::<_, Config>(table) {
                Ok(config) => return Some(config),
                Err(error) => error,
            };
            let name = error.path().to_string();
            let found = self.settings.all.iter().find(|setting| {
                values.contains_key(&setting.name)
                    && name
                        .strip_prefix(&setting.name)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
            });
            let setting = found.map_or(name.as_str(), |setting| &setting.name);
            let origin = self.said.get(setting).map(|(_, origin)| origin.clone());
            let message = format!("cannot be used: {}", error.inner().message());
            self.problems.push(Problem::new(setting, origin, message));
            let setting = found?;
            let was_stand_in = !stand_ins.insert(setting.name.clone());
            values.remove(&setting.name);
            if let Some(value) = stand_in(setting).filter(|_| setting.required && !was_stand_in) {
                values.insert(setting.name.clone(), value);
            }
        }
    }

    /// Every setting of the forms that were chosen, with its value and where that comes from.
    fn in_force(&self) -> Vec<InForce> {
        let chosen = |setting: &&Setting| {
            setting.of.as_ref().is_none_or(|(decision, choice)| {
                self.said.get(decision).and_then(|(value, _)| value.as_str()) == Some(choice.as_str())
            })
        };
        let in_force = self.settings.all.iter().filter(chosen).map(|setting| {
            let (value, origin) = match self.said.get(&setting.name) {
                Some((value, origin)) => (Some(value.clone()), origin.clone()),
                None => (setting.default.clone().and_then(plain), Origin::Default),
            };
            InForce { setting: setting.clone(), value, origin }
        });
        in_force.collect()
    }
}

fn missing(setting: &Setting, has_file: bool) -> String {
    let section = setting.section();
    let line = value::example(setting).unwrap_or_else(|| "…".to_owned());
    let no_file = if has_file { "" } else { " (there is none here; --config names another)" };
    format!(
        "is missing: write {} = {line} under [{section}] in {USUAL_FILE}{no_file}, or set {}",
        setting.key(),
        environment::usual_variable(&setting.name)
    )
}

fn stand_in(setting: &Setting) -> Option<Value> {
    match setting.kind {
        Kind::Tables => Some(Value::Array(Vec::new())),
        _ => setting.example.clone().or_else(|| setting.default.clone()).and_then(plain),
    }
}

/// A value of the schema as TOML has it.
fn plain(value: serde_json::Value) -> Option<Value> {
    Value::try_from(value).ok()
}

/// `server.listen` becomes `listen` in `server`.
fn nested(values: &BTreeMap<String, Value>) -> Table {
    let mut root = Table::new();
    for (name, value) in values {
        let mut table = &mut root;
        let mut keys = name.split('.').peekable();
        while let Some(key) = keys.next() {
            if keys.peek().is_none() {
                table.insert(key.to_owned(), value.clone());
                break;
            }
            let inner = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = inner else { break };
            table = inner;
        }
    }
    root
}
