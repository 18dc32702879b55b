//! Fresh keys, as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::random_bytes;

/// The most bytes of a key that is made here.
pub const LARGEST_KEY: usize = 1024;

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// Base64 with padding, the alphabet with `+` and `/`.
    Base64,
    /// Two hex digits a byte.
    Hex,
}

/// A fresh key of so many bytes, [`LARGEST_KEY`] at the most.
pub fn generate_key(bytes: usize, form: KeyForm) -> SecretString {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let drawn = Zeroizing::new(random_bytes::<LARGEST_KEY>());
    let bytes = &drawn[..bytes.min(LARGEST_KEY)];
    // Sized up front, so that no shorter copy is left behind by growing.
    let mut text = String::with_capacity(bytes.len() * 2 + 4);
    match form {
        KeyForm::Base64 => STANDARD.encode_string(bytes, &mut text),
        KeyForm::Hex => {
            for byte in bytes {
                text.push(char::from(DIGITS[usize::from(byte >> 4)]));
                text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
            }
        }
    }
    SecretString::from(text)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_key_has_the_bytes_that_were_asked_for_and_no_two_are_alike() {
        for (bytes, form, length) in [
            (32, KeyForm::Hex, 64),
            (32, KeyForm::Base64, 44),
            (16, KeyForm::Base64, 24),
            (LARGEST_KEY, KeyForm::Hex, 2048),
            (usize::MAX, KeyForm::Hex, 2048),
        ] {
            let (one, two) = (generate_key(bytes, form), generate_key(bytes, form));
            assert_eq!(one.expose_secret().len(), length, "{bytes} {form:?}");
            assert_ne!(one.expose_secret(), two.expose_secret());
        }
        let base64 = generate_key(33, KeyForm::Base64);
        assert_eq!(STANDARD.decode(base64.expose_secret()).unwrap().len(), 33);
    }
}
