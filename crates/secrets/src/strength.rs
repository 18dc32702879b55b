//! Boot refuses a secret that is empty, short, a sample, or known to the world.

use secrecy::{ExposeSecret as _, SecretString};

/// The shortest secret that is accepted: 16 bytes, 128 bits when they are random.
pub const MINIMUM_SECRET_BYTES: usize = 16;

/// Fewer different characters than this never come out of a generator in 16 draws or more.
const MINIMUM_DISTINCT_CHARACTERS: usize = 6;

/// What must remain once every well-known word is taken out.
const MINIMUM_REST: usize = 8;

/// Why a secret was refused. Names the secret, never shows it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WeakSecret {
    /// Nothing, or only white space.
    #[error("{name} is empty; make a secret with `openssl rand -hex 32`")]
    Empty {
        /// What the secret is for, as the configuration calls it.
        name: String,
    },
    /// Shorter than [`MINIMUM_SECRET_BYTES`].
    #[error(
        "{name} has {length} bytes and must have at least {MINIMUM_SECRET_BYTES}, as it could be guessed; \
         make a secret with `openssl rand -hex 32`"
    )]
    Short {
        /// What the secret is for, as the configuration calls it.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// One character or one piece over and over.
    #[error("{name} repeats itself, so it is not random; make a secret with `openssl rand -hex 32`")]
    Repetitive {
        /// What the secret is for, as the configuration calls it.
        name: String,
    },
    /// Made of words that stand in examples and documentation.
    #[error(
        "{name} is a sample or well-known secret that anybody can try; make one with `openssl rand -hex 32`"
    )]
    WellKnown {
        /// What the secret is for, as the configuration calls it.
        name: String,
    },
}

/// Refuses a secret that nobody should run on. `name` is what the error calls it, such as `secrets.key`.
///
/// This catches what is copied from a README, left over from a first try, or typed by hand in a hurry; it cannot
/// measure the entropy of a text, so it says yes to a passphrase.
pub fn check_strength(name: &str, secret: &SecretString) -> Result<(), WeakSecret> {
    let text = secret.expose_secret().trim();
    let name = || name.to_owned();
    if text.is_empty() {
        return Err(WeakSecret::Empty { name: name() });
    }
    // Known first: to somebody who wrote "changeme", "too short" would be bad advice.
    if is_well_known(text) {
        return Err(WeakSecret::WellKnown { name: name() });
    }
    if text.len() < MINIMUM_SECRET_BYTES {
        return Err(WeakSecret::Short { name: name(), length: text.len() });
    }
    if is_repetitive(text) {
        return Err(WeakSecret::Repetitive { name: name() });
    }
    Ok(())
}

/// Words out of sample configurations, tutorials and lists of leaked passwords. Lower case, letters and digits only.
const WELL_KNOWN: [&str; 74] = [
    "astringsecretatleast256bitslong",
    "yoursupersecretkeyhere",
    "your256bitsecret",
    "0123456789abcdef",
    "abcdefghijklmnop",
    "qrstuvwxyz",
    "changethis",
    "1234567890",
    "0123456789",
    "replaceme",
    "insecure",
    "changeit",
    "changeme",
    "password",
    "passwort",
    "qwertyuiop",
    "asdfghjkl",
    "keyboardcat",
    "correcthorsebatterystaple",
    "abcdef",
    "123456",
    "qwerty",
    "qwertz",
    "letmein",
    "welcome",
    "example",
    "default",
    "postgres",
    "keyward",
    "sample",
    "secret",
    "shared",
    "signing",
    "session",
    "cookie",
    "master",
    "change",
    "private",
    "admin",
    "dummy",
    "super",
    "token",
    "value",
    "string",
    "production",
    "development",
    "before",
    "please",
    "really",
    "monkey",
    "dragon",
    "iloveyou",
    "insert",
    "here",
    "pass",
    "root",
    "test",
    "todo",
    "this",
    "that",
    "must",
    "your",
    "very",
    "long",
    "some",
    "with",
    "jwt",
    "key",
    "dev",
    "foo",
    "bar",
    "the",
    "my",
    "is",
];

fn is_well_known(text: &str) -> bool {
    let mut rest: String =
        text.to_lowercase().chars().filter(|character| character.is_alphanumeric()).collect();
    let before = rest.len();
    for word in WELL_KNOWN {
        // A long random secret holds "is" or "my" by chance: that is why a rest is asked for, not an absence.
        if rest.contains(word) {
            rest = rest.replace(word, "");
        }
    }
    rest.len() < before && rest.len() < MINIMUM_REST
}

fn is_repetitive(text: &str) -> bool {
    let mut characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    let repeats = (1..=length / 2).filter(|period| length.is_multiple_of(*period)).any(|period| {
        characters.iter().zip(characters.iter().skip(period)).all(|(earlier, later)| earlier == later)
    });
    characters.sort_unstable();
    characters.dedup();
    repeats || characters.len() < MINIMUM_DISTINCT_CHARACTERS
}
