//! What the folder of a stack says of itself: `.env` beside compose.yml.

use std::path::{Path, PathBuf};

/// The server's colours, and how many slots each has in compose.yml.
const COLOURS: [&str; 2] = ["auth-service-blue", "auth-service-green"];
const SLOTS: u8 = 2;
/// The app's, whose slots take no orders.
const OF_THE_APP: [&str; 2] = ["app-service-blue", "app-service-green"];

/// Where the server's container has its secrets, and the folder of them on the host.
const INSIDE: &str = "/run/secrets";
const OF_THE_SERVER: &str = "auth-service";

/// Which colours are to live, and where the secrets are.
#[derive(Debug, Default)]
pub(crate) struct Stack {
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
        let said = |name: &str| {
            let value = |line: &str| line.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned);
            environment.lines().rev().find_map(value)
        };
        let profiles = said("COMPOSE_PROFILES").unwrap_or_default();
        let profiles = profiles.split(" #").next().unwrap_or_default();
        let secrets = said("KEYWARD_SECRETS").unwrap_or_default();
        let secrets = Some(secrets.trim_matches(['"', '\''])).filter(|folder| !folder.is_empty());
        let mut stack = Self { secrets: secrets.unwrap_or("./secrets").into(), ..Self::default() };
        for profile in profiles.split(',').map(|profile| profile.trim().trim_matches(['"', '\''])) {
            if COLOURS.contains(&profile) {
                stack.slots.extend((1..=SLOTS).map(|number| format!("{profile}-{number}")));
            } else if !profile.is_empty() && !OF_THE_APP.contains(&profile) {
                stack.unknown.push(profile.to_owned());
            }
        }
        stack
    }

    /// Where the host has a secret that the server has at this path in its container.
    pub(crate) fn on_host(&self, inside: &Path) -> Option<PathBuf> {
        Some(self.secrets.join(OF_THE_SERVER).join(inside.strip_prefix(INSIDE).ok()?))
    }
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
        let all = Stack::of(&format!("COMPOSE_PROFILES={}", COLOURS.join(",")));
        let known: Vec<_> = all.slots.iter().filter_map(|slot| slot.strip_prefix("auth-service-")).collect();
        assert_eq!(known, slots);
        for profile in COLOURS.into_iter().chain(OF_THE_APP) {
            assert!(compose.contains(&format!("profiles: [{profile}]")), "{profile}");
        }
    }
}
