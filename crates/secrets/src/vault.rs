//! Vault and OpenBao: KV engines of both versions, and the database engine, by AppRole or a token. Their API is a handful of JSON
//! documents over HTTP, and stable (`/v1`).

mod enrolment;
mod lease;
mod put;
mod secret_id;
mod sign_in;

use reqwest::{Certificate, Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::document::Document;
use crate::http::{self, Answer, words};
use crate::{SecretCause, VaultSettings};
pub use secret_id::SecretIdLife;
use sign_in::{SignIn, Token};

pub use enrolment::{EnrolError, Enrolment, SecretId};

pub(crate) struct Vault {
    client: Client,
    settings: VaultSettings,
    /// `https://vault:8200`.
    base: String,
    /// `Vault at https://vault:8200`.
    provider: String,
    /// The last sign-in.
    signed_in: Mutex<SignIn>,
    /// Of the secret id, as it was at the last sign-in.
    secret_id_life: std::sync::Mutex<Option<SecretIdLife>>,
}

/// What keeps a secret.
struct Engine {
    /// `kv/`.
    mount: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// KV, of version 2 or 1.
    Values { versioned: bool },
    /// The database engine, which makes users, or exchanges the password of one.
    Database,
}

impl Vault {
    pub(crate) async fn new(settings: &VaultSettings) -> Result<Self, SecretCause> {
        let base = settings.address.as_str().trim_end_matches('/').to_owned();
        let provider = format!("Vault at {base}");
        let unusable = |why| SecretCause::Unusable { provider: provider.clone(), why };
        let mut builder = http::client();
        if let Some(path) = &settings.root_certificate {
            let wrong = |error: &dyn std::fmt::Display| {
                unusable(format!("secrets.vault.root_certificate, {}: {error}", path.display()))
            };
            let pem = tokio::fs::read(path).await.map_err(|error| wrong(&error))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
            if certificates.is_empty() {
                return Err(wrong(
                    &"there is no certificate in it, which would begin with -----BEGIN CERTIFICATE-----",
                ));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|error| unusable(words(&error.to_string())))?;
        Ok(Self {
            client,
            settings: settings.clone(),
            base,
            provider,
            signed_in: Mutex::default(),
            secret_id_life: std::sync::Mutex::default(),
        })
    }

    /// When the secret id ends that was signed in with last, in seconds since 1970.
    pub(crate) fn secret_id_ends(&self) -> Option<i64> {
        let life = self.secret_id_life.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        life.map(|life| life.ends)
    }

    /// All values of the secret at a path.
    pub(crate) async fn read(&self, path: &str) -> Result<Document, SecretCause> {
        let token = self.token(None).await?;
        match self.read_by(path, &token).await {
            // The token may be at its end, or taken back: then a new one decides.
            Err(denied @ SecretCause::Denied { .. }) if !token.is_new => match self.another(&token).await? {
                Some(token) => self.read_by(path, &token).await,
                None => Err(denied),
            },
            done => done,
        }
    }

    async fn read_by(&self, path: &str, token: &Token) -> Result<Document, SecretCause> {
        let Engine { mount, kind } = self.engine(path, token).await?;
        // What Vault calls the mount of a path is where the path begins.
        let inner = path.strip_prefix(&mount).filter(|inner| !inner.is_empty()).ok_or_else(|| {
            self.missing(format!("{mount} is a whole engine: name a secret in it, vault:{mount}PATH#KEY"))
        })?;
        let is_versioned = kind == Kind::Values { versioned: true };
        if kind == Kind::Database && !["creds/", "static-creds/"].iter().any(|made| inner.starts_with(made)) {
            return Err(self.unusable(format!(
                "of the engine {mount} only users are read: vault:{mount}creds/ROLE#password, or static-creds/ROLE"
            )));
        }
        let at = if is_versioned { format!("{mount}data/{inner}") } else { path.to_owned() };
        let from = sign_in::now();
        let mut answer = self.get(&at, token).await?;
        if answer.status != 200 {
            // A version that was deleted is told by the same status as one that never was, but with its metadata.
            let is_deleted = answer.body.pointer("/data/metadata").is_some();
            return Err(match answer.status {
                404 if is_deleted => self.missing("its last version is deleted".to_owned()),
                404 => self.missing(format!("nothing at {path}")),
                400 if kind == Kind::Database => self.missing(format!("at {path}: {}", said(&answer.body))),
                _ => self.refused(&answer, path),
            });
        }
        let lease = if kind == Kind::Database { lease::of(&answer.body, token, from) } else { None };
        let (values, version) = if is_versioned {
            let version = answer.body.pointer("/data/metadata/version").and_then(Value::as_u64);
            (answer.body.pointer_mut("/data/data"), version.map(|version| version.to_string()))
        } else {
            (answer.body.pointer_mut("/data"), None)
        };
        let values = values.map(Value::take).filter(Value::is_object);
        let values = values.ok_or_else(|| self.unusable("its answer holds no values".to_owned()))?;
        Ok(Document { text: SecretString::from(values.to_string()), version, lease })
    }

    /// Which engine a path is in, asked as `vault kv get` does.
    async fn engine(&self, path: &str, token: &Token) -> Result<Engine, SecretCause> {
        let answer = self.get(&format!("sys/internal/ui/mounts/{path}"), token).await?;
        let of = |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str);
        match answer.status {
            200 => {}
            // Its policies allow nothing in it, or there is no such engine: that is told to nobody.
            403 => {
                return Err(self.denied(format!(
                    "the policies of this token allow nothing at {path}, or no engine is mounted there"
                )));
            }
            _ => return Err(self.refused(&answer, path)),
        }
        let mount = of("/data/path").unwrap_or_default();
        let kind = match of("/data/type").unwrap_or_default() {
            "kv" | "generic" => Kind::Values { versioned: of("/data/options/version") == Some("2") },
            "database" => Kind::Database,
            kind => {
                let why = format!("{mount} is an engine of type {kind:?}, and only kv and database are read");
                return Err(self.unusable(why));
            }
        };
        Ok(Engine { mount: mount.to_owned(), kind })
    }

    async fn get(&self, path: &str, token: &Token) -> Result<Answer, SecretCause> {
        self.send(self.as_whom(self.client.get(self.at(path)), token)?).await
    }

    async fn post(&self, path: &str, body: &Value, token: &Token) -> Result<Answer, SecretCause> {
        self.send(self.as_whom(self.client.post(self.at(path)).json(body), token)?).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.base)
    }

    fn as_whom(&self, request: RequestBuilder, token: &Token) -> Result<RequestBuilder, SecretCause> {
        let mut token = reqwest::header::HeaderValue::from_str(token.secret.expose_secret())
            .map_err(|_| self.denied("its token holds what no token holds, such as a space".to_owned()))?;
        token.set_sensitive(true);
        Ok(request.header("x-vault-token", token))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, SecretCause> {
        // A listener may ask for it, so that nobody is led into asking by a URL alone.
        let mut request = request.header("x-vault-request", "true");
        if let Some(namespace) = &self.settings.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let response = request.send().await.map_err(|error| http::unreachable(&self.provider, error))?;
        http::answer(&self.provider, response).await
    }

    /// Why a read came to nothing.
    fn refused(&self, answer: &Answer, path: &str) -> SecretCause {
        let said = said(&answer.body);
        match answer.status {
            401 | 403 => self.denied(format!("at {path}: {said}")),
            404 => self.missing(format!("at {path}: {said}")),
            _ => self.trouble(answer, &said),
        }
    }

    /// What has nothing to do with the secret that was asked for.
    fn trouble(&self, answer: &Answer, words: &str) -> SecretCause {
        let provider = self.provider.clone();
        let told = if words.is_empty() { String::new() } else { format!(": {words}") };
        let why = format!("it answers with status {}{told}", answer.status);
        match answer.status {
            503 if said(&answer.body).contains("sealed") => SecretCause::Sealed { provider },
            429 | 472 | 473 | 500..=599 => SecretCause::Unreachable { provider, why },
            300..=399 => self.unusable(format!(
                "it answers with status {}, which leads elsewhere: let address name the node that answers itself",
                answer.status
            )),
            _ => self.unusable(why),
        }
    }

    fn denied(&self, why: String) -> SecretCause {
        SecretCause::Denied { provider: self.provider.clone(), why }
    }

    fn missing(&self, why: String) -> SecretCause {
        SecretCause::Missing { provider: self.provider.clone(), why }
    }

    fn unusable(&self, why: String) -> SecretCause {
        SecretCause::Unusable { provider: self.provider.clone(), why }
    }
}

/// `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}` in one line.
fn said(body: &Value) -> String {
    let errors = body.get("errors").and_then(Value::as_array);
    let errors: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    if errors.is_empty() { "it says no more".to_owned() } else { words(&errors.join("; ")) }
}
