//! `GuardedResolver`: names to addresses, less those that must not be reached.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{AddressClass, EgressError, Network, classify};

/// Says which addresses may be reached: the public ones, and those in the allowed networks.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allowed: Arc<[Network]>,
}

impl Guard {
    pub(super) fn new(allowed: &[Network]) -> Self {
        Self { allowed: allowed.into() }
    }

    pub(super) fn check(&self, host: &str, address: IpAddr) -> Result<(), EgressError> {
        match classify(address) {
            AddressClass::Public => Ok(()),
            _ if self.allowed.iter().any(|network| network.contains(address)) => Ok(()),
            class => Err(EgressError::RefusedAddress { host: host.to_owned(), address, class }),
        }
    }

    /// The addresses that may be reached, or the first refusal when none is left.
    fn keep(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let mut refusal = None;
        let mut kept = Vec::new();
        for address in found {
            match self.check(host, address.ip()) {
                Ok(()) => kept.push(address),
                Err(refused) => refusal = refusal.or(Some(refused)),
            }
        }
        match refusal {
            Some(refused) if kept.is_empty() => Err(refused),
            _ if kept.is_empty() => Err(EgressError::Unresolved {
                host: host.to_owned(),
                cause: "the name has no address".to_owned(),
            }),
            _ => Ok(kept),
        }
    }
}

/// Resolves by the system, then keeps what the guard allows. The client connects to what it returns and to nothing
/// else.
pub(super) struct GuardedResolver(pub(super) Guard);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await.map_err(|error| {
                EgressError::Unresolved { host: host.to_owned(), cause: error.to_string() }
            })?;
            Ok(Box::new(guard.keep(host, found)?.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn only_the_allowed_addresses_of_a_name_are_kept() {
        let guard = Guard::new(&["10.1.0.0/16".parse().unwrap()]);
        let mixed =
            addresses(&["127.0.0.1", "10.1.2.3", "10.2.0.1", "93.184.216.34", "::ffff:93.184.216.34"]);
        let kept = guard.keep("host", mixed.into_iter()).unwrap();
        assert_eq!(kept, addresses(&["10.1.2.3", "93.184.216.34"]));
    }

    #[test]
    fn a_name_with_no_allowed_address_is_refused_and_says_why() {
        let guard = Guard::new(&[]);
        let refused = guard.keep("host", addresses(&["169.254.169.254", "::1"]).into_iter()).unwrap_err();
        let address = "169.254.169.254".parse().unwrap();
        let class = AddressClass::LinkLocal;
        assert_eq!(refused, EgressError::RefusedAddress { host: "host".to_owned(), address, class });
        assert!(matches!(guard.keep("host", std::iter::empty()), Err(EgressError::Unresolved { .. })));
    }
}
