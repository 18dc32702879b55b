//! The keys that sign tokens: made by the server itself, sealed at rest, parsed once.

use domain::Timestamp;
use oidc::{Algorithm, JwkSet, KeySet, SigningKey};
use secrets::sealing::{Keyring, Place};
use store::Store;

use crate::Fault;

/// The signing key in force and every key whose tokens may still be about.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) signing: SigningKey,
    pub(crate) verifying: KeySet,
    /// `/.well-known/jwks.json`, ready made.
    pub(crate) published: String,
}

impl Keys {
    /// Reads the keys, or makes the first.
    pub(crate) async fn load(store: &Store, keyring: &Keyring, now: Timestamp) -> Result<Self, Fault> {
        let mut tx = store.begin().await?;
        let mut keys = Vec::new();
        for row in store::signing_keys::list(&mut tx).await? {
            let algorithm: Algorithm =
                serde_json::from_value(row.algorithm.as_str().into()).map_err(|_| unknown_algorithm(&row))?;
            let private = keyring.open(&place(&row.kid), &row.private_key)?;
            keys.push(SigningKey::from_pkcs8(algorithm, &private).map_err(corrupt)?);
        }
        if keys.is_empty() {
            let key = SigningKey::generate(Algorithm::EdDsa).map_err(corrupt)?;
            let sealed = keyring.seal(&place(key.kid()), &key.to_pkcs8().map_err(corrupt)?);
            store::signing_keys::insert(&mut tx, key.kid(), key.algorithm().name(), &sealed, now).await?;
            tx.commit().await?;
            keys.push(key);
        }
        let public = JwkSet { keys: keys.iter().map(|key| key.public_jwk().clone()).collect() };
        let published = serde_json::to_string(&public)?;
        let verifying = KeySet::from_jwk_set(&public).map_err(corrupt)?;
        let signing = keys.remove(0);
        Ok(Self { signing, verifying, published })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn corrupt(error: impl ToString) -> Fault {
    Fault::Corrupt(error.to_string())
}

fn unknown_algorithm(row: &store::signing_keys::SigningKey) -> Fault {
    Fault::Corrupt(format!(
        "signing key {} is for {}, which this release does not know",
        row.kid, row.algorithm
    ))
}

fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_keys", column: "private_key", row: kid.as_bytes() }
}
