//! What a key is known by, as `ssh-keygen -l` has it: `SHA256:` and 43 letters of base64.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

/// The one kind of key that is taken.
pub(crate) const ED25519: &str = "ssh-ed25519";
/// As long is such a key: its kind and 32 bytes, each with its length before it.
const LENGTH: usize = 4 + 11 + 4 + 32;

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Fingerprint(String);

impl Fingerprint {
    /// Of the public half of an Ed25519 key, as it stands in a `.pub` file or in `authorized_keys`: its kind, and the key in base64. What
    /// follows is a comment.
    pub(crate) fn of_public_key(line: &str) -> Result<Self, String> {
        let mut words = line.split_ascii_whitespace();
        let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if kind != ED25519 {
            return Err(format!(
                "it does not begin with {ED25519}: take the public half of an Ed25519 key (ssh-keygen -t ed25519)"
            ));
        }
        let broken = || "its key is broken: take the whole line of the .pub file".to_owned();
        let bytes = STANDARD.decode(key).map_err(|_| broken())?;
        let begins = [&[0, 0, 0, 11][..], ED25519.as_bytes(), &[0, 0, 0, 32]].concat();
        if bytes.len() == LENGTH && bytes.starts_with(&begins) { Ok(Self::of(&bytes)) } else { Err(broken()) }
    }

    /// Of the key by which somebody signed in, as sshd has written it down (`ExposeAuthInfo`, in the file that `SSH_USER_AUTH` names).
    pub(super) fn of_login(written: &str) -> Option<Self> {
        let line = written.lines().find_map(|line| line.strip_prefix("publickey "))?;
        // Whatever kind it is of: that it may sign in is sshd's to say.
        let key = line.split_ascii_whitespace().nth(1)?;
        Some(Self::of(&STANDARD.decode(key).ok()?))
    }

    fn of(key: &[u8]) -> Self {
        Self(format!("SHA256:{}", STANDARD_NO_PAD.encode(secrets::sha256(key))))
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let letters = text.strip_prefix("SHA256:").unwrap_or_default();
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        if letters.len() == 43 && letters.bytes().all(is_letter) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a key's fingerprint is SHA256: and 43 letters, as ssh-keygen -l prints it".to_owned())
        }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made and told by `ssh-keygen`.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL8zp/sAb5+YyBQ2cbrMKfzn2NtiE/H70mU5TCkAWDkJ";
    const TOLD: &str = "SHA256:/FdFx/6s8p41hx7FI0cnsv3qjcjOe/XvpSIa2PReMPE";

    #[test]
    fn a_key_has_the_fingerprint_that_openssh_tells() {
        for line in [KEY.to_owned(), format!("{KEY} release"), format!("{KEY} two words\n")] {
            assert_eq!(Fingerprint::of_public_key(&line).unwrap().to_string(), TOLD);
        }
        assert_eq!(TOLD.parse::<Fingerprint>().unwrap().to_string(), TOLD);
        let login = format!("publickey {KEY}\n");
        assert_eq!(Fingerprint::of_login(&login).unwrap().to_string(), TOLD);
    }

    #[test]
    fn what_is_no_ed25519_key_or_no_fingerprint_is_refused() {
        for line in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==",
            "ssh-ed25519-cert-v01@openssh.com AAAAC3NzaC1lZDI1NTE5AAAAIL8zp/sAb5+YyBQ2cbrMKfzn2NtiE/H70mU5TCkAWDkJ",
            "restrict ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL8zp/sAb5+YyBQ2cbrMKfzn2NtiE/H70mU5TCkAWDkJ",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL8zp/sAb5+YyBQ2cbrMKfzn2NtiE/H70mU5TCkAWDkJAAAA",
        ] {
            assert!(Fingerprint::of_public_key(line).is_err(), "{line}");
        }
        let longer = format!("{TOLD}a");
        for text in [
            "",
            "SHA256:",
            "MD5:00",
            &TOLD[..40],
            &longer,
            "SHA256:/FdFx/6s8p41hx7FI0cnsv3qjcjOe/XvpSIa2PReMP\n",
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
        for written in
            ["", "password\n", "publickey\n", "publickey ssh-ed25519\n", "publickey ssh-ed25519 !\n"]
        {
            assert_eq!(Fingerprint::of_login(written), None, "{written}");
        }
    }
}
