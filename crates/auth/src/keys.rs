//! The keys that sign tokens: made by the server itself, sealed at rest, parsed once.

use domain::Timestamp;
use oidc::{Algorithm, KeySet, SigningKey};
use secrets::{Keyring, Place};
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
            let algorithm = Algorithm::from_name(&row.algorithm).ok_or_else(|| {
                Fault::Corrupt(format!("signing key {} is for {}, which this release does not know", row.kid, row.algorithm))
            })?;
            let private = keyring.open(&place(&row.kid), &row.private_key)?;
            keys.push(SigningKey::from_pkcs8(algorithm, &private).map_err(|error| Fault::Corrupt(error.to_string()))?);
        }
        if keys.is_empty() {
            let key = SigningKey::generate(Algorithm::EdDsa).map_err(|error| Fault::Corrupt(error.to_string()))?;
            let sealed = keyring.seal(&place(key.kid()), key.to_pkcs8());
            store::signing_keys::insert(&mut tx, key.kid(), key.algorithm().name(), &sealed, now).await?;
            tx.commit().await?;
            keys.push(key);
        }
        let public: Vec<_> = keys.iter().map(SigningKey::public_jwk).collect();
        let published = serde_json::json!({ "keys": public }).to_string();
        let verifying = KeySet::new(keys.iter().map(SigningKey::verifying_key).collect());
        let signing = keys.remove(0);
        Ok(Self { signing, verifying, published })
    }
}

fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_keys", column: "private_key", row: kid.as_bytes() }
}
