//! The use cases of sign-in, a file each. Each reads, decides, and writes in one short transaction; hashing happens
//! between the two, on threads of its own.

mod account;
mod artefact;
mod audit;
mod context;
mod duration;
mod email_change;
mod fault;
mod hasher;
mod janitor;
mod keys;
mod limit;
mod outbox;
mod password;
mod prove;
mod random;
mod recover;
mod return_to;
mod second_step;
mod session;
mod settings;
mod sign_in;
mod sign_up;
mod start;
mod token;

pub use account::{Account, DeleteError, SecondStepError};
pub use artefact::{Evidence, EvidenceError};
pub use audit::{AuditTrail, Link, LinkError, VerifyError};
pub use context::Context;
pub use email_change::{ChangeState, EmailChangeError, Progress, Side};
pub use fault::Fault;
pub use hasher::{Hasher, HasherSettings};
pub use limit::TooMany;
pub use outbox::{Delivery, Mail, Message};
pub use password::PasswordChangeError;
pub use prove::{Credential, PendingProof, ProveError};
pub use random::Random;
pub use recover::RecoverError;
pub use return_to::ReturnTo;
pub use second_step::{PendingStep, StepError, Stepped};
pub use session::{Current, NewSession};
pub use settings::{AccountSettings, Limits, Settings};
pub use sign_in::{SignIn, SignInError, SignedIn};
pub use sign_up::{SignUp, SignUpError, SignedUp};
pub use start::{Auth, Parts};
pub use token::{CheckedToken, TokenError};
