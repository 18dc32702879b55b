//! `keyward dev`: sign-in and an example app in one process, for trying and for developing against.

use std::fs::DirBuilder;
use std::io::{ErrorKind, IsTerminal as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use auth_service::background::Transport;
use auth_service::config::{self, Config, Sources};
use auth_service::connections::{Connections, serve};
use auth_service::health::{Health, Phase};
use auth_service::mailbox::Mailbox;
use auth_service::server::{Secrets, Server, ServerError, Signals, system_clock};
use auth_service::stop::stop;
use clap::Args;
use secrets::sealing::load_or_create_key_file;
use secrets::{Keeper, SecretRef};
use store::ServerLock;
use tokio::net::{TcpListener, TcpSocket};
use tracing_subscriber::EnvFilter;
use url::Url;

use crate::installation::{DATA, DATABASE};
use crate::{Failure, say};

/// What is wrong, and each failure that was shown, by its support id: a developer is who makes them.
const LOGGED: &str = "warn,auth_service::http::failure=info";

/// The id of the example app, the file of its secret, and that of the key of its sessions.
const EXAMPLE_APP: &str = "example-app";
const APP_SECRET: &str = "example-app.secret";
const APP_SESSION_KEY: &str = "example-app.key";

/// Run sign-in and an example app on this machine.
///
/// Listens on loopback only. Mail is not sent: it is shown at /dev/mailbox. Accounts are kept under --data and survive a
/// restart; delete the folder to begin anew.
#[derive(Args, Default)]
pub(crate) struct Dev {
    /// The port of sign-in; 0 takes a free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The port of the example app; 0 takes a free one.
    #[arg(long, default_value_t = 8000)]
    app_port: u16,
    /// The folder that accounts and keys are kept in.
    #[arg(long, default_value = DATA, value_name = "DIR")]
    data: PathBuf,
    /// Settings in the form of keyward.toml: [accounts], [api], [limits], [password], [branding], [[clients]]. The rest is
    /// dev's own.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Open the example app in your browser.
    #[arg(long)]
    open: bool,
}

impl Dev {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let filter = EnvFilter::try_from_env("KEYWARD_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
        tracing_subscriber::fmt()
            .with_env_filter(auth_service::traces::unlogged(filter))
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .init();
        auth_service::panics::tell_by_place();
        let mut signals = Signals::catch()?;
        // Both ports before anything else, so that nothing is half started.
        let (sign_in, _kept) = listen("auth-service", self.port, "--port").await?;
        let (app, _kept_too) = listen("app-service", self.app_port, "--app-port").await?;
        let (sign_in_port, app_port) = (sign_in.local_addr()?.port(), app.local_addr()?.port());
        let auth_url = Url::parse(&format!("http://localhost:{sign_in_port}"))?;
        let key = |name: &str| load_or_create_key_file(&self.data.join(name));
        let mut app_settings = app_service::Settings {
            app_url: Url::parse(&format!("http://localhost:{app_port}"))?,
            issuer: format!("http://localhost:{sign_in_port}"),
            internal_auth_url: None,
            client_id: EXAMPLE_APP.to_owned(),
            client_secret: String::new().into(),
            session_key: String::new().into(),
        };
        // A mistake in it is told before anything is made.
        let config = self.settings(&auth_url, &app_settings)?;
        prepare(&self.data)?;
        check_keys(&self.data)?;
        let _alone = ServerLock::take(&self.data.join(DATABASE))?;
        app_settings.client_secret = key(APP_SECRET)?;
        app_settings.session_key = key(APP_SESSION_KEY)?;
        let secrets = Secrets {
            encryption: key("encryption.key")?,
            older_encryption: Vec::new(),
            audit: key("audit.key")?,
        };
        let mailbox = Transport::Mailbox(Mailbox::default());
        let health = Health::new(system_clock());
        let admin_socket = config.admin_socket();
        let mut server = Server::build(
            config,
            &secrets,
            &Keeper::local(),
            Some(mailbox),
            system_clock(),
            auth::Random::system(),
            &health,
        )
        .await?;
        if let Some(path) = &admin_socket {
            server.listen_to_operators(path, None)?;
        }
        let routes = app_service::router(&app_settings)?;
        let (stopper, stop) = stop();
        health.enter(Phase::Ready);
        greet(sign_in_port, app_port, &self.data);
        if self.open {
            open(&app_settings.app_url);
        }
        let quiet = stop.clone();
        let signal = tokio::spawn(async move {
            signals.next().await;
            say("\nStopping: letting requests in flight end.");
            stopper.stop();
            signals.end_at_the_next().await;
        });
        let serving_app = serve(routes, app, quiet, Connections::default());
        tokio::join!(server.serve(sign_in, stop), serving_app);
        signal.abort();
        say(format_args!("Stopped. Accounts are kept in {}.", self.data.display()));
        Ok(())
    }

    /// What `--config` says where it may, and dev's own for the rest.
    fn settings(&self, public_url: &Url, app: &app_service::Settings) -> Result<Config, Failure> {
        let mut table = toml::Table::new();
        let place = |name: &str| self.data.join(name).display().to_string();
        let absolute = std::path::absolute(&self.data)?;
        let key = |name: &str| toml::Value::from(format!("file:{}", absolute.join(name).display()));
        let mut section = |name: &str, pairs: Vec<(&str, toml::Value)>| {
            let values: toml::Table = pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            table.insert(name.to_owned(), values.into());
        };
        section("server", vec![("public_url", public_url.as_str().into())]);
        section("database", vec![("path", place(DATABASE).into())]);
        section("keys", vec![("encryption", key("encryption.key")), ("audit", key("audit.key"))]);
        let never_used = toml::Table::from_iter([
            ("kind".to_owned(), "smtp".into()),
            ("host".to_owned(), "localhost".into()),
        ]);
        section("mail", vec![("from", "keyward@localhost".into()), ("transport", never_used.into())]);
        let config::Egress { allowed_networks: networks, plain_http_hosts: names, .. } = egress();
        section("egress", vec![("allowed_networks", networks.into()), ("plain_http_hosts", names.into())]);
        // For whoever signs in by the hosted pages alone, without OpenID Connect.
        let places =
            [app.protected_url(), app.home_url()].map(|url| toml::Value::from(url.as_str())).to_vec();
        section("apps", vec![("return_to", places.into())]);
        let clients = vec![toml::Value::from(example_app(app, key(APP_SECRET)))];
        table.insert("clients".to_owned(), clients.into());
        let sources = match &self.config {
            Some(path) => Sources::of_file(path)?,
            None => Sources::default(),
        };
        Ok(sources.for_development(table).read().into_config()?)
    }
}

/// Apps on this machine may be told of sign-outs.
pub(crate) fn egress() -> config::Egress {
    let owned = |texts: &[&str]| texts.iter().copied().map(str::to_owned).collect();
    config::Egress {
        allowed_networks: owned(&["127.0.0.0/8", "::1/128"]),
        plain_http_hosts: owned(&["localhost", "127.0.0.1", "[::1]"]),
        root_certificate: None,
    }
}

/// What the example app is registered by.
fn example_app(app: &app_service::Settings, secret: toml::Value) -> toml::Table {
    let text = |text: &str| toml::Value::from(text);
    let one = |url: Url| toml::Value::Array(vec![toml::Value::from(url.as_str())]);
    toml::Table::from_iter([
        ("client_id".to_owned(), text(&app.client_id)),
        ("client_name".to_owned(), text("Example app")),
        ("redirect_uris".to_owned(), one(app.redirect_uri())),
        ("post_logout_redirect_uris".to_owned(), one(app.home_url())),
        ("backchannel_logout_uri".to_owned(), text(app.backchannel_logout_uri().as_str())),
        ("scope".to_owned(), text("openid profile email")),
        ("grant_types".to_owned(), vec![text("authorization_code"), text("refresh_token")].into()),
        ("first_party".to_owned(), true.into()),
        ("secret".to_owned(), secret),
    ])
}

/// Listens where `localhost` is in the old protocol, and keeps the port in the new one, where browsers ask first and we do not
/// answer: what another program had there would be shown in our place. The second goes with the listener.
async fn listen(
    what: &'static str,
    port: u16,
    flag: &str,
) -> Result<(TcpListener, Option<TcpSocket>), ServerError> {
    let taken = |address, error| ServerError::Listen {
        what,
        address,
        error,
        advice: format!("Stop what listens there, or choose another port: {flag} 0 takes a free one."),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| taken(address, error))?;
    let bound = listener.local_addr().map_err(|error| taken(address, error))?;
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port()));
    // A machine may have no such address: then nobody can be there.
    let Ok(socket) = TcpSocket::new_v6() else { return Ok((listener, None)) };
    match socket.bind(address) {
        Ok(()) => Ok((listener, Some(socket))),
        // Of free ports there are others.
        Err(error) if error.kind() == ErrorKind::AddrInUse && port == 0 => {
            Box::pin(listen(what, port, flag)).await
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(taken(address, error)),
        Err(_) => Ok((listener, None)),
    }
}

/// Makes the folder, for this user alone. One that is there must be ours, or empty: to close somebody's own folder to
/// everybody else is not what they asked for.
fn prepare(data: &Path) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| {
        format!(
            "the folder {} cannot be used: {error}. Name one that you may write to with --data",
            data.display()
        )
    };
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(wrong)?;
    if let Some(foreign) = foreign(data).map_err(wrong)? {
        return Err(format!(
            "the folder {} is not one of Keyward's: it holds {}, and no {DATABASE}. Keyward closes its folder to every \
             other user, so it takes none that has other uses: name one that is empty, or not there yet, with --data",
            data.display(),
            foreign.display(),
        )
        .into());
    }
    let metadata = std::fs::metadata(data).map_err(wrong)?;
    // What the administrator left there would be theirs, and its owner could start no more.
    let ourselves = std::fs::metadata("/proc/self").map_or(metadata.uid(), |own| own.uid());
    if metadata.uid() != ourselves {
        return Err(format!(
            "the folder {} belongs to another user (uid {}): run keyward as that user, or name a folder of your own with --data",
            data.display(),
            metadata.uid()
        )
        .into());
    }
    let mut permissions = metadata.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o700);
        std::fs::set_permissions(data, permissions).map_err(wrong)?;
    }
    Ok(())
}

/// Something in the folder that Keyward did not put there, unless its database is there too. Keys alone are what a first
/// start leaves that was cut short.
fn foreign(data: &Path) -> Result<Option<PathBuf>, std::io::Error> {
    if data.join(DATABASE).try_exists()? {
        return Ok(None);
    }
    let lock = format!("{DATABASE}.lock");
    let socket = format!("{DATABASE}.sock");
    let ours = ["encryption.key", "audit.key", APP_SECRET, APP_SESSION_KEY, lock.as_str(), socket.as_str()];
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name();
        if !ours.iter().any(|ours| name == *ours) {
            return Ok(Some(name.into()));
        }
    }
    Ok(None)
}

/// A new key beside data that another sealed would open nothing, and be taken for the right one afterwards.
fn check_keys(data: &Path) -> Result<(), Failure> {
    if !data.join(DATABASE).exists() {
        return Ok(());
    }
    for key in ["encryption.key", "audit.key"] {
        if !data.join(key).exists() {
            return Err(format!(
                "{key} is missing in {}: put it back, or begin anew with another folder (--data)",
                data.display()
            )
            .into());
        }
    }
    Ok(())
}

/// Where the keys of `keyward dev` are, for the verbs that read its data.
pub(crate) fn keys(data: &Path) -> Result<config::Keys, Failure> {
    let absolute = std::path::absolute(data)?;
    Ok(config::Keys {
        encryption: SecretRef::File(absolute.join("encryption.key")),
        older_encryption: Vec::new(),
        audit: SecretRef::File(absolute.join("audit.key")),
    })
}

fn greet(sign_in: u16, app: u16, data: &Path) {
    say(format_args!(
        "Keyward is running, for development, on this machine only.

  The example app  http://localhost:{app}
  Sign-in          http://localhost:{sign_in}
  Mail it wrote    http://localhost:{sign_in}/dev/mailbox
  The API          http://localhost:{sign_in}/docs

Try first: open the example app, press \"Sign in\", create an account, and read the
code that was mailed to you at /dev/mailbox. Accounts are kept in {}.

Ctrl-C stops.",
        data.display()
    ));
}

fn open(url: &Url) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    if let Err(error) = std::process::Command::new(opener).arg(url.as_str()).spawn() {
        eprintln!("keyward: no browser could be opened ({opener}: {error}): open {url} yourself.");
    }
}
