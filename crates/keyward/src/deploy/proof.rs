//! Somebody who signs in, stays, and asks all the while, through the same door as everybody: what is lost is lost to them first.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::interruption::Interruption;
use super::looking::Stack;
use super::rolling::EVERY;
use super::teller::Teller;
use crate::Failure;
use crate::probe::{Canary, Load, Probe, Report, Site, Whose};

/// So long it asks before anything is done, to have something to compare with.
const BEFORE: Duration = Duration::from_secs(5);
/// And so long after the old colour is gone.
const AFTER: Duration = Duration::from_secs(2);
const LOOKING: Duration = Duration::from_secs(30);
/// Where Caddy keeps the certificate of its own authority.
const AUTHORITY: &str = "/data/caddy/pki/authorities/local/root.crt";

pub(super) struct Proof {
    canary: Canary,
    probe: Probe,
    authority: Option<PathBuf>,
}

impl Proof {
    /// Asks for a while, and refuses a stack that loses requests as it is.
    pub(super) async fn begin(
        stack: &Stack,
        interruption: &Interruption,
        rate: u32,
    ) -> Result<Self, Failure> {
        // Slots come and go meanwhile: whichever serves is asked.
        let sockets = stack.order_socket().await?;
        let (site, authority) = site(stack).await?;
        Canary::sweep(&sockets, Whose::Deploy).await?;
        let canary = Canary::make(&sockets, &site, Whose::Deploy).await?;
        // Beside one another as many as it takes, where some wait for an answer that is slow.
        let connections = (rate as usize / 20).max(Load::default().connections);
        let load = Load { rate, connections, ..Load::default() };
        let probe = match Probe::start(site, &canary, load).await {
            Ok(probe) => probe,
            Err(error) => {
                // Why it does not serve is what counts; what is left behind the next deploy removes.
                drop(canary.remove().await);
                return Err(
                    format!("the stack does not serve as it is, and nothing was changed: {error}").into()
                );
            }
        };
        let proof = Self { canary, probe, authority };
        proof.probe.enter("before");
        let waited = interruption.pause(BEFORE).await;
        let lost = proof.lost();
        if waited.is_err() || lost > 0 {
            let (said, _) = proof.ended().await;
            waited?;
            return Err(format!(
                "the stack loses requests as it is ({lost} of those of the probe), and nothing was changed: {said}; --no-probe \
                 asks nothing, and proves nothing"
            )
            .into());
        }
        proof.probe.enter("during");
        Ok(proof)
    }

    /// Requests that failed so far.
    pub(super) fn lost(&self) -> u64 {
        self.probe.figures().iter().map(|figures| figures.failed).sum()
    }

    /// What came of it.
    pub(super) async fn end(self, teller: &mut Teller) -> Report {
        tokio::time::sleep(AFTER).await;
        let (report, left) = self.ended().await;
        if let Err(why) = left {
            teller.warns(format_args!(
                "what the probe signed in with is left behind ({why}): the next deploy removes it"
            ));
        }
        report
    }

    /// And whether nothing is left of it.
    async fn ended(self) -> (Report, Result<(), Failure>) {
        let report = self.probe.end().await;
        let removed = self.canary.remove().await;
        let removed = removed.and_then(|()| match self.authority {
            Some(authority) => Ok(fs::remove_file(authority)?),
            None => Ok(()),
        });
        (report, removed)
    }
}

/// Where the stack is reached: at its public names, by the port that the proxy publishes on this host.
async fn site(stack: &Stack) -> Result<(Site, Option<PathBuf>), Failure> {
    let composition = &stack.composition;
    let named = |name: &str| -> Result<Url, Failure> {
        let domain = composition
            .variable("caddy", name)
            .ok_or_else(|| format!("compose.yml does not tell caddy {name}"))?;
        Ok(Url::parse(&format!("https://{domain}/"))?)
    };
    let ports = composition.services.get("caddy").map(|caddy| caddy.ports.as_slice()).unwrap_or_default();
    let door = ports.iter().find(|port| port.target == 443 && port.protocol.as_deref() != Some("udp"));
    let door = door
        .ok_or("compose.yml publishes no port 443 of caddy: --no-probe asks nothing, and proves nothing")?;
    let address: Option<IpAddr> = door.host_ip.as_deref().and_then(|address| address.parse().ok());
    let address = address.filter(|address| !address.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into());
    let port = door.published.as_deref().and_then(|port| port.parse().ok()).unwrap_or(443);
    let own = composition.variable("caddy", "TLS_MODE").is_some_and(|mode| mode.contains("local_certs"));
    let ca_file = if own { Some(authority(stack).await?) } else { None };
    let site = Site {
        auth: named("AUTH_DOMAIN")?,
        app: Some(named("APP_DOMAIN")?),
        connect_to: Some(SocketAddr::new(address, port)),
        ca_file: ca_file.clone(),
    };
    Ok((site, ca_file))
}

/// The certificate of the proxy's own authority, beside what deploys leave.
async fn authority(stack: &Stack) -> Result<PathBuf, Failure> {
    let exec = [&EVERY[..], &["exec", "-T", "caddy", "cat", AUTHORITY]].concat();
    let text = stack.compose.run(&exec, LOOKING).await;
    let text =
        text.map_err(|why| format!("the certificate of the proxy's own authority cannot be read: {why}"))?;
    let path = stack.folder.join("deploys").join("authority.crt");
    fs::write(&path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(path)
}
