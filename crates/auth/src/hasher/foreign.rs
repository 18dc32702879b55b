//! Hashes as others write them, brought into the form that is stored here.
//!
//! | origin | text |
//! |---|---|
//! | PHC strings, passlib | `$argon2id$…`, `$2b$…`, `$scrypt$ln=…$…`, `$pbkdf2-sha256$…` |
//! | Django | `pbkdf2_sha256$…`, `pbkdf2_sha1$…`, `argon2$…`, `bcrypt$…`, `bcrypt_sha256$…`, `scrypt$…` |
//! | Werkzeug (Flask) | `pbkdf2:sha256:600000$salt$hex`, `scrypt:32768:8:1$salt$hex` |
//! | ASP.NET Core Identity, versions 2 and 3 | base64 that begins with a byte 0 or 1 |
//! | LDAP (RFC 2307 and its kin) | `{SSHA}…`, `{SSHA256}…`, `{SSHA512}…`, `{PBKDF2-SHA256}…`, `{CRYPT}$2y$…` |
//! | Keycloak, Firebase | JSON: see [`super::structured`] |

use super::quick::{Quick, digest};
use super::stored::{Scheme, Stored, Unreadable, decode};

/// A hash that came from elsewhere.
#[derive(Clone, Debug)]
pub struct Foreign(pub(super) Kind);

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Slow enough to be stored as it is.
    Slow(Stored),
    /// To be wrapped in Argon2id.
    Quick { how: Quick, salt: Vec<u8>, output: Vec<u8> },
}

impl Foreign {
    /// Reads a hash in any form that is known.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('{') {
            return directory(rest);
        }
        if text.starts_with('$') {
            return phc(text);
        }
        match text.split_once('$') {
            Some((head, rest)) if head.contains(':') => werkzeug(head, rest),
            Some((head, rest)) => django(head, rest),
            None => identity(text),
        }
    }

    /// Whether it is to be wrapped in Argon2id, which costs a hash.
    pub fn is_quick(&self) -> bool {
        matches!(self.0, Kind::Quick { .. })
    }

    /// What kind of hash it is, as a person reads it.
    pub fn describe(&self) -> String {
        match &self.0 {
            Kind::Slow(stored) => stored.scheme.describe(),
            Kind::Quick { how, .. } => how.describe(),
        }
    }

    pub(super) fn pbkdf2(
        name: &str,
        iterations: u32,
        salt: Vec<u8>,
        output: Vec<u8>,
    ) -> Result<Self, Unreadable> {
        let how = Quick::pbkdf2(digest(name)?, iterations, output.len())?;
        Ok(Self(Kind::Quick { how, salt, output }))
    }

    pub(super) fn stored(text: &str) -> Result<Self, Unreadable> {
        let stored = Stored::parse(text)?;
        // A pepper of somebody else's does not come along; what is wrapped was wrapped here.
        if stored.scheme.pepper().is_some() || matches!(stored.scheme, Scheme::Wrapped { .. }) {
            return Err(Unreadable::Keyed);
        }
        Ok(Self(Kind::Slow(stored)))
    }

    pub(super) fn scrypt(n: u64, r: u32, p: u32, salt: Vec<u8>, output: Vec<u8>) -> Result<Self, Unreadable> {
        if !n.is_power_of_two() {
            return Err(Unreadable::Form);
        }
        // Through the text, so that its bounds hold.
        let scheme = Scheme::parse(&format!("$scrypt$ln={},r={r},p={p}", n.ilog2()))?;
        let stored = Stored { scheme, salts: vec![salt], output };
        Self::stored(&stored.to_string())
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(|_| Unreadable::Form)
}

fn hex(text: &str) -> Result<Vec<u8>, Unreadable> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or(Unreadable::Form)
}

/// passlib writes a dot for a plus.
fn adapted(text: &str) -> Result<Vec<u8>, Unreadable> {
    decode(&text.replace('.', "+"))
}

fn phc(text: &str) -> Result<Foreign, Unreadable> {
    let parts: Vec<&str> = text.split('$').skip(1).collect();
    let kind = parts.first().copied().unwrap_or_default();
    if kind != "pbkdf2" && !kind.starts_with("pbkdf2-") {
        return Foreign::stored(text);
    }
    let name = kind.strip_prefix("pbkdf2-").unwrap_or("sha1");
    let [_, parameters, salt, output] = parts.as_slice() else { return Err(Unreadable::Form) };
    // `i=600000,l=32` as PHC strings have it, and a number alone as passlib does.
    let first = parameters.split(',').next().unwrap_or_default();
    let iterations = number(first.strip_prefix("i=").unwrap_or(first))?;
    Foreign::pbkdf2(name, iterations, adapted(salt)?, adapted(output)?)
}

fn django(head: &str, rest: &str) -> Result<Foreign, Unreadable> {
    let parts: Vec<&str> = rest.split('$').collect();
    match head {
        "argon2" => Foreign::stored(&format!("${rest}")),
        "bcrypt" => Foreign::stored(rest),
        "bcrypt_sha256" => Foreign::stored(&format!("$bcrypt-sha256{rest}")),
        "scrypt" => {
            let [n, salt, r, p, output] = parts.as_slice() else { return Err(Unreadable::Form) };
            Foreign::scrypt(number(n)?, number(r)?, number(p)?, salt.as_bytes().to_vec(), decode(output)?)
        }
        _ => {
            let name = head.strip_prefix("pbkdf2_").ok_or(Unreadable::Kind)?;
            let [iterations, salt, output] = parts.as_slice() else { return Err(Unreadable::Form) };
            Foreign::pbkdf2(name, number(iterations)?, salt.as_bytes().to_vec(), decode(output)?)
        }
    }
}

fn werkzeug(head: &str, rest: &str) -> Result<Foreign, Unreadable> {
    let (salt, output) = rest.split_once('$').ok_or(Unreadable::Form)?;
    let (salt, output) = (salt.as_bytes().to_vec(), hex(output)?);
    match head.split(':').collect::<Vec<_>>().as_slice() {
        ["pbkdf2", name, iterations] => Foreign::pbkdf2(name, number(iterations)?, salt, output),
        ["scrypt", n, r, p] => Foreign::scrypt(number(n)?, number(r)?, number(p)?, salt, output),
        _ => Err(Unreadable::Kind),
    }
}

/// `SSHA}base64(digest ‖ salt)` and its kin.
fn directory(rest: &str) -> Result<Foreign, Unreadable> {
    let (scheme, value) = rest.split_once('}').ok_or(Unreadable::Kind)?;
    let scheme = scheme.to_ascii_uppercase();
    let (name, length) = match scheme.as_str() {
        "CRYPT" | "BCRYPT" | "ARGON2" | "BLF-CRYPT" => return phc(value),
        "SHA" | "SSHA" => ("sha1", 20),
        "SHA256" | "SSHA256" => ("sha256", 32),
        "SHA384" | "SSHA384" => ("sha384", 48),
        "SHA512" | "SSHA512" => ("sha512", 64),
        _ => {
            let name = scheme.strip_prefix("PBKDF2").ok_or(Unreadable::Kind)?;
            let name = name.strip_prefix('-').unwrap_or("SHA1").to_ascii_lowercase();
            let parts: Vec<&str> = value.split('$').collect();
            let [iterations, salt, output] = parts.as_slice() else { return Err(Unreadable::Form) };
            return Foreign::pbkdf2(&name, number(iterations)?, adapted(salt)?, adapted(output)?);
        }
    };
    let mut output = decode(value)?;
    if output.len() < length {
        return Err(Unreadable::Form);
    }
    let salt = output.split_off(length);
    Ok(Foreign(Kind::Quick { how: Quick::Salted(digest(name)?), salt, output }))
}

/// ASP.NET Core Identity: version 2 is PBKDF2 with HMAC-SHA-1 and 1,000 iterations; version 3 says which.
fn identity(text: &str) -> Result<Foreign, Unreadable> {
    let bytes = decode(text).map_err(|_| Unreadable::Kind)?;
    let four = |at: usize| {
        let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or(Unreadable::Form)
    };
    match bytes.first() {
        Some(0) if bytes.len() == 49 => {
            Foreign::pbkdf2("sha1", 1_000, bytes[1..17].to_vec(), bytes[17..].to_vec())
        }
        Some(1) => {
            let name = match four(1)? {
                0 => "sha1",
                1 => "sha256",
                2 => "sha512",
                _ => return Err(Unreadable::Kind),
            };
            let (iterations, length) = (four(5)?, four(9)? as usize);
            let rest = bytes.get(13..).unwrap_or_default();
            let (salt, output) = rest.split_at_checked(length).ok_or(Unreadable::Form)?;
            Foreign::pbkdf2(name, iterations, salt.to_vec(), output.to_vec())
        }
        _ => Err(Unreadable::Kind),
    }
}
