//! A place in the chain, as an operator writes it down: `NUMBER:MAC`.

use std::fmt;
use std::str::FromStr;

/// An entry of the chain: its number, and its MAC in hex. Whoever keeps it elsewhere can tell later whether the trail
/// still leads through this very entry; a number alone would only tell that the trail is long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The entry's number; 0 before the first.
    pub number: i64,
    /// Its MAC; none before the first.
    pub mac: Vec<u8>,
}

/// Why a text is no [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not NUMBER:MAC: copy what `keyward audit verify` printed, such as 12:5f1c… with all 64 digits"
)]
pub struct LinkError;

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.number)?;
        self.mac.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, mac) = text.split_once(':').ok_or(LinkError)?;
        let number = number.parse().map_err(|_| LinkError)?;
        let digits = mac.as_bytes();
        let expected = if number == 0 { 0 } else { 64 };
        if number < 0 || digits.len() != expected {
            return Err(LinkError);
        }
        let byte = |pair: &[u8]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
        };
        let mac = digits.chunks_exact(2).map(byte).collect::<Option<_>>().ok_or(LinkError)?;
        Ok(Self { number, mac })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again_and_nothing_else_is() {
        let start = Link { number: 0, mac: Vec::new() };
        let later = Link { number: 1234, mac: (0..32).map(|byte| byte * 7).collect() };
        for link in [start, later] {
            assert_eq!(link.to_string().parse(), Ok(link));
        }
        let mac = "ab".repeat(32);
        for wrong in
            ["", "12", "12:", "12:ab", ":", "0:ab", "x:y", &mac, &format!("-1:{mac}"), &format!("0:{mac}")]
        {
            assert_eq!(wrong.parse::<Link>(), Err(LinkError), "{wrong}");
        }
        for wrong in [format!("12:{}zz", &mac[2..]), format!("12:{}é", &mac[2..]), format!("12:{mac}ab")] {
            assert_eq!(wrong.parse::<Link>(), Err(LinkError), "{wrong}");
        }
    }
}
