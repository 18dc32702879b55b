//! The stack as it is found: looked at before anything is done, and asked while it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::admin::{self, AskStatus, NoteDeploy};
use auth_service::config::Sources;

use super::daemon::{Daemon, Image, Seen, metrics_at};
use super::environment::Environment;
use super::interruption::Interruption;
use super::journal::{Lock, Outcome, Past};
use super::plan::{Plan, Turn};
use super::preflight::{Composition, Ending, refusals};
use super::rolling::EVERY;
use super::scrape::counted;
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
    pub(super) async fn look(folder: &Path, lock: Option<&Lock>) -> Result<Self, Failure> {
        let compose = Compose::of(folder);
        let compose = match lock {
            Some(lock) => compose.holding(lock.file()),
            None => compose,
        };
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
            turn.from_image = self.running(turn).await?;
        }
        Ok(plan)
    }

    /// What the slots that serve really run: what a tag in `.env` means by now may be another image.
    async fn running(&self, turn: &Turn) -> Result<String, Failure> {
        for slot in turn.old_slots() {
            let Some(id) = self.daemon.image_of(&slot).await? else { continue };
            let Some(image) = self.daemon.image(&id).await? else { continue };
            return self.daemon.pin(turn.service, &turn.from_image, &image).await;
        }
        // None is there, so that nothing but the name is known.
        Ok(turn.from_image.clone())
    }

    async fn fetch(
        &self,
        turn: &Turn,
        interruption: &Interruption,
        teller: &mut Teller,
    ) -> Result<String, Failure> {
        let reference = &turn.to_image;
        let here = self.daemon.image(reference).await?;
        // A tag of a registry may have moved since it was fetched.
        if here.is_none() || may_have_moved(reference) {
            let event = serde_json::json!({ "service": turn.service, "image": reference });
            teller.event("fetch", event, format_args!("  fetching {reference} …"));
            let pull = ["pull", "--quiet", reference];
            let pulled = interruption.during(docker(&self.folder, &pull, FETCH)).await?;
            match pulled.and_then(Ended::well) {
                Ok(_) => {}
                Err(why) if here.is_some() => teller.warns(format_args!(
                    "{reference} cannot be fetched ({why}): the one that is on this host is deployed"
                )),
                Err(why) => {
                    return Err(format!(
                        "{reference} is not on this host and cannot be fetched: {why}; nothing was changed"
                    )
                    .into());
                }
            }
        }
        let image = self.fits(reference).await?;
        self.daemon.pin(turn.service, reference, &image).await
    }

    /// An image on this host that is for its processor.
    pub(super) async fn fits(&self, reference: &str) -> Result<Image, Failure> {
        let image = self.daemon.image(reference).await?;
        let image = image.ok_or_else(|| format!("{reference} is not on this host; nothing was changed"))?;
        let about = self.daemon.about().await?;
        if image.architecture != about.architecture {
            return Err(format!(
                "{reference} is for {}, and this host is {}: name an image for it; nothing was changed",
                image.architecture, about.architecture
            )
            .into());
        }
        Ok(image)
    }

    /// Refuses, with every reason. What is to serve meanwhile has to, but for whoever mends what does not (`must_serve`).
    pub(super) async fn can_be_rolled(&self, plan: &Plan, must_serve: bool) -> Result<(), Failure> {
        let mut reasons = match self.caddyfile() {
            Ok(caddyfile) => refusals(plan, &self.composition, &caddyfile, |slot| self.ending(slot)),
            Err(why) => vec![why],
        };
        reasons.extend(self.too_full().await?);
        for turn in plan.turns.iter().filter(|_| must_serve) {
            for slot in turn.old_slots() {
                reasons.extend(self.does_not_serve(turn.service, &slot).await?);
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

    /// Why a slot that is to serve meanwhile does not, or cannot be watched.
    async fn does_not_serve(&self, service: Service, slot: &str) -> Result<Option<String>, Failure> {
        let address = match self.daemon.slot(slot).await? {
            Seen::Healthy { address: Some(address) } => address,
            Seen::Healthy { address: None } => {
                return Ok(Some(format!("Docker does not say where {slot} is reached")));
            }
            other => {
                return Ok(Some(format!(
                    "{slot}, which is to serve meanwhile, {}; --no-probe goes on all the same",
                    other.told()
                )));
            }
        };
        let counted = counted(metrics_at(service, address)).await;
        Ok(counted.err().map(|why| {
            format!(
                "{slot} cannot be watched from this host: {why}. Containers have to be reached by their addresses, which a rootless Docker \
                 does not allow, and the daemon has to be the one of DOCKER_HOST"
            )
        }))
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

    /// The release of the servers that serve.
    pub(super) async fn running_release(&self) -> Result<i64, Failure> {
        let socket = self.order_socket().await?;
        let status = tokio::time::timeout(ORDER, admin::call(&socket, &AskStatus {})).await;
        let status =
            status.map_err(|_| format!("{} says nothing for {} s", socket.display(), ORDER.as_secs()))??;
        // One that is older tells it of its tables alone.
        let of_tables = || status.contents.as_ref()?.schema.as_ref().map(|schema| schema.release);
        let unknown = || -> Failure {
            let why = status.contents_error.as_deref().unwrap_or("it does not say why");
            format!("{} does not say of which release it is: {why}", socket.display()).into()
        };
        status.release.or_else(of_tables).ok_or_else(unknown)
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

/// Whether a name of an image is one of a registry, by a tag: with a host in it, and without a digest.
fn may_have_moved(reference: &str) -> bool {
    let host = reference.split_once('/').map(|(host, _)| host);
    host.is_some_and(|host| host.contains(['.', ':']) || host == "localhost") && !reference.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_a_registry_may_have_moved_and_nothing_else() {
        for (reference, moves) in [
            ("registry.example.com/auth-service:1.2", true),
            ("localhost/auth-service", true),
            ("127.0.0.1:5000/auth-service:1", true),
            ("registry.example.com/auth-service@sha256:0f", false),
            ("keyward/auth-service:1.2", false),
            ("auth-service:1.2", false),
        ] {
            assert_eq!(may_have_moved(reference), moves, "{reference}");
        }
    }
}
