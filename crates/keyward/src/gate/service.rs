//! `keyward deploy-service`: root's side of the gate. It asks the kernel who is at the other end, and believes nothing else that it is told.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::io::AsyncWrite;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::asking::{Answering, Asked, Told};
use super::child::{self, Ended};
use super::configuration::{CONFIGURATION, Configuration};
use super::fingerprint::Fingerprint;
use super::order::{Digest, Order};
use super::registry::Registry;
use super::release::Release;
use super::sequence::{Accepted, admits};
use super::signature;
use super::state::State;
use super::trail::{Allowance, note_refusal};
use super::{ACCOUNT, REFUSED, SOCKET};
use crate::accounts::Accounts;
use crate::{Failure, MISUSED};

/// What is told where another order is under way (`EX_TEMPFAIL` of sysexits.h).
const BUSY: u8 = 75;
/// What is told where an order is refused.
const REFUSAL: u8 = 1;
/// As many ask at once; who comes then is let go without an answer.
const MOST: usize = 16;

/// Do what a deploy key may ask for, as root: serve the socket that `keyward deploy-gate` asks at.
///
/// systemd starts it (`keyward-deploy.socket`, which `keyward host setup` installs). It reads /etc/keyward/deploy.toml anew for each order,
/// and runs one at a time.
#[derive(Args)]
pub(crate) struct DeployService {
    #[arg(skip)]
    handed_over: Option<StdUnixListener>,
}

impl DeployService {
    /// Takes the socket that systemd has made, if it has. Before there is a second thread.
    pub(crate) fn take_socket(&mut self) -> Result<(), Failure> {
        self.handed_over = service_manager::take_unix()?;
        Ok(())
    }

    pub(crate) async fn run(self) -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err("the deploy service is root's: it reads what is root's alone, and asks Docker".into());
        }
        // What is amiss is told as it starts; what changes later is read anew.
        Configuration::read(Path::new(CONFIGURATION))?;
        let listener = match self.handed_over {
            Some(listener) => UnixListener::from_std(listener)?,
            None => listen(Path::new(SOCKET))?,
        };
        let (stop, stops) = watch::channel(false);
        let service = Arc::new(Service {
            program: std::env::current_exe()?,
            stops,
            turn: Mutex::new(()),
            allowance: Mutex::new(Allowance::default()),
        });
        let (mut terminated, mut interrupted) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut orders = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = terminated.recv() => break,
                _ = interrupted.recv() => break,
                accepted = listener.accept() => accepted,
            };
            while orders.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) if orders.len() < MOST => {
                    let service = Arc::clone(&service);
                    orders.spawn(async move { service.serve(stream).await });
                }
                Ok(_) => log("too many ask at once, and one was let go"),
                Err(error) => log(&format!("nobody is taken just now: {error}")),
            }
        }
        drop(listener);
        // A deploy that is under way is told to end as well, and undoes what it began.
        stop.send_replace(true);
        while orders.join_next().await.is_some() {}
        Ok(())
    }
}

/// For whoever reads the journal.
fn log(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Where no service manager has made a socket: one that the account of the gate alone can reach, and root.
fn listen(path: &Path) -> Result<UnixListener, Failure> {
    let group = Accounts::of(Path::new("/")).account(ACCOUNT)?.group;
    let wrong = |error: std::io::Error| format!("{} cannot be made: {error}", path.display());
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(format!("another service listens at {}: stop that one first", path.display()).into());
    }
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(wrong)?;
    }
    if path.exists() {
        fs::remove_file(path).map_err(wrong)?;
    }
    let listener = UnixListener::bind(path).map_err(wrong)?;
    // Whoever slipped in before is refused by who they are.
    chown(path, Some(0), Some(group)).map_err(wrong)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(wrong)?;
    Ok(listener)
}

struct Service {
    /// This very program.
    program: PathBuf,
    /// Says when it is told to end.
    stops: watch::Receiver<bool>,
    /// Whoever holds it changes something; nobody else does meanwhile.
    turn: Mutex<()>,
    allowance: Mutex<Allowance>,
}

impl Service {
    async fn serve(&self, stream: UnixStream) {
        if let Err(who) = is_the_gate(&stream) {
            log(&format!("refused: {who}"));
            return;
        }
        let (reader, writer) = stream.into_split();
        let mut to = Answering::new(writer);
        let code = match Asked::read(reader).await {
            Ok(Asked { order: Some(order), key }) => self.answer(order, &key, &mut to).await,
            Ok(Asked { order: None, key }) => {
                self.refused("no order", "it is none of the three", &key).await;
                to.error(REFUSED).await;
                MISUSED
            }
            Err(why) => {
                log(&format!("refused: {why}"));
                to.error(REFUSED).await;
                MISUSED
            }
        };
        to.tell(&Told::Exit(code)).await;
    }

    async fn answer<W: AsyncWrite + Unpin>(
        &self,
        order: Order,
        key: &Fingerprint,
        to: &mut Answering<W>,
    ) -> u8 {
        let asked = order.to_string();
        let turn = if order == Order::Status { None } else { Some(self.turn.try_lock()) };
        if matches!(turn, Some(Err(_))) {
            log(&format!("{asked} by {key}: another order is under way"));
            to.error("keyward: another order is under way: try again when it has ended").await;
            return BUSY;
        }
        log(&format!("{asked} by {key} is begun"));
        let done = match order {
            Order::Deploy(digest) => self.deploy(&digest, key, to).await,
            Order::Rollback => self.rollback(key, to).await,
            Order::Status => self.status(to).await,
        };
        drop(turn);
        match done {
            Ok(code) => {
                log(&format!("{asked} by {key} has ended with {code}"));
                code
            }
            Err(why) => {
                self.refused(&asked, &why, key).await;
                to.error(format!("keyward: refused: {why}")).await;
                REFUSAL
            }
        }
    }

    /// What was let in, step by step; nothing was changed where this fails.
    async fn deploy<W: AsyncWrite + Unpin>(
        &self,
        digest: &Digest,
        key: &Fingerprint,
        to: &mut Answering<W>,
    ) -> Result<u8, String> {
        let configuration = Configuration::read(Path::new(CONFIGURATION))?;
        let state = State::of(&configuration.state);
        let highest = state.accepted()?;
        let fetched = Registry::of(&configuration)?.fetch(digest).await?;
        let signature = state.write_signature(&fetched.signature)?;
        let signer = signature::check(&configuration.signers, &fetched.release, &signature).await?;
        // From here on it is the word of somebody who counts.
        let release = Release::parse(&fetched.release, &configuration)?;
        admits(highest.as_ref(), release.sequence, digest)?;
        let path = state.write_release(&fetched.release)?;
        let accepted = Accepted {
            sequence: release.sequence,
            digest: digest.clone(),
            version: release.version.clone(),
            is_bad: false,
        };
        state.accept(&accepted)?;
        let event = json!({
            "event": "accepted",
            "version": release.version,
            "sequence": release.sequence,
            "migrations": release.migrations,
            "digest": digest,
            "signature": signer,
        });
        to.tell(&Told::Out(event.to_string())).await;
        let ended = self
            .keyward(&configuration, &["deploy", "--release", &path.display().to_string()], Some(key), to)
            .await?;
        if ended.was_undone {
            state.accept(&Accepted { is_bad: true, ..accepted })?;
        }
        Ok(ended.code)
    }

    async fn rollback<W: AsyncWrite + Unpin>(
        &self,
        key: &Fingerprint,
        to: &mut Answering<W>,
    ) -> Result<u8, String> {
        let configuration = Configuration::read(Path::new(CONFIGURATION))?;
        Ok(self.keyward(&configuration, &["rollback"], Some(key), to).await?.code)
    }

    async fn status<W: AsyncWrite + Unpin>(&self, to: &mut Answering<W>) -> Result<u8, String> {
        let configuration = Configuration::read(Path::new(CONFIGURATION))?;
        Ok(self.keyward(&configuration, &["status"], None, to).await?.code)
    }

    /// The command itself, in the folder of the stack.
    async fn keyward<W: AsyncWrite + Unpin>(
        &self,
        configuration: &Configuration,
        arguments: &[&str],
        on_behalf_of: Option<&Fingerprint>,
        to: &mut Answering<W>,
    ) -> Result<Ended, String> {
        let (folder, key) =
            (configuration.folder.display().to_string(), on_behalf_of.map(ToString::to_string));
        let mut arguments = [arguments, &["--json"]].concat();
        if let Some(key) = &key {
            arguments.extend(["--folder", folder.as_str(), "--on-behalf-of", key.as_str()]);
        }
        child::run(&self.program, &configuration.folder, &arguments, self.stops.clone(), to).await
    }

    async fn refused(&self, asked: &str, why: &str, key: &Fingerprint) {
        log(&format!("{asked} by {key} is refused: {why}"));
        if !self.allowance.lock().await.takes_one_more() {
            return;
        }
        let noted = match Configuration::read(Path::new(CONFIGURATION)) {
            Ok(configuration) => note_refusal(&configuration.folder, asked, why, key).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            log(&error);
        }
    }
}

/// Whether the account of the gate is at the other end, by the word of the kernel.
fn is_the_gate(stream: &UnixStream) -> Result<(), String> {
    let peer = stream.peer_cred().map_err(|error| format!("who asks is not known: {error}"))?;
    let account = Accounts::of(Path::new("/")).account(ACCOUNT)?;
    if peer.uid() == account.user {
        return Ok(());
    }
    Err(format!("user {} asks, and only {ACCOUNT} may (user {})", peer.uid(), account.user))
}
