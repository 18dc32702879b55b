//! Whose sign-in is tried: accounts and an app that exist for this alone. They are made and removed by the operator's own orders, so
//! that the audit trail has each step; no mail is handed over for them, since nobody can have an address of theirs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auth::{Hasher, HasherSettings, Random};
use auth_service::admin::{
    self, ActOnUser, AddClient, CallError, ClientShown, HashingCount, ImportUsers, ImportedRow, ListClients,
    ListUsers, Operation, RemoveClient, ReportPasswords, UserAct,
};
use domain::Password;
use oidc::{Algorithm, Client, ClientAuthenticationMethod, GrantType, RedirectUri, ResponseMode, Scopes};
use secrets::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::site::Site;
use crate::Failure;
use crate::installation::sockets_in;

/// What their names begin with, by which a later command finds those that were left behind.
const PREFIX: &str = "canary-";
const OF_A_DEPLOY: &str = "canary-deploy-";
/// Nobody can have an address there (RFC 6761 section 6.4): the server hands over no mail to it.
const DOMAIN: &str = "@canary.invalid";
/// Where the app is answered. Nobody goes there.
pub(super) const REDIRECT_URI: &str = "https://canary.invalid/callback";
/// What it asks for.
pub(super) const SCOPE: &str = "openid profile email";
/// Accounts of a canary: acts on one take turns, so that one alone would measure its own queue.
pub(super) const ACCOUNTS: usize = 4;
/// Accounts that are listed at a time.
const PAGE: i64 = 100;

/// For whom one is made, and whose are swept away: a deploy leaves those of a probe alone, which may go on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    /// Whoever measures; to sweep, anybody.
    Probe,
    /// A deploy, of which there is one at a time.
    Deploy,
}

impl Whose {
    fn prefix(self) -> &'static str {
        match self {
            Self::Probe => "canary-probe-",
            Self::Deploy => OF_A_DEPLOY,
        }
    }
}

/// An account and an app that exist for this alone. [`remove`](Self::remove) it in the end, whatever comes between.
#[derive(Clone, Debug)]
pub(crate) struct Canary(pub(super) Arc<Known>);

/// What is known of a canary.
#[derive(Debug)]
pub(super) struct Known {
    /// The addresses of its accounts.
    pub(super) addresses: Vec<String>,
    pub(super) password: SecretString,
    pub(super) client_id: String,
    pub(super) orders: Orders,
}

impl Canary {
    /// Makes one, by the server at this socket, or by any of those whose sockets are in this folder.
    pub(crate) async fn make(socket: &Path, site: &Site, whose: Whose) -> Result<Self, Failure> {
        let random = Random::system();
        let mut name = random.opaque_id().simple().to_string();
        name.truncate(12);
        let prefix = whose.prefix();
        let known = Known {
            addresses: (1..=ACCOUNTS).map(|number| format!("{prefix}{name}-{number}{DOMAIN}")).collect(),
            password: format!("{}{}", random.opaque_id().simple(), random.opaque_id().simple()).into(),
            client_id: format!("{prefix}{name}"),
            orders: Orders(socket.to_owned()),
        };
        match known.put_in(site).await {
            Ok(()) => Ok(Self(Arc::new(known))),
            Err(error) => {
                // What there is of it goes again; why it was not made is what counts.
                drop(known.take_out().await);
                Err(format!("the canary could not be made: {error}").into())
            }
        }
    }

    /// Removes it, and all that hangs on it.
    pub(crate) async fn remove(self) -> Result<(), Failure> {
        self.0.take_out().await
    }

    /// Removes what canaries were left behind by a command that was killed, and says how many accounts and apps that were. One that is in
    /// use is not told from them.
    pub(crate) async fn sweep(socket: &Path, whose: Whose) -> Result<usize, Failure> {
        let orders = Orders(socket.to_owned());
        let (mut removed, mut after) = (0, String::new());
        let prefix = match whose {
            Whose::Probe => PREFIX,
            Whose::Deploy => OF_A_DEPLOY,
        };
        loop {
            let page = ListUsers { part: prefix.to_owned(), after: after.clone(), limit: PAGE };
            let page = orders.give(&page).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.address);
            for user in
                page.iter().filter(|user| user.address.starts_with(prefix) && is_address(&user.address))
            {
                orders.give(&deletion(&user.address)).await?;
                removed += 1;
            }
        }
        for app in orders
            .give(&ListClients {})
            .await?
            .iter()
            .filter(|app| app.client.client_id.starts_with(prefix) && is_app(app))
        {
            orders.give(&RemoveClient { id: app.client.client_id.clone() }).await?;
            removed += 1;
        }
        Ok(removed)
    }
}

impl Known {
    async fn put_in(&self, site: &Site) -> Result<(), Failure> {
        let hash = self.hash().await?;
        let row = |address: &String| {
            let text = |text: &str| Value::from(text);
            Map::from_iter([
                ("email".to_owned(), text(address)),
                ("name".to_owned(), text("Canary")),
                ("password_hash".to_owned(), text(&hash)),
            ])
        };
        let import = ImportUsers {
            rows: self.addresses.iter().map(row).collect(),
            proved: true,
            firebase: None,
            dry_run: false,
            batch: None,
            cut_short: None,
        };
        for row in self.orders.give(&import).await? {
            if let ImportedRow::Refused(why) = row {
                return Err(format!("its account is refused: {why}").into());
            }
        }
        self.orders.give(&AddClient { client: self.client(site)? }).await?;
        Ok(())
    }

    /// Everything is tried; the first that failed is told.
    async fn take_out(&self) -> Result<(), Failure> {
        let mut failed = None;
        let mut note = |done: Result<(), Failure>| failed = failed.take().or(done.err());
        note(self.orders.give(&RemoveClient { id: self.client_id.clone() }).await.map(drop));
        for address in &self.addresses {
            note(self.orders.give(&deletion(address)).await.map(drop));
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(format!(
                "the canary is still there, or some of it: {error}. `keyward probe --sweep` removes it ({}, and accounts at {DOMAIN})",
                self.client_id
            )
            .into()),
        }
    }

    /// Made as most hashes there are made, so that nobody else's failed sign-in has another kind to work at.
    async fn hash(&self) -> Result<String, Failure> {
        let settings = usual(&self.orders.give(&ReportPasswords {}).await?);
        let hasher = Hasher::new(&settings, 1, Random::system())?;
        Ok(hasher.hash(&Password::parse(self.password.expose_secret())?).await?)
    }

    /// A public one of the house's own: nobody is asked for consent, and a code or refresh token that is used twice is told.
    fn client(&self, site: &Site) -> Result<Client, Failure> {
        Ok(Client {
            client_id: self.client_id.clone(),
            client_name: format!("Canary at {}", site.auth.host_str().unwrap_or("this server")),
            redirect_uris: vec![RedirectUri::parse(REDIRECT_URI)?],
            token_endpoint_auth_method: ClientAuthenticationMethod::None,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            response_modes: vec![ResponseMode::Query],
            scope: Scopes::parse(SCOPE)?,
            default_scope: Scopes::default(),
            resources: Vec::new(),
            first_party: true,
            require_consent: false,
            id_token_signed_response_alg: Algorithm::EdDsa,
            access_token_signed_response_alg: Algorithm::EdDsa,
            claims_in_id_token: false,
            post_logout_redirect_uris: Vec::new(),
            onward_origins: Vec::new(),
            backchannel_logout_uri: None,
            jwks: None,
            jwks_uri: None,
        })
    }
}

fn deletion(address: &str) -> ActOnUser {
    ActOnUser { who: address.to_owned(), act: UserAct::Delete }
}

/// Whether an account is a canary's. Nobody proves an address there, so that it is nobody else's.
fn is_address(address: &str) -> bool {
    address.starts_with(PREFIX) && address.ends_with(DOMAIN)
}

fn is_app(app: &ClientShown) -> bool {
    let ClientShown { client, declared, .. } = app;
    let is_answered = client.redirect_uris.iter().any(|uri| uri.as_str() == REDIRECT_URI);
    client.client_id.starts_with(PREFIX) && is_answered && !declared
}

/// How most hashes of Argon2id are made there, without what is their own; the usual settings if there are none.
fn usual(counts: &[HashingCount]) -> HasherSettings {
    let settings = |count: &HashingCount| {
        let parameters = count.scheme.as_deref()?.strip_prefix("$argon2id$v=19$")?;
        let number = |name: &str| {
            let mut values =
                parameters.split(',').filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            values.next()?.parse::<u32>().ok()
        };
        Some((count.accounts, [number("m")?, number("t")?, number("p")?]))
    };
    let most = counts.iter().filter_map(settings).max_by_key(|(accounts, _)| *accounts);
    let patient = HasherSettings { longest_wait: Duration::MAX, ..HasherSettings::default() };
    match most {
        Some((_, [memory_kib, iterations, parallelism])) => {
            HasherSettings { memory_kib, iterations, parallelism, ..patient }
        }
        None => patient,
    }
}

/// Where orders go: to the server of a socket, or of another in the same folder once that is gone, since slots come and go; or to any
/// server of a folder.
#[derive(Clone, Debug)]
pub(super) struct Orders(PathBuf);

impl Orders {
    pub(super) async fn give<O: Operation>(&self, operation: &O) -> Result<O::Answer, Failure> {
        let mut nobody = None;
        for socket in self.sockets()? {
            match admin::call(&socket, operation).await {
                Ok(answer) => return Ok(answer),
                Err(error @ CallError::Nobody { .. }) => nobody = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        let nobody = nobody.map(|error| error.to_string());
        Err(nobody.unwrap_or_else(|| format!("{} holds no socket of a server", self.0.display())).into())
    }

    /// The one that was named, and those beside it.
    fn sockets(&self) -> Result<Vec<PathBuf>, Failure> {
        if self.0.is_dir() {
            return sockets_in(&self.0);
        }
        // Whoever may ask at the socket need not be let look around.
        let beside = self.0.parent().and_then(|folder| sockets_in(folder).ok()).unwrap_or_default();
        let others = beside.into_iter().filter(|other| *other != self.0);
        Ok(std::iter::once(self.0.clone()).chain(others).collect())
    }
}

#[cfg(test)]
impl Known {
    /// One that no server knows.
    pub(super) fn nowhere() -> Self {
        Self {
            addresses: (1..=ACCOUNTS).map(|number| format!("{PREFIX}{number}{DOMAIN}")).collect(),
            password: String::new().into(),
            client_id: format!("{PREFIX}1"),
            orders: Orders(PathBuf::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(schemes: &[(Option<&str>, i64)]) -> Vec<HashingCount> {
        let count = |(scheme, accounts): &(Option<&str>, i64)| HashingCount {
            scheme: scheme.map(str::to_owned),
            accounts: *accounts,
        };
        schemes.iter().map(count).collect()
    }

    #[test]
    fn its_hash_is_made_as_most_of_argon2id_are() {
        let found = usual(&counts(&[
            (Some("$2b$12"), 900),
            (Some("$argon2id$v=19$m=19456,t=2,p=1"), 10),
            (Some("$argon2id$v=19$m=47104,t=1,p=2,keyid=abc"), 20),
            (None, 30),
        ]));
        assert_eq!((found.memory_kib, found.iterations, found.parallelism), (47_104, 1, 2));
        let usual_one = HasherSettings::default();
        for none in [counts(&[]), counts(&[(Some("$argon2id$v=19$m=many,t=2,p=1"), 10), (Some("$2b$12"), 3)])]
        {
            let found = usual(&none);
            assert_eq!(
                (found.memory_kib, found.iterations, found.parallelism),
                (usual_one.memory_kib, usual_one.iterations, usual_one.parallelism)
            );
        }
    }

    #[test]
    fn nobody_elses_account_is_taken_for_a_canary() {
        assert!(is_address("canary-0123456789ab-1@canary.invalid"));
        for other in [
            "canary-bird@example.com",
            "ana@canary.invalid",
            "a-canary-1@canary.invalid",
            "canary-1@canary.invalid.example",
        ] {
            assert!(!is_address(other), "{other}");
        }
    }

    #[test]
    fn the_socket_that_was_named_is_asked_first_and_then_those_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let _listeners = ["blue.sock", "green.sock"]
            .map(|name| std::os::unix::net::UnixListener::bind(place(name)).unwrap());
        std::fs::write(place("notes.sock"), "").unwrap();
        let sockets = |named: PathBuf| Orders(named).sockets().unwrap();
        assert_eq!(sockets(place("green.sock")), [place("green.sock"), place("blue.sock")]);
        assert_eq!(
            sockets(place("gone.sock")),
            [place("gone.sock"), place("blue.sock"), place("green.sock")]
        );
        assert_eq!(sockets(folder.path().to_owned()), [place("blue.sock"), place("green.sock")]);
    }

    #[test]
    fn what_is_registered_for_it_is_taken() {
        let known = Known::nowhere();
        let auth = "https://auth.example.com".parse().unwrap();
        let site = Site { auth, app: None, connect_to: None, ca_file: None };
        let client = known.client(&site).unwrap();
        client.validate().unwrap();
        let shown = ClientShown {
            client,
            has_secret: false,
            older_secret_until: None,
            declared: false,
            created_at: 0,
        };
        assert!(is_app(&shown));
        assert!(!is_app(&ClientShown { declared: true, ..shown.clone() }));
        let other = Client { redirect_uris: Vec::new(), ..shown.client.clone() };
        assert!(!is_app(&ClientShown { client: other, ..shown }));
    }
}
