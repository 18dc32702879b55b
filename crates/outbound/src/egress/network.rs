//! `Network`: an address range in CIDR notation (RFC 4632).

use std::{fmt, net::IpAddr, str::FromStr};

/// An address range, such as `10.1.0.0/16` or `fd00::/8`; a lone address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// The text is not a range.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a network; write an address with a prefix and no bits behind it, such as 10.1.0.0/16 or fd00::/8"
)]
pub struct ParseNetworkError(String);

impl Network {
    /// Whether the address is in the range. An IPv4 range holds no IPv6 address, not even a mapped one.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (Some(ours), Some(theirs)) = (self.leading(self.address), self.leading(address)) else {
            return false;
        };
        ours == theirs && self.address.is_ipv4() == address.is_ipv4()
    }

    /// The address's first `prefix` bits.
    fn leading(&self, address: IpAddr) -> Option<u128> {
        let (bits, width) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let rest = u32::checked_sub(width, self.prefix)?;
        // A shift by all 128 bits is `/0`: nothing is left to compare.
        Some(bits.checked_shr(rest).unwrap_or(0))
    }
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseNetworkError(text.to_owned());
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), str::parse).map_err(|_| refused())?;
        if prefix > width {
            return Err(refused());
        }
        let network = Self { address, prefix };
        // Bits behind the prefix are a typing error more often than not.
        let bits = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let kept = network.leading(address).and_then(|kept| kept.checked_shl(width - prefix)).unwrap_or(0);
        if kept == bits { Ok(network) } else { Err(refused()) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}
