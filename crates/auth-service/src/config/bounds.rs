//! The bounds of every value: past them a setting would undo what it is there for. NIST is SP 800-63B-4. The defaults
//! follow it; where a bound is wider than its figure, the message gives that figure too.

mod admin;
mod limits;
mod listening;
mod managers;
mod wires;

use std::time::Duration;

pub(super) use limits::described;

use auth::HashingViolation;

use super::{Apps, Config, ConnectionUrl, Database, Mail, Redis, Server, Traces, Violation};
use crate::branding::{Branding, Colour};
use crate::views::{SURFACE_DARK, SURFACE_LIGHT};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// Longer than any duration that can be written.
const EVER: Duration = Duration::from_hours(24 * 40_000);

/// What the configuration is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Serving,
    Development,
}

/// Everything that is out of bounds.
pub(super) fn violations(config: &Config, purpose: Use) -> Vec<Violation> {
    let mut found = Vec::new();
    server(&config.server, purpose, &mut found);
    proxies(&config.server, &mut found);
    if purpose == Use::Serving {
        listening::violations(&config.server, &config.internal, &mut found);
    }
    mode(&config.database, &config.redis, &mut found);
    schemes(&config.database, &config.redis, &mut found);
    wires::violations(&config.database, &config.redis, &config.mail.transport, &mut found);
    migrating(&config.database, &mut found);
    sender(&config.mail, &mut found);
    apps(&config.apps, &mut found);
    traces(&config.traces, &mut found);
    admin::violations(&config.admin, &mut found);
    managers::violations(config, &mut found);
    colours(&config.branding, &mut found);
    limits::violations(&config.limits, purpose, &mut found);
    durations(starts_and_stops(config), &mut found);
    found.extend(config.password.hashing.violations().into_iter().map(hashing));
    found
}

fn server(server: &Server, purpose: Use, violations: &mut Vec<Violation>) {
    let url = &server.public_url;
    let mut refuse = |expected: &str| {
        violations.push(Violation {
            setting: "server.public_url",
            found: Some(url.to_string()),
            expected: expected.to_owned(),
        });
    };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let in_the_open = purpose == Use::Development && loopback && url.scheme() == "http";
    if url.scheme() != "https" && !in_the_open {
        refuse(
            "it must begin with https://, or cookies and passwords travel in the open; `keyward dev` serves this machine without",
        );
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        refuse("it must be an origin alone, such as https://auth.example.com");
    }
}

/// Whoever is believed chooses the network that limits count for.
fn proxies(server: &Server, violations: &mut Vec<Violation>) {
    for network in &server.trusted_proxies {
        // The widest private ones: 10.0.0.0/8 and fc00::/7.
        let least = if network.addr().is_ipv4() { 8 } else { 7 };
        if network.prefix_len() < least {
            violations.push(Violation {
                setting: "server.trusted_proxies",
                found: Some(network.to_string()),
                expected: format!(
                    "it must be /{least} or narrower: whoever is in it may say to come from any network, and no limit \
                     by network would hold; name the addresses of your proxies"
                ),
            });
        }
    }
}

/// Small or full, and nothing between: what would count on memory while others serve too is refused.
fn mode(database: &Database, redis: &Redis, violations: &mut Vec<Violation>) {
    let mut refuse = |setting, expected: &str| {
        violations.push(Violation { setting, found: None, expected: expected.to_owned() });
    };
    match (&database.path, &database.url, redis.is_set()) {
        (Some(_), None, false) | (None, Some(_), true) => {}
        (None, None, _) => refuse(
            "database.path",
            "is missing, and so is database.url, so that there is no place for accounts. For one process on SQLite write \
             path = \"/var/lib/keyward/keyward.sqlite\" under [database]; for any number on PostgreSQL and Redis set \
             DATABASE_URL=postgres://keyward@HOST/keyward and REDIS_HOST_NAME=HOST",
        ),
        (Some(_), Some(_), _) => refuse(
            "database.path",
            "and database.url are both set, and accounts are kept in one place: remove one",
        ),
        (None, Some(_), false) => refuse(
            "redis.host",
            "is missing, and database.url is PostgreSQL, which several processes may serve: without Redis each would count \
             tries by itself, and no limit would hold. Write host = \"redis\" under [redis], or set REDIS_HOST_NAME=HOST; for \
             one process alone write path in the place of url under [database]",
        ),
        (Some(_), None, true) => refuse(
            "database.url",
            "is missing, and [redis] is set: SQLite is served by one process, which meets nobody in Redis. Set \
             DATABASE_URL=postgres://keyward@HOST/keyward in the place of database.path, or remove [redis] and REDIS_*",
        ),
    }
}

fn schemes(database: &Database, redis: &Redis, violations: &mut Vec<Violation>) {
    for (setting, url, schemes) in [
        ("database.url", &database.url, ["postgres", "postgresql"]),
        ("database.migrate_url", &database.migrate_url, ["postgres", "postgresql"]),
        ("redis.url", &redis.url, ["redis", "rediss"]),
    ] {
        let Some(ConnectionUrl::Plain(url)) = url else { continue };
        if !schemes.contains(&url.scheme()) || !url.has_host() {
            violations.push(Violation {
                setting,
                found: Some(url.to_string()),
                expected: format!("it must begin with {}://HOST", schemes[0]),
            });
        }
    }
    if !(1..=1_000).contains(&database.maximum_connections) {
        violations.push(Violation {
            setting: "database.maximum_connections",
            found: Some(database.maximum_connections.to_string()),
            expected: "it must be 1 to 1000: PostgreSQL itself takes 100 unless it is told otherwise, from all processes \
                       together"
                .to_owned(),
        });
    }
}

/// What migrates is a user of the same PostgreSQL.
fn migrating(database: &Database, violations: &mut Vec<Violation>) {
    let mut refuse = |setting, expected: &str| {
        violations.push(Violation { setting, found: None, expected: expected.to_owned() });
    };
    if database.migrate_url.is_some() && database.url.is_none() {
        refuse(
            "database.migrate_url",
            "is set, and database.url is not: SQLite is migrated by the server as it starts",
        );
    }
    if database.migrate_password.is_some() && database.migrate_url.is_none() {
        refuse(
            "database.migrate_password",
            "is set, and the user it belongs to is not: write migrate_url = \"postgres://USER@HOST/NAME\" beside it",
        );
    }
}

fn sender(mail: &Mail, violations: &mut Vec<Violation>) {
    if !outbound::is_mail_address(&mail.from) {
        violations.push(Violation {
            setting: "mail.from",
            found: Some(format!("{:?}", mail.from)),
            expected: "it must be an e-mail address alone, such as no-reply@example.com: no mail could be sent; the name \
                       that people see is mail.from_name"
                .to_owned(),
        });
    }
}

fn apps(apps: &Apps, violations: &mut Vec<Violation>) {
    for url in &apps.return_to {
        let in_the_open = url.scheme() == "http" && oidc::is_this_machine(url);
        if url.scheme() != "https" && !in_the_open {
            violations.push(Violation {
                setting: "apps.return_to",
                found: Some(url.to_string()),
                expected: "it must begin with https://; http:// is for an app on this machine (localhost)"
                    .to_owned(),
            });
        }
    }
}

fn traces(traces: &Traces, violations: &mut Vec<Violation>) {
    if let Some(url) = &traces.endpoint {
        let holds_secret = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
        let is_plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
        if holds_secret || !is_plain {
            violations.push(Violation {
                setting: "traces.endpoint",
                // It is not shown: a key may stand in it.
                found: None,
                expected: "must be http://HOST:4318 or https://HOST, without user, password and query: keep a collector of your \
                           own, which has what another wants to know"
                    .to_owned(),
            });
        }
    }
    if traces.one_in == 0 {
        violations.push(Violation {
            setting: "traces.one_in",
            found: Some("0".to_owned()),
            expected: "it must be 1 (all) or more; without an endpoint nothing is recorded".to_owned(),
        });
    }
}

/// Success criterion 1.4.11 of WCAG 2.2: a button has to be seen on the card it stands on.
fn colours(branding: &Branding, violations: &mut Vec<Violation>) {
    for (setting, accent, surface) in [
        ("branding.accent_light", branding.accent_light, SURFACE_LIGHT),
        ("branding.accent_dark", branding.accent_dark, SURFACE_DARK),
    ] {
        let contrast = accent.contrast(surface);
        if contrast < Colour::VISIBLE {
            violations.push(Violation {
                setting,
                found: Some(accent.to_string()),
                expected: format!(
                    "it must have a contrast of 3 to 1 to {surface}, which it is painted on, and has {contrast:.1}: \
                     buttons could not be seen"
                ),
            });
        }
    }
}

/// Setting, value, the least, the most, and why.
type DurationBound = (&'static str, Duration, Duration, Duration, &'static str);

fn durations(bounds: impl IntoIterator<Item = DurationBound>, violations: &mut Vec<Violation>) {
    for (setting, value, least, most, why) in bounds {
        if !(least..=most).contains(&value) {
            violations.push(Violation {
                setting,
                found: Some(shown(value)),
                expected: format!("it must be {}: {why}", range(least, most)),
            });
        }
    }
}

/// How long a start and a stop may take, and a secret that was changed to be seen.
fn starts_and_stops(config: &Config) -> [DurationBound; 4] {
    [
        (
            "server.drain",
            config.server.drain,
            Duration::ZERO,
            MINUTE * 5,
            "a proxy finds out within seconds that this process takes no more",
        ),
        (
            "server.finish",
            config.server.finish,
            SECOND * 4,
            MINUTE * 5,
            "mail on its way has three seconds too, and one request that hangs is not waited for for ever",
        ),
        (
            "startup.wait",
            config.startup.wait,
            Duration::ZERO,
            HOUR,
            "a database that is not there after an hour does not come by waiting",
        ),
        (
            "secrets.refresh",
            config.secrets.refresh,
            SECOND * 10,
            DAY,
            "managers count what they are asked, and whoever takes a secret back wants it to be heard of",
        ),
    ]
}

/// What hashing says of itself, by the names of the configuration.
fn hashing((setting, found, expected): HashingViolation) -> Violation {
    let setting = match setting {
        "memory_kib" => "password.hashing.memory_kib",
        "iterations" => "password.hashing.iterations",
        "parallelism" => "password.hashing.parallelism",
        "output_length" => "password.hashing.output_length",
        "max_parallel" => "password.hashing.max_parallel",
        "max_memory_kib" => "password.hashing.max_memory_kib",
        "longest_wait" => "password.hashing.longest_wait",
        _ => "password.hashing",
    };
    Violation { setting, found: Some(found), expected }
}

fn range(least: Duration, most: Duration) -> String {
    match most {
        EVER => format!("{} or more", shown(least)),
        _ => format!("{} to {}", shown(least), shown(most)),
    }
}

/// A duration as the configuration writes it.
fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    match units.iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length)) {
        Some((unit, length)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}
