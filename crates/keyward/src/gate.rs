//! What a deploy key may ask of a host, and nothing else: `keyward deploy-gate` is what SSH runs for it, and has no right to anything;
//! `keyward deploy-service` has the right, and believes nothing that it is told.
//!
//! The story: whoever comes by the key says a word ([`order`]); the gate ([`door`]) hands it with the key's fingerprint to the service by a
//! Unix socket ([`asking`]), which the kernel says comes from the account of the gate; of a release the service fetches what the digest
//! names ([`registry`], [`artefact`]), has the signature looked at ([`signature`]), and only then reads it ([`release`]); it must be no older
//! than what was let in before ([`sequence`], [`state`]); and `keyward deploy` does it ([`child`]).

mod artefact;
mod asking;
mod challenge;
mod child;
mod configuration;
mod door;
mod fingerprint;
mod order;
mod ours;
mod registry;
mod release;
mod sequence;
mod service;
mod signature;
mod state;
mod trail;

pub(crate) use configuration::{CONFIGURATION, Configuration, SIGNERS, STATE};
pub(crate) use door::DeployGate;
pub(crate) use fingerprint::Fingerprint;
pub(crate) use ours::is_ours_alone;
pub(crate) use service::DeployService;
pub(crate) use signature::{NAMESPACE, SIGNER};

/// The account that a deploy key signs in to.
pub(crate) const ACCOUNT: &str = "deploy";
/// Where the service is asked. As in `deploy/systemd/keyward-deploy.socket`.
pub(crate) const SOCKET: &str = "/run/keyward-deploy/gate.sock";

/// What whoever asks for something else is told, in one line.
const REFUSED: &str = "keyward: refused: this key may ask for `deploy sha256:DIGEST`, `rollback` and `status`, and for nothing else";

#[cfg(test)]
mod tests {
    use super::*;

    /// The units name the same account, socket and folder.
    #[test]
    fn the_units_of_systemd_are_about_the_same() {
        let socket = include_str!("../../../deploy/systemd/keyward-deploy.socket");
        for line in [
            format!("ListenStream={SOCKET}"),
            format!("SocketGroup={ACCOUNT}"),
            "SocketMode=0660".to_owned(),
            "Service=keyward-deploy.service".to_owned(),
        ] {
            assert!(socket.lines().any(|one| one == line), "{line}");
        }
        let service = include_str!("../../../deploy/systemd/keyward-deploy.service");
        let folder = STATE.strip_prefix("/var/lib/").unwrap();
        for line in [format!("StateDirectory={folder}"), "StateDirectoryMode=0700".to_owned()] {
            assert!(service.lines().any(|one| one == line), "{line}");
        }
    }
}
