//! A hash as it stands in the database: how it is made, its salt, and its output.
//!
//! | kind | text |
//! |---|---|
//! | Argon2 (RFC 9106) | `$argon2id$v=19$m=19456,t=2,p=1[,keyid=…]$salt$output`, also `argon2i` and `argon2d` |
//! | bcrypt | `$2b$12$…`, also `2a` and `2y`; `$bcrypt-sha256$2b$12$…` over SHA-256 in hex, as Django has it |
//! | scrypt (RFC 7914) | `$scrypt$ln=14,r=8,p=1$salt$output` |
//! | Firebase's scrypt | `$fbscrypt$v=1,n=14,r=8,p=1,ss=…,sk=…$salt$output` |
//! | a quick hash within Argon2id | `$wrapped$pbkdf2-sha256,i=29000,l=32$argon2id$v=19$m=…,t=…,p=…$inner salt.salt$output` |
//!
//! Salts and outputs are base64 without padding, as PHC strings have them (bcrypt's: as bcrypt has them).

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::argon::Argon;
use super::quick::Quick;

/// Why a text is not a hash that can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Of no kind that is known.
    #[error("it is of no kind of hash that is known here")]
    Kind,
    /// Of a known kind, and not in its form.
    #[error("it is cut short, or not in the form of its kind")]
    Form,
    /// It would take more memory or time than a sign-in may.
    #[error("it asks for more memory or time than a sign-in may take")]
    TooMuch,
    /// Made with a secret that did not come along.
    #[error("it was made with a secret (keyid) that is not known here")]
    Keyed,
    /// bcrypt with a flaw.
    #[error(
        "2x marks hashes of a faulty implementation, which cannot be told from weak ones: have a new password set"
    )]
    Faulty,
}

/// A hash of a password.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) scheme: Scheme,
    /// Salts, the inner one first.
    pub(super) salts: Vec<Vec<u8>>,
    pub(super) output: Vec<u8>,
}

/// How a hash is made: everything of it that is not of one password alone.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    Argon(Argon),
    Bcrypt { variant: char, cost: u32, over_sha256: bool },
    Scrypt { log_n: u8, r: u32, p: u32 },
    Firebase { log_n: u8, r: u32, separator: Vec<u8>, signer: Vec<u8> },
    Wrapped { inner: Quick, outer: Argon },
}

/// bcrypt's own order of letters. Some that write it leave stray bits at the end.
pub(super) const BCRYPT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Ours is without padding; others' may have it.
pub(super) const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn decode(text: &str) -> Result<Vec<u8>, Unreadable> {
    STANDARD.decode(text).map_err(|_| Unreadable::Form)
}

impl Stored {
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let parts: Vec<&str> = text.strip_prefix('$').ok_or(Unreadable::Kind)?.split('$').collect();
        let kind = parts.first().copied().unwrap_or_default();
        if kind.starts_with('2') {
            return bcrypt(&parts, false);
        }
        if kind == "bcrypt-sha256" {
            return bcrypt(&parts[1..], true);
        }
        if !["wrapped", "scrypt", "fbscrypt"].contains(&kind) && !kind.starts_with("argon2") {
            return Err(Unreadable::Kind);
        }
        let [how @ .., salt, output] = parts.as_slice() else { return Err(Unreadable::Form) };
        let scheme = match kind {
            "wrapped" => match how {
                [_, inner, outer @ ..] => {
                    Scheme::Wrapped { inner: Quick::parse(inner)?, outer: Argon::parse(outer)? }
                }
                _ => return Err(Unreadable::Form),
            },
            "scrypt" => scrypt(how)?,
            "fbscrypt" => firebase(how)?,
            _ => Scheme::Argon(Argon::parse(how)?),
        };
        let salts = salt.split('.').map(decode).collect::<Result<Vec<_>, _>>()?;
        let expected = if matches!(scheme, Scheme::Wrapped { .. }) { 2 } else { 1 };
        let output = decode(output)?;
        // Less could be met by chance, and an empty one by anything.
        let short = if matches!(scheme, Scheme::Argon(_)) { 4 } else { 10 };
        if salts.len() != expected || !(short..=512).contains(&output.len()) {
            return Err(Unreadable::Form);
        }
        // Argon2's own least.
        let outermost = salts.last().map_or(0, Vec::len);
        if matches!(scheme, Scheme::Argon(_) | Scheme::Wrapped { .. }) && outermost < argon2::MIN_SALT_LEN {
            return Err(Unreadable::Form);
        }
        Ok(Self { scheme, salts, output })
    }

    /// One of this scheme that no password meets but by guessing its output: what a dummy is verified against.
    pub(super) fn dummy(scheme: &Scheme, salt: [u8; 16], output: [u8; 32]) -> Self {
        let salts = if matches!(scheme, Scheme::Wrapped { .. }) { 2 } else { 1 };
        let length = if matches!(scheme, Scheme::Bcrypt { .. }) { 23 } else { 32 };
        Self { scheme: scheme.clone(), salts: vec![salt.to_vec(); salts], output: output[..length].to_vec() }
    }
}

impl Scheme {
    /// The text up to the salt, as [`Stored`] has it.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        // A salt and an output of nothing in particular make it whole.
        let bcrypt = text.starts_with("$2") || text.starts_with("$bcrypt");
        let rest = if bcrypt {
            format!("${}", ".".repeat(53))
        } else if text.starts_with("$wrapped$") {
            format!("${0}.{0}${0}", "A".repeat(22))
        } else {
            format!("${0}${0}", "A".repeat(22))
        };
        Stored::parse(&format!("{text}{rest}")).map(|stored| stored.scheme)
    }

    /// The id of the pepper in it.
    pub(super) fn pepper(&self) -> Option<&str> {
        match self {
            Self::Argon(argon) | Self::Wrapped { outer: argon, .. } => argon.pepper.as_deref(),
            Self::Bcrypt { .. } | Self::Scrypt { .. } | Self::Firebase { .. } => None,
        }
    }

    /// KiB of memory that it takes to compute one.
    pub(super) fn memory_kib(&self) -> usize {
        // Of scrypt (RFC 7914): V, and B and two more blocks beside it.
        let scrypt = |log_n: u8, r: u32, p: u32| {
            let block = 128 * u64::from(r);
            let bytes = (1_u64 << log_n).saturating_add(u64::from(p) + 2).saturating_mul(block);
            usize::try_from(bytes.div_ceil(1024)).unwrap_or(usize::MAX)
        };
        match self {
            Self::Argon(argon) | Self::Wrapped { outer: argon, .. } => argon.memory_kib as usize,
            // Its boxes and subkeys.
            Self::Bcrypt { .. } => 5,
            Self::Scrypt { log_n, r, p } => scrypt(*log_n, *r, *p),
            Self::Firebase { log_n, r, .. } => scrypt(*log_n, *r, 1),
        }
    }

    /// As a person reads it; no key is shown.
    pub(super) fn describe(&self) -> String {
        let argon = |argon: &Argon| {
            let Argon { algorithm, memory_kib, iterations, parallelism, pepper, .. } = argon;
            let pepper = pepper.as_ref().map(|id| format!(", pepper {id}")).unwrap_or_default();
            format!(
                "{algorithm}, {memory_kib} KiB, {iterations} iterations, parallelism {parallelism}{pepper}"
            )
        };
        match self {
            Self::Argon(own) => argon(own),
            Self::Bcrypt { variant, cost, over_sha256 } => {
                let over = if *over_sha256 { " over SHA-256" } else { "" };
                format!("bcrypt (2{variant}), cost {cost}{over}")
            }
            Self::Scrypt { log_n, r, p } => format!("scrypt, N 2^{log_n}, r {r}, p {p}"),
            Self::Firebase { log_n, r, .. } => format!("scrypt of Firebase, N 2^{log_n}, r {r}"),
            Self::Wrapped { inner, outer } => format!("{} within {}", inner.describe(), argon(outer)),
        }
    }
}

fn bcrypt(parts: &[&str], over_sha256: bool) -> Result<Stored, Unreadable> {
    let &[variant, cost, rest] = parts else { return Err(Unreadable::Form) };
    let variant = match variant {
        "2a" => 'a',
        "2b" => 'b',
        "2y" => 'y',
        "2x" => return Err(Unreadable::Faulty),
        _ => return Err(Unreadable::Kind),
    };
    let digits = cost.len() == 2 && cost.bytes().all(|digit| digit.is_ascii_digit());
    let cost = cost.parse().ok().filter(|_| digits).ok_or(Unreadable::Form)?;
    match cost {
        4..=16 => {}
        17..=31 => return Err(Unreadable::TooMuch),
        _ => return Err(Unreadable::Form),
    }
    if rest.len() != 53 || !rest.is_ascii() {
        return Err(Unreadable::Form);
    }
    let (salt, output) = rest.split_at(22);
    let bytes = |text: &str| BCRYPT.decode(text).map_err(|_| Unreadable::Form);
    let scheme = Scheme::Bcrypt { variant, cost, over_sha256 };
    Ok(Stored { scheme, salts: vec![bytes(salt)?], output: bytes(output)? })
}

/// The memory of scrypt, and what of it a sign-in may take.
fn bounded(log_n: u8, r: u32, p: u32) -> Result<(), Unreadable> {
    const MOST_BYTES: u64 = 256 * 1024 * 1024;
    if !(1..=30).contains(&log_n) || r == 0 || p == 0 {
        return Err(Unreadable::Form);
    }
    let bytes = (1_u64 << log_n).saturating_mul(u64::from(r) * 128);
    if bytes > MOST_BYTES || p > 16 || r > 64 {
        return Err(Unreadable::TooMuch);
    }
    scrypt::Params::new(log_n, r, p).map(drop).map_err(|_| Unreadable::Form)
}

fn scrypt(how: &[&str]) -> Result<Scheme, Unreadable> {
    let &[_, parameters] = how else { return Err(Unreadable::Form) };
    let (mut log_n, mut r, mut p) = (0, 0, 0);
    for pair in parameters.split(',') {
        let (key, value) = pair.split_once('=').ok_or(Unreadable::Form)?;
        let number = value.parse::<u32>().map_err(|_| Unreadable::Form)?;
        match key {
            "ln" => log_n = u8::try_from(number).map_err(|_| Unreadable::Form)?,
            "r" => r = number,
            "p" => p = number,
            _ => return Err(Unreadable::Form),
        }
    }
    bounded(log_n, r, p)?;
    Ok(Scheme::Scrypt { log_n, r, p })
}

fn firebase(how: &[&str]) -> Result<Scheme, Unreadable> {
    let &[_, parameters] = how else { return Err(Unreadable::Form) };
    let (mut log_n, mut r, mut separator, mut signer) = (0, 0, Vec::new(), Vec::new());
    for pair in parameters.split(',') {
        let (key, value) = pair.split_once('=').ok_or(Unreadable::Form)?;
        let number = || value.parse::<u8>().map_err(|_| Unreadable::Form);
        match key {
            "v" | "p" if value == "1" => {}
            "n" => log_n = number()?,
            "r" => r = u32::from(number()?),
            "ss" => separator = decode(value)?,
            "sk" => signer = decode(value)?,
            _ => return Err(Unreadable::Form),
        }
    }
    bounded(log_n, r, 1)?;
    if signer.is_empty() {
        return Err(Unreadable::Form);
    }
    Ok(Scheme::Firebase { log_n, r, separator, signer })
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon(argon) => argon.fmt(f),
            Self::Bcrypt { variant, cost, over_sha256 } => {
                let over = if *over_sha256 { "$bcrypt-sha256" } else { "" };
                write!(f, "{over}$2{variant}${cost:02}")
            }
            Self::Scrypt { log_n, r, p } => write!(f, "$scrypt$ln={log_n},r={r},p={p}"),
            Self::Firebase { log_n, r, separator, signer } => {
                let (separator, signer) = (STANDARD.encode(separator), STANDARD.encode(signer));
                write!(f, "$fbscrypt$v=1,n={log_n},r={r},p=1,ss={separator},sk={signer}")
            }
            Self::Wrapped { inner, outer } => write!(f, "$wrapped${inner}{outer}"),
        }
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, salts, output } = self;
        if matches!(scheme, Scheme::Bcrypt { .. }) {
            let salt = salts.first().map(|salt| BCRYPT.encode(salt)).unwrap_or_default();
            return write!(f, "{scheme}${salt}{}", BCRYPT.encode(output));
        }
        let salts: Vec<_> = salts.iter().map(|salt| STANDARD.encode(salt)).collect();
        write!(f, "{scheme}${}${}", salts.join("."), STANDARD.encode(output))
    }
}

/// The kind alone: a hash is nobody's to read.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({})", self.scheme.describe())
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scheme({})", self.describe())
    }
}
