//! JWTs by ES256 (RFC 7518 section 3.4), signed once and verified every time, and by RS256 (section 3.3), signed every time;
//! with keys that are parsed once.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Who issues, and for whom.
const ISSUER: &str = "https://peer.example.com";

pub(crate) struct Tokens {
    signing: EcdsaKeyPair,
    verifying: ParsedPublicKey,
    rsa: RsaKeyPair,
    made: AtomicU64,
}

impl Tokens {
    pub(crate) fn generate() -> Result<Self, Box<dyn std::error::Error>> {
        let signing = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let verifying = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signing.public_key().as_ref())?;
        Ok(Self { signing, verifying, rsa: RsaKeyPair::generate(KeySize::Rsa2048)?, made: AtomicU64::new(0) })
    }

    /// Another token each time, by RSA of 2,048 bits.
    pub(crate) fn sign_by_rsa(&self, expires_at: u64) -> Option<String> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let signed = unsigned("RS256", expires_at, Some(number));
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(&RSA_PKCS1_SHA256, &random(), signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// A token that expires then, in Unix seconds.
    pub(crate) fn sign(&self, expires_at: u64) -> Option<String> {
        let signed = unsigned("ES256", expires_at, None);
        let signature = self.signing.sign(&random(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Whether a token is ours and has not expired.
    pub(crate) fn holds(&self, token: &str, now: u64) -> bool {
        self.verify(token).is_some_and(|claims| {
            claims["iss"] == ISSUER
                && claims["aud"] == ISSUER
                && claims["exp"].as_u64().is_some_and(|exp| now < exp)
        })
    }

    fn verify(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let verified: Result<(), Unspecified> = self.verifying.verify_sig(signed.as_bytes(), &signature);
        verified.ok().filter(|()| header["alg"] == "ES256")?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

/// What is signed.
fn unsigned(algorithm: &str, expires_at: u64, jti: Option<u64>) -> String {
    let header = json!({ "alg": algorithm, "typ": "at+jwt", "kid": "1" });
    let mut claims = json!({
        "iss": ISSUER, "aud": ISSUER, "sub": "01890a5d-ac96-774b-bcce-b302099a8057", "exp": expires_at,
    });
    if let Some(jti) = jti {
        claims["jti"] = jti.to_string().into();
    }
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(&header), encode(&claims))
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which nobody hands randomness")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_signed_holds_until_it_expires_and_nothing_else_does() {
        let (tokens, others) = (Tokens::generate().unwrap(), Tokens::generate().unwrap());
        let token = tokens.sign(100).unwrap();
        assert!(tokens.holds(&token, 99));
        assert!(!tokens.holds(&token, 100), "expired");
        assert!(!others.holds(&token, 99), "another key");
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = "eyJpc3MiOiJodHRwczovL3BlZXIuZXhhbXBsZS5jb20ifQ";
        assert!(!tokens.holds(&parts.join("."), 99), "other claims");
        assert!(!tokens.holds("", 99) && !tokens.holds("a.b.c", 99));
    }
}
