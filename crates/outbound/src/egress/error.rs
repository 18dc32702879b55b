//! `EgressError`: why a request was not made, or its answer not taken.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::AddressClass;

/// Why there is no answer. Names the host at most: paths and headers may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The URL cannot be used.
    #[error("the address is not a usable URL: {cause}; write https://host/path")]
    Url {
        /// What is wrong with it.
        cause: String,
    },
    /// Plain HTTP.
    #[error(
        "{host} is to be asked over plain HTTP; use https, or list the host among those that may be asked without"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// Every address of the host is one that must not be reached from here.
    #[error(
        "{host} is at the {class} address {address}, which is not out in the world; if it is meant, list its network among the allowed ones"
    )]
    RefusedAddress {
        /// The host.
        host: String,
        /// The first of its addresses.
        address: IpAddr,
        /// What is wrong with it.
        class: AddressClass,
    },
    /// No address at all.
    #[error("{host} has no address: {cause}; check the name and this machine's DNS")]
    Unresolved {
        /// The host.
        host: String,
        /// What the system said.
        cause: String,
    },
    /// It took longer than the total time allowed.
    #[error("{host} did not finish its answer within {limit:?}")]
    TimedOut {
        /// The host.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// More bytes than allowed.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// An answer of 3xx.
    #[error("{host} redirects ({status}) and redirects are not followed; use the final address")]
    Redirect {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The connection, TLS or HTTP failed.
    #[error("{host} could not be asked: {cause}")]
    Failed {
        /// The host.
        host: String,
        /// What failed.
        cause: String,
    },
    /// The certificates that are to be believed cannot be read.
    #[error("the root certificate {path} cannot be used: {cause}", path = .path.display())]
    RootCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The client could not be built.
    #[error("the HTTP client could not be set up: {cause}; check the system's root certificates")]
    Setup {
        /// What failed.
        cause: String,
    },
    /// A header or body that cannot be sent.
    #[error("the request could not be built: {cause}")]
    Request {
        /// What is wrong with it.
        cause: String,
    },
}
