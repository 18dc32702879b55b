//! Identifiers: UUIDs that cannot be mistaken for one another.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// An account (UUIDv7): the `sub` of every token.
    UserId
);
id!(
    /// One address of an account (UUIDv7).
    EmailId
);
id!(
    /// A session (UUIDv7): the `sid` of every token.
    SessionId
);
id!(
    /// A one-time artefact: a mailed code and link. Random (UUIDv4), since whoever holds it may guess at the code.
    ArtefactId
);
id!(
    /// A mail in the outbox (UUIDv7).
    MessageId
);
id!(
    /// Who an entry of the audit trail speaks of. Random (UUIDv4), so that it tells nothing once its link is cut.
    Pseudonym
);
id!(
    /// An authorization that a person gave to an app (UUIDv7).
    GrantId
);
id!(
    /// An authorization request on its way. Random (UUIDv4), since it stands in addresses.
    RequestId
);
id!(
    /// A notice to an app that somebody signed out (UUIDv7).
    NoticeId
);
