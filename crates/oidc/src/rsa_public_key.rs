//! Modulus and exponent out of an RSA public key's DER (RFC 8017 appendix A.1.1).

/// The two numbers, big-endian without leading zeros.
pub(crate) struct RsaPublicNumbers {
    pub(crate) modulus: Vec<u8>,
    pub(crate) exponent: Vec<u8>,
}

/// Reads `SEQUENCE { INTEGER modulus, INTEGER exponent }` as the crypto library writes it; it does not tell the
/// numbers otherwise, short of a feature that brings a second version of one of rustls's crates.
pub(crate) fn read_rsa_public_key(der: &[u8]) -> Option<RsaPublicNumbers> {
    const SEQUENCE: u8 = 0x30;
    let (body, rest) = element(SEQUENCE, der)?;
    let (modulus, body) = integer(body)?;
    let (exponent, body) = integer(body)?;
    (rest.is_empty() && body.is_empty()).then_some(RsaPublicNumbers { modulus, exponent })
}

fn integer(der: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    const INTEGER: u8 = 0x02;
    let (content, rest) = element(INTEGER, der)?;
    // A zero in front only says that the number is positive.
    let number = content.strip_prefix(&[0]).unwrap_or(content);
    Some((number.to_vec(), rest))
}

/// Content and what comes behind it, of a tag with a length of up to two bytes (X.690 section 8.1.3).
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match *der {
        [found, length @ 0..=0x7f, ref rest @ ..] if found == tag => (usize::from(length), rest),
        [found, 0x81, length, ref rest @ ..] if found == tag => (usize::from(length), rest),
        [found, 0x82, high, low, ref rest @ ..] if found == tag => {
            (usize::from(high) << 8 | usize::from(low), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lengths_are_read() {
        let short = read_rsa_public_key(b"\x30\x08\x02\x02\x00\x81\x02\x02\x01\x01").unwrap();
        assert_eq!((short.modulus, short.exponent), (vec![0x81], vec![1, 1]));
        for length in [127, 128, 255, 256, 1024] {
            let number = [vec![0], vec![0x80; length]].concat();
            let integer = [encode(0x02, &number), encode(0x02, &[3])].concat();
            let read = read_rsa_public_key(&encode(0x30, &integer)).unwrap();
            assert_eq!((read.modulus, read.exponent), (vec![0x80; length], vec![3]));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let whole = b"\x30\x08\x02\x02\x00\x81\x02\x02\x01\x01";
        for length in 0..whole.len() {
            assert!(read_rsa_public_key(&whole[..length]).is_none(), "{length}");
        }
        let others: [&[u8]; 4] = [
            b"\x30\x08\x02\x02\x00\x81\x02\x02\x01\x01\x00",
            b"\x30\x0a\x02\x02\x00\x81\x02\x02\x01\x01\x05\x00",
            b"\x31\x08\x02\x02\x00\x81\x02\x02\x01\x01",
            b"\x30\x80\x02\x02\x00\x81\x02\x02\x01\x01",
        ];
        for other in others {
            assert!(read_rsa_public_key(other).is_none(), "{other:?}");
        }
    }

    fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        let [high, low] = length.to_be_bytes();
        let head = match length {
            0..=0x7f => vec![tag, low],
            0x80..=0xff => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [head, content.to_vec()].concat()
    }
}
