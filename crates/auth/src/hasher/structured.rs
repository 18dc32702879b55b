//! Hashes that others export in pieces, as JSON: Keycloak's credentials, and Firebase's accounts.

use std::fmt;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::foreign::Foreign;
use super::stored::{STANDARD, Unreadable, decode};

/// A project's parameters of Firebase's scrypt, as its console shows them under "Password hash parameters". They are needed
/// with every hash of the project, and the key is a secret.
#[derive(Clone, Deserialize, Serialize)]
pub struct FirebaseParameters {
    base64_signer_key: String,
    base64_salt_separator: String,
    rounds: u32,
    mem_cost: u8,
}

impl fmt::Debug for FirebaseParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirebaseParameters")
    }
}

/// Keycloak's credential: both halves are JSON in a string, in an export of a realm as in its database.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    secret_data: String,
    credential_data: String,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    algorithm: String,
    hash_iterations: u32,
    #[serde(default)]
    additional_parameters: Value,
}

impl Foreign {
    /// Reads a hash that is a string, or JSON of a form that is known.
    pub fn from_json(value: &Value, firebase: Option<&FirebaseParameters>) -> Result<Self, Unreadable> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Object(fields) if fields.contains_key("secretData") => keycloak(value),
            Value::Object(_) => {
                let field = |name: &str| value.get(name).and_then(Value::as_str).ok_or(Unreadable::Form);
                Self::firebase(field("passwordHash")?, field("salt")?, firebase)
            }
            _ => Err(Unreadable::Kind),
        }
    }

    /// An account of Firebase's export.
    pub fn firebase(
        hash: &str,
        salt: &str,
        parameters: Option<&FirebaseParameters>,
    ) -> Result<Self, Unreadable> {
        let parameters = parameters.ok_or(Unreadable::Keyed)?;
        let plain = |text: &str| {
            decode(&text.replace('-', "+").replace('_', "/")).map(|bytes| STANDARD.encode(bytes))
        };
        let FirebaseParameters { base64_signer_key, base64_salt_separator, rounds, mem_cost } = parameters;
        let (signer, separator) = (plain(base64_signer_key)?, plain(base64_salt_separator)?);
        let (salt, hash) = (plain(salt)?, plain(hash)?);
        Self::stored(&format!(
            "$fbscrypt$v=1,n={mem_cost},r={rounds},p=1,ss={separator},sk={signer}${salt}${hash}"
        ))
    }
}

fn keycloak(value: &Value) -> Result<Foreign, Unreadable> {
    let form = |_| Unreadable::Form;
    let Credential { secret_data, credential_data } = Credential::deserialize(value).map_err(form)?;
    let SecretData { value, salt } = serde_json::from_str(&secret_data).map_err(form)?;
    let how: CredentialData = serde_json::from_str(&credential_data).map_err(form)?;
    match how.algorithm.as_str() {
        "pbkdf2" => Foreign::pbkdf2("sha1", how.hash_iterations, decode(&salt)?, decode(&value)?),
        "argon2" => argon2(&how, &salt, &value),
        name => {
            let name = name.strip_prefix("pbkdf2-").ok_or(Unreadable::Kind)?;
            Foreign::pbkdf2(name, how.hash_iterations, decode(&salt)?, decode(&value)?)
        }
    }
}

/// Each parameter is a list of one string.
fn argon2(how: &CredentialData, salt: &str, value: &str) -> Result<Foreign, Unreadable> {
    let parameter = |name: &str| how.additional_parameters[name][0].as_str().ok_or(Unreadable::Form);
    let version = match parameter("version")? {
        "1.3" => 19,
        "1.0" => 16,
        _ => return Err(Unreadable::Form),
    };
    let (kind, memory, lanes) = (parameter("type")?, parameter("memory")?, parameter("parallelism")?);
    let (salt, value) = (STANDARD.encode(decode(salt)?), STANDARD.encode(decode(value)?));
    let iterations = how.hash_iterations;
    Foreign::stored(&format!("$argon2{kind}$v={version}$m={memory},t={iterations},p={lanes}${salt}${value}"))
}
