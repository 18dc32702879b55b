//! Writing values into a document of a KV engine, beside those that are there.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::sign_in::Token;
use super::{Kind, Vault, said};
use crate::{Put, PutError, SecretCause, constant_time_equal};

/// Somebody else may have written between our reading and our writing: then it is read anew, so often.
const TRIES: usize = 10;

impl Vault {
    /// Puts values under their keys, and leaves every other key of the document as it is. In version 2 of the engine that is checked
    /// (check-and-set), so that whoever writes at the same time loses nothing; version 1 has nothing to check by.
    ///
    /// A key that has another value already is written over only if that is `forced`, and else nothing is written.
    pub(crate) async fn put(
        &self,
        path: &str,
        values: &[(String, SecretString)],
        forced: bool,
    ) -> Result<Put, PutError> {
        let place = || format!("vault:{path}");
        let refused = |cause| PutError::Refused { place: place(), cause };
        let token = self.token(None).await.map_err(refused)?;
        let (at, is_versioned) = self.place_of_values(path, &token).await.map_err(refused)?;
        for _ in 0..TRIES {
            let (mut document, version) =
                self.values_at(&at, path, is_versioned, &token).await.map_err(refused)?;
            let (mut changed, mut other_values) = (Vec::new(), Vec::new());
            for (key, value) in values {
                let value = value.expose_secret();
                match document.get(key) {
                    Some(Value::String(there)) if constant_time_equal(there.as_bytes(), value.as_bytes()) => {
                    }
                    Some(_) if !forced => other_values.push(key.clone()),
                    _ => {
                        document.insert(key.clone(), value.into());
                        changed.push(key.clone());
                    }
                }
            }
            if !other_values.is_empty() {
                return Err(PutError::Taken { place: place(), keys: other_values });
            }
            if changed.is_empty() {
                let version = is_versioned.then(|| version.to_string());
                return Ok(Put { version, changed, is_checked: is_versioned });
            }
            let body = if is_versioned {
                json!({ "options": { "cas": version }, "data": document })
            } else {
                Value::Object(document)
            };
            let answer = self.post(&at, &body, &token).await.map_err(refused)?;
            match answer.status {
                200 | 204 => {
                    let version = answer.body.pointer("/data/version").and_then(Value::as_u64);
                    let version = version.map(|version| version.to_string());
                    return Ok(Put { version, changed, is_checked: is_versioned });
                }
                400 if is_versioned && said(&answer.body).contains("did not match") => {}
                _ => return Err(refused(self.refused(&answer, path))),
            }
        }
        Err(PutError::Contended { place: place() })
    }

    /// Where the API has the document, and whether its engine keeps versions.
    async fn place_of_values(&self, path: &str, token: &Token) -> Result<(String, bool), SecretCause> {
        let engine = self.engine(path, token).await?;
        let mount = engine.mount;
        let Kind::Values { versioned } = engine.kind else {
            return Err(self.unusable(format!("{mount} makes its values itself, and takes none")));
        };
        let inner = path.strip_prefix(&mount).filter(|inner| !inner.is_empty()).ok_or_else(|| {
            self.unusable(format!("{mount} is a whole engine: name a secret in it, vault:{mount}PATH#KEY"))
        })?;
        Ok((if versioned { format!("{mount}data/{inner}") } else { path.to_owned() }, versioned))
    }

    /// What is there now, and which version: 0 and nothing where nothing is. Of a version that was deleted nothing is left to keep, but
    /// its number counts.
    async fn values_at(
        &self,
        at: &str,
        path: &str,
        is_versioned: bool,
        token: &Token,
    ) -> Result<(Map<String, Value>, u64), SecretCause> {
        let mut answer = self.get(at, token).await?;
        if !matches!(answer.status, 200 | 404) {
            return Err(self.refused(&answer, path));
        }
        let version = answer.body.pointer("/data/metadata/version").and_then(Value::as_u64);
        let values = answer.body.pointer_mut(if is_versioned { "/data/data" } else { "/data" });
        match (answer.status, values.map(Value::take)) {
            (200, Some(Value::Object(values))) => Ok((values, version.unwrap_or_default())),
            (200, _) => Err(self.unusable("its answer holds no values".to_owned())),
            _ => Ok((Map::new(), version.unwrap_or_default())),
        }
    }
}
