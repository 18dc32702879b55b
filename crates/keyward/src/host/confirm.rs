//! `keyward host confirm`: somebody got in, so that what `keyward host setup` has changed may stay.

use clap::Args;

use super::undo::{Record, TIMER};
use super::{has_systemd, program, session};
use crate::{Failure, say};

/// Say, from a login that is newer than `keyward host setup`, that one still gets in: else what it changed is undone.
///
/// As root, or by `sudo`. A login that was there before proves nothing, and is refused.
#[derive(Args)]
pub(crate) struct Confirm {}

impl Confirm {
    /// It has no options.
    pub(crate) fn run() -> Result<(), Failure> {
        if !rustix::process::geteuid().is_root() {
            return Err("it is root's to confirm: sudo keyward host confirm".into());
        }
        let Some(record) = Record::pending()? else {
            return Err(
                "nothing waits to be confirmed: it was already, or was undone (`keyward host check`)".into(),
            );
        };
        is_proof(session::began(), record.since)?;
        if !Record::take()? {
            return Err("it came too late: what was changed was undone in this moment; run `keyward host setup` again".into());
        }
        if has_systemd() {
            // What it would start finds nothing to undo any more.
            let _ = program("systemctl", &["stop", &format!("{TIMER}.timer")]);
        }
        say("Confirmed: what `keyward host setup` has changed stays.");
        Ok(())
    }
}

/// Whether a login shows that one gets in by what is new.
fn is_proof(login: Option<u64>, since: u64) -> Result<(), String> {
    match login {
        Some(began) if began > since => Ok(()),
        Some(_) => Err("this login began before the change, so that it does not show that one still gets in: log in anew, beside this one, and \
                        say it there"
            .to_owned()),
        None => Err("this is no login by SSH, so that it does not show that one still gets in: log in by SSH and say it there".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_login_by_ssh_that_is_newer_shows_that_one_gets_in() {
        assert!(is_proof(Some(101), 100).is_ok());
        for (login, said) in
            [(Some(100), "began before"), (Some(1), "began before"), (None, "no login by SSH")]
        {
            assert!(is_proof(login, 100).unwrap_err().contains(said), "{login:?}");
        }
    }
}
