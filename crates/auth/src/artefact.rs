//! One-time artefacts: a mailed code and link, for one purpose, usable once.
//!
//! The link's secret is stored as a hash, the code as an HMAC bound to the artefact, what it carries sealed to its row.
//! A decoy is an artefact of nobody: whoever asked sees and does the same as if there were an account.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{ArtefactId, Timestamp, UserId};
use secrets::sealing::Place;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Tx;
use store::artefacts::Artefact;

use crate::{Auth, Context, Fault, TooMany};

/// What an artefact may be used for. Every look-up names it, so none is good for anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ProveAddress,
    SecondStep,
    ResetPassword,
    ChangeAddressOld,
    ChangeAddressNew,
}

impl Purpose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ProveAddress => "prove_address",
            Self::SecondStep => "second_step",
            Self::ResetPassword => "reset_password",
            Self::ChangeAddressOld => "change_address_old",
            Self::ChangeAddressNew => "change_address_new",
        }
    }
}

/// What a person holds of an artefact.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// The code from the mail, typed where it was asked for.
    Code {
        /// Which artefact the code is of.
        id: ArtefactId,
        /// The code as typed.
        code: String,
    },
    /// The secret in the link of the mail.
    Link {
        /// The secret, base64url.
        token: String,
    },
}

/// Why evidence is not good.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// Used, expired, withdrawn, or never there.
    #[error("this code or link has been used or has expired: ask for a new one")]
    Gone,
    /// Not the code.
    #[error("this is not the code: {tries_left} tries left")]
    WrongCode {
        /// How many more guesses it takes.
        tries_left: u32,
    },
    /// Too many guesses from this network.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A new artefact, as its mail needs it.
pub(crate) struct Issued {
    pub(crate) id: ArtefactId,
    pub(crate) code: String,
    pub(crate) token: String,
}

fn place(id: &ArtefactId) -> Place<'_> {
    Place { table: "artefacts", column: "payload", row: id.0.as_bytes() }
}

impl Auth {
    /// Makes an artefact of `user`, or a decoy.
    pub(crate) async fn issue(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        user: Option<UserId>,
        payload: &impl Serialize,
        context: &Context,
        now: Timestamp,
    ) -> Result<Issued, Fault> {
        let id = ArtefactId(self.random.opaque_id());
        let (issued, link_hash, code_mac) = self.draw(id);
        let artefact = Artefact {
            id: id.0,
            purpose: purpose.name().to_owned(),
            user_id: user.map(|user| user.0),
            link_hash,
            code_mac,
            tries_left: i64::from(self.settings.limits.code_tries),
            browser_hash: context.browser.map(Vec::from),
            payload: self.keyring.seal(&place(&id), &serde_json::to_vec(payload)?),
            created_at: now.micros(),
            expires_at: now.plus(self.life(purpose)).micros(),
        };
        store::artefacts::insert(tx, &artefact).await?;
        Ok(issued)
    }

    /// How long an artefact is good for.
    pub(crate) fn life(&self, purpose: Purpose) -> Duration {
        let limits = &self.settings.limits;
        match purpose {
            Purpose::ProveAddress => limits.proof_life,
            Purpose::SecondStep => limits.code_life,
            Purpose::ResetPassword | Purpose::ChangeAddressOld | Purpose::ChangeAddressNew => {
                limits.reset_life
            }
        }
    }

    /// Gives a live artefact a new code, link, and life; the old ones are worthless.
    pub(crate) async fn reissue(
        &self,
        tx: &mut Tx,
        mut artefact: Artefact,
        life: Duration,
        now: Timestamp,
    ) -> Result<Option<Issued>, Fault> {
        let (issued, link_hash, code_mac) = self.draw(ArtefactId(artefact.id));
        artefact.link_hash = link_hash;
        artefact.code_mac = code_mac;
        artefact.tries_left = i64::from(self.settings.limits.code_tries);
        artefact.expires_at = now.plus(life).micros();
        Ok(store::artefacts::renew(tx, &artefact, now).await?.then_some(issued))
    }

    fn draw(&self, id: ArtefactId) -> (Issued, Vec<u8>, Vec<u8>) {
        let code = self.random.code();
        let token = URL_SAFE_NO_PAD.encode(self.random.token());
        let (link_hash, code_mac) = (hash_link(&token), self.code_mac(id, &code));
        (Issued { id, code, token }, link_hash, code_mac)
    }

    fn code_mac(&self, id: ArtefactId, code: &str) -> Vec<u8> {
        secrets::hmac_sha256(&self.code_key, &[id.0.as_bytes(), code.as_bytes()]).to_vec()
    }

    /// Finds the artefact that `evidence` proves. A code costs one try, committed before it is compared, so that many
    /// guesses at once cost as many tries. Nothing is taken yet: [`store::artefacts::take`] does that, in the
    /// transaction of the act.
    pub(crate) async fn examine(
        &self,
        evidence: &Evidence,
        purpose: Purpose,
        context: &Context,
    ) -> Result<Artefact, EvidenceError> {
        let now = self.clock.now();
        let attempt = self.limiter.guess(context, now)?;
        let artefact = match evidence {
            Evidence::Link { token } => {
                let mut tx = self.store.read().await.map_err(Fault::from)?;
                let found =
                    store::artefacts::find_by_link(&mut tx, &hash_link(token), purpose.name(), now).await;
                found.map_err(Fault::from)?.ok_or(EvidenceError::Gone)?
            }
            Evidence::Code { id, code } => {
                let mut tx = self.store.begin().await.map_err(Fault::from)?;
                let found = store::artefacts::use_try(&mut tx, *id, purpose.name(), now).await;
                tx.commit().await.map_err(Fault::from)?;
                let artefact = found.map_err(Fault::from)?.ok_or(EvidenceError::Gone)?;
                let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
                if !secrets::constant_time_equal(&self.code_mac(*id, &typed), &artefact.code_mac) {
                    let tries_left = u32::try_from(artefact.tries_left).unwrap_or(0);
                    return Err(EvidenceError::WrongCode { tries_left });
                }
                artefact
            }
        };
        // A decoy's code is known to nobody; one that was guessed still opens nothing.
        if artefact.user_id.is_none() {
            return Err(EvidenceError::Gone);
        }
        attempt.succeeded();
        Ok(artefact)
    }

    /// What an artefact carries.
    pub(crate) fn payload<T: DeserializeOwned>(&self, artefact: &Artefact) -> Result<T, Fault> {
        let opened = self.keyring.open(&place(&ArtefactId(artefact.id)), &artefact.payload)?;
        Ok(serde_json::from_slice(&opened)?)
    }

    /// A link into our own pages.
    pub(crate) fn link(&self, path: &str, token: &str) -> String {
        let mut url = self.settings.public_url.clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("token", token);
        url.into()
    }
}

/// Whether the artefact was made for this very browser.
pub(crate) fn is_bound_to(artefact: &Artefact, context: &Context) -> bool {
    match (&artefact.browser_hash, &context.browser) {
        (Some(bound), Some(browser)) => secrets::constant_time_equal(bound, browser),
        _ => false,
    }
}

fn hash_link(token: &str) -> Vec<u8> {
    secrets::sha256(token.as_bytes()).to_vec()
}
