//! The kinds of hash that there are, as far as their work differs: a failed sign-in does the work of each, in the same order
//! whoever it is of, so that neither its time nor what it leaves in the caches tells whose hash is of which kind.
//!
//! Waiting instead, until the dearest could have been done, told all the same: whoever asked next met an idle processor, or caches
//! that were as another kind leaves them.

use domain::Password;

use super::argon::Argon;
use super::compute::Met;
use super::memory::Memory;
use super::pepper::Peppers;
use super::quick::Quick;
use super::stored::{Scheme, Stored};
use crate::{Fault, Random};

/// Kinds that accounts may be brought in with, ours among them: each makes every failed sign-in dearer.
pub(crate) const MOST: usize = 16;

/// The kinds of hash that there are. Ours comes first: whoever's it is signs in at the cost of one hash.
#[derive(Clone, Debug)]
pub(crate) struct Kinds(Vec<Kind>);

#[derive(Clone, Debug)]
struct Kind {
    /// What [`Scheme::work`] says of all hashes of the kind.
    work: Scheme,
    /// What is worked at where the account's own hash is of another kind, or there is no account.
    decoy: Stored,
}

/// One hash to be computed.
#[derive(Debug)]
struct Step<'a> {
    hash: &'a Stored,
    is_own: bool,
    /// Iterations of PBKDF2 that are missing to what the dearest hash of the kind takes.
    missing: u32,
}

impl Kinds {
    /// Ours, and those of `others`.
    pub(super) fn new(own: &Scheme, others: impl IntoIterator<Item = Scheme>, random: &Random) -> Self {
        let mut kinds = Self(Vec::new());
        for scheme in std::iter::once(own.clone()).chain(others) {
            kinds.add(&scheme, random);
        }
        kinds
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// KiB of memory that the dearest of them takes.
    pub(super) fn memory_kib(&self) -> usize {
        self.0.iter().map(|kind| kind.decoy.scheme.memory_kib()).max().unwrap_or_default()
    }

    /// Whether a stored hash is of one of them. One that cannot be read is of none.
    pub(crate) fn have(&self, hash: &str) -> bool {
        Stored::parse(hash).is_ok_and(|stored| self.cover(&stored.scheme))
    }

    /// Whether a hash of this scheme costs no more than is worked already.
    pub(super) fn cover(&self, scheme: &Scheme) -> bool {
        let work = scheme.work();
        let known = self.0.iter().find(|kind| kind.work == work);
        known.is_some_and(|kind| scheme.iterations() <= kind.decoy.scheme.iterations())
    }

    /// Adds the kind of a scheme, if it is not there.
    pub(super) fn add(&mut self, scheme: &Scheme, random: &Random) {
        if self.cover(scheme) {
            return;
        }
        let work = scheme.work();
        let decoy = Stored::dummy(&scheme.unpeppered(), random.bytes(), random.token());
        match self.0.iter_mut().find(|kind| kind.work == work) {
            Some(kind) => kind.decoy = decoy,
            None => self.0.push(Kind { work, decoy }),
        }
    }

    /// What is to be computed for an account with this hash, or for none: as many hashes of the same work in the same order.
    fn steps<'a>(&'a self, own: Option<&'a Stored>) -> impl Iterator<Item = Step<'a>> {
        let own = own.map(|hash| (hash, hash.scheme.work()));
        self.0.iter().map(move |Kind { work, decoy }| match &own {
            Some((hash, of)) if of == work => {
                let missing = decoy.scheme.iterations().saturating_sub(hash.scheme.iterations());
                Step { hash, is_own: true, missing }
            }
            _ => Step { hash: decoy, is_own: false, missing: 0 },
        })
    }

    /// Tries the password, and does the work of every kind. Once it is right the rest is left out, if whoever shows it gets in by it
    /// (`may_enter`): then the answer tells anyway. Says how many hashes were computed, too.
    pub(super) fn try_password(
        &self,
        own: Option<&Stored>,
        may_enter: bool,
        password: &Password,
        peppers: &Peppers,
        memory: &mut Memory,
    ) -> Result<(Met, u64), Fault> {
        let (mut met, mut computed) = (Met::Not, 0);
        for Step { hash, is_own, missing } in self.steps(own) {
            let tried = hash.try_password(password, peppers, memory)?;
            computed += 1;
            if is_own {
                met = tried;
                if may_enter && met != Met::Not {
                    break;
                }
                hash.make_up(missing, password);
            }
        }
        Ok((met, computed))
    }
}

impl Stored {
    /// Does so many more iterations of PBKDF2, as often as [`Stored::try_password`] does those of the hash.
    fn make_up(&self, iterations: u32, password: &Password) {
        let Scheme::Wrapped { inner: Quick::Pbkdf2 { digest, length, .. }, .. } = self.scheme else { return };
        if iterations > 0 {
            let more = Quick::Pbkdf2 { digest, iterations, length };
            let salt = self.salts.first().map_or(&[][..], Vec::as_slice);
            for tried in std::iter::once(password.expose_bytes()).chain(password.expose_typed()) {
                std::hint::black_box(more.compute(tried, salt));
            }
        }
    }
}

impl Scheme {
    /// What makes the work of a hash. What is alike here takes the same time: a pepper and a salted SHA are nothing beside Argon2,
    /// the variants of bcrypt differ in their letter, Firebase's scrypt is one. Of PBKDF2 the iterations are left out: those that a
    /// hash has less than another are [made up](Stored::make_up), since databases that grew have many counts.
    fn work(&self) -> Self {
        match self.unpeppered() {
            Self::Bcrypt { cost, .. } => Self::Bcrypt { variant: 'b', cost, over_sha256: false },
            Self::Firebase { log_n, r, .. } => Self::Scrypt { log_n, r, p: 1 },
            Self::Wrapped { inner: Quick::Salted(_), outer } => Self::Argon(outer),
            Self::Wrapped { inner: Quick::Pbkdf2 { digest, length, .. }, outer } => {
                Self::Wrapped { inner: Quick::Pbkdf2 { digest, iterations: 0, length }, outer }
            }
            other @ (Self::Argon(_) | Self::Scrypt { .. }) => other,
        }
    }

    /// The same without a pepper, so that what is nobody's needs none.
    fn unpeppered(&self) -> Self {
        let bare = |argon: &Argon| Argon { pepper: None, ..argon.clone() };
        match self {
            Self::Argon(argon) => Self::Argon(bare(argon)),
            Self::Wrapped { inner, outer } => Self::Wrapped { inner: inner.clone(), outer: bare(outer) },
            Self::Bcrypt { .. } | Self::Scrypt { .. } | Self::Firebase { .. } => self.clone(),
        }
    }

    /// Of PBKDF2.
    fn iterations(&self) -> u32 {
        match self {
            Self::Wrapped { inner: Quick::Pbkdf2 { iterations, .. }, .. } => *iterations,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::password;
    use super::*;

    const OURS: &str = "$argon2id$v=19$m=64,t=1,p=1";

    fn scheme(text: &str) -> Scheme {
        Scheme::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn kinds(others: &[&str]) -> Kinds {
        Kinds::new(&scheme(OURS), others.iter().map(|text| scheme(text)), &Random::system())
    }

    fn hash(text: &str) -> Stored {
        Stored::dummy(&scheme(text), [7; 16], [7; 32])
    }

    /// What is worked for a hash: the schemes without what does not make work, and the iterations of PBKDF2 altogether.
    fn worked(kinds: &Kinds, own: Option<&Stored>) -> Vec<(String, u32)> {
        let of = |step: Step<'_>| {
            (step.hash.scheme.work().to_string(), step.hash.scheme.iterations() + step.missing)
        };
        kinds.steps(own).map(of).collect()
    }

    /// Issue 5: who had a hash from elsewhere was told by the time of a failure.
    #[test]
    fn the_work_is_the_same_for_every_kind_of_hash_and_for_none() {
        let outer = "argon2id$v=19$m=64,t=1,p=1";
        let present = [
            OURS.to_owned(),
            format!("{OURS},keyid=abc"),
            "$2a$04".to_owned(),
            "$2y$05".to_owned(),
            "$bcrypt-sha256$2b$05".to_owned(),
            "$scrypt$ln=4,r=8,p=1".to_owned(),
            "$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw,sk=AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            "$argon2i$v=19$m=256,t=2,p=1".to_owned(),
            format!("$wrapped$salted-sha1${outer}"),
            format!("$wrapped$pbkdf2-sha256,i=1200,l=32${outer}"),
            format!("$wrapped$pbkdf2-sha256,i=1000,l=32${outer}"),
            format!("$wrapped$pbkdf2-sha1,i=1000,l=20${outer}"),
        ];
        let kinds = kinds(&present.iter().map(String::as_str).collect::<Vec<_>>());
        let none = worked(&kinds, None);
        let expected = [
            (OURS.to_owned(), 0),
            ("$2b$04".to_owned(), 0),
            ("$2b$05".to_owned(), 0),
            ("$scrypt$ln=4,r=8,p=1".to_owned(), 0),
            ("$argon2i$v=19$m=256,t=2,p=1".to_owned(), 0),
            (format!("$wrapped$pbkdf2-sha256,i=0,l=32${outer}"), 1200),
            (format!("$wrapped$pbkdf2-sha1,i=0,l=20${outer}"), 1000),
        ];
        assert_eq!(none, expected);
        for text in &present {
            let own = hash(text);
            assert_eq!(worked(&kinds, Some(&own)), none, "{text}");
            assert_eq!(kinds.steps(Some(&own)).filter(|step| step.is_own).count(), 1, "{text}");
            assert!(kinds.cover(&own.scheme), "{text}");
        }
        assert!(!kinds.cover(&scheme("$2b$06")));
        assert!(!kinds.cover(&scheme(&format!("$wrapped$pbkdf2-sha256,i=1201,l=32${outer}"))));
    }

    /// Only who gets in is answered sooner: a right password of an account that may not sign in is no news to anybody.
    #[test]
    fn the_rest_is_left_out_for_those_alone_who_get_in() {
        let kinds = kinds(&["$2b$04", "$scrypt$ln=4,r=8,p=1"]);
        let right = password("correct horse battery");
        let (peppers, mut memory) = (Peppers::default(), Memory::default());
        let mut own = hash(OURS);
        let Scheme::Argon(argon) = own.scheme.clone() else { panic!() };
        argon.compute(right.expose_bytes(), &[7; 16], &mut own.output, &peppers, &mut memory).unwrap();
        let bcrypt = Stored::parse("$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma").unwrap();
        let mut tried = |own: Option<&Stored>, may_enter, text: &str| {
            kinds.try_password(own, may_enter, &password(text), &peppers, &mut memory).unwrap()
        };
        assert_eq!(tried(Some(&own), true, "correct horse battery"), (Met::Normal, 1));
        assert_eq!(tried(Some(&bcrypt), true, "correct horse battery"), (Met::Normal, 2));
        assert_eq!(tried(Some(&own), false, "correct horse battery"), (Met::Normal, 3));
        for own in [Some(&own), Some(&bcrypt), None] {
            for may_enter in [false, true] {
                assert_eq!(tried(own, may_enter, "correct horse batter~"), (Met::Not, 3));
            }
        }
    }

    /// Nothing but our own hashes: a failure costs one.
    #[test]
    fn ours_alone_cost_one_hash() {
        assert_eq!(kinds(&[]).count(), 1);
        assert_eq!(kinds(&[OURS, &format!("{OURS},keyid=abc")]).count(), 1);
    }
}
