//! Every reference to a secret that a configuration holds, by its setting.

use secrets::SecretRef;

use super::{Config, ConnectionUrl, Transport};

/// Whose secret it is, which decides what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Ours: a generator made it.
    Own,
    /// Ours, and a key of 32 bytes.
    Key,
    /// Another server's password, which somebody may have chosen.
    Foreign,
    /// The name of a user, which anybody may know.
    Name,
    /// A whole URL, in which a password may stand.
    Url,
}

/// A reference, and the setting that holds it.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// `keys.encryption`.
    pub setting: &'static str,
    /// Where the secret is.
    pub reference: &'a SecretRef,
    /// Whose it is.
    pub whose: Whose,
}

impl Config {
    /// Every reference, those that only `auth-service migrate` reads among them.
    pub fn references(&self) -> Vec<Named<'_>> {
        let mut all = self.references_to_serve();
        all.extend(named("database.migrate_password", &self.database.migrate_password, Whose::Foreign));
        all.extend(kept("database.migrate_url", self.database.migrate_url.as_ref()));
        all
    }

    /// Those that a server reads.
    pub fn references_to_serve(&self) -> Vec<Named<'_>> {
        let mut all = Vec::new();
        let keys = &self.keys;
        all.extend(named("keys.encryption", [&keys.encryption], Whose::Key));
        all.extend(named("keys.audit", [&keys.audit], Whose::Key));
        all.extend(named("keys.older_encryption", &keys.older_encryption, Whose::Key));
        let hashing = &self.password.hashing;
        all.extend(named("password.hashing.pepper", &hashing.pepper, Whose::Key));
        all.extend(named("password.hashing.older_peppers", &hashing.older_peppers, Whose::Key));
        let clients = self.clients.iter().filter_map(|client| client.secret.as_ref());
        all.extend(named("clients.secret", clients, Whose::Own));
        match &self.mail.transport {
            Transport::Smtp { password, .. } => {
                all.extend(named("mail.transport.password", password, Whose::Foreign));
            }
            Transport::Postmark { token } => all.extend(named("mail.transport.token", [token], Whose::Own)),
        }
        all.extend(named("redis.password", &self.redis.password, Whose::Foreign));
        all.extend(named("database.username", &self.database.username, Whose::Name));
        all.extend(named("database.password", &self.database.password, Whose::Foreign));
        all.extend(kept("redis.url", self.redis.url.as_ref()));
        all.extend(kept("database.url", self.database.url.as_ref()));
        all.extend(self.signing_in());
        all
    }

    /// What managers are asked by.
    fn signing_in(&self) -> impl Iterator<Item = Named<'_>> {
        let vault = &self.secrets.vault;
        named("secrets.vault.secret_id", &vault.secret_id, Whose::Foreign).chain(named(
            "secrets.vault.token",
            &vault.token,
            Whose::Foreign,
        ))
    }

    /// Those that `auth-service migrate` reads.
    pub fn references_to_migrate(&self) -> Vec<Named<'_>> {
        let database = &self.database;
        let used: &[_] = match &database.migrate_url {
            Some(_) => &["database.migrate_url", "database.migrate_password"],
            None => &["database.url", "database.username", "database.password"],
        };
        let mut all = self.references();
        all.retain(|named| used.contains(&named.setting));
        all.extend(self.signing_in());
        all
    }
}

fn named<'a>(
    setting: &'static str,
    references: impl IntoIterator<Item = &'a SecretRef>,
    whose: Whose,
) -> impl Iterator<Item = Named<'a>> {
    references.into_iter().map(move |reference| Named { setting, reference, whose })
}

fn kept<'a>(setting: &'static str, url: Option<&'a ConnectionUrl>) -> Option<Named<'a>> {
    match url {
        Some(ConnectionUrl::Kept(reference)) => Some(Named { setting, reference, whose: Whose::Url }),
        _ => None,
    }
}
