//! What nobody should choose any more, and what hashes that come from elsewhere are made of: PBKDF2, plain digests, AES in
//! counter mode as Firebase uses it. To verify with, never to make anything new.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::{digest as digests, iv::FixedLength, pbkdf2 as derivation};

/// A digest by FIPS 180-4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1, broken for signatures and no worse than the others here.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The digest of the parts, one after the other, with nothing between them.
pub fn digest(digest: Digest, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digests::Context::new(match digest {
        Digest::Sha1 => &digests::SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => &digests::SHA256,
        Digest::Sha384 => &digests::SHA384,
        Digest::Sha512 => &digests::SHA512,
    });
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// PBKDF2 with HMAC (RFC 8018 section 5.2) fills `output`. No iterations count as one.
pub fn pbkdf2(digest: Digest, iterations: u32, salt: &[u8], password: &[u8], output: &mut [u8]) {
    let algorithm = match digest {
        Digest::Sha1 => derivation::PBKDF2_HMAC_SHA1,
        Digest::Sha256 => derivation::PBKDF2_HMAC_SHA256,
        Digest::Sha384 => derivation::PBKDF2_HMAC_SHA384,
        Digest::Sha512 => derivation::PBKDF2_HMAC_SHA512,
    };
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    derivation::derive(algorithm, iterations, salt, password, output);
}

/// AES-256 in counter mode (NIST SP 800-38A), its counter beginning at zero, over `data` in its place. None if the cipher
/// refuses.
pub fn aes_256_counter(key: &[u8; 32], data: &mut [u8]) -> Option<()> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    key.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(&[0; 16]))).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// RFC 6070, and the same inputs under SHA-256 and SHA-512 as RFC 7914 and others publish them.
    #[test]
    fn pbkdf2_matches_published_vectors() {
        let mut output = [0; 20];
        pbkdf2(Digest::Sha1, 4096, b"salt", b"password", &mut output);
        assert_eq!(hex(&output), "4b007901b765489abead49d926f721d065a429c1");
        let mut output = [0; 64];
        pbkdf2(Digest::Sha256, 1, b"salt", b"passwd", &mut output);
        // RFC 7914 section 11.
        let expected = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
                        49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783";
        assert_eq!(hex(&output), expected);
    }

    /// FIPS 180-4's "abc".
    #[test]
    fn digests_match_published_vectors() {
        assert_eq!(hex(&digest(Digest::Sha1, &[b"a", b"bc"])), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(hex(&digest(Digest::Sha512, &[b"abc"])).starts_with("ddaf35a193617abacc417349ae204131"));
    }

    /// NIST SP 800-38A gives no vector that begins at zero: what AES-256 makes of a zero block does (FIPS 197 inputs of CAVP,
    /// key all zero).
    #[test]
    fn counter_mode_begins_at_zero() {
        let mut data = [0; 16];
        aes_256_counter(&[0; 32], &mut data).unwrap();
        assert_eq!(hex(&data), "dc95c078a2408989ad48a21492842087");
    }
}
