//! A public key, in every form in which a reader of tokens may hold it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What the form is called, and its bytes. The key is an Ed25519, a P-256 or an RSA one.
pub(super) fn forms(jwk: &Value) -> Vec<(String, Vec<u8>)> {
    let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let mut forms = Vec::new();
    // RFC 8410 section 4, RFC 5480 section 2, RFC 8017 appendix A.1.
    let (algorithm, key) = match jwk["kty"].as_str().unwrap() {
        "OKP" => (oid(&[0x2b, 0x65, 0x70], &[]), member("x")),
        "EC" => {
            let p256 = der(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
            let point = [vec![0x04], member("x"), member("y")].concat();
            forms.push(("the point, compressed".to_owned(), [vec![2 + point[64] % 2], member("x")].concat()));
            (oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], &p256), point)
        }
        "RSA" => {
            let null = der(0x05, &[]);
            let numbers = der(0x30, &[integer(&member("n")), integer(&member("e"))].concat());
            forms.extend(pem("RSA PUBLIC KEY", &numbers));
            forms.push(("the modulus".to_owned(), member("n")));
            (oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], &null), numbers)
        }
        other => panic!("{other}"),
    };
    let info = der(0x30, &[algorithm, der(0x03, &[vec![0], key.clone()].concat())].concat());
    forms.extend(pem("PUBLIC KEY", &info));
    forms.push(("DER".to_owned(), info.clone()));
    forms.push(("base64 of DER".to_owned(), STANDARD.encode(&info).into_bytes()));
    forms.push(("bytes".to_owned(), key));
    forms.push(("JWK".to_owned(), jwk.to_string().into_bytes()));
    forms.push(("JWK set".to_owned(), json!({ "keys": [jwk] }).to_string().into_bytes()));
    for name in ["x", "y", "n", "e", "kid"] {
        forms.extend(jwk[name].as_str().map(|text| (name.to_owned(), text.as_bytes().to_vec())));
    }
    forms
}

/// With the lines that RFC 7468 has, and in one; with a line end behind it, and without.
fn pem(label: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap().to_owned()).collect();
    let mut forms = Vec::new();
    for (how, body) in [("", lines.join("\n")), (" of one line", text)] {
        let whole = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----");
        forms.push((format!("PEM{how}, {label}, and a line end"), format!("{whole}\n").into_bytes()));
        forms.push((format!("PEM{how}, {label}"), whole.into_bytes()));
    }
    forms
}

fn oid(id: &[u8], parameters: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x06, id), parameters.to_vec()].concat())
}

/// An unsigned number: a zero before it where it would be read as negative.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zero = if bytes[0] >= 0x80 { &[0][..] } else { &[] };
    der(0x02, &[zero, bytes].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match u8::try_from(length) {
        Ok(short) if short < 0x80 => vec![tag, short],
        Ok(long) => vec![tag, 0x81, long],
        Err(_) => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    [head, content.to_vec()].concat()
}
