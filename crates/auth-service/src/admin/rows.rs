//! What a row of an import says: the fields of several exports, under the names that each has for them.

use auth::{FirebaseParameters, Foreign, ImportedAccount};
use domain::{DisplayName, Email};
use serde_json::{Map, Value};

/// The names that an address goes by. Where a file names its columns, one of them is needed.
pub const ADDRESS_NAMES: [&str; 4] = ["email", "Email", "mail", "address"];

/// What the command line says of every row.
#[derive(Debug)]
pub(super) struct Reading {
    /// Whether an address is proved where a row does not say.
    pub(super) proved: bool,
    /// Of the project that the hashes come from.
    pub(super) firebase: Option<FirebaseParameters>,
}

/// Reads a row. What is wrong with it is told in words.
pub(super) fn read(row: &Map<String, Value>, reading: &Reading) -> Result<ImportedAccount, String> {
    let email = text(row, &ADDRESS_NAMES).ok_or("it has no email")?;
    let email = Email::parse(email).map_err(|error| error.to_string())?;
    let name = text(row, &["name", "displayName", "display_name"]).unwrap_or_default();
    let locale = text(row, &["locale"]).filter(|locale| !locale.is_empty());
    if locale.is_some_and(|locale| {
        locale.len() > 35 || !locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }) {
        return Err("its locale is no language tag, such as en or de-CH".to_owned());
    }
    let flag = |names: &[&str]| flag(row, names);
    Ok(ImportedAccount {
        email,
        proved: flag(&["proved", "email_verified", "emailVerified", "verified", "EmailConfirmed"])?
            .unwrap_or(reading.proved),
        name: DisplayName::parse(name).map_err(|error| error.to_string())?,
        locale: locale.map(ToOwned::to_owned),
        second_step: flag(&["second_step", "requires_2fa", "requires2FA", "TwoFactorEnabled"])?
            .unwrap_or(false),
        password: password(row, reading)?,
    })
}

fn password(row: &Map<String, Value>, reading: &Reading) -> Result<Option<Foreign>, String> {
    let firebase = reading.firebase.as_ref();
    // Firebase's account holds its salt beside the hash, Keycloak's a list of credentials.
    let found = match (row.get("passwordHash"), row.get("salt"), row.get("credentials")) {
        (Some(Value::String(hash)), Some(Value::String(salt)), _) => {
            return Foreign::firebase(hash, salt, firebase).map(Some).map_err(explain);
        }
        (_, _, Some(Value::Array(credentials))) => {
            credentials.iter().find(|credential| credential["type"] == "password")
        }
        _ => ["password_hash", "passwordHash", "PasswordHash", "password", "hash"]
            .iter()
            .find_map(|name| row.get(*name)),
    };
    match found {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        // As Django writes that there is none to sign in with: `!`, and letters that mean nothing.
        Some(Value::String(text)) if text.starts_with('!') => Ok(None),
        Some(value) => Foreign::from_json(value, firebase).map(Some).map_err(explain),
    }
}

fn explain(error: auth::Unreadable) -> String {
    format!("its password hash cannot be verified here: {error}")
}

fn text<'a>(row: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| row.get(*name)?.as_str())
}

/// JSON has true and false; CSV and databases write them in several ways.
fn flag(row: &Map<String, Value>, names: &[&str]) -> Result<Option<bool>, String> {
    let Some((name, value)) = names.iter().find_map(|name| Some((name, row.get(*name)?))) else {
        return Ok(None);
    };
    match value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::Number(number) if number.as_u64() == Some(0) => Ok(Some(false)),
        Value::Number(number) if number.as_u64() == Some(1) => Ok(Some(true)),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "true" | "t" | "yes" | "1" => Ok(Some(true)),
            "false" | "f" | "no" | "0" => Ok(Some(false)),
            _ => Err(format!("its {name} is neither true nor false")),
        },
        _ => Err(format!("its {name} is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BCRYPT: &str = "$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";

    fn read(value: &Value) -> Result<ImportedAccount, String> {
        super::read(value.as_object().unwrap(), &Reading { proved: true, firebase: None })
    }

    #[test]
    fn rows_of_several_exports_are_read() {
        let ours =
            read(&json!({ "email": "Ana@example.com", "name": "Ana", "locale": "de", "second_step": true,
            "proved": false, "password_hash": BCRYPT, "of no use": [1] }))
            .unwrap();
        assert!(ours.second_step && !ours.proved && ours.password.is_some());
        let family =
            read(&json!({ "email": "a@example.com", "password_hash": BCRYPT, "requires_2fa": "t" })).unwrap();
        assert!(family.second_step && family.proved);
        let keycloak = read(&json!({ "email": "a@example.com", "emailVerified": true, "credentials": [
            { "type": "otp" }, { "type": "password",
              "secretData": "{\"value\":\"AhaeZ02AwPxykuhhDI8XvhQN8GKvmqM+qF6qvs/98I3oPrOafEIqFGOq0+8aVYIT/+xVcPChXj+A8gpxtbBrFQ==\",\"salt\":\"AAECAwQFBgcICQoLDA0ODw==\"}",
              "credentialData": "{\"hashIterations\":1000,\"algorithm\":\"pbkdf2-sha256\"}" } ] }))
        .unwrap();
        assert!(keycloak.password.unwrap().is_quick());
        assert!(read(&json!({ "email": "a@example.com" })).unwrap().password.is_none());
        for unusable in ["!", "!VkNJ0DTUPYkZnOHvrlyaDCqrEYdzS4dXd7JgtZQ8"] {
            let row = json!({ "email": "a@example.com", "password": unusable });
            assert!(read(&row).unwrap().password.is_none(), "{unusable}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told() {
        for (row, told) in [
            (json!({}), "it has no email"),
            (json!({ "email": "nobody" }), "address"),
            (
                json!({ "email": "a@example.com", "password_hash": "hunter2" }),
                "its password hash cannot be verified here",
            ),
            (
                json!({ "email": "a@example.com", "requires_2fa": "maybe" }),
                "its requires_2fa is neither true nor false",
            ),
            (json!({ "email": "a@example.com", "locale": "klingon, please" }), "no language tag"),
            (json!({ "email": "a@example.com", "passwordHash": "aa", "salt": "bb" }), "a secret (keyid)"),
        ] {
            let error = read(&row).unwrap_err();
            assert!(error.contains(told), "{row}: {error}");
        }
    }
}
