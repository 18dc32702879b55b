//! The two addresses that a server listens on: people have one, machines the other.

use std::net::SocketAddr;

use super::super::{Internal, Server};
use super::Violation;

/// One address cannot be both, as the system would say of the second only, as if another program held it.
pub(super) fn violations(server: &Server, internal: &Internal, violations: &mut Vec<Violation>) {
    let (public, own) = (server.listen, internal.listen);
    // Of port 0 the system makes another each time.
    if public.port() == 0 || public.port() != own.port() || !(covers(public, own) || covers(own, public)) {
        return;
    }
    violations.push(Violation {
        setting: "internal.listen",
        found: Some(own.to_string()),
        expected: format!(
            "server.listen is {public}, and the two cannot be one: it must have another port, which the public does not reach"
        ),
    });
}

/// Whether who listens at `one` listens at the address of `other` too: every address of this machine includes each, and that of IPv6
/// those of IPv4 as well.
fn covers(one: SocketAddr, other: SocketAddr) -> bool {
    one.ip() == other.ip() || (one.ip().is_unspecified() && (one.is_ipv6() || other.is_ipv4()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_includes_each() {
        for (one, other, is_covered) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "[::1]:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("127.0.0.1:1", "0.0.0.0:1", false),
        ] {
            let found = covers(one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(found, is_covered, "{one} {other}");
        }
    }
}
