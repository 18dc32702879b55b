//! The three words that a deploy key may say. They are compared, and never evaluated.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) enum Order {
    /// The release whose manifest has this digest.
    Deploy(Digest),
    /// What ran before the last deploy.
    Rollback,
    /// How it is.
    Status,
}

/// It is none of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoOrder;

impl fmt::Display for NoOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it is `deploy sha256:DIGEST`, `rollback` or `status`")
    }
}

impl FromStr for Order {
    type Err = NoOrder;

    /// To the letter: nothing is trimmed, split or folded. So a text is bounded too, by the longest of them.
    fn from_str(text: &str) -> Result<Self, NoOrder> {
        match text {
            "rollback" => Ok(Self::Rollback),
            "status" => Ok(Self::Status),
            _ => text.strip_prefix("deploy ").ok_or(NoOrder)?.parse().map(Self::Deploy),
        }
    }
}

impl TryFrom<String> for Order {
    type Error = NoOrder;

    fn try_from(text: String) -> Result<Self, NoOrder> {
        text.parse()
    }
}

impl fmt::Display for Order {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(digest) => write!(formatter, "deploy {digest}"),
            Self::Rollback => formatter.write_str("rollback"),
            Self::Status => formatter.write_str("status"),
        }
    }
}

impl From<Order> for String {
    fn from(order: Order) -> Self {
        order.to_string()
    }
}

/// What some bytes are known by: `sha256:` and 64 digits, in small letters.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Digest(String);

/// Before the digits.
const ALGORITHM: &str = "sha256:";
/// So many of them.
const DIGITS: usize = 64;

impl Digest {
    /// Of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut text = ALGORITHM.to_owned();
        for byte in secrets::sha256(bytes) {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl FromStr for Digest {
    type Err = NoOrder;

    fn from_str(text: &str) -> Result<Self, NoOrder> {
        let digits = text.strip_prefix(ALGORITHM).ok_or(NoOrder)?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() == DIGITS && digits.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoOrder)
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = NoOrder;

    fn try_from(text: String) -> Result<Self, NoOrder> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_three_words_are_read_and_written_the_same() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        let deploy = format!("deploy {EMPTY}");
        for text in ["rollback", "status", &deploy] {
            assert_eq!(text.parse::<Order>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn whatever_a_shell_could_mean_is_no_order() {
        let deploy = format!("deploy {EMPTY}");
        let with = |text: &str| text.replace('X', &deploy);
        for text in [
            "",
            " ",
            "\n",
            "id",
            "sh",
            "deploy",
            "deploy ",
            "deploy x; id",
            "X; id",
            "X && id",
            "X | id",
            "X\nid",
            "X\n",
            "\nX",
            " X",
            "X ",
            "X\0",
            "X $(id)",
            "`X`",
            "$(X)",
            "\"X\"",
            "'X'",
            "X > /etc/passwd",
            "X *",
            "X --folder /",
            "status;id",
            "status\n",
            "status ",
            "status\t",
            " status",
            "STATUS",
            "Status",
            "status --json",
            "rollback rollback",
            "rollback\r\n",
            "rollback #",
            "*",
            "stat?s",
            "scp -f /etc/passwd",
            "scp -t /tmp",
            "/usr/lib/openssh/sftp-server",
            "internal-sftp",
            "rsync --server",
            "git-upload-pack '/'",
            "deploy-gate",
            "keyward deploy-service",
            "-v",
            "--help",
            "deploy\tsha256:",
            "deploy  sha256:",
            "deploy sha512:",
            "deploy sha256:",
        ] {
            let text = with(text);
            assert_eq!(text.parse::<Order>(), Err(NoOrder), "{text:?}");
        }
        for digest in [
            EMPTY.to_uppercase(),
            EMPTY.replace("e3b0", "E3B0"),
            EMPTY.replace("e3b0", "g3b0"),
            EMPTY[..EMPTY.len() - 1].to_owned(),
            format!("{EMPTY}0"),
            EMPTY.replace("sha256:", "sha256:sha256:"),
            EMPTY.replace("sha256:", ""),
            EMPTY.replace("855", "85٥"),
        ] {
            assert_eq!(format!("deploy {digest}").parse::<Order>(), Err(NoOrder), "{digest:?}");
        }
        assert_eq!("deploy ".repeat(100_000).parse::<Order>(), Err(NoOrder));
    }

    proptest! {
        /// What is read is written to the letter, so that nothing of it was passed over.
        #[test]
        fn class_21_any_text_is_an_order_to_the_letter_or_none(
            anything in ".*",
            likely in "(deploy|rollback|status)?[ \n;]?(sha256:)?[0-9a-fA-F]{62,66}[ \n;]?",
        ) {
            for text in [anything, likely] {
                if let Ok(order) = text.parse::<Order>() {
                    prop_assert_eq!(order.to_string(), text);
                }
            }
        }

        #[test]
        fn every_digest_may_be_asked_for(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let digest = Digest::of(&bytes);
            let asked = format!("deploy {digest}").parse::<Order>();
            prop_assert_eq!(asked, Ok(Order::Deploy(digest)));
        }

        /// One letter more, less or other anywhere, and it is another order or none: never the same.
        #[test]
        fn no_other_text_is_the_same_order(at in 0_usize..78, letter in any::<char>()) {
            let deploy = format!("deploy {EMPTY}");
            let mut more = deploy.clone();
            more.insert(at, letter);
            prop_assert_eq!(more.parse::<Order>(), Err(NoOrder));
            let mut less = deploy.clone();
            less.remove(at);
            prop_assert_eq!(less.parse::<Order>(), Err(NoOrder));
        }
    }
}
