//! SHA-256, HMAC-SHA-256 and the comparison that leaks no position.

use aws_lc_rs::{constant_time, digest, hmac};

/// Whether both are the same bytes, in a time that depends on their lengths only.
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// SHA-256 (FIPS 180-4). Suits values of high entropy, such as a session token; a password wants Argon2.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    to_array(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// HMAC-SHA-256 (RFC 2104) over the parts, each preceded by its length (eight bytes, big-endian).
///
/// The lengths keep `["ab", "c"]` and `["a", "bc"]` apart: without them a byte could wander from one field of a
/// record to the next and the tag would still be right. One consequence: a single part does not give the plain
/// HMAC of that part.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    to_array(context.sign().as_ref())
}

fn to_array(digest: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    // Both callers hand over a SHA-256 output, so the lengths are equal by construction.
    array.copy_from_slice(digest);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_matches_the_published_vector() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String = sha256(b"abc").iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, expected);
    }

    #[test]
    fn hmac_keeps_the_parts_apart() {
        let tag = hmac_sha256(b"key", &[b"ab", b"c"]);
        assert_eq!(tag, hmac_sha256(b"key", &[b"ab", b"c"]));
        assert_ne!(tag, hmac_sha256(b"key", &[b"a", b"bc"]));
        assert_ne!(tag, hmac_sha256(b"key", &[b"abc"]));
        assert_ne!(tag, hmac_sha256(b"key", &[b"ab", b"c", b""]));
        assert_ne!(tag, hmac_sha256(b"other", &[b"ab", b"c"]));
    }

    #[test]
    fn comparison_covers_contents_and_length() {
        assert!(constant_time_equal(b"", b""));
        assert!(constant_time_equal(b"same", b"same"));
        assert!(!constant_time_equal(b"same", b"sane"));
        assert!(!constant_time_equal(b"same", b"same!"));
    }
}
