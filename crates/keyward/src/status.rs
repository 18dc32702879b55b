//! `keyward status`: one screen of the whole stack.

use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::admin::{self, AskStatus, ContentsShown, ModeShown, SchemaShown, StatusShown};
use auth_service::health::Phase;
use clap::Args;
use serde_json::{Value, json};

use crate::containers::{self, Container};
use crate::deploy::{Journal, UnderWay, broken_off};
use crate::installation::{Installation, moment};
use crate::stack::Stack;
use crate::{Failure, say, sealed};

/// See how the whole stack is, at one look: each server, the database, mail, keys; in the folder of a stack, each container too.
#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    installation: Installation,
    /// Print JSON, one object a server, and then one a container.
    #[arg(long)]
    json: bool,
}

/// A server that does not answer by then is told to be silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that was asked, and what it said.
struct Asked {
    socket: PathBuf,
    said: Result<StatusShown, String>,
}

impl Status {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let (place, sockets) = self.installation.sockets()?;
        let stack_here = self.installation.stack()?;
        let asking: Vec<_> = sockets.into_iter().map(|socket| tokio::spawn(ask(socket))).collect();
        let mut asked = Vec::with_capacity(asking.len());
        for one in asking {
            asked.push(one.await?);
        }
        if let Some(stack_here) = &stack_here {
            add_missing(&mut asked, stack_here, &place);
            for profile in &stack_here.unknown {
                eprintln!(
                    "keyward: COMPOSE_PROFILES in .env names {profile}, and no slot of compose.yml is of it"
                );
            }
        }
        let unfinished = match &stack_here {
            Some(_) => Journal::of(Path::new(".")).under_way(),
            None => Ok(None),
        };
        let containers = match &stack_here {
            Some(_) => Some(containers::of(Path::new(".")).await),
            None => None,
        };
        if let Some(Err(why)) = &containers
            && self.json
        {
            eprintln!("keyward: the containers were not asked for: {why}");
        }
        let answers: Vec<_> = asked.iter().filter_map(|one| one.said.as_ref().ok()).collect();
        if self.json {
            for one in &asked {
                say(in_json(one));
            }
            for one in containers.iter().flatten().flatten() {
                say(one.in_json());
            }
        } else if !answers.is_empty() {
            for one in &asked {
                say(server(one));
            }
            // They share a database: whoever could look at it tells of it.
            let whole = answers.iter().find_map(|status| Some((*status, status.contents.as_ref()?)));
            if let Some((status, contents)) = whole {
                stack(status, contents);
            } else {
                let error = answers.iter().find_map(|status| status.contents_error.as_deref());
                say(format_args!("\nDatabase    {}", error.unwrap_or("it was not looked at")));
            }
        }
        if self.json {
            if let Some(stack_here) = &stack_here {
                say(colours_in_json(stack_here, &unfinished));
            }
        } else {
            if let Some(stack_here) = stack_here.as_ref().filter(|_| !answers.is_empty()) {
                colours(stack_here, &unfinished);
            }
            containers.iter().for_each(tell);
        }
        if answers.is_empty() {
            return Err(nobody(&place, &asked, stack_here.is_some()).into());
        }
        if let Some(stack) = stack_here {
            all_serve(&stack, &asked)?;
        }
        all_are_well(&containers.and_then(Result::ok).unwrap_or_default())
    }
}

/// A slot that is to live and has no socket is told as well: it may be one that ends again and again as it starts.
fn add_missing(asked: &mut Vec<Asked>, stack: &Stack, place: &Path) {
    for slot in &stack.slots {
        if asked.iter().any(|one| name(&one.socket) == *slot) {
            continue;
        }
        let why = format!("no socket: not started, or it cannot start; docker compose logs {slot}");
        asked.push(Asked { socket: place.join(format!("{slot}.sock")), said: Err(why) });
    }
    asked.sort_by(|one, other| one.socket.cmp(&other.socket));
}

/// Whatever else there is, the slots of the colours that are to live have answered.
fn all_serve(stack: &Stack, asked: &[Asked]) -> Result<(), Failure> {
    if stack.slots.is_empty() {
        return Err("COMPOSE_PROFILES in .env names no colour of auth-service, so that the next \
                    `docker compose up -d` starts none: write auth-service-blue or auth-service-green there"
            .into());
    }
    let silent = asked.iter().filter(|one| one.said.is_err()).map(|one| name(&one.socket));
    let silent: Vec<_> = silent.filter(|name| stack.slots.contains(name)).collect();
    if silent.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} of {} slots that are to live (COMPOSE_PROFILES in .env) do not answer: {}. `docker compose ps` and `docker compose logs SLOT` say why",
        silent.len(),
        stack.slots.len(),
        silent.join(", ")
    )
    .into())
}

type Unfinished = Result<Option<UnderWay>, Failure>;

/// Which colours are to live, and whether a deploy is between two.
fn colours(stack: &Stack, unfinished: &Unfinished) {
    let live = stack.live.iter().map(|(service, colour)| format!("{service} {colour}"));
    say(format_args!("\nColours     {}", live.collect::<Vec<_>>().join(", ")));
    // Where whoever deploys is another user, they alone know.
    if let Ok(Some(under_way)) = unfinished {
        say(format_args!("{:<10}  {}", "", broken_off(under_way)));
    }
}

fn colours_in_json(stack: &Stack, unfinished: &Unfinished) -> Value {
    let live = stack.live.iter().map(|(service, colour)| (service.name().to_owned(), json!(colour)));
    let live: serde_json::Map<String, Value> = live.collect();
    json!({ "colours": live, "deploy_under_way": unfinished.as_ref().ok().and_then(Option::as_ref) })
}

/// Whatever else takes no orders: the proxy, the database, Redis, the app.
fn tell(containers: &Result<Vec<Container>, String>) {
    match containers {
        Err(why) => say(format_args!("\nContainers  not asked for: {why}")),
        Ok(containers) if containers.is_empty() => {}
        Ok(containers) => {
            let (well, unwell): (Vec<_>, Vec<_>) = containers.iter().partition(|one| one.is_well());
            let well: Vec<_> = well.iter().map(|one| one.service.as_str()).collect();
            say(format_args!(
                "\nContainers  {} of {} are well: {}",
                well.len(),
                containers.len(),
                well.join(", ")
            ));
            for one in unwell {
                let service = &one.service;
                say(format_args!("{:<10}  {service}: {}; docker compose logs {service}", "", one.how()));
            }
        }
    }
}

fn all_are_well(containers: &[Container]) -> Result<(), Failure> {
    let unwell: Vec<_> = containers.iter().filter(|one| !one.is_well()).collect();
    if unwell.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = unwell.iter().map(|one| format!("{} ({})", one.service, one.how())).collect();
    Err(format!(
        "{} of {} containers that are to run do not, or are not healthy: {}. `docker compose logs NAME` says why; \
         `docker compose up -d --wait` starts what is missing",
        unwell.len(),
        containers.len(),
        named.join(", ")
    )
    .into())
}

async fn ask(socket: PathBuf) -> Asked {
    let said = match tokio::time::timeout(PATIENCE, admin::call(&socket, &AskStatus {})).await {
        Ok(said) => said.map_err(|error| error.to_string()),
        Err(_) => {
            Err(format!("the server at {} says nothing for {} s", socket.display(), PATIENCE.as_secs()))
        }
    };
    Asked { socket, said }
}

fn nobody(place: &Path, asked: &[Asked], of_a_stack: bool) -> String {
    let mut why: Vec<_> = asked.iter().filter_map(|one| one.said.as_ref().err().cloned()).collect();
    if why.is_empty() {
        why.push(format!("no server has a socket in {}", place.display()));
    }
    if of_a_stack {
        return format!(
            "{}. Start them (`docker compose up -d --wait`), or name a socket, or the folder of several, with --socket. One that is still \
             starting has none yet: `docker compose exec SLOT /usr/bin/auth-service healthcheck --probe started` says what it waits for",
            why.join("; ")
        );
    }
    format!(
        "{}. Start one (`docker compose up -d --wait`, `auth-service serve`, or `keyward dev` where you develop), or name its socket, or the folder of several, with \
         --socket. One that is still starting has none yet: `auth-service healthcheck --probe started` says what it waits for",
        why.join("; ")
    )
}

/// The name of a slot is that of its socket.
pub(crate) fn name(socket: &Path) -> String {
    socket.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A line for a server, and one more for each thing that it misses.
fn server(Asked { socket, said }: &Asked) -> String {
    let name = name(socket);
    let status = match said {
        Ok(status) => status,
        Err(error) => return format!("{name:<22}  {error}"),
    };
    let build = match &status.revision {
        Some(revision) => format!("{} ({})", status.version, revision.get(..12).unwrap_or(revision)),
        None => status.version.clone(),
    };
    let hashing = status.hashing;
    let refused: u64 = status.refusals.values().sum();
    let by = status.refusals.iter().map(|(budget, count)| format!("{budget} {count}"));
    let by = by.collect::<Vec<_>>().join(", ");
    let by = if by.is_empty() { by } else { format!(" ({by})") };
    let mut lines = vec![format!(
        "{name:<22}  {build}  {} since {} ({})  hashing {} of {}, {} wait, {} turned away  limits refused {refused}{by}",
        phase(status.phase),
        seconds(status.since),
        span(status.at.saturating_sub(status.since)),
        hashing.running,
        hashing.threads,
        hashing.waiting,
        hashing.turned_away,
    )];
    for lost in &status.dependencies {
        if let Some(since) = lost.lost_since {
            let (name, error) = (&lost.name, lost.error.as_deref().unwrap_or_default());
            let away = span(status.at.saturating_sub(since));
            lines.push(format!("{:<22}  {name} is away since {} ({away}): {error}", "", seconds(since)));
        }
    }
    lines.extend(status.secrets.problems.iter().map(|problem| format!("{:<22}  secret {problem}", "")));
    lines.join("\n")
}

/// What all of them share.
fn stack(status: &StatusShown, contents: &ContentsShown) {
    let mode = match status.mode {
        ModeShown::Small => "small: SQLite and memory, one process",
        ModeShown::Full => "full: PostgreSQL and Redis, any number of processes",
    };
    say(format_args!("\nMode        {mode}"));
    for dependency in
        status.dependencies.iter().filter(|one| one.lost_since.is_none() && one.name != "database")
    {
        say(format_args!("{:<10}  there", capital(&dependency.name)));
    }
    #[expect(clippy::cast_precision_loss, reason = "it is a few seconds at the most")]
    let looked = contents.looked_for as f64 / 1e3;
    say(format_args!("Database    answered in {looked:.1} ms{}", schema(contents.schema.as_ref())));
    say(format_args!("Accounts    {}, with {} sessions", contents.users, contents.sessions));
    let failed = match contents.failed_mails {
        0 => "0 failed".to_owned(),
        some => format!("{some} failed (`keyward mail list` says why)"),
    };
    say(format_args!("Mail        {}; {failed}", waiting(contents.mails, contents.oldest_mail)));
    say(format_args!("Sign-outs   {} to be told to apps", contents.notices));
    let seen = span(i64::try_from(status.secrets.stale).unwrap_or_default() * 1_000_000);
    say(format_args!(
        "Secrets     {} in force, each seen within {seen} to be what is kept",
        status.secrets.count
    ));
    for (at, line) in status.sealed.iter().flat_map(sealed::lines).enumerate() {
        say(format_args!("{:<10}  {line}", if at == 0 { "Sealed" } else { "" }));
    }
    let unsealed = waiting(contents.unsealed, contents.oldest_unsealed);
    say(format_args!("Audit       {unsealed} to be sealed"));
    for (at, key) in contents.keys.iter().enumerate() {
        let label = if at == 0 { "Keys" } else { "" };
        let next = key.next.as_ref().map(|next| format!(", then {next}")).unwrap_or_default();
        let until = seconds(key.signs_until);
        say(format_args!("{label:<10}  {:<5}  {}  signs until {until}{next}", key.algorithm, key.kid));
    }
}

fn waiting(count: u64, oldest: u64) -> String {
    match count {
        0 => "0 wait".to_owned(),
        some => format!(
            "{some} wait, the oldest for {}",
            span(i64::try_from(oldest).unwrap_or_default() * 1_000_000)
        ),
    }
}

fn schema(schema: Option<&SchemaShown>) -> String {
    match schema {
        None => String::new(),
        Some(SchemaShown { release, detail: None, .. }) => format!(", its tables are of release {release}"),
        Some(SchemaShown { release, state, detail: Some(detail) }) => {
            format!(", its tables are {state} of release {release}: {detail}")
        }
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Migrating => "migrating",
        Phase::Ready => "ready",
        Phase::Draining => "draining",
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A moment to the second.
fn seconds(micros: i64) -> String {
    moment(micros.div_euclid(1_000_000) * 1_000_000)
}

/// How long that is, in the two largest units that say something.
pub(crate) fn span(micros: i64) -> String {
    let seconds = micros.max(0) / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

fn in_json(Asked { socket, said }: &Asked) -> Value {
    let status = match said {
        Ok(status) => status,
        Err(error) => return json!({ "socket": socket, "error": error }),
    };
    let dependencies = status.dependencies.iter().map(|one| {
        json!({
            "name": one.name, "lost_since": one.lost_since.map(moment), "error": one.error,
        })
    });
    let hashing = status.hashing;
    let mut told = json!({
        "socket": socket, "version": status.version, "revision": status.revision, "process": status.process,
        "mode": status.mode, "phase": status.phase, "since": moment(status.since), "at": moment(status.at),
        "dependencies": dependencies.collect::<Vec<_>>(),
        "hashing": {
            "threads": hashing.threads, "running": hashing.running, "waiting": hashing.waiting,
            "turned_away": hashing.turned_away,
        },
        "refusals": status.refusals,
        "secrets": {
            "count": status.secrets.count, "stale_seconds": status.secrets.stale, "problems": status.secrets.problems,
        },
        "sealed": status.sealed.as_ref().map(sealed::in_json),
        "database_error": status.contents_error,
    });
    if let Some(contents) = &status.contents {
        let schema = contents.schema.as_ref().map(
            |schema| json!({ "release": schema.release, "state": schema.state, "detail": schema.detail }),
        );
        let keys = contents.keys.iter().map(|key| {
            json!({
                "algorithm": key.algorithm, "kid": key.kid, "signs_until": moment(key.signs_until), "next": key.next,
            })
        });
        told["schema"] = schema.unwrap_or_default();
        told["users"] = contents.users.into();
        told["sessions"] = contents.sessions.into();
        told["outbox"] = json!({
            "waiting": contents.mails, "oldest_seconds": contents.oldest_mail, "failed": contents.failed_mails,
        });
        told["logout_notices"] = contents.notices.into();
        told["audit"] = json!({
            "unsealed": contents.unsealed, "oldest_seconds": contents.oldest_unsealed,
        });
        told["keys"] = keys.collect();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_by_what_is_large_of_it() {
        for (seconds, told) in
            [(-1, "0 s"), (59, "59 s"), (61, "1 min"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(seconds * 1_000_000), told);
        }
    }

    #[test]
    fn a_slot_that_misses_redis_says_so_below_its_line() {
        let status = json!({
            "version": "0.1.0", "revision": "0123456789abcdef", "process": 7, "mode": "full", "phase": "draining",
            "since": 0, "at": 61_000_000,
            "dependencies": [
                { "name": "database", "lost_since": null, "error": null },
                { "name": "redis", "lost_since": 1_000_000, "error": "connection refused" },
            ],
            "hashing": { "threads": 2, "running": 1, "waiting": 3, "turned_away": 4 },
            "refusals": { "network": 2 }, "contents": null, "contents_error": "it is away",
        });
        let said = Ok(serde_json::from_value(status).unwrap());
        let told = server(&Asked { socket: "/run/keyward/auth-service-blue-1.sock".into(), said });
        assert_eq!(
            told,
            "auth-service-blue-1     0.1.0 (0123456789ab)  draining since 1970-01-01T00:00:00Z (1 min)  hashing 1 of 2, \
             3 wait, 4 turned away  limits refused 2 (network 2)\n                        \
             redis is away since 1970-01-01T00:00:01Z (1 min): connection refused"
        );
    }
}
