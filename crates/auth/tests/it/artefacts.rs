//! One-time artefacts of every purpose, and the places that take one.

use auth::{
    Credential, EmailChangeError, Evidence, EvidenceError, ProveError, RecoverError, Side, StepError,
};
use domain::ArtefactId;

use crate::people::{browser, code, email, password};
use crate::world::{OTHER, PASSWORD, World};

/// What an artefact is for, which is also where it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Prove,
    Step,
    Reset,
    Old,
    New,
}

pub(crate) const EVERY: [Purpose; 5] =
    [Purpose::Prove, Purpose::Step, Purpose::Reset, Purpose::Old, Purpose::New];

/// One that was mailed.
#[derive(Debug)]
pub(crate) struct Mailed {
    pub(crate) purpose: Purpose,
    pub(crate) id: ArtefactId,
    pub(crate) code: String,
    pub(crate) token: Option<String>,
}

/// What came of showing evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Good,
    Gone,
    Wrong(u32),
    TooMany,
    Other,
}

impl Mailed {
    pub(crate) fn by_code(&self) -> Evidence {
        code(self.id, &self.code)
    }

    pub(crate) fn by_link(&self) -> Option<Evidence> {
        self.token.clone().map(|token| Evidence::Link { token })
    }

    /// Every form in which it can be shown.
    pub(crate) fn forms(&self) -> impl Iterator<Item = Evidence> {
        [Some(self.by_code()), self.by_link()].into_iter().flatten()
    }
}

/// Has an artefact mailed, of an account of its own.
pub(crate) async fn mailed(world: &World, purpose: Purpose) -> Mailed {
    let here = browser(1);
    let name = format!("{purpose:?}").to_lowercase();
    let (id, letter) = match purpose {
        Purpose::Prove => {
            let signed_up = world.sign_up(&name, PASSWORD, &here).await;
            (signed_up.proof, world.mail(&name).await)
        }
        Purpose::Step => {
            world.account_with_second_step(&name, &here).await;
            (world.attempt(&name, PASSWORD, &here).await, world.mail(&name).await)
        }
        Purpose::Reset => {
            world.account(&name, &here).await;
            (world.auth.request_reset(&email(&name), None, &here).await.unwrap(), world.mail(&name).await)
        }
        Purpose::Old | Purpose::New => {
            world.account(&name, &here).await;
            let current = world.signed_in(&name, &here).await;
            let (user, target) = (current.user, format!("{name}.next"));
            world.auth.request_email_change(&current, &email(&target), &here).await.unwrap();
            let mut tx = world.store.read().await.unwrap();
            let change = store::email_changes::find(&mut tx, user, world.auth.now()).await.unwrap().unwrap();
            if purpose == Purpose::Old {
                (ArtefactId(change.old_artefact), world.mail(&name).await)
            } else {
                (ArtefactId(change.new_artefact), world.mail(&target).await)
            }
        }
    };
    Mailed { purpose, id, code: letter.code(), token: letter.token() }
}

/// Shows `evidence` at the place that takes artefacts of `purpose`. A second step takes no link.
pub(crate) async fn show(world: &World, purpose: Purpose, evidence: &Evidence) -> Answer {
    let (auth, here) = (&world.auth, browser(1));
    match purpose {
        Purpose::Prove => {
            let fresh = Credential::NewPassword(password(OTHER));
            match auth.prove_address(evidence, &fresh, &here).await {
                Ok(_) => Answer::Good,
                Err(ProveError::Evidence(error)) => bad(&error),
                Err(_) => Answer::Other,
            }
        }
        Purpose::Step => {
            let Evidence::Code { id, code } = evidence else { return Answer::Gone };
            match auth.second_step(*id, code, None, &here).await {
                Ok(_) => Answer::Good,
                Err(StepError::Evidence(error)) => bad(&error),
                Err(StepError::TooMany(_)) => Answer::TooMany,
                Err(_) => Answer::Other,
            }
        }
        Purpose::Reset => match auth.reset_password(evidence, &password(OTHER), &here).await {
            Ok(_) => Answer::Good,
            Err(RecoverError::Evidence(error)) => bad(&error),
            Err(_) => Answer::Other,
        },
        Purpose::Old | Purpose::New => {
            match auth.confirm_email_change(side(purpose), evidence, None, &here).await {
                Ok(_) => Answer::Good,
                Err(EmailChangeError::Evidence(error)) => bad(&error),
                Err(_) => Answer::Other,
            }
        }
    }
}

/// Opens the page that a link of `purpose` leads to: whether it shows anything.
pub(crate) async fn page(world: &World, purpose: Purpose, token: &str) -> bool {
    let (auth, here) = (&world.auth, browser(1));
    match purpose {
        Purpose::Prove => auth.pending_proof_by_link(token, &here).await.is_ok(),
        Purpose::Step => false,
        Purpose::Reset => auth.pending_reset_by_link(token, &here).await.is_ok(),
        Purpose::Old | Purpose::New => auth.pending_email_change(side(purpose), token, &here).await.is_ok(),
    }
}

fn side(purpose: Purpose) -> Side {
    if purpose == Purpose::Old { Side::Old } else { Side::New }
}

fn bad(error: &EvidenceError) -> Answer {
    match error {
        EvidenceError::Gone => Answer::Gone,
        EvidenceError::WrongCode { tries_left } => Answer::Wrong(*tries_left),
        EvidenceError::TooMany(_) => Answer::TooMany,
        EvidenceError::Fault(_) => Answer::Other,
    }
}
