//! `auth-service healthcheck`: asks the server that runs on the same configuration, for images that have no shell and no curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use auth_service::config::ConfigError;
use clap::{Args, ValueEnum};

use super::{Configuration, Failure};

/// Ask the server here how it is: exit code 0 if it is well, 1 if not.
#[derive(Args)]
pub(crate) struct HealthCheck {
    #[command(flatten)]
    configuration: Configuration,
    /// What to ask.
    #[arg(long, value_enum, default_value = "ready")]
    probe: Probe,
    /// How long to wait for the answer, in seconds.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Probe {
    /// Whether its process lives.
    Live,
    /// Whether it has started.
    Started,
    /// Whether it is to be sent requests.
    Ready,
}

impl HealthCheck {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let path = match self.probe {
            Probe::Live => "/livez",
            Probe::Started => "/startupz",
            Probe::Ready => "/readyz",
        };
        let address = self.address()?;
        let (status, body) = ask(address, path, Duration::from_secs(self.timeout))
            .map_err(|error| format!("nobody answers at http://{address}{path}: {error}"))?;
        println!("{}", body.trim_end());
        Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The server's own loopback, where it listens on every address.
    fn address(&self) -> Result<SocketAddr, ConfigError> {
        let reading = self.configuration.sources()?.read();
        let mut address = match reading.internal_listen() {
            Some(address) => address,
            None => reading.into_config()?.internal.listen,
        };
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Ok(address)
    }
}

/// One request, by hand: it is a line, and a client for it would be most of this program.
fn ask(address: SocketAddr, path: &str, timeout: Duration) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    // No answer of ours comes near it.
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match status {
        Some(status) => Ok((status, body.to_owned())),
        None => Err(std::io::Error::other("what came is no answer of HTTP")),
    }
}
