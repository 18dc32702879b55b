//! The keys that sign tokens: made by the server itself, sealed at rest, parsed once.
//!
//! A key is published before it signs, so that whoever checks tokens has read it by then; it is published on until the
//! last token it signed has expired. Of an ID token that comes back as a hint it does not count that it has expired, so
//! that the public half is kept, for that alone, for as long as one may come back. A key id is the thumbprint of its key
//! (RFC 7638), so no id ever comes back with another key.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Timestamp;
use oidc::{Algorithm, IdTokenHint, Jwk, JwkSet, KeySet, SigningKey};
use secrets::sealing::{Keyring, Place};
use serde::{Deserialize, Serialize};
use store::retired_keys::RetiredKey;
use store::sealed::Column;
use store::signing_keys::SigningKey as Row;
use store::{Store, Turn, Tx};
use tokio::sync::Notify;

use crate::audit::AuditTrail;
use crate::hearing::Change;
use crate::{Fault, Limits, Random, encryption};

/// For so long whoever checks tokens may remember the published keys: `Cache-Control` of the key set says so.
pub const KEY_SET_LIFE: Duration = Duration::from_mins(5);
/// A next key is published so long before it signs: every cache of the key set has run out twice by then.
const LEAD: Duration = Duration::from_mins(15);
/// No token that a key signs is good for longer; the configuration is held to it.
pub const LONGEST_TOKEN: Duration = Duration::from_hours(1);

/// The keys, as they stand in the database and as this process knows them.
#[derive(Debug)]
pub struct SigningKeys {
    store: Store,
    keyring: Arc<Keyring>,
    random: Random,
    audit: AuditTrail,
    known: RwLock<Arc<Keys>>,
    were_given_up: Notify,
}

/// What a process knows of the keys at a time.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Newest first.
    signing: Arc<[Key]>,
    verifying: KeySet,
    published: Arc<str>,
    /// Keys that are published no more, of which ID tokens may come back.
    retired: KeySet,
    rows: Rows,
    /// Keys that another process has given up since the rows were read: nothing that they sign is believed.
    given_up: Vec<String>,
    /// Counts the sets this process has known: a token that was checked against another set is checked again.
    generation: u64,
}

/// What keys are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rows {
    signing: Vec<Row>,
    retired: Vec<RetiredKey>,
}

#[derive(Debug)]
struct Key {
    key: SigningKey,
    times: Times,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    created_at: Timestamp,
    signs_from: Timestamp,
    signs_until: Option<Timestamp>,
}

/// What a key is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is published, and will sign.
    Next,
    /// It signs.
    Signing,
    /// It signed; tokens of it may still be about.
    Retired,
}

/// A key, as an operator sees it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// Its id.
    pub kid: String,
    /// What it signs by.
    pub algorithm: Algorithm,
    /// What it is doing.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// Until when it signs.
    pub signs_until: Option<Timestamp>,
}

/// How keys are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The next key is published now and signs in a quarter of an hour; nobody notices.
    Gentle,
    /// The present key is given up at once: every token it signed is worthless. For a key that somebody else may have.
    Compromised,
}

impl Times {
    fn of(row: &Row) -> Self {
        Self {
            created_at: Timestamp(row.created_at),
            // A key of the first release signed from its making.
            signs_from: Timestamp(row.signs_from.unwrap_or(row.created_at)),
            signs_until: row.signs_until.map(Timestamp),
        }
    }

    fn state(self, now: Timestamp) -> KeyState {
        if now < self.signs_from {
            KeyState::Next
        } else if self.signs_until.is_none_or(|until| now < until) {
            KeyState::Signing
        } else {
            KeyState::Retired
        }
    }

    fn is_over(self, now: Timestamp) -> bool {
        self.signs_until.is_some_and(|until| until.plus(LONGEST_TOKEN) <= now)
    }
}

impl Rows {
    async fn list(held: &Store) -> Result<Self, Fault> {
        let mut tx = held.read().await?;
        let signing = store::signing_keys::list(&mut tx).await?;
        Ok(Self { signing, retired: store::retired_keys::list(&mut tx).await? })
    }
}

impl Keys {
    /// The key of this algorithm that signs at this moment.
    pub(crate) fn signing(&self, algorithm: Algorithm, now: Timestamp) -> Result<&SigningKey, Fault> {
        let mut of_it = self.signing.iter().filter(|key| key.key.algorithm() == algorithm);
        let signing = of_it.clone().find(|key| key.times.state(now) == KeyState::Signing);
        // A clock that was set back to before the first key signs with it all the same.
        let signing = signing.or_else(|| of_it.next_back());
        let missing = || Fault::Corrupt(format!("there is no {algorithm} key to sign with"));
        Ok(&signing.ok_or_else(missing)?.key)
    }

    /// Signs with it.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        typ: &str,
        claims: &impl Serialize,
        now: Timestamp,
    ) -> Result<String, Fault> {
        self.signing(algorithm, now)?.sign(typ, claims).map_err(corrupt)
    }

    pub(crate) fn verifying(&self) -> &KeySet {
        &self.verifying
    }

    /// Whom an ID token of ours was of. It may have expired, and its key be published no more.
    pub(crate) fn read_hint(&self, token: &str, issuer: &str) -> Option<IdTokenHint> {
        let mut sets = [&self.verifying, &self.retired].into_iter();
        sets.find_map(|keys| IdTokenHint::verify(token, keys, issuer).ok())
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    fn read(rows: Rows, keyring: &Keyring, now: Timestamp) -> Result<Self, Fault> {
        let mut signing = Vec::new();
        for row in &rows.signing {
            let times = Times::of(row);
            if !times.is_over(now) {
                signing.push(Key { key: open(row, keyring)?, times });
            }
        }
        Self::believing(signing.into(), rows, Vec::new())
    }

    /// Believing what these keys sign, but for those of the ids that are given up.
    fn believing(signing: Arc<[Key]>, rows: Rows, given_up: Vec<String>) -> Result<Self, Fault> {
        let is_believed = |kid: &str| !given_up.iter().any(|given_up| given_up == kid);
        let public = signing.iter().map(|key| &key.key).filter(|key| is_believed(key.kid()));
        let public = JwkSet { keys: public.map(|key| key.public_jwk().clone()).collect() };
        let published = serde_json::to_string(&public)?.into();
        let verifying = KeySet::from_jwk_set(&public).map_err(corrupt)?;
        let retired = rows.retired.iter().filter(|row| is_believed(&row.kid));
        let retired = retired.map(|row| Jwk::parse(row.public_key.as_bytes()));
        let retired = JwkSet { keys: retired.collect::<Result<_, _>>().map_err(corrupt)? };
        let retired = KeySet::from_jwk_set(&retired).map_err(corrupt)?;
        Ok(Self { signing, verifying, published, retired, rows, given_up, generation: 0 })
    }

    fn holds(&self, kid: &str) -> bool {
        self.verifying.contains(kid) || self.retired.contains(kid)
    }
}

impl SigningKeys {
    /// Whether those that are there open by the keys of this ring: what is wrong if not.
    pub(crate) async fn can_be_opened(store: &Store, keyring: &Keyring, now: Timestamp) -> Result<(), Fault> {
        Keys::read(Rows::list(store).await?, keyring, now).map(drop)
    }

    /// Reads the keys, and makes those that are missing: one for each of `algorithms`.
    pub async fn load(
        store: Store,
        keyring: Arc<Keyring>,
        random: Random,
        audit: AuditTrail,
        algorithms: &[Algorithm],
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let keys =
            Self { store, keyring, random, audit, known: RwLock::default(), were_given_up: Notify::new() };
        for algorithm in algorithms {
            keys.make_first(*algorithm, now).await?;
        }
        keys.refresh(now).await?;
        Ok(keys)
    }

    async fn make_first(&self, algorithm: Algorithm, now: Timestamp) -> Result<(), Fault> {
        let signs = |rows: &[Row]| {
            rows.iter().any(|row| {
                row.algorithm == algorithm.name() && Times::of(row).state(now) != KeyState::Retired
            })
        };
        if signs(&store::signing_keys::list(&mut self.store.look().await?).await?) {
            return Ok(());
        }
        let key = generate(algorithm).await?;
        let mut tx = self.store.begin_in_turn(&[Turn::Keys]).await?;
        // Another process may have been quicker.
        if signs(&store::signing_keys::list(&mut tx).await?) {
            return Ok(());
        }
        self.insert(&mut tx, &key, now, now).await?;
        Ok(tx.commit().await?)
    }

    async fn insert(
        &self,
        tx: &mut Tx,
        key: &SigningKey,
        signs_from: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let row = Row {
            kid: key.kid().to_owned(),
            algorithm: key.algorithm().name().to_owned(),
            private_key: self.keyring.seal(&place(key.kid()), &key.to_pkcs8().map_err(corrupt)?),
            created_at: now.micros(),
            signs_from: Some(signs_from.micros()),
            signs_until: None,
        };
        Ok(store::signing_keys::insert(tx, &row).await?)
    }

    /// Reads the keys again: another process may have exchanged them. Cheap while none did.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), Fault> {
        let known = self.known();
        let rows = Rows::list(&self.store).await?;
        // What was given up unread is read anew, whatever was said of it.
        if rows == known.rows && known.given_up.is_empty() {
            return Ok(());
        }
        let mut keys = Keys::read(rows, &self.keyring, now)?;
        let mut present = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // One that was given up while these were read is not believed anew.
        if present.given_up == known.given_up {
            keys.generation = present.generation + u64::from(keys.published != present.published);
            *present = Arc::new(keys);
        }
        Ok(())
    }

    /// Exchanges keys that have signed for long enough, keeps of those whose last token has expired the public half, and
    /// that for as long as somebody may be signed in by an ID token of theirs. Every process does so now and then.
    pub async fn keep(&self, limits: &Limits, now: Timestamp) -> Result<(), Fault> {
        let rows = Rows::list(&self.store).await?;
        for row in &rows.signing {
            let times = Times::of(row);
            if times.is_over(now) {
                self.retire(row, limits, now).await?;
            } else if times.signs_until.is_none() && now.since(times.signs_from) >= limits.key_rotation {
                self.rotate(algorithm_of(row)?, Rotation::Gentle, now).await?;
            }
        }
        if rows.retired.iter().any(|key| key.expires_at <= now.micros()) {
            let mut tx = self.store.begin_in_turn(&[Turn::Keys]).await?;
            store::retired_keys::delete_expired(&mut tx, now).await?;
            tx.commit().await?;
        }
        self.refresh(now).await
    }

    /// Deletes a key, and keeps its public half if an ID token of it may come back.
    async fn retire(&self, row: &Row, limits: &Limits, now: Timestamp) -> Result<(), Fault> {
        let hinted_until = Times::of(row).signs_until.map(|until| until.plus(limits.longest_hint()));
        let mut tx = self.store.begin_in_turn(&[Turn::Keys]).await?;
        // Whoever gave it up meanwhile must not find it back.
        let deleted = store::signing_keys::delete(&mut tx, &row.kid).await?;
        if let Some(until) = hinted_until.filter(|until| deleted && now < *until) {
            match open(row, &self.keyring) {
                Ok(key) => {
                    let retired = RetiredKey {
                        kid: row.kid.clone(),
                        algorithm: row.algorithm.clone(),
                        public_key: serde_json::to_string(key.public_jwk())?,
                        expires_at: until.micros(),
                    };
                    store::retired_keys::insert(&mut tx, &retired).await?;
                }
                // It was sealed by a key that was since given up: then it goes as it is.
                Err(error) => tracing::warn!(kid = row.kid, %error, "a key is deleted unread"),
            }
        }
        Ok(tx.commit().await?)
    }

    /// Exchanges the key of one algorithm. Gives the id of the next one; nothing if one is on its way already.
    pub async fn rotate(
        &self,
        algorithm: Algorithm,
        rotation: Rotation,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        self.rotate_as(&self.audit, algorithm, rotation, now).await
    }

    /// The same, at the word of whoever is the operator in this trail.
    pub async fn rotate_as(
        &self,
        trail: &AuditTrail,
        algorithm: Algorithm,
        rotation: Rotation,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let key = generate(algorithm).await?;
        let mut tx = self.store.begin_in_turn(&[Turn::Keys]).await?;
        let rows = store::signing_keys::list(&mut tx).await?;
        let of_it = || rows.iter().filter(|row| row.algorithm == algorithm.name());
        let signs_from = match rotation {
            Rotation::Gentle if of_it().any(|row| Times::of(row).state(now) == KeyState::Next) => {
                return Ok(None);
            }
            Rotation::Gentle => now.plus(LEAD),
            Rotation::Compromised => now,
        };
        for row in of_it() {
            match rotation {
                Rotation::Gentle if row.signs_until.is_none() => {
                    store::signing_keys::set_signs_until(&mut tx, &row.kid, signs_from).await?;
                }
                Rotation::Gentle => {}
                Rotation::Compromised => {
                    store::signing_keys::delete(&mut tx, &row.kid).await?;
                }
            }
        }
        if rotation == Rotation::Compromised {
            let retired = store::retired_keys::list(&mut tx).await?;
            store::retired_keys::delete_of(&mut tx, algorithm.name()).await?;
            // Other servers read of it, and pass it on to those that cannot.
            let retired = retired.iter().filter(|row| row.algorithm == algorithm.name());
            let given_up = of_it().map(|row| row.kid.clone()).chain(retired.map(|row| row.kid.clone()));
            let given_up = given_up.collect();
            Change::of_keys(self.random.ordered_id(now), given_up).write(&mut tx, now).await?;
        }
        self.insert(&mut tx, &key, signs_from, now).await?;
        let act = match rotation {
            Rotation::Gentle => "rotate_signing_key",
            Rotation::Compromised => "give_up_signing_key",
        };
        let next = format!("{algorithm} {}", key.kid());
        trail.record_operator(&mut tx, &self.random, act, &next, now).await?;
        tx.commit().await?;
        self.refresh(now).await?;
        Ok(Some(key.kid().to_owned()))
    }

    /// Believes nothing any more that these keys sign: another process has given them up. What the database says of them is read
    /// anew at the next look, and stands.
    pub(crate) fn give_up(&self, kids: &[String]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !kids.iter().any(|kid| known.holds(kid)) {
            return;
        }
        let given_up = known.given_up.iter().chain(kids).cloned().collect();
        match Keys::believing(known.signing.clone(), known.rows.clone(), given_up) {
            Ok(left) => {
                *known = Arc::new(Keys { generation: known.generation + 1, ..left });
                self.were_given_up.notify_one();
            }
            Err(error) => tracing::error!(%error, "keys that were given up could not be forgotten"),
        }
    }

    /// Waits until another process has given some up.
    pub async fn given_up(&self) {
        self.were_given_up.notified().await;
    }

    /// Every key there is, newest first.
    pub async fn list(&self, now: Timestamp) -> Result<Vec<KeyInfo>, Fault> {
        let rows = store::signing_keys::list(&mut self.store.look().await?).await?;
        rows.iter()
            .map(|row| {
                let times = Times::of(row);
                Ok(KeyInfo {
                    kid: row.kid.clone(),
                    algorithm: algorithm_of(row)?,
                    state: times.state(now),
                    created_at: times.created_at,
                    signs_from: times.signs_from,
                    signs_until: times.signs_until,
                })
            })
            .collect()
    }

    /// What this process knows of the keys.
    pub(crate) fn known(&self) -> Arc<Keys> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The public keys, as a JWK set (RFC 7517 section 5).
    pub fn published(&self) -> Arc<str> {
        self.known().published.clone()
    }
}

fn open(row: &Row, keyring: &Keyring) -> Result<SigningKey, Fault> {
    let private = keyring.open(&place(&row.kid), &row.private_key)?;
    SigningKey::from_pkcs8(algorithm_of(row)?, &private).map_err(corrupt)
}

/// Away from the async threads: an RSA key takes tenths of a second.
async fn generate(algorithm: Algorithm) -> Result<SigningKey, Fault> {
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    made.map_err(corrupt)?.map_err(corrupt)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(crate) fn corrupt(error: impl ToString) -> Fault {
    Fault::Corrupt(error.to_string())
}

fn algorithm_of(row: &Row) -> Result<Algorithm, Fault> {
    serde_json::from_value(row.algorithm.as_str().into()).map_err(|_| {
        Fault::Corrupt(format!(
            "signing key {} is for {}, which this release does not know",
            row.kid, row.algorithm
        ))
    })
}

fn place(kid: &str) -> Place<'_> {
    encryption::place(Column::SigningKey, kid.as_bytes())
}
