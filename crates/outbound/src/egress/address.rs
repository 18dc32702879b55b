//! Which addresses are out in the world, and which are not.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What kind of address it is, by the special-purpose registries (RFC 6890) and their later entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// Out in the world: the only class that is allowed unasked.
    Public,
    /// `0.0.0.0/8`, `::`: this host.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// `10/8`, `172.16/12`, `192.168/16`, `fc00::/7`, `fec0::/10`.
    Private,
    /// `169.254/16`, `fe80::/10`, the cloud's metadata service among them.
    LinkLocal,
    /// `100.64/10` (RFC 6598): a carrier's, some clouds' and overlay networks' inside.
    CarrierGrade,
    /// `224/4`, `ff00::/8`.
    Multicast,
    /// Broadcast, documentation, benchmarks, discard, and what is assigned to nobody.
    Reserved,
    /// An IPv6 address that stands for an IPv4 address (mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP): a
    /// second spelling of an address is how a filter is passed by, and a server out in the world needs none.
    Embedded,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::CarrierGrade => "carrier-grade NAT",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Embedded => "IPv4-in-IPv6",
        })
    }
}

/// The class of an address.
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        [0, ..] => AddressClass::Unspecified,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [169, 254, ..] => AddressClass::LinkLocal,
        [100, 64..=127, ..] => AddressClass::CarrierGrade,
        [224..=239, ..] => AddressClass::Multicast,
        // In this order: protocol assignments, TEST-NET-1, 6to4 relay, benchmarks, TEST-NET-2, TEST-NET-3, future use.
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if address.is_unspecified() {
        return AddressClass::Unspecified;
    }
    if address.is_loopback() {
        return AddressClass::Loopback;
    }
    match address.segments() {
        // Compatible and mapped (RFC 4291), translated (RFC 7915), NAT64 (RFC 6052, RFC 8215), Teredo, 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, ..]
        | [0x2001, 0, ..]
        | [0x2002, ..]
        // ISATAP (RFC 5214).
        | [_, _, _, _, 0 | 0x200, 0x5efe, ..] => AddressClass::Embedded,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => AddressClass::Private,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        // Protocol assignments, documentation twice, segment routing.
        [0x2001, 0x1..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => AddressClass::Reserved,
        // Global unicast is 2000::/3; outside it nothing is assigned.
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        _ => AddressClass::Reserved,
    }
}
