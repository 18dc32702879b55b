//! The use cases of sign-in, a file each. Each reads, decides, and writes in one short transaction; hashing happens
//! between the two, on threads of its own.

#[macro_use]
mod fault;

mod access;
mod account;
mod artefact;
mod audit;
mod authorize;
mod breaches;
mod client;
mod clients;
mod common;
mod context;
mod counts;
pub mod duration;
mod email_change;
mod encryption;
mod end_session;
mod ending;
mod exchange;
mod fingerprint;
mod hasher;
mod hearing;
mod idempotency;
mod import;
mod janitor;
mod keys;
mod limit;
mod metrics;
mod outbox;
mod password;
mod people;
mod prove;
mod random;
mod recover;
mod rehash;
mod return_to;
mod second_step;
mod session;
mod settings;
mod sign_in;
mod sign_up;
mod start;
mod ticket;
mod token;
mod withdraw;

pub use access::App;
pub use account::{Account, DeleteError, SecondStepError};
pub use artefact::{Evidence, EvidenceError};
pub use audit::{AuditTrail, Link, LinkError, Listed, VerifyError};
pub use authorize::{AuthorizeError, Next, PendingAuthorization, REQUEST_LIFE};
pub use breaches::Breaches;
pub use client::{ProtocolError, RegisteredClient};
pub use clients::{ClientInfo, Clients, DeclaredClient, RegisterError};
pub use context::Context;
pub use email_change::{ChangeState, EmailChangeError, Progress, Side};
pub use encryption::{KeyRole, SealedUnder, Sealing};
pub use end_session::{Leaving, LeavingError, LogoutDelivery};
pub use fault::Fault;
pub use hasher::{
    FirebaseParameters, Foreign, HASHING_BUCKETS, Hasher, HasherSettings, HashingAlgorithm, HashingMetrics,
    HashingViolation, Histogram, Peppers, Unreadable, Verified, describe_scheme, has_room, max_parallel,
};
pub use hearing::Processes;
pub use idempotency::{Begun, IdempotencyError, IdempotentRequest, KeptAnswer, Once};
pub use import::{Batch, Batches, Import, Imported, ImportedAccount};
pub use keys::{KEY_SET_LIFE, KeyInfo, KeyState, LONGEST_TOKEN, Rotation, SigningKeys};
pub use limit::TooMany;
pub use metrics::{Activity, Backlog, ByKind, Totals};
pub use outbox::{Delivery, Mail, Message, masked_recipient};
pub use password::PasswordChangeError;
pub use people::{Person, PersonAct, PersonError};
pub use prove::{Credential, PendingProof, ProveError};
pub use random::Random;
pub use recover::{PendingReset, RecoverError};
pub use return_to::ReturnTo;
pub use second_step::{PendingStep, StepError, Stepped};
pub use session::{Current, NewSession, SessionCursor, SessionPage};
pub use settings::{AccountSettings, Limits, Settings};
pub use sign_in::{SignIn, SignInError, SignedIn};
pub use sign_up::{SignUp, SignUpError, SignedUp};
pub use start::{Auth, Parts};
pub use ticket::{NewTicket, Ticket};
pub use token::{CheckedToken, TokenError};
