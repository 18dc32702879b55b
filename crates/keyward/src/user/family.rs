//! Rows out of the database of another server of the auth-service family.

use secrets::{ExposeSecret as _, SecretRef};
use serde_json::json;
use store::family::{Family, FamilyAccount};
use url::Url;

use super::source::{Original, Row};
use crate::{Failure, misused};

/// Opens the database that `--from` names: by a reference to a secret that holds its address, or by the address itself if that
/// holds no secret.
pub(super) async fn open(from: &str) -> Result<Family, Failure> {
    let is_address = |url: &Url| ["postgres", "postgresql"].contains(&url.scheme());
    let url = match Url::parse(from).ok().filter(is_address) {
        Some(url) if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") => {
            return Err(
                "--from holds a password, which everybody on this machine can read while the command runs: put the \
                 address in a variable or a file and write --from env:NAME or --from file:/absolute/path, or leave \
                 the password to PGPASSWORD or ~/.pgpass"
                    .into(),
            );
        }
        Some(url) => String::from(url).into(),
        None => {
            let reference: SecretRef = from.parse().map_err(|error| {
                misused(
                    format!("--from wants postgres://user@host/database, or a reference to where that is written: {error}")
                        .into(),
                )
            })?;
            let found = reference.resolve().await?;
            if !Url::parse(found.expose_secret().trim()).is_ok_and(|url| is_address(&url)) {
                return Err(misused(
                    format!(
                        "{reference} holds no address of PostgreSQL, the one database that is read: write \
                         postgres://user:password@host:5432/database there"
                    )
                    .into(),
                ));
            }
            found
        }
    };
    Ok(Family::open(&url).await?)
}

/// An account as rows have it.
pub(super) fn row(line: u64, account: FamilyAccount) -> Row {
    let FamilyAccount { email, password_hash, requires_2fa } = account;
    let row = json!({ "email": email, "password_hash": password_hash, "requires_2fa": requires_2fa });
    let fields = row.as_object().cloned().unwrap_or_default();
    Row { line, fields: Ok(fields.clone()), original: Original::Object(fields), address: email }
}
