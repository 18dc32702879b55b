//! What the folder of a stack says of itself: `.env` beside compose.yml.

/// The server's colours, and how many slots each has in compose.yml.
const COLOURS: [&str; 2] = ["auth-service-blue", "auth-service-green"];
const SLOTS: u8 = 2;
/// The app's, whose slots take no orders.
const OF_THE_APP: [&str; 2] = ["app-service-blue", "app-service-green"];

/// Which colours are to live.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    /// The slots of the server that are to serve, by name.
    pub(crate) slots: Vec<String>,
    /// Profiles that no slot is of: one of the operator's own, or a slip.
    pub(crate) unknown: Vec<String>,
}

impl Stack {
    /// From the text of `.env`, of which the last word counts.
    pub(crate) fn of(environment: &str) -> Self {
        let said = |line: &str| line.trim().strip_prefix("COMPOSE_PROFILES=").map(str::to_owned);
        let profiles = environment.lines().rev().find_map(said).unwrap_or_default();
        let profiles = profiles.split(" #").next().unwrap_or_default();
        let mut stack = Self::default();
        for profile in profiles.split(',').map(|profile| profile.trim().trim_matches(['"', '\''])) {
            if COLOURS.contains(&profile) {
                stack.slots.extend((1..=SLOTS).map(|number| format!("{profile}-{number}")));
            } else if !profile.is_empty() && !OF_THE_APP.contains(&profile) {
                stack.unknown.push(profile.to_owned());
            }
        }
        stack
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
