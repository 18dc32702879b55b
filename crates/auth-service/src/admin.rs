//! The operator's channel: what the command `keyward` asks of a running server, over a Unix socket.
//!
//! Each [`Operation`] is one request with one kind of answer. Here it is run for whoever asks, and `keyward` runs the very same
//! on a database that no server holds: so both ways do and say the same.

mod audit;
mod call;
mod clients;
mod deeds;
mod desk;
mod import;
mod keys;
mod listener;
mod mail;
mod operation;
mod operator;
mod passwords;
mod people;
mod rows;
mod sealed;
mod secrets;
mod serving;
mod status;

pub use audit::{AuditEntry, ListAudit, Verification, VerifyAudit};
pub use call::{CallError, call};
pub use clients::{AddClient, AddedClient, ClientShown, ListClients, RemoveClient, RotateSecret, ShowClient};
pub use deeds::{DeployDeed, NoteDeploy, NoteSecretDeed, SecretDeed};
pub use desk::{Desk, Offline};
pub use import::{ADDRESS_TAKEN, ImportBatch, ImportUsers, ImportedRow};
pub use keys::{KeyShown, ListKeys, RotateKeys, RotatedKey};
pub(crate) use listener::LONGEST_PATH;
pub use listener::{Socket, SocketError};
pub use mail::{ListMail, MailShown, WithdrawMailed, Withdrawn};
pub use operation::{Done, Operation, Refusal};
pub use operator::{Operator, group_number};
pub use passwords::{HashingCount, ReportPasswords};
pub use people::{ActOnUser, ListUsers, ShowUser, UserAct, UserActed, UserShown};
pub use rows::ADDRESS_NAMES;
pub use sealed::{KeyRoleShown, LookAtSealed, SealedShown, SealedUnderShown};
pub use secrets::{LookAtSecrets, NoteRotation, RotationStep, SecretShown, SecretsShown};
pub use serving::serve;
pub use status::{
    AskStatus, ContentsShown, DependencyShown, HashingShown, ModeShown, SchemaShown, SigningShown,
    StatusShown,
};
