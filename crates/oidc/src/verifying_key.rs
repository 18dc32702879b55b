//! `VerifyingKey`: a public key, parsed once, pinned to its algorithm.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use crate::{Algorithm, Jwk, JwkError, jwk::Parameters};

/// RSA keys between 2,048 and 8,192 bits; the lower bound is RFC 7518 section 3.3, the upper one bounds the work.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A public key that verifies signatures of one algorithm, whatever a token's header says.
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Checks the key's numbers and prepares them. This is the costly part, so keep the result.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, JwkError> {
        let algorithm = jwk.algorithm();
        let key = match &jwk.parameters {
            Parameters::Ed25519 { x } => ParsedPublicKey::new(&ED25519, x),
            Parameters::P256 { x, y } => {
                // SEC 1 section 2.3.3: 4 marks an uncompressed point.
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x.as_slice(), y.as_slice()].concat())
            }
            Parameters::Rsa { modulus, exponent } => {
                if !is_sound_rsa(modulus, exponent) {
                    return Err(JwkError::Invalid(algorithm));
                }
                RsaPublicKeyComponents { n: modulus, e: exponent }
                    .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
        };
        let key = key.map_err(|_| JwkError::Invalid(algorithm))?;
        Ok(Self { kid: jwk.kid.clone(), algorithm, key })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that the key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is the key's signature over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// Size, and the exponents that a large exponent or 1 would turn into slow or forgeable verification.
fn is_sound_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let full =
        modulus.first().is_some_and(|first| *first >= 0x80) || modulus.len() > *RSA_MODULUS_BYTES.start();
    RSA_MODULUS_BYTES.contains(&modulus.len())
        && full
        && odd(modulus)
        && odd(exponent)
        && exponent.len() <= 4
        && exponent != [1]
        && !is_of_infineon(modulus)
}

/// CVE-2017-15361 (ROCA): a chip's library made primes whose residues are all powers of 65,537, and whose product can be
/// factored. So few moduli look like that by chance (one in some 2^27) that whoever has one makes another key.
fn is_of_infineon(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.into_iter().all(|prime| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        std::iter::successors(Some(1), |power| Some(power * (65_537 % prime) % prime))
            .take(prime as usize)
            .any(|power| power == residue)
    })
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({} {})", self.algorithm, self.kid)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    /// RFC 8037 appendix A.
    const RFC_8037_KEY: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const RFC_8037_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    /// RFC 7515 appendix A.3.
    const RFC_7515_KEY: &str = r#"{"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const RFC_7515_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l\
        eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    /// RFC 7515 appendix A.2.
    const RFC_7515_RSA_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    const RFC_7515_RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l\
        eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t\
        1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j\
        zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ\
        Ge77Rw";

    #[test]
    fn published_signatures_verify_and_changed_ones_do_not() {
        let published = [
            (RFC_8037_KEY, RFC_8037_TOKEN),
            (RFC_7515_KEY, RFC_7515_TOKEN),
            (RFC_7515_RSA_KEY, RFC_7515_RSA_TOKEN),
        ];
        for (key, token) in published {
            let key = VerifyingKey::from_jwk(&Jwk::parse(key.as_bytes()).unwrap()).unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            assert!(key.verifies(signed.as_bytes(), &signature));
            assert!(!key.verifies(&signed.as_bytes()[1..], &signature));
            for index in 0..signature.len() {
                let mut changed = signature.clone();
                changed[index] ^= 1;
                assert!(!key.verifies(signed.as_bytes(), &changed), "{index}");
            }
        }
    }
}
