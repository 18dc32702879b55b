//! `SigningKey`: a private key, and the tokens it signs.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::{SecureRandom, SystemRandom},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{Algorithm, Jwk, jwk::Parameters, rsa_public_key::read_rsa_public_key};

/// Why there is no signing key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SigningKeyError {
    /// The random generator failed.
    #[error("a new {0} key could not be made: the system's random generator failed")]
    Generate(Algorithm),
    /// The bytes are no private key of that algorithm.
    #[error(
        "the stored bytes are not a PKCS #8 {0} private key; check that the key's algorithm is the one it was stored with"
    )]
    Parse(Algorithm),
    /// The library could not write the key out.
    #[error("the {0} private key could not be written as PKCS #8")]
    Write(Algorithm),
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims do not serialise to a JSON object.
    #[error("the claims are not a JSON object; sign a struct or a map")]
    Claims(#[source] Option<serde_json::Error>),
    /// The library refused.
    #[error("signing with {0} failed: the system's random generator failed")]
    Sign(Algorithm),
}

/// A private key. There is no way to print it; [`to_pkcs8`](Self::to_pkcs8) is the one way to its bytes.
pub struct SigningKey {
    pair: Pair,
    jwk: Jwk,
}

enum Pair {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    /// A new key from the system's random generator. RSA (2,048 bits) takes tenths of a second: not on an async
    /// thread.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let failed = |_| SigningKeyError::Generate(algorithm);
        let pair = match algorithm {
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::generate().map_err(failed)?),
            Algorithm::Es256 => {
                Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?)
            }
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?),
        };
        Self::from_pair(pair).ok_or(SigningKeyError::Generate(algorithm))
    }

    /// Reads what [`to_pkcs8`](Self::to_pkcs8) or OpenSSL wrote: PKCS #8 in DER (RFC 5208, RFC 8410).
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, SigningKeyError> {
        let failed = |_| SigningKeyError::Parse(algorithm);
        let pair = match algorithm {
            // OpenSSL writes no public key beside the private one, so there may be nothing to check it against.
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(failed)?),
            Algorithm::Es256 => {
                Pair::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(failed)?)
            }
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::from_pkcs8(der).map_err(failed)?),
        };
        Self::from_pair(pair).ok_or(SigningKeyError::Parse(algorithm))
    }

    /// The private key as PKCS #8 in DER, wiped when dropped. Seal it before it is stored.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
        let der = match &self.pair {
            Pair::EdDsa(pair) => pair.to_pkcs8().map(|der| der.as_ref().to_vec()),
            Pair::Es256(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
            Pair::Rs256(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| der.as_ref().to_vec()),
        };
        der.map(Zeroizing::new).map_err(|_| SigningKeyError::Write(self.algorithm()))
    }

    /// The key's id: the thumbprint of its public half (RFC 7638).
    pub fn kid(&self) -> &str {
        self.jwk.kid()
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.jwk.algorithm()
    }

    /// The public half, to publish and to verify with.
    pub fn public_jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs `claims`, a JSON object, as a compact JWS (RFC 7515 section 7.1) with `typ`, such as `at+jwt`.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let claims = serde_json::to_vec(claims).map_err(|error| SignError::Claims(Some(error)))?;
        if claims.first() != Some(&b'{') {
            return Err(SignError::Claims(None));
        }
        let header = Header { alg: self.algorithm().name(), kid: self.kid(), typ };
        let header = serde_json::to_vec(&header).map_err(|error| SignError::Claims(Some(error)))?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signature(token.as_bytes()).ok_or(SignError::Sign(self.algorithm()))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::EdDsa(pair) => pair.try_sign(message).ok().map(|signature| signature.as_ref().to_vec()),
            Pair::Es256(pair) => {
                pair.sign(&random(), message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random(), message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    fn from_pair(pair: Pair) -> Option<Self> {
        let parameters = match &pair {
            Pair::EdDsa(pair) => Parameters::Ed25519 { x: pair.public_key().as_ref().try_into().ok()? },
            Pair::Es256(pair) => {
                // 4, x, y: SEC 1 section 2.3.3.
                let point = pair.public_key().as_ref().strip_prefix(&[4])?;
                let (x, y) = point.split_at_checked(32)?;
                Parameters::P256 { x: x.try_into().ok()?, y: y.try_into().ok()? }
            }
            Pair::Rs256(pair) => {
                let numbers = read_rsa_public_key(pair.public_key().as_ref())?;
                Parameters::Rsa { modulus: numbers.modulus, exponent: numbers.exponent }
            }
        };
        Some(Self { pair, jwk: Jwk::from_parameters(parameters) })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the library draws its own nonce; PKCS #1 v1.5 and Ed25519 need none"
)]
fn random() -> impl SecureRandom {
    SystemRandom::new()
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'a str,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({} {})", self.algorithm(), self.kid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.1 and A.4: the private key, and a signature that Ed25519 always makes alike.
    #[test]
    fn rfc_8037_signs_as_published() {
        const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
        const SIGNED: &[u8] = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        const SIGNATURE: &str =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        // RFC 8410 section 7: PKCS #8 without the public key, as OpenSSL writes it.
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend(URL_SAFE_NO_PAD.decode(SEED).unwrap());
        let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &der).unwrap();
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(URL_SAFE_NO_PAD.encode(key.signature(SIGNED).unwrap()), SIGNATURE);
    }
}
