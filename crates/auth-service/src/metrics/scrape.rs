//! Looking at everything once.

use std::time::{Duration, Instant};

use auth::{Activity, Auth};

use super::durations::Histogram;
use super::exposition::Samples;
use super::families::{self as family, ALL, Family};
use crate::build;
use crate::health::{Dependency, Health, Phase};
use crate::server::Rotation;

/// A database that does not answer by then is told to be away: Prometheus itself waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the server is and does at this moment.
pub(super) async fn scrape(health: &Health) -> Samples {
    let mut samples = Samples::default();
    for family in ALL {
        samples.describe(*family);
    }
    let build = [build::VERSION, build::REVISION.unwrap_or("unknown")];
    samples.level(family::BUILD_INFO, &build, 1.0);
    for (phase, name) in [
        (Phase::Starting, "starting"),
        (Phase::Migrating, "migrating"),
        (Phase::Ready, "ready"),
        (Phase::Draining, "draining"),
    ] {
        samples.level(family::PHASE, &[name], one_if(health.phase() == phase));
    }
    for Dependency { name, lost } in health.dependencies() {
        samples.level(family::DEPENDENCY_UP, &[name], one_if(lost.is_none()));
        #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit")]
        let since = lost.map_or(0.0, |lost| lost.since.micros() as f64 / 1e6);
        samples.level(family::DEPENDENCY_LOST, &[name], since);
    }
    for secret in health.secrets().map(Rotation::tally).unwrap_or_default() {
        let setting = secret.setting;
        samples.level(family::SECRET_STALE, &[setting], secret.stale.as_secs_f64());
        samples.level(family::SECRET_WAITING, &[setting], one_if(secret.waits));
        samples.count(family::SECRET_CHANGES, &[setting, "taken"], secret.taken);
        samples.count(family::SECRET_CHANGES, &[setting, "refused"], secret.refused);
    }
    if let Some(left) = health.secrets().and_then(Rotation::secret_id_left) {
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century fit")]
        let left = left as f64;
        samples.level(family::SECRET_ID_EXPIRES, &[], left);
    }
    by_kind(&mut samples, family::TRACE_SPANS, &health.spans().read());
    if let Some(app) = health.app() {
        for answered in app.traffic.read() {
            let labels = [answered.method, &answered.route, answered.class];
            samples.durations(family::REQUESTS, &labels, answered.durations);
        }
        activity(&mut samples, &app.auth.activity());
        for (table, numbers) in app.auth.sealed_values() {
            for (key, number) in ["current", "older", "unknown"].into_iter().zip(numbers) {
                samples.level(family::SEALED_VALUES, &[table, key], long_level(number));
            }
        }
        backlog(&mut samples, &app.auth).await;
    }
    samples
}

fn activity(samples: &mut Samples, activity: &Activity) {
    let Activity {
        hashing,
        sessions_opened,
        tokens_issued,
        refusals,
        mails,
        database,
        statements,
        connections,
    } = activity;
    samples.count(family::DATABASE_STATEMENTS, &[*database], *statements);
    samples.level(family::DATABASE_CONNECTIONS_MAXIMUM, &[], level(connections.maximum));
    samples.level(family::DATABASE_CONNECTIONS, &["used"], level(connections.used));
    samples.level(family::DATABASE_CONNECTIONS, &["idle"], level(connections.idle));
    samples.level(family::DATABASE_CONNECTIONS_WAITING, &[], level(connections.waiting));
    samples.level(family::HASHING_THREADS, &[], level(hashing.permits));
    samples.level(family::HASHING_WAITING, &[], level(hashing.waiting));
    samples.level(family::HASHING_RUNNING, &[], level(hashing.running));
    samples.count(family::HASHING_TURNED_AWAY, &[], hashing.turned_away);
    samples.count(family::HASHING_GIVEN_UP, &[], hashing.given_up);
    samples.count(family::HASHING_DECOYS, &[], hashing.decoys);
    samples.count(family::HASHING_UNUSABLE, &[], hashing.unusable);
    samples.durations(family::HASHING_WAIT, &[], Histogram::of_hashing(&hashing.wait));
    samples.durations(family::HASHING_TIME, &[], Histogram::of_hashing(&hashing.time));
    by_kind(samples, family::SESSIONS_OPENED, sessions_opened);
    by_kind(samples, family::TOKENS_ISSUED, tokens_issued);
    by_kind(samples, family::REFUSALS, refusals);
    by_kind(samples, family::MAILS, mails);
}

fn by_kind(samples: &mut Samples, family: Family, counts: &[(&str, u64)]) {
    for (kind, count) in counts {
        samples.count(family, &[*kind], *count);
    }
}

async fn backlog(samples: &mut Samples, auth: &Auth) {
    let begun = now();
    let looked = tokio::time::timeout(PATIENCE, auth.backlog()).await;
    samples.level(family::DATABASE_LOOK, &[], begun.elapsed().as_secs_f64());
    let Ok(Ok(backlog)) = looked else {
        samples.level(family::DATABASE_UP, &[], 0.0);
        return;
    };
    samples.level(family::DATABASE_UP, &[], 1.0);
    samples.level(family::OUTBOX_WAITING, &[], long_level(backlog.mails));
    samples.level(family::OUTBOX_OLDEST, &[], backlog.oldest_mail.as_secs_f64());
    samples.level(family::NOTICES_WAITING, &[], long_level(backlog.notices));
    samples.level(family::AUDIT_UNSEALED, &[], long_level(backlog.unsealed));
    samples.level(family::AUDIT_LAG, &[], backlog.oldest_unsealed.as_secs_f64());
}

fn one_if(so: bool) -> f64 {
    if so { 1.0 } else { 0.0 }
}

fn level(count: usize) -> f64 {
    long_level(count as u64)
}

#[expect(clippy::cast_precision_loss, reason = "nothing that is counted here comes near to 2^53")]
fn long_level(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::disallowed_methods, reason = "it is how long a real database takes")]
fn now() -> Instant {
    Instant::now()
}
