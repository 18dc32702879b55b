//! What is asked of the manager: what it has already, that it takes the values, and that whoever is to read them can.

use auth_service::config::Managers;
use secrets::{ExposeSecret as _, Keeper, Put, SecretCause, SecretString, constant_time_equal};

use super::Migrate;
use super::plan::{Change, Plan};
use super::report::There;
use crate::Failure;

impl Migrate {
    /// What the document has of it already.
    pub(super) async fn look(&self, plan: &Plan, managers: &Managers) -> Result<Vec<There>, Failure> {
        let keeper = match self.writer.keeper(managers) {
            Ok(keeper) => keeper,
            Err(error) if self.dry_run => {
                eprintln!("keyward: what is there already was not looked at: {error}");
                return Ok(vec![There::Unknown; plan.moves.len()]);
            }
            Err(error) => return Err(error),
        };
        let mut all = Vec::with_capacity(plan.moves.len());
        for one in &plan.moves {
            all.push(match keeper.read(&one.reference).await {
                Ok(there) if is_same(&there.value, &one.value) => There::Same,
                Ok(_) => There::Other,
                Err(error) => match error.cause {
                    SecretCause::Missing { .. } | SecretCause::WrongKey { .. } => There::New,
                    SecretCause::Empty | SecretCause::NoScalar => There::Other,
                    _ if self.dry_run => {
                        eprintln!("keyward: what is there already could not be looked at: {error}");
                        return Ok(vec![There::Unknown; plan.moves.len()]);
                    }
                    _ => return Err(error.into()),
                },
            });
        }
        Ok(all)
    }

    /// Another value under a key is somebody's; and what was left behind by a run before has to be what that run wrote.
    pub(super) fn refuse_others(&self, plan: &Plan, there: &[There]) -> Result<(), Failure> {
        let named = |is_it: &dyn Fn(&Change, There) -> bool| {
            let all = plan.moves.iter().zip(there).filter(|(one, there)| is_it(&one.change, **there));
            all.map(|(one, _)| one.reference.to_string()).collect::<Vec<_>>().join(", ")
        };
        let lost = named(&|change, there| *change == Change::Nothing && there != There::Same);
        if !lost.is_empty() {
            return Err(format!(
                "the configuration names {lost} already, and what is kept there is not what the file of variables has: nothing was \
                 changed. See which of the two is in use, and take the other's line out of the file by hand"
            )
            .into());
        }
        let taken = named(&|_, there| there == There::Other);
        if !taken.is_empty() && !self.force {
            return Err(format!(
                "another value is kept already as {taken}, and nothing was changed: see which is in use; --force writes over it"
            )
            .into());
        }
        Ok(())
    }

    /// Writes the values, and reads each of them back.
    pub(super) async fn put(&self, plan: &Plan, managers: &Managers) -> Result<Put, Failure> {
        let keeper = self.writer.keeper(managers)?;
        let mut values: Vec<(String, SecretString)> = Vec::new();
        for one in plan.moves.iter().filter(|one| one.change != Change::Nothing) {
            if !values.iter().any(|(key, _)| *key == one.key) {
                values.push((one.key.clone(), one.value.clone()));
            }
        }
        let put = keeper.put(&self.to, &values, self.force).await?;
        self.are_there(plan, &keeper.anew(), "they were written, but").await?;
        Ok(put)
    }

    /// A reference that the server may not follow would end its next start.
    pub(super) async fn is_read_by_the_server(
        &self,
        plan: &Plan,
        managers: &Managers,
    ) -> Result<(), Failure> {
        let own = managers.vault.secret_id.as_ref().or(managers.vault.token.as_ref());
        let Some(own) = own else { return Ok(()) };
        if let Err(error) = own.resolve().await {
            eprintln!(
                "keyward: whether the server may read what was written was not tried ({error}): `auth-service secrets check` does"
            );
            return Ok(());
        }
        let why = "they were written, but by its own sign-in the server cannot read them, so the files were left as they are: let its \
                   policy allow it, and run this again:";
        self.are_there(plan, &managers.keeper(), why).await
    }

    async fn are_there(&self, plan: &Plan, keeper: &Keeper, why: &str) -> Result<(), Failure> {
        for one in &plan.moves {
            let read = keeper.read(&one.reference).await.map_err(|error| format!("{why} {error}"))?;
            if !is_same(&read.value, &one.value) {
                return Err(format!(
                    "{why} {} is another value by now: somebody else writes there",
                    one.reference
                )
                .into());
            }
        }
        Ok(())
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    constant_time_equal(one.expose_secret().as_bytes(), other.expose_secret().as_bytes())
}
