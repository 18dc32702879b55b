//! The stack as it is found: looked at before anything is done, and asked while it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::admin::{self, AskStatus, NoteDeploy};
use auth_service::config::Sources;

use super::daemon::{Daemon, Seen};
use super::environment::Environment;
use super::interruption::Interruption;
use super::journal::{Outcome, Past};
use super::plan::{Plan, Turn};
use super::preflight::{Composition, Ending, refusals};
use super::rolling::EVERY;
use super::teller::Teller;
use crate::Failure;
use crate::compose::{Compose, Ended, docker};
use crate::stack::Service;

/// Nothing that is asked of Docker beforehand takes longer.
const LOOKING: Duration = Duration::from_secs(30);
/// A large image over a slow line.
const FETCH: Duration = Duration::from_mins(30);
/// So much has to be free where Docker keeps containers.
const FREE: u64 = 512 * 1024 * 1024;
/// A server that does not answer the operator by then is told to be silent.
const ORDER: Duration = Duration::from_secs(5);
/// So many deploys back the images are kept.
const KEPT: usize = 3;

/// A stack in a folder.
pub(super) struct Stack {
    pub(super) folder: PathBuf,
    pub(super) compose: Compose,
    pub(super) composition: Composition,
    pub(super) daemon: Daemon,
}

impl Stack {
    pub(super) async fn look(folder: &Path) -> Result<Self, Failure> {
        let compose = Compose::of(folder);
        let config = [&EVERY[..], &["config", "--format", "json"]].concat();
        let text = compose.run(&config, LOOKING).await;
        let text = text.map_err(|why| format!("the stack in {} cannot be read: {why}", folder.display()))?;
        let composition: Composition = serde_json::from_str(&text)
            .map_err(|error| format!("what `docker compose config` says is not understood: {error}"))?;
        let daemon = Daemon::reach(&composition.name).await?;
        Ok(Self { folder: folder.to_owned(), compose, composition, daemon })
    }

    /// The same plan with images that are on this host, each named by its content.
    pub(super) async fn fetched(
        &self,
        mut plan: Plan,
        interruption: &Interruption,
        teller: &mut Teller,
    ) -> Result<Plan, Failure> {
        for turn in &mut plan.turns {
            turn.to_image = self.fetch(turn, interruption, teller).await?;
        }
        Ok(plan)
    }

    async fn fetch(
        &self,
        turn: &Turn,
        interruption: &Interruption,
        teller: &mut Teller,
    ) -> Result<String, Failure> {
        let reference = &turn.to_image;
        let mut image = self.daemon.image(reference).await?;
        if image.is_none() {
            let event = serde_json::json!({ "service": turn.service, "image": reference });
            teller.event("fetch", event, format_args!("  fetching {reference} …"));
            let pull = ["pull", "--quiet", reference];
            let pulled = interruption.during(docker(&self.folder, &pull, &[], FETCH)).await?;
            let pulled = pulled.and_then(Ended::well);
            pulled.map_err(|why| {
                format!("{reference} is not on this host and cannot be fetched: {why}; nothing was changed")
            })?;
            image = self.daemon.image(reference).await?;
        }
        let image = image.ok_or_else(|| format!("{reference} was fetched and is not there"))?;
        let about = self.daemon.about().await?;
        if image.architecture != about.architecture {
            return Err(format!(
                "{reference} is for {}, and this host is {}: name an image for it; nothing was changed",
                image.architecture, about.architecture
            )
            .into());
        }
        self.daemon.pin(turn.service, reference, &image).await
    }

    /// Refuses, with every reason. What is to serve meanwhile has to, but for whoever mends what does not (`must_serve`).
    pub(super) async fn can_be_rolled(&self, plan: &Plan, must_serve: bool) -> Result<(), Failure> {
        let mut reasons = match self.caddyfile() {
            Ok(caddyfile) => refusals(plan, &self.composition, &caddyfile, |slot| self.ending(slot)),
            Err(why) => vec![why],
        };
        reasons.extend(self.too_full().await?);
        for slot in plan.old_slots().iter().filter(|_| must_serve) {
            match self.daemon.slot(slot).await? {
                Seen::Healthy { .. } => {}
                other => reasons.push(format!(
                    "{slot}, which is to serve meanwhile, {}; --no-probe goes on all the same",
                    other.told()
                )),
            }
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let reasons: Vec<_> = reasons.iter().map(|reason| format!("\n  - {reason}")).collect();
        Err(format!(
            "this stack cannot be rolled without losing requests, and nothing was changed:{}",
            reasons.concat()
        )
        .into())
    }

    /// As the proxy has it.
    fn caddyfile(&self) -> Result<String, String> {
        let folder = self.composition.on_host("caddy", "/etc/caddy");
        let folder = folder.ok_or("compose.yml has no service caddy with a folder at /etc/caddy")?;
        let path = folder.join("Caddyfile");
        fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    }

    /// How long a slot takes to end, by its own configuration.
    fn ending(&self, slot: &str) -> Result<Ending, String> {
        if Service::ALL
            .into_iter()
            .any(|service| service == Service::AppService && slot.starts_with(service.name()))
        {
            let seconds = |name: &str, usual: u64| -> Result<Duration, String> {
                let said = self.composition.variable(slot, name).map(str::parse).transpose();
                let said = said.map_err(|_| format!("{name} is no number of seconds"))?;
                Ok(Duration::from_secs(said.unwrap_or(usual)))
            };
            return Ok(Ending {
                drain: seconds("DRAIN_SECONDS", 4)?,
                finish: seconds("FINISH_SECONDS", 15)?,
            });
        }
        let folder = self.composition.on_host(slot, "/etc/keyward");
        let path = folder.ok_or("it has no folder at /etc/keyward")?.join("keyward.toml");
        let environment = self.composition.services.get(slot).map(|found| &found.environment);
        let variables: Vec<(&str, &str)> = environment
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
            .collect();
        let sources = Sources::of_file(&path).map_err(|error| error.to_string())?;
        let config = sources.with_environment(&variables).read().into_config();
        let server = config.map_err(|error| error.to_string())?.server;
        Ok(Ending { drain: server.drain, finish: server.finish })
    }

    /// Containers need room.
    async fn too_full(&self) -> Result<Option<String>, Failure> {
        let Some(root) = self.daemon.about().await?.root else { return Ok(None) };
        // Where the daemon is elsewhere there is no such folder here.
        let Ok(place) = rustix::fs::statvfs(&root) else { return Ok(None) };
        let free = place.f_bavail.saturating_mul(place.f_frsize);
        Ok((free < FREE).then(|| {
            format!(
                "{} has {} MiB free, and two colours at once need {} MiB: `docker image prune` makes room",
                root.display(),
                free >> 20,
                FREE >> 20
            )
        }))
    }

    /// A socket of a server that serves.
    pub(super) async fn order_socket(&self) -> Result<PathBuf, Failure> {
        let environment = Environment::read(&self.folder)?;
        let mut why = "no colour of auth-service lives".to_owned();
        for (_, colour) in
            environment.stack().live.iter().filter(|(service, _)| *service == Service::AuthService)
        {
            for slot in Service::AuthService.slots(*colour) {
                let Some(run) = self.composition.on_host(&slot, "/run/keyward") else { continue };
                let socket = run.join(format!("{slot}.sock"));
                match tokio::net::UnixStream::connect(&socket).await {
                    Ok(_) => return Ok(socket),
                    Err(error) => why = format!("{}: {error}", socket.display()),
                }
            }
        }
        Err(format!("no server takes orders ({why})").into())
    }

    /// The release of the servers that serve, if they tell.
    pub(super) async fn running_release(&self) -> Result<Option<i64>, Failure> {
        let socket = self.order_socket().await?;
        let status = tokio::time::timeout(ORDER, admin::call(&socket, &AskStatus {})).await;
        let status =
            status.map_err(|_| format!("{} says nothing for {} s", socket.display(), ORDER.as_secs()))??;
        Ok(status.contents.and_then(|contents| contents.schema).map(|schema| schema.release))
    }

    /// Writes it into the audit trail, by a server that serves.
    pub(super) async fn note(&self, deed: &NoteDeploy) -> Result<(), Failure> {
        let socket = self.order_socket().await?;
        let noted = tokio::time::timeout(ORDER, admin::call(&socket, deed)).await;
        let noted =
            noted.map_err(|_| format!("{} says nothing for {} s", socket.display(), ORDER.as_secs()))?;
        noted.map_err(|error| format!("it does not stand in the audit trail: {error}"))?;
        Ok(())
    }

    /// Lets go of images that no way back leads to any more.
    pub(super) async fn forget_all_but_the_last(&self, history: &[Past]) -> Result<(), Failure> {
        let done = history.iter().rev().filter(|past| past.outcome == Outcome::Done).take(KEPT);
        let turns = done.flat_map(|past| &past.plan.turns);
        let mut kept: Vec<String> =
            turns.flat_map(|turn| [turn.from_image.clone(), turn.to_image.clone()]).collect();
        let environment = Environment::read(&self.folder)?;
        for service in Service::ALL {
            for colour in crate::stack::Colour::ALL {
                kept.extend(environment.value(&service.image_variable(colour)));
            }
        }
        kept.extend(environment.value("MIGRATE_IMAGE"));
        self.daemon.forget_all_but(&kept).await
    }
}
