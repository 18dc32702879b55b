//! A password, and what makes one good enough.

mod context;
mod pattern;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

use crate::Email;

/// The most a password may be long, in bytes after normalisation.
const MAXIMUM_BYTES: usize = 512;

/// A password as typed, in NFKC so that every keyboard writes the same (NIST SP 800-63B-4 section 3.1.1.2). It has no
/// `==` and shows itself to nobody.
#[derive(Clone, Debug)]
pub struct Password {
    normal: SecretString,
    /// What was typed, where that is something else.
    typed: Option<SecretString>,
}

/// Why a text cannot be a password at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was typed.
    #[error("the password is empty")]
    Empty,
    /// More than 512 bytes.
    #[error("the password is too long: at most 512 bytes")]
    TooLong,
}

/// Why a password, though it can be hashed, should not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Fewer characters than asked for.
    #[error("the password is too short: at least {minimum} characters")]
    TooShort {
        /// How many would do.
        minimum: usize,
    },
    /// More bytes than are taken.
    #[error("the password is too long: at most {maximum} bytes")]
    TooLong {
        /// How many would do.
        maximum: usize,
    },
    /// It is made of the account's own address, or of the product's name.
    #[error(
        "the password is made of the e-mail address or of the name of this service, which others try first: \
         choose a few words that have nothing to do with either"
    )]
    Contextual,
    /// It is the one that is to be changed.
    #[error("this is the present password: choose another")]
    Unchanged,
    /// It is known from a breach elsewhere.
    #[error(
        "the password is known from a breach of another service, and tried by whoever has that list: \
         choose one that you use nowhere else"
    )]
    Breached,
    /// It is among the most common.
    #[error(
        "the password is among the 100,000 most common, which others try first: \
         choose a few words that have nothing to do with each other"
    )]
    Common,
    /// It is blank, a short piece over and over, or characters that follow one another.
    #[error(
        "the password is a pattern that others try first, such as the same over and over or keys in a row: \
         choose a few words that have nothing to do with each other"
    )]
    Pattern,
}

/// How long a password must be; no pattern, nor what others know of the account. No composition rules (NIST SP 800-63B-4
/// section 3.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy<'a> {
    /// The name of the product, as people see it.
    pub product: &'a str,
    /// Characters, where the password alone opens the account.
    pub minimum: usize,
    /// Characters, while a second step stands behind it.
    pub minimum_with_second_step: usize,
}

impl Default for PasswordPolicy<'_> {
    fn default() -> Self {
        Self { product: "", minimum: 15, minimum_with_second_step: 8 }
    }
}

impl Password {
    /// Takes a password as typed. The bound is checked before normalising, so that a huge text costs nothing.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        if text.len() > MAXIMUM_BYTES * 4 {
            return Err(PasswordError::TooLong);
        }
        let normal: String = text.nfkc().collect();
        if normal.len() > MAXIMUM_BYTES {
            return Err(PasswordError::TooLong);
        }
        let typed = (normal != text).then(|| SecretString::from(text.to_owned()));
        Ok(Self { normal: SecretString::from(normal), typed })
    }

    /// The bytes to hash.
    pub fn expose_bytes(&self) -> &[u8] {
        self.normal.expose_secret().as_bytes()
    }

    /// The bytes as they were typed, where normalising made others of them: what a hash from elsewhere may be of.
    pub fn expose_typed(&self) -> Option<&[u8]> {
        self.typed.as_ref().map(|typed| typed.expose_secret().as_bytes())
    }

    fn characters(&self) -> usize {
        self.normal.expose_secret().chars().count()
    }
}

impl PasswordPolicy<'_> {
    /// Whether `password` may be set on an account with this address; without one, whether it may be on any.
    pub fn check(
        self,
        password: &Password,
        email: Option<&Email>,
        second_step: bool,
    ) -> Result<(), Weakness> {
        let minimum = if second_step { self.minimum_with_second_step } else { self.minimum };
        if password.characters() < minimum {
            return Err(Weakness::TooShort { minimum });
        }
        let address = email.map_or("", Email::normalized);
        let (local, host) = address.rsplit_once('@').unwrap_or((address, ""));
        if context::is_made_of(password.normal.expose_secret(), &[address, local, host, self.product]) {
            return Err(Weakness::Contextual);
        }
        if pattern::is_pattern(password.normal.expose_secret()) {
            return Err(Weakness::Pattern);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(password: &str, second_step: bool) -> Result<(), Weakness> {
        let email = Email::parse("someone.long@example.com").unwrap();
        PasswordPolicy::default().check(&Password::parse(password).unwrap(), Some(&email), second_step)
    }

    #[test]
    fn length_is_counted_in_characters_and_depends_on_the_second_step() {
        assert_eq!(check("fourteen chars", false), Err(Weakness::TooShort { minimum: 15 }));
        assert_eq!(check("fifteen chars !", false), Ok(()));
        assert_eq!(check("seven77", true), Err(Weakness::TooShort { minimum: 8 }));
        assert_eq!(check("ümlaut🙂8", true), Ok(()));
        assert_eq!(check("Someone.Long@Example.com", true), Err(Weakness::Contextual));
        assert_eq!(check("someone.long-24", false), Err(Weakness::Contextual));
    }

    #[test]
    fn a_pattern_is_refused_however_long_it_is() {
        for (text, second_step) in
            [("               ", false), ("123456789012345", false), ("abcdefgh", true)]
        {
            assert_eq!(check(text, second_step), Err(Weakness::Pattern), "{text}");
        }
        assert_eq!(check(&"a".repeat(512), false), Err(Weakness::Pattern));
        assert_eq!(check("1234567", true), Err(Weakness::TooShort { minimum: 8 }));
    }

    #[test]
    fn bounds() {
        assert_eq!(Password::parse("").unwrap_err(), PasswordError::Empty);
        assert_eq!(Password::parse(&"a".repeat(513)).unwrap_err(), PasswordError::TooLong);
        assert_eq!(Password::parse(&"a".repeat(10_000_000)).unwrap_err(), PasswordError::TooLong);
        assert!(Password::parse(&"a".repeat(512)).is_ok());
        // One character that NFKC makes eighteen of.
        assert_eq!(Password::parse(&"\u{FDFA}".repeat(170)).unwrap_err(), PasswordError::TooLong);
    }

    #[test]
    fn every_keyboard_writes_the_same() {
        let composed = Password::parse("caf\u{e9}").unwrap();
        let decomposed = Password::parse("cafe\u{301}").unwrap();
        assert_eq!(composed.expose_bytes(), decomposed.expose_bytes());
        assert_eq!(composed.expose_typed(), None);
        assert_eq!(decomposed.expose_typed(), Some("cafe\u{301}".as_bytes()));
    }

    #[test]
    fn debug_tells_nothing() {
        assert!(!format!("{:?}", Password::parse("hunter2-hunter2").unwrap()).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_bound(text in "\\PC{1,600}") {
            if let Ok(password) = Password::parse(&text) {
                prop_assert!(password.expose_bytes().len() <= 512);
                prop_assert!(!password.expose_bytes().is_empty());
            }
        }
    }
}
