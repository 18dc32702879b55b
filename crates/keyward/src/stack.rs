//! What the folder of a stack says of itself: `.env` beside compose.yml.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A service that runs in slots of two colours, so that a new version can start beside the old one.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    AuthService,
    /// Its slots take no orders.
    AppService,
}

/// One of two: either the one that serves, or the one that the next version starts in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Colour {
    Blue,
    Green,
}

impl Service {
    pub(crate) const ALL: [Self; 2] = [Self::AuthService, Self::AppService];

    /// As compose.yml has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AuthService => "auth-service",
            Self::AppService => "app-service",
        }
    }

    /// How many slots a colour has in compose.yml.
    fn width(self) -> u8 {
        match self {
            Self::AuthService => 2,
            Self::AppService => 1,
        }
    }

    /// What `COMPOSE_PROFILES` calls a colour of it.
    pub(crate) fn profile(self, colour: Colour) -> String {
        format!("{self}-{colour}")
    }

    /// The slots of a colour, by name.
    pub(crate) fn slots(self, colour: Colour) -> Vec<String> {
        (1..=self.width()).map(|number| format!("{self}-{colour}-{number}")).collect()
    }

    /// What `.env` says a colour's image in.
    pub(crate) fn image_variable(self, colour: Colour) -> String {
        format!("{}_IMAGE", self.profile(colour).to_uppercase().replace('-', "_"))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Colour {
    pub(crate) const ALL: [Self; 2] = [Self::Blue, Self::Green];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Blue => "blue",
            Self::Green => "green",
        })
    }
}

/// Where the server's container has its secrets, and the folder of them on the host.
const INSIDE: &str = "/run/secrets";
const OF_THE_SERVER: &str = "auth-service";

/// Which colours are to live, and where the secrets are.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    /// The colours that are to live.
    pub(crate) live: Vec<(Service, Colour)>,
    /// The slots of the server that are to serve, by name.
    pub(crate) slots: Vec<String>,
    /// Profiles that no slot is of: one of the operator's own, or a slip.
    pub(crate) unknown: Vec<String>,
    /// The folder of the services' folders of secrets.
    secrets: PathBuf,
}

impl Stack {
    /// From the text of `.env`, of which the last word counts.
    pub(crate) fn of(environment: &str) -> Self {
        let profiles = value_of(environment, "COMPOSE_PROFILES").unwrap_or_default();
        let secrets = value_of(environment, "KEYWARD_SECRETS").filter(|folder| !folder.is_empty());
        let secrets = secrets.unwrap_or_else(|| "./secrets".to_owned());
        let mut stack = Self { secrets: secrets.into(), ..Self::default() };
        let every = Service::ALL.map(|service| Colour::ALL.map(|colour| (service, colour)));
        for profile in profiles.split(',').map(|profile| profile.trim().trim_matches(['"', '\''])) {
            match every.as_flattened().iter().find(|(service, colour)| service.profile(*colour) == profile) {
                Some(known) if !stack.live.contains(known) => stack.live.push(*known),
                Some(_) => {}
                None if profile.is_empty() => {}
                None => stack.unknown.push(profile.to_owned()),
            }
        }
        let servers = stack.live.iter().filter(|(service, _)| *service == Service::AuthService);
        stack.slots = servers.flat_map(|(service, colour)| service.slots(*colour)).collect();
        stack
    }

    /// Where the host has a secret that the server has at this path in its container.
    pub(crate) fn on_host(&self, inside: &Path) -> Option<PathBuf> {
        Some(self.secrets.join(OF_THE_SERVER).join(inside.strip_prefix(INSIDE).ok()?))
    }
}

/// What a text like `.env` says of a name, of which the last word counts.
pub(crate) fn value_of(environment: &str, name: &str) -> Option<String> {
    let value = |line: &str| {
        let value = line.trim().strip_prefix(name)?.strip_prefix('=')?.trim();
        // What is quoted may have a # in it; else it begins a comment, after a space.
        let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split(quote).next());
        let plain = || value.split(" #").next().unwrap_or_default().trim();
        Some(quoted.unwrap_or_else(plain).to_owned())
    };
    environment.lines().rev().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_that_lives_has_two_slots_and_what_nobody_knows_is_none() {
        let stack = Stack::of(include_str!("init/env"));
        assert_eq!(stack.slots, ["auth-service-blue-1", "auth-service-blue-2"]);
        assert!(stack.unknown.is_empty(), "{stack:?}");
        let stack =
            Stack::of("A=b\nCOMPOSE_PROFILES='auth-service-green, auth-service-bleu'   # since May\n");
        assert_eq!(stack.slots, ["auth-service-green-1", "auth-service-green-2"]);
        assert_eq!(stack.unknown, ["auth-service-bleu"]);
        assert!(Stack::of("").slots.is_empty());
    }

    #[test]
    fn a_path_in_the_container_is_another_one_of_the_host() {
        for (environment, folder) in [
            ("", "./secrets"),
            ("KEYWARD_SECRETS='/srv/a b'\n", "/srv/a b"),
            ("KEYWARD_SECRETS=/srv/one\nKEYWARD_SECRETS=/srv/two\n", "/srv/two"),
        ] {
            let on_host = |path: &str| Stack::of(environment).on_host(Path::new(path));
            let expected = Path::new(folder).join("auth-service/encryption");
            assert_eq!(on_host("/run/secrets/encryption"), Some(expected));
            assert_eq!(on_host("/etc/keyward/keyward.toml"), None);
        }
        // What the container has there is what compose.yml mounts.
        let compose = include_str!("../../../compose.yml");
        assert!(compose.contains("${KEYWARD_SECRETS:-./secrets}/auth-service:/run/secrets:ro"));
    }

    /// The slots are those of compose.yml.
    #[test]
    fn compose_has_these_slots() {
        let compose = include_str!("../../../compose.yml");
        let slots = compose.lines().filter_map(|line| line.strip_prefix("  auth-service-"));
        let mut slots: Vec<_> = slots.filter_map(|line| line.split(':').next()).collect();
        slots.sort_unstable();
        let known = Colour::ALL.map(|colour| Service::AuthService.slots(colour)).concat();
        let known: Vec<_> = known.iter().filter_map(|slot| slot.strip_prefix("auth-service-")).collect();
        assert_eq!(known, slots);
        for service in Service::ALL {
            for colour in Colour::ALL {
                let profile = service.profile(colour);
                assert!(compose.contains(&format!("profiles: [{profile}]")), "{profile}");
                assert!(compose.contains(&format!("${{{}:-", service.image_variable(colour))), "{profile}");
                for slot in service.slots(colour) {
                    assert!(compose.contains(&format!("\n  {slot}:")), "{slot}");
                }
            }
        }
    }
}
