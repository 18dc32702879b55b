//! What Docker knows of the stack: how each slot is, and what an image is. Compose acts; here it is looked on.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::{
    InspectContainerOptions, ListImagesOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder,
};

use crate::Failure;
use crate::stack::Service;

/// Images that have no name that stays are kept under this one: what a tag means may change, and what has none is tidied away.
const KEPT: &str = "keyward-kept";
/// So much of the name of an image's content tells it from any other.
const TELLING: usize = 12;

/// How a process ends that was sent `SIGKILL`, as a shell counts.
const KILLED: i64 = 128 + 9;

/// The network of the proxy and the services, as Compose ends its name.
const FRONT: &str = "_front";

pub(super) struct Daemon {
    docker: Docker,
    /// What Compose calls the stack.
    project: String,
}

/// How a slot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is no such container.
    None,
    /// It has not said yet that it is ready.
    Starting,
    Healthy {
        /// Where it is reached from this host.
        address: Option<IpAddr>,
    },
    /// It ran and is not ready.
    Unhealthy(String),
    /// It does not run.
    Ended {
        code: i64,
        /// By the kernel or by Docker, since it took too much memory or too long.
        was_killed: bool,
    },
}

impl Seen {
    /// How it is, after its name.
    pub(super) fn told(&self) -> String {
        match self {
            Self::None => "is not there".to_owned(),
            Self::Starting => "is not ready".to_owned(),
            Self::Healthy { .. } => "is ready".to_owned(),
            Self::Unhealthy(why) => format!("is not well: {why}"),
            Self::Ended { code, was_killed: true } => format!("was killed ({code})"),
            Self::Ended { code, .. } => format!("has ended ({code})"),
        }
    }
}

/// An image on this host.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// `sha256:` and the digest of its configuration.
    id: String,
    /// As a registry names its content: `name@sha256:…`.
    digests: Vec<String>,
    pub(super) architecture: String,
}

/// What the daemon says of itself.
pub(super) struct About {
    pub(super) architecture: String,
    pub(super) root: Option<PathBuf>,
}

impl Daemon {
    /// The one that `docker` asks (`DOCKER_HOST`).
    pub(super) async fn reach(project: &str) -> Result<Self, Failure> {
        let failed =
            |error: Error| format!("Docker does not answer: {error}; is it running, and may you ask it?");
        let docker = Docker::connect_with_defaults().map_err(failed)?;
        let docker = docker.negotiate_version().await.map_err(failed)?;
        Ok(Self { docker, project: project.to_owned() })
    }

    pub(super) async fn about(&self) -> Result<About, Failure> {
        let info = self.docker.info().await?;
        let architecture = match info.architecture.as_deref().unwrap_or_default() {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(About { architecture: architecture.to_owned(), root: info.docker_root_dir.map(PathBuf::from) })
    }

    /// How a slot is that was started just now: one that Docker had to start again is not well, whatever it is at this moment.
    pub(super) async fn new_slot(&self, slot: &str) -> Result<Seen, Failure> {
        self.look(slot, true).await
    }

    /// How a slot is.
    pub(super) async fn slot(&self, slot: &str) -> Result<Seen, Failure> {
        self.look(slot, false).await
    }

    async fn look(&self, slot: &str, is_new: bool) -> Result<Seen, Failure> {
        let name = format!("{}-{slot}-1", self.project);
        let found = match self.docker.inspect_container(&name, None::<InspectContainerOptions>).await {
            Ok(found) => found,
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(Seen::None),
            Err(error) => return Err(error.into()),
        };
        let state = found.state.unwrap_or_default();
        let health = state.health.unwrap_or_default();
        if !state.running.unwrap_or_default() {
            if state.status == Some(ContainerStateStatusEnum::CREATED) {
                return Ok(Seen::Starting);
            }
            let ended = state.exit_code.unwrap_or_default();
            let was_killed = ended == KILLED || state.oom_killed.unwrap_or_default();
            return Ok(Seen::Ended { code: ended, was_killed });
        }
        if let Some(again) = found.restart_count.filter(|count| is_new && *count > 0) {
            return Ok(Seen::Unhealthy(format!("it has ended and was started again {again} times")));
        }
        let networks = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let mut networks: Vec<_> = networks.into_iter().collect();
        networks.sort_by_key(|(name, _)| (!name.ends_with(FRONT), name.clone()));
        let addresses = networks.into_iter().filter_map(|(_, network)| network.ip_address?.parse().ok());
        Ok(match health.status {
            Some(HealthStatusEnum::HEALTHY) => Seen::Healthy { address: addresses.into_iter().next() },
            Some(HealthStatusEnum::UNHEALTHY) => {
                let said = health.log.and_then(|log| log.last()?.output.clone()).unwrap_or_default();
                let said = said.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
                Seen::Unhealthy(
                    said.unwrap_or_else(|| "its health check fails and does not say why".to_owned()),
                )
            }
            _ => Seen::Starting,
        })
    }

    /// The image that a slot's container was made of, by its content.
    pub(super) async fn image_of(&self, slot: &str) -> Result<Option<String>, Failure> {
        let name = format!("{}-{slot}-1", self.project);
        match self.docker.inspect_container(&name, None::<InspectContainerOptions>).await {
            Ok(found) => Ok(found.image),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// An image that is on this host.
    pub(super) async fn image(&self, reference: &str) -> Result<Option<Image>, Failure> {
        match self.docker.inspect_image(reference).await {
            Ok(found) => Ok(Some(Image {
                id: found.id.unwrap_or_default(),
                digests: found.repo_digests.unwrap_or_default(),
                architecture: found.architecture.unwrap_or_default(),
            })),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A name of an image that never means another one: by its digest where a registry has told it, else one of this host.
    pub(super) async fn pin(
        &self,
        service: Service,
        reference: &str,
        image: &Image,
    ) -> Result<String, Failure> {
        if let Some(digest) = image.digest_of(reference) {
            return Ok(digest.to_owned());
        }
        let tag = image.tag()?;
        let repository = format!("{}{service}", self.kept());
        let kept = TagImageOptionsBuilder::default().repo(&repository).tag(tag).build();
        self.docker.tag_image(&image.id, Some(kept)).await?;
        Ok(format!("{repository}:{tag}"))
    }

    /// What the names begin with that images are kept by: another stack of this host has others.
    fn kept(&self) -> String {
        format!("{KEPT}/{}/", self.project)
    }

    /// Lets go of images that were kept for a way back that nobody goes any more. What a container has stays.
    pub(super) async fn forget_all_but(&self, kept: &[String]) -> Result<(), Failure> {
        let of_ours = HashMap::from([("reference".to_owned(), vec![format!("{}*", self.kept())])]);
        let options = ListImagesOptionsBuilder::default().filters(&of_ours).build();
        for image in self.docker.list_images(Some(options)).await? {
            for name in image.repo_tags {
                if name.starts_with(&self.kept()) && !kept.contains(&name) {
                    // One that a container has is refused, and goes next time.
                    let _ = self.docker.remove_image(&name, None::<RemoveImageOptions>, None).await;
                }
            }
        }
        Ok(())
    }
}

impl Image {
    /// By the digest that the registry of this reference has told.
    fn digest_of(&self, reference: &str) -> Option<&str> {
        let repository = repository(reference);
        self.digests
            .iter()
            .map(String::as_str)
            .find(|digest| digest.split_once('@').is_some_and(|(name, _)| name == repository))
    }

    fn tag(&self) -> Result<&str, Failure> {
        let digest = self.id.split_once(':').map_or(self.id.as_str(), |(_, digest)| digest);
        digest.get(..TELLING).ok_or_else(|| "Docker does not say which image it is".into())
    }
}

/// A reference without its tag and its digest.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        // What follows the last colon may be the port of a registry.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// Where a slot tells its metrics, for this host.
pub(super) fn metrics_at(service: Service, address: IpAddr) -> SocketAddr {
    let port = match service {
        Service::AuthService => 3001,
        Service::AppService => 8001,
    };
    SocketAddr::new(address, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_its_digest_in_its_own_registry() {
        let image = Image {
            id: "sha256:0123456789abcdef".to_owned(),
            digests: vec![
                "other.example.com/auth@sha256:1".to_owned(),
                "registry.example.com:5000/auth@sha256:2".to_owned(),
            ],
            architecture: "amd64".to_owned(),
        };
        for (reference, digest) in [
            ("registry.example.com:5000/auth:1.2", Some("registry.example.com:5000/auth@sha256:2")),
            ("registry.example.com:5000/auth", Some("registry.example.com:5000/auth@sha256:2")),
            ("registry.example.com:5000/auth@sha256:2", Some("registry.example.com:5000/auth@sha256:2")),
            ("keyward/auth:1.2", None),
        ] {
            assert_eq!(image.digest_of(reference), digest, "{reference}");
        }
        assert_eq!(image.tag().unwrap(), "0123456789ab");
        assert!(Image { id: "sha256:0".to_owned(), ..image }.tag().is_err());
    }
}
