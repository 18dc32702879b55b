//! Passwords that are too common to be set (NIST SP 800-63B-4 section 3.1.1.2): the 100,000 most common of eight characters
//! and more.
//!
//! `common/list.bin` holds no password: of each it has the first four bytes of its SHA-256, in order. `scripts/common-passwords`
//! makes it, and says from what.

use domain::Password;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// Marks, in ascending order.
static LIST: &[u8] = include_bytes!("common/list.bin");

/// Bytes of a mark.
const MARK: usize = 4;

/// Whether a password is on the list, in whatever case it is written.
pub(crate) fn is_common(password: &Password) -> bool {
    let text = String::from_utf8_lossy(password.expose_bytes());
    let lower: Zeroizing<String> = Zeroizing::new(text.to_lowercase().nfkc().collect());
    let digest = secrets::sha256(lower.as_bytes());
    let Some(mark) = digest.first_chunk::<MARK>() else { return false };
    LIST.as_chunks::<MARK>().0.binary_search(mark).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_common(text: &str) -> bool {
        super::is_common(&Password::parse(text).unwrap())
    }

    #[test]
    fn what_everybody_tries_is_on_the_list() {
        for text in [
            "password",
            "Password",
            "baseball",
            "iloveyou",
            "sunshine1",
            "trustno1",
            "1q2w3e4r5t",
            "PASSWORD1",
        ] {
            assert!(is_common(text), "{text}");
        }
        for text in [
            "correct horse battery staple",
            "8letters of mine",
            "ümlaut🙂8 und mehr",
            "a long enough password",
        ] {
            assert!(!is_common(text), "{text}");
        }
    }

    #[test]
    fn the_list_is_whole_and_in_order() {
        let (marks, rest) = LIST.as_chunks::<MARK>();
        assert!(rest.is_empty() && marks.len() > 99_990, "{}", marks.len());
        assert!(marks.is_sorted());
    }
}
