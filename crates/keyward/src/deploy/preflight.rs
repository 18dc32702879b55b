//! Whether a stack can be rolled at all, looked at before anything is done: what compose.yml and the Caddyfile make of it. Whatever is
//! missing is told, and nothing is begun; a deploy that would lose requests is none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::plan::{Plan, Turn};
use crate::stack::Service;

/// So much longer than the drain and the requests in flight the grace of a container is to be, at the least: then the trail is sealed to its
/// end.
const SEALING: Duration = Duration::from_secs(2);
/// How long the proxy may take to see that a slot is not ready, beyond two of its looks.
const MARGIN: Duration = Duration::from_millis(500);

/// What `docker compose config --format json` prints, of which this is read.
#[derive(Debug, Deserialize)]
pub(super) struct Composition {
    /// What Docker knows the stack by.
    pub(super) name: String,
    pub(super) services: BTreeMap<String, Slot>,
}

/// A service of it, as Compose calls it.
#[derive(Debug, Deserialize)]
pub(super) struct Slot {
    #[serde(default)]
    pub(super) ports: Vec<Port>,
    #[serde(default)]
    healthcheck: Option<HealthCheck>,
    #[serde(default)]
    stop_grace_period: Option<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Option<String>>,
    #[serde(default)]
    volumes: Vec<Volume>,
}

/// What a service publishes.
#[derive(Debug, Deserialize)]
pub(super) struct Port {
    pub(super) target: u16,
    #[serde(default)]
    pub(super) published: Option<String>,
    #[serde(default)]
    pub(super) host_ip: Option<String>,
    #[serde(default)]
    pub(super) protocol: Option<String>,
}

#[derive(Debug, Deserialize)]
struct HealthCheck {
    #[serde(default)]
    disable: bool,
    #[serde(default)]
    test: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Volume {
    #[serde(default)]
    source: Option<PathBuf>,
    target: PathBuf,
}

impl Composition {
    /// Where the host has what a service has at this path in its container.
    pub(super) fn on_host(&self, service: &str, inside: &str) -> Option<PathBuf> {
        let volumes = &self.services.get(service)?.volumes;
        volumes.iter().find(|volume| volume.target == Path::new(inside))?.source.clone()
    }

    /// What a service is told in a variable.
    pub(super) fn variable(&self, service: &str, name: &str) -> Option<&str> {
        self.services.get(service)?.environment.get(name)?.as_deref()
    }
}

/// For how long a slot goes on serving once it is told to stop, and how long it lets requests in flight end then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) drain: Duration,
    pub(super) finish: Duration,
}

/// Every reason why the stack cannot be rolled by this plan.
pub(super) fn refusals(
    plan: &Plan,
    composition: &Composition,
    caddyfile: &str,
    ending: impl Fn(&str) -> Result<Ending, String>,
) -> Vec<String> {
    let mut refusals = Vec::new();
    let interval = interval(caddyfile);
    if interval.is_none() {
        refusals.push(
            "the Caddyfile has no `health_interval` that is read here: the proxy has to ask each slot whether it is ready, as deploy/Caddyfile \
             has it"
                .to_owned(),
        );
    }
    for turn in &plan.turns {
        for slot in turn.old_slots().into_iter().chain(turn.new_slots()) {
            let Some(found) = composition.services.get(&slot) else {
                refusals.push(format!(
                    "compose.yml has no service {slot}: both colours of {} have to be there",
                    turn.service
                ));
                continue;
            };
            refusals.extend(found.refusals(&slot));
            match ending(&slot) {
                Ok(ending) => refusals.extend(found.ends_too_early(&slot, ending, interval)),
                Err(why) => refusals.push(format!("how {slot} ends is not known: {why}")),
            }
        }
        refusals.extend(turn.missing_in(caddyfile));
    }
    refusals
}

impl Slot {
    fn refusals(&self, slot: &str) -> Vec<String> {
        let mut refusals = Vec::new();
        if !self.ports.is_empty() {
            refusals.push(format!(
                "{slot} publishes a port of its own, which two colours cannot have at once: the proxy alone is to publish"
            ));
        }
        let looks = self.healthcheck.as_ref().is_some_and(|check| {
            let none = check.test.as_ref().and_then(|test| test.get(0)).is_some_and(|first| first == "NONE");
            !check.disable && check.test.is_some() && !none
        });
        if !looks {
            refusals.push(format!("{slot} has no health check, so that nobody knows when it is ready"));
        }
        refusals
    }

    fn ends_too_early(&self, slot: &str, ending: Ending, interval: Option<Duration>) -> Vec<String> {
        let mut refusals = Vec::new();
        // Docker's own, if nothing is said.
        let grace = self.stop_grace_period.as_deref().unwrap_or("10s");
        let needed = ending.drain + ending.finish + SEALING;
        match go_duration(grace) {
            None => refusals.push(format!("{slot} has a stop_grace_period that is not understood: {grace}")),
            Some(grace) if grace < needed => refusals.push(format!(
                "{slot} is killed {} s after it is told to stop, and goes on serving for {} s, lets requests end for {} s, and seals its \
                 trail: give it a stop_grace_period of {} s at the least",
                grace.as_secs_f64(),
                ending.drain.as_secs_f64(),
                ending.finish.as_secs_f64(),
                needed.as_secs_f64().ceil()
            )),
            Some(_) => {}
        }
        if let Some(interval) = interval
            && ending.drain < interval * 2 + MARGIN
        {
            refusals.push(format!(
                "{slot} goes on serving for {} s once it is told to stop, and the proxy looks every {} s whether it is ready: let it drain for \
                 {} s at the least",
                ending.drain.as_secs_f64(),
                interval.as_secs_f64(),
                (interval * 2 + MARGIN).as_secs_f64()
            ));
        }
        refusals
    }
}

impl Turn {
    /// The proxy has to know all slots by name: it is not told of new ones while it runs.
    fn missing_in(&self, caddyfile: &str) -> Vec<String> {
        let port = match self.service {
            Service::AuthService => 3000,
            Service::AppService => 8000,
        };
        let upstreams: Vec<&str> = caddyfile
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("reverse_proxy "))
            .flat_map(str::split_whitespace)
            .collect();
        let slots = self.old_slots().into_iter().chain(self.new_slots());
        slots
            .filter(|slot| !upstreams.contains(&format!("{slot}:{port}").as_str()))
            .map(|slot| {
                format!(
                    "the Caddyfile has no upstream {slot}:{port}: the proxy has to know every slot beforehand, since it cannot be \
                     told of one without losing requests"
                )
            })
            .collect()
    }
}

/// How often the proxy asks.
fn interval(caddyfile: &str) -> Option<Duration> {
    let said = caddyfile.lines().find_map(|line| line.trim().strip_prefix("health_interval "))?;
    go_duration(said.trim())
}

/// `1m30s`, `500ms`: as Go writes how long something takes (`time.ParseDuration`), without fractions.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, more) = rest.split_at(digits);
        let letters = more.find(|character: char| character.is_ascii_digit()).unwrap_or(more.len());
        let (unit, more) = more.split_at(letters);
        let number: u64 = number.parse().ok()?;
        let unit = match unit {
            "h" => Duration::from_hours(1),
            "m" => Duration::from_mins(1),
            "s" => Duration::from_secs(1),
            "ms" => Duration::from_millis(1),
            _ => return None,
        };
        whole = whole.checked_add(unit.checked_mul(u32::try_from(number).ok()?)?)?;
        rest = more;
    }
    (!text.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::plan::Kind;
    use super::*;
    use crate::stack::Colour;

    const CADDYFILE: &str = include_str!("../../../../deploy/Caddyfile");

    fn plan() -> Plan {
        let turn = |service| Turn {
            service,
            from: Colour::Blue,
            from_image: "old".to_owned(),
            to_image: "new".to_owned(),
            stood: None,
        };
        Plan { kind: Kind::Deploy, turns: Service::ALL.map(turn).to_vec() }
    }

    fn slots() -> Value {
        let slot = json!({
            "healthcheck": { "test": ["CMD", "/usr/bin/auth-service", "healthcheck"] }, "stop_grace_period": "30s",
        });
        let names = plan().old_slots().into_iter().chain(plan().new_slots());
        json!({ "name": "keyward", "services": names.map(|name| (name, slot.clone())).collect::<serde_json::Map<_, _>>() })
    }

    const ENDING: Ending = Ending { drain: Duration::from_secs(2), finish: Duration::from_secs(15) };

    fn refused(composition: Value, caddyfile: &str, ending: Ending) -> Vec<String> {
        let composition: Composition = serde_json::from_value(composition).unwrap();
        refusals(&plan(), &composition, caddyfile, |_| Ok(ending))
    }

    #[test]
    fn the_stack_as_it_is_shipped_can_be_rolled() {
        assert!(refused(slots(), CADDYFILE, ENDING).is_empty());
    }

    #[test]
    fn each_thing_that_would_lose_requests_is_named() {
        let slot = "auth-service-green-2";
        let with = |key: &str, value: Value| {
            let mut composition = slots();
            composition["services"][slot][key] = value;
            composition
        };
        for (composition, why) in [
            (with("ports", json!([{ "target": 3000, "published": "3000" }])), "publishes a port of its own"),
            (with("healthcheck", Value::Null), "has no health check"),
            (with("healthcheck", json!({ "disable": true })), "has no health check"),
            (with("healthcheck", json!({ "test": ["NONE"] })), "has no health check"),
            (with("stop_grace_period", json!("18s")), "stop_grace_period of 19 s at the least"),
            (with("stop_grace_period", Value::Null), "is killed 10 s after"),
            (with("stop_grace_period", json!("soon")), "is not understood: soon"),
        ] {
            let refused = refused(composition, CADDYFILE, ENDING);
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert!(refused[0].starts_with(slot) && refused[0].contains(why), "{refused:?}");
        }
        let mut composition = slots();
        composition["services"].as_object_mut().unwrap().remove(slot);
        let refused_slot = refused(composition, CADDYFILE, ENDING);
        assert!(refused_slot[0].contains("no service auth-service-green-2"), "{refused_slot:?}");
        let short = Ending { drain: Duration::from_secs(1), ..ENDING };
        let refused_drain = refused(slots(), CADDYFILE, short);
        assert_eq!(refused_drain.len(), 6, "{refused_drain:?}");
        assert!(refused_drain[0].contains("let it drain for 1.5 s at the least"), "{refused_drain:?}");
    }

    #[test]
    fn a_proxy_that_does_not_know_all_slots_or_does_not_ask_them_is_refused() {
        let without = CADDYFILE.replace(" auth-service-green-2:3000", "");
        let refused_slot = refused(slots(), &without, ENDING);
        assert_eq!(refused_slot.len(), 1, "{refused_slot:?}");
        assert!(refused_slot[0].contains("no upstream auth-service-green-2:3000"), "{refused_slot:?}");
        let blind = CADDYFILE.replace("health_interval", "# health_interval");
        let refused_blind = refused(slots(), &blind, ENDING);
        assert_eq!(refused_blind.len(), 1, "{refused_blind:?}");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let composition: Composition = serde_json::from_value(slots()).unwrap();
        let unknown = refusals(&plan(), &composition, CADDYFILE, |_| Err("no file".to_owned()));
        assert!(unknown.len() == 6 && unknown[0].contains("is not known: no file"), "{unknown:?}");
    }

    #[test]
    fn a_time_is_read_as_go_writes_it() {
        for (text, seconds) in
            [("30s", Some(30.0)), ("1m30s", Some(90.0)), ("500ms", Some(0.5)), ("1h0m1s", Some(3601.0))]
        {
            assert_eq!(go_duration(text).map(|time| time.as_secs_f64()), seconds, "{text}");
        }
        for text in ["", "30", "s", "1.5s", "-1s", "1d", "99999999999s"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
