//! One-time artefacts: a mailed code and link, for one purpose, usable once.
//!
//! The link's secret is stored as a hash, the code as an HMAC bound to the artefact, what it carries sealed to its row.
//! A decoy is an artefact of nobody: whoever asked sees and does the same as if there were an account.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{ArtefactId, Email, Timestamp, UserId};
use secrets::sealing::Place;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use store::Tx;
use store::artefacts::Artefact;
use store::sealed::Column;

use crate::audit::{Act, Outcome};
use crate::{Auth, Context, Fault, TooMany, encryption};

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

    /// What a wrong code is a refusal of.
    fn act(self) -> Act {
        match self {
            Self::ProveAddress => Act::ProveAddress,
            Self::SecondStep => Act::SecondStep,
            Self::ResetPassword => Act::ResetPassword,
            Self::ChangeAddressOld | Self::ChangeAddressNew => Act::AgreeAddressChange,
        }
    }
}

/// Whose an artefact is.
#[derive(Clone, Copy)]
pub(crate) struct Holder<'a> {
    /// The account; nobody's if it is a decoy.
    pub(crate) user: Option<UserId>,
    /// The address that the account has, or would have: guesses at codes are counted by it.
    pub(crate) email: &'a Email,
}

/// What is sealed in an artefact.
#[derive(Deserialize, Serialize)]
pub(crate) struct Carried<T> {
    /// The normalised address that guesses are counted by.
    pub(crate) account: String,
    pub(crate) payload: T,
}

/// What a person holds of an artefact.
#[derive(Clone)]
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

/// Which kind it is, never what it is.
impl fmt::Debug for Evidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { id, .. } => formatter.debug_struct("Code").field("id", id).finish_non_exhaustive(),
            Self::Link { .. } => formatter.write_str("Link"),
        }
    }
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

/// Whose code somebody guesses at.
struct Whose<'a> {
    /// The normalised address.
    account: String,
    /// The account, unless it is a decoy.
    user: Option<UserId>,
    /// The browser, if it has signed in there before.
    known_browser: Option<&'a [u8; 32]>,
    /// The browser, if it is the one that asked for this code.
    own_browser: Option<&'a [u8; 32]>,
}

/// A new artefact, as its mail needs it.
pub(crate) struct Issued {
    pub(crate) id: ArtefactId,
    pub(crate) code: String,
    pub(crate) token: String,
}

fn place(id: &ArtefactId) -> Place<'_> {
    encryption::place(Column::Artefact, id.0.as_bytes())
}

impl Auth {
    /// Makes an artefact of its holder, or a decoy.
    pub(crate) async fn issue(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        holder: Holder<'_>,
        payload: &impl Serialize,
        context: &Context,
        now: Timestamp,
    ) -> Result<Issued, Fault> {
        let (issued, artefact) = self.make(purpose, holder, payload, context, now)?;
        store::artefacts::insert(tx, &artefact).await?;
        Ok(issued)
    }

    /// The same, to be put into its table.
    pub(crate) fn make(
        &self,
        purpose: Purpose,
        holder: Holder<'_>,
        payload: &impl Serialize,
        context: &Context,
        now: Timestamp,
    ) -> Result<(Issued, Artefact), Fault> {
        let id = ArtefactId(self.random.opaque_id());
        let carried = Carried { account: holder.email.normalized().to_owned(), payload };
        // Sealed before the code is drawn: by the key of the envelope it is known for how long that of the code is needed, and a
        // key that is exchanged between the two must not be the younger one.
        let payload = self.keyring.seal(&place(&id), &serde_json::to_vec(&carried)?);
        let (issued, link_hash, code_mac) = self.draw(id);
        let artefact = Artefact {
            id: id.0,
            purpose: purpose.name().to_owned(),
            user_id: holder.user.map(|user| user.0),
            link_hash,
            code_mac,
            tries_left: i64::from(self.settings.limits.code_tries),
            browser_hash: context.browser.map(Vec::from),
            payload,
            created_at: now.micros(),
            expires_at: now.plus(self.life(purpose)).micros(),
        };
        Ok((issued, artefact))
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
        let id = ArtefactId(artefact.id);
        let carried = self.keyring.open(&place(&id), &artefact.payload)?;
        artefact.payload = self.keyring.seal(&place(&id), &carried);
        let (issued, link_hash, code_mac) = self.draw(id);
        artefact.link_hash = link_hash;
        artefact.code_mac = code_mac;
        artefact.tries_left = i64::from(self.settings.limits.code_tries);
        artefact.expires_at = now.plus(life).micros();
        Ok(store::artefacts::renew(tx, &artefact, now).await?.then_some(issued))
    }

    fn draw(&self, id: ArtefactId) -> (Issued, Vec<u8>, Vec<u8>) {
        let code = self.random.code();
        let token = URL_SAFE_NO_PAD.encode(self.random.token());
        let code_key = self.keyring.derive(CODES);
        let (link_hash, code_mac) = (hash_link(&token), code_mac(&code_key, id, &code));
        (Issued { id, code, token }, link_hash, code_mac)
    }

    /// Finds the artefact that `evidence` proves. Nothing is taken yet: [`store::artefacts::take`] does that, in the
    /// transaction of the act.
    pub(crate) async fn examine(
        &self,
        evidence: &Evidence,
        purpose: Purpose,
        context: &Context,
    ) -> Result<Artefact, EvidenceError> {
        let artefact = match evidence {
            Evidence::Link { token } => self.examine_link(token, purpose, context).await?,
            Evidence::Code { id, code } => self.examine_code(*id, code, purpose, context).await?,
        };
        // A decoy's code is known to nobody; one that was guessed still opens nothing.
        if artefact.user_id.is_some() { Ok(artefact) } else { Err(EvidenceError::Gone) }
    }

    async fn examine_link(
        &self,
        token: &str,
        purpose: Purpose,
        context: &Context,
    ) -> Result<Artefact, EvidenceError> {
        let now = self.clock.now();
        let asked = self.limiter.evidence(context, now).await;
        let attempt = self.within::<_, EvidenceError>(asked, purpose.act(), None, context).await?;
        let found = self.find_by_link(token, purpose, now).await;
        let (attempt, found) = attempt.unless_fault(found).await?;
        let artefact = found.ok_or(EvidenceError::Gone)?;
        attempt.refund().await;
        Ok(artefact)
    }

    async fn find_by_link(
        &self,
        token: &str,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<Artefact>, Fault> {
        let mut tx = self.store.look().await?;
        Ok(store::artefacts::find_by_link(&mut tx, &hash_link(token), purpose.name(), now).await?)
    }

    async fn examine_code(
        &self,
        id: ArtefactId,
        code: &str,
        purpose: Purpose,
        context: &Context,
    ) -> Result<Artefact, EvidenceError> {
        let now = self.clock.now();
        let Some(whose) = self.account_of(id, purpose, context, now).await? else {
            return Err(self.unknown(purpose, context).await);
        };
        let browsers = (whose.known_browser, whose.own_browser);
        let asked = self.limiter.guess(&whose.account, browsers, purpose.name(), context, now).await;
        let attempt = self.within::<_, EvidenceError>(asked, purpose.act(), whose.user, context).await?;
        let guessed = self.guess((id, &whose.account), code, purpose, context, now).await;
        let (attempt, guessed) = attempt.unless_fault(guessed).await?;
        let (artefact, right) = guessed.ok_or(EvidenceError::Gone)?;
        if !right {
            let tries_left = u32::try_from(artefact.tries_left).unwrap_or(0);
            return Err(EvidenceError::WrongCode { tries_left });
        }
        attempt.refund().await;
        Ok(artefact)
    }

    /// What evidence of something that is not there is answered with: it counts against the network.
    pub(crate) async fn unknown(&self, purpose: Purpose, context: &Context) -> EvidenceError {
        let asked = self.limiter.evidence(context, self.clock.now()).await;
        match self.within::<_, EvidenceError>(asked, purpose.act(), None, context).await {
            Ok(_counted) => EvidenceError::Gone,
            Err(error) => error,
        }
    }

    /// Whose code it is that is guessed at.
    async fn account_of<'a>(
        &self,
        id: ArtefactId,
        purpose: Purpose,
        context: &'a Context,
        now: Timestamp,
    ) -> Result<Option<Whose<'a>>, Fault> {
        let mut tx = self.store.look().await?;
        let Some(artefact) = store::artefacts::find(&mut tx, id, purpose.name(), now).await? else {
            return Ok(None);
        };
        let user = artefact.user_id.map(UserId);
        let known_browser = self.known_browser(&mut tx, user, context).await?;
        // Of an account that is there, guesses are counted over all browsers: one that is guessed opens it.
        let own_browser = context
            .browser
            .as_ref()
            .filter(|_| purpose == Purpose::ProveAddress && is_bound_to(&artefact, context));
        let account = self.carried::<IgnoredAny>(&artefact)?.account;
        Ok(Some(Whose { account, user, known_browser, own_browser }))
    }

    /// The browser, if it has signed in to the account before. For a decoy it is looked up alike: less work would tell.
    pub(crate) async fn known_browser<'a>(
        &self,
        tx: &mut Tx,
        user: Option<UserId>,
        context: &'a Context,
    ) -> Result<Option<&'a [u8; 32]>, Fault> {
        let Some(browser) = &context.browser else { return Ok(None) };
        let user = user.unwrap_or(store::users::NOBODY);
        Ok(store::known_browsers::is_known(tx, browser, user).await?.then_some(browser))
    }

    /// Compares a code, at the cost of one try if it is wrong: many guesses at once cost as many tries, since each takes its
    /// own before anybody is told how it went. A right one may be shown again: elsewhere a password is asked for besides.
    pub(crate) async fn guess(
        &self,
        (id, account): (ArtefactId, &str),
        code: &str,
        purpose: Purpose,
        context: &Context,
        now: Timestamp,
    ) -> Result<Option<(Artefact, bool)>, Fault> {
        let mut tx = self.store.begin().await?;
        let Some(artefact) = store::artefacts::use_try(&mut tx, id, purpose.name(), now).await? else {
            return Ok(None);
        };
        if self.is_code(&artefact, code) {
            // Given up, the transaction leaves the try where it was.
            drop(tx);
            return Ok(Some((artefact, true)));
        }
        // Found by the address, a decoy's alike: the trail tells on whom it was tried, and less work would tell the one who tries.
        let person = store::audit::pseudonym_at(&mut tx, account).await?;
        self.record(&mut tx, Outcome::Refused(purpose.act()), person, "code", context, now).await?;
        tx.commit().await?;
        Ok(Some((artefact, false)))
    }

    /// Whether this is an artefact's code. To be told to nobody who has not paid for it: a wrong one costs a try, a right one takes the
    /// artefact, if tries are left.
    pub(crate) fn is_code(&self, artefact: &Artefact, code: &str) -> bool {
        let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let id = ArtefactId(artefact.id);
        // Made before a change of key it is as good as after it. All are compared: how long it takes tells nothing.
        let keys = self.keyring.derive_each(CODES);
        let is_made_by =
            |key: &[u8; 32]| secrets::constant_time_equal(&code_mac(key, id, &typed), &artefact.code_mac);
        keys.iter().map(|key| u32::from(is_made_by(key))).sum::<u32>() > 0
    }

    /// Withdraws what is on its way to an account. Of an account whose address nobody proved only what whoever is signed
    /// in asked for: the mails by which the address's owner takes the account over are not theirs to withdraw.
    pub(crate) async fn withdraw(&self, tx: &mut Tx, user: UserId) -> Result<(), Fault> {
        let account = store::users::find(tx, user).await?;
        if account.is_some_and(|account| account.proved_at.is_some()) {
            return Ok(store::artefacts::delete_all_of(tx, user).await?);
        }
        for purpose in [Purpose::SecondStep, Purpose::ChangeAddressOld, Purpose::ChangeAddressNew] {
            store::artefacts::delete_of(tx, user, purpose.name()).await?;
        }
        Ok(())
    }

    /// What an artefact carries.
    pub(crate) fn payload<T: DeserializeOwned>(&self, artefact: &Artefact) -> Result<T, Fault> {
        Ok(self.carried(artefact)?.payload)
    }

    pub(crate) fn carried<T: DeserializeOwned>(&self, artefact: &Artefact) -> Result<Carried<T>, Fault> {
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

/// What the key is called by which codes are stored.
const CODES: &str = "artefact codes";

fn code_mac(key: &[u8; 32], id: ArtefactId, code: &str) -> Vec<u8> {
    secrets::hmac_sha256(key, &[id.0.as_bytes(), code.as_bytes()]).to_vec()
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
