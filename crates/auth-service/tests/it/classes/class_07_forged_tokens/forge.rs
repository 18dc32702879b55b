//! Forgeries of a token: every known one.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::public_key;

/// An Ed25519 key that the reader of the tokens trusts, and the public halves of its ECDSA and its RSA one.
pub(super) struct Forge {
    pair: Ed25519KeyPair,
    kid: String,
    jwk: Value,
    others: [Value; 2],
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Header and claims, signed.
fn signed(pair: &Ed25519KeyPair, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    format!("{message}.{}", encode(pair.sign(message.as_bytes())))
}

fn pair_of(key: &SigningKey) -> Ed25519KeyPair {
    Ed25519KeyPair::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap()
}

impl Forge {
    pub(super) fn new(key: &SigningKey, es256: &SigningKey, rs256: &SigningKey) -> Self {
        let jwk = |key: &SigningKey| serde_json::to_value(key.public_jwk()).unwrap();
        let others = [jwk(es256), jwk(rs256)];
        Self { pair: pair_of(key), kid: key.kid().to_owned(), jwk: jwk(key), others }
    }

    fn header(&self, typ: &str) -> Value {
        json!({ "alg": "EdDSA", "kid": self.kid, "typ": typ })
    }

    /// A token with nothing forged.
    pub(super) fn good(&self, typ: &str, claims: &Value) -> String {
        signed(&self.pair, &self.header(typ).to_string(), &claims.to_string())
    }

    /// What is wrong with it, and the token.
    pub(super) fn forgeries(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        let mut all = self.of_algorithms(typ, claims);
        all.extend(self.by_the_public_keys(typ, claims));
        all.extend(self.with_a_key_of_their_own(typ, claims));
        all.extend(self.of_key_ids(typ, claims));
        all.extend(self.psychic(typ, claims));
        all.extend(self.of_readings(typ, claims));
        all
    }

    /// `none` and its spellings, with the signature and without; algorithms that are not the key's.
    fn of_algorithms(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        let names = [
            "none",
            "None",
            "NONE",
            "nOnE",
            "none ",
            "n\u{f6}ne",
            "",
            "HS256",
            "HS512",
            "RS256",
            "PS256",
            "ES256",
            "ES384",
            "eddsa",
            "Ed25519",
            "EdDSA ",
            "dir",
        ];
        let others = [Value::Null, json!(0), json!(["EdDSA"]), json!(true)];
        let mut forged = Vec::new();
        for algorithm in names.into_iter().map(Value::from).chain(others) {
            let mut header = self.header(typ);
            header["alg"] = algorithm.clone();
            let token = signed(&self.pair, &header.to_string(), &claims.to_string());
            let (message, _) = token.rsplit_once('.').unwrap();
            forged.push((format!("alg {algorithm}, unsigned"), format!("{message}.")));
            forged.push((format!("alg {algorithm}, in two parts"), message.to_owned()));
            forged.push((format!("alg {algorithm}"), token));
        }
        forged
    }

    /// HMAC under a public key that the reader has, in every form in which it may hold it.
    fn by_the_public_keys(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        let mut secrets = vec![("nothing".to_owned(), Vec::new(), self.kid.clone())];
        for jwk in self.others.iter().chain([&self.jwk]) {
            let kid = jwk["kid"].as_str().unwrap();
            let forms = public_key::forms(jwk).into_iter();
            secrets.extend(
                forms.map(|(form, secret)| (format!("{form} of {}", jwk["alg"]), secret, kid.to_owned())),
            );
        }
        let mut forged = Vec::new();
        for (form, secret, kid) in secrets {
            for (algorithm, hash) in
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
            {
                for kid in [Some(&kid), None] {
                    let mut header = json!({ "alg": algorithm, "typ": typ });
                    if let Some(kid) = kid {
                        header["kid"] = json!(kid);
                    }
                    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
                    let tag = hmac::sign(&hmac::Key::new(hash, &secret), message.as_bytes());
                    forged.push((
                        format!("{algorithm} under the {form}"),
                        format!("{message}.{}", encode(tag)),
                    ));
                }
            }
        }
        forged
    }

    /// A token that says by what, or how, it is to be verified.
    fn with_a_key_of_their_own(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        let own = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let own_jwk = serde_json::to_value(own.public_jwk()).unwrap();
        let members = [
            ("jwk", own_jwk.clone()),
            ("jwk", self.jwk.clone()),
            ("jwk", json!({ "kty": "oct", "k": "AAAA" })),
            ("jku", json!("https://evil.example/jwks.json")),
            ("jku", json!("https://auth.example.com/.well-known/jwks.json")),
            ("x5u", json!("https://evil.example/chain.pem")),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("crit", json!(["b64"])),
            ("crit", json!([])),
            ("zip", json!("DEF")),
            ("b64", json!(false)),
        ];
        let mut forged = Vec::new();
        for (name, value) in members {
            let mut header = self.header(typ);
            header[name] = value;
            let (text, claims) = (header.to_string(), claims.to_string());
            forged.push((format!("{name}, signed with the true key"), signed(&self.pair, &text, &claims)));
            forged.push((format!("{name}, signed with their own"), signed(&pair_of(&own), &text, &claims)));
            header["kid"] = json!(own.kid());
            let text = header.to_string();
            forged.push((format!("{name} and their own kid"), signed(&pair_of(&own), &text, &claims)));
        }
        forged.push(("their own key".to_owned(), own.sign(typ, claims).unwrap()));
        forged
    }

    /// A `kid` is a name: no path, no query, no number, and short.
    fn of_key_ids(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        let names = [
            "../../../../dev/null",
            "/dev/null",
            "..%2f..%2fetc%2fpasswd",
            "file:///dev/null",
            "' OR '1'='1",
            "x' UNION SELECT 'key' --",
            "$(id)",
            "| id",
            "\0",
            "",
            "*",
            "%",
            "null",
            "0",
            "https://evil.example/key",
        ];
        let padded = format!("{} ", self.kid);
        let others = [
            Value::Null,
            json!(0),
            json!([self.kid]),
            json!(padded),
            json!(self.kid.to_uppercase()),
            json!("a".repeat(5_000)),
            json!("a".repeat(45_000)),
        ];
        let mut forged = Vec::new();
        for kid in names.into_iter().map(Value::from).chain(others) {
            let mut header = self.header(typ);
            header["kid"] = kid.clone();
            let shown: String = kid.to_string().chars().take(40).collect();
            forged
                .push((format!("kid {shown}"), signed(&self.pair, &header.to_string(), &claims.to_string())));
        }
        // HMAC under what such a file holds.
        for kid in ["/dev/null", "../../../../dev/null"] {
            let header = json!({ "alg": "HS256", "kid": kid, "typ": typ }).to_string();
            let message = format!("{}.{}", encode(header), encode(claims.to_string()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), message.as_bytes());
            forged.push((format!("HS256 under {kid}"), format!("{message}.{}", encode(tag))));
        }
        forged
    }

    /// CVE-2022-21449: an ECDSA signature of zeros, or of the order of the curve; and none where Ed25519 is asked.
    fn psychic(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        const ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
        let order = URL_SAFE_NO_PAD.decode(ORDER).unwrap();
        let signatures: [Vec<u8>; 7] = [
            vec![0; 64],
            [order.clone(), order].concat(),
            b"\x30\x06\x02\x01\x00\x02\x01\x00".to_vec(),
            vec![0; 63],
            vec![0; 65],
            vec![0xff; 64],
            Vec::new(),
        ];
        let mut forged = Vec::new();
        for signature in signatures {
            let own = json!(self.kid);
            for (algorithm, kid) in [("ES256", &self.others[0]["kid"]), ("ES256", &own), ("EdDSA", &own)] {
                let header = json!({ "alg": algorithm, "kid": kid, "typ": typ }).to_string();
                let message = format!("{}.{}", encode(header), encode(claims.to_string()));
                let name = format!("{algorithm} signature of {} bytes", signature.len());
                forged.push((name, format!("{message}.{}", encode(&signature))));
            }
        }
        forged
    }

    /// JSON that two parsers read in two ways, or never to its end; a token in another spelling, or of two others.
    fn of_readings(&self, typ: &str, claims: &Value) -> Vec<(String, String)> {
        let (header, body) = (self.header(typ).to_string(), claims.to_string());
        let twice = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let headers = [
            twice(&header, r#""alg":"none""#),
            twice(&header, r#""\u0061lg":"none""#),
            twice(&header, r#""kid":"x""#),
            twice(&header, &format!(r#""deep":{}"#, deep(1_000))),
            format!("[{header}]"),
            format!("{header}{header}"),
            "null".to_owned(),
            String::new(),
        ];
        let bodies = [
            twice(&body, r#""sub":"eve""#),
            twice(&body, r#""\u0073ub":"eve""#),
            twice(&body, r#""exp":99999999999"#),
            twice(&body, &format!(r#""deep":{}"#, deep(1_000))),
            twice(&body, &format!(r#""pad":"{}""#, "a".repeat(9_000))),
            format!("[{body}]"),
            "null".to_owned(),
            String::new(),
        ];
        let mut forged = Vec::new();
        for text in headers {
            let shown: String = text.chars().take(60).collect();
            forged.push((format!("header {shown}"), signed(&self.pair, &text, &body)));
        }
        for text in bodies {
            let shown: String = text.chars().take(60).collect();
            forged.push((format!("claims {shown}"), signed(&self.pair, &header, &text)));
        }
        let good = self.good(typ, claims);
        let mut other = claims.clone();
        other["sub"] = json!("0190163d-8694-739b-aea5-966c26f8ad91");
        let other = self.good(typ, &other);
        let (one, two): (Vec<_>, Vec<_>) = (good.split('.').collect(), other.split('.').collect());
        let spelled = [
            [one[0], two[1], one[2]].join("."),
            [one[0], one[1], two[2]].join("."),
            [one[1], one[0], one[2]].join("."),
            format!("{good}="),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.{}", one[2]),
            format!("{good}AAAA"),
            good.to_uppercase(),
            good.replace('.', ".."),
            json!({ "protected": one[0], "payload": one[1], "signature": one[2] }).to_string(),
            "a.b.c".to_owned(),
            "..".to_owned(),
            "...".to_owned(),
            "null".to_owned(),
        ];
        forged.extend(spelled.into_iter().enumerate().map(|(at, token)| (format!("spelling {at}"), token)));
        forged
    }
}
