//! Vault and OpenBao: KV engines of both versions, by AppRole or a token. Their API is a handful of JSON documents over HTTP, and
//! stable (`/v1`).

use reqwest::{Certificate, Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::document::Document;
use crate::http::{self, Answer, words};
use crate::{SecretCause, SecretRef, VaultAuth, VaultSettings};

pub(crate) struct Vault {
    client: Client,
    settings: VaultSettings,
    /// `https://vault:8200`.
    base: String,
    /// `Vault at https://vault:8200`.
    provider: String,
    /// The token of the last sign-in.
    token: Mutex<Option<SecretString>>,
}

/// A KV engine.
struct Engine {
    /// `kv/`.
    mount: String,
    is_versioned: bool,
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
        Ok(Self { client, settings: settings.clone(), base, provider, token: Mutex::new(None) })
    }

    /// All values of the secret at a path.
    pub(crate) async fn read(&self, path: &str) -> Result<Document, SecretCause> {
        let (token, is_new) = self.token(None).await?;
        match self.read_by(path, &token).await {
            // The token may be at its end, or taken back: a new one decides.
            Err(SecretCause::Denied { .. }) if !is_new => {
                let (token, _) = self.token(Some(&token)).await?;
                self.read_by(path, &token).await
            }
            done => done,
        }
    }

    async fn read_by(&self, path: &str, token: &SecretString) -> Result<Document, SecretCause> {
        let Engine { mount, is_versioned } = self.engine(path, token).await?;
        // What Vault calls the mount of a path is where the path begins.
        let inner = path.strip_prefix(&mount).filter(|inner| !inner.is_empty()).ok_or_else(|| {
            self.missing(format!("{mount} is a whole engine: name a secret in it, vault:{mount}PATH#KEY"))
        })?;
        let at = if is_versioned { format!("{mount}data/{inner}") } else { path.to_owned() };
        let mut answer = self.get(&at, token).await?;
        if answer.status != 200 {
            // A version that was deleted is told by the same status as one that never was, but with its metadata.
            let is_deleted = answer.body.pointer("/data/metadata").is_some();
            return Err(match answer.status {
                404 if is_deleted => self.missing("its last version is deleted".to_owned()),
                404 => self.missing(format!("nothing at {path}")),
                _ => self.refused(&answer, path),
            });
        }
        let (values, version) = if is_versioned {
            let version = answer.body.pointer("/data/metadata/version").and_then(Value::as_u64);
            (answer.body.pointer_mut("/data/data"), version.map(|version| version.to_string()))
        } else {
            (answer.body.pointer_mut("/data"), None)
        };
        let values = values.map(Value::take).filter(Value::is_object);
        let values = values.ok_or_else(|| self.unusable("its answer holds no values".to_owned()))?;
        Ok(Document { text: SecretString::from(values.to_string()), version })
    }

    /// Which engine a path is in, asked as `vault kv get` does.
    async fn engine(&self, path: &str, token: &SecretString) -> Result<Engine, SecretCause> {
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
        let kind = of("/data/type").unwrap_or_default();
        let mount = of("/data/path").unwrap_or_default();
        if kind != "kv" && kind != "generic" {
            return Err(self.unusable(format!("{mount} is an engine of type {kind:?}, and only kv is read")));
        }
        Ok(Engine { mount: mount.to_owned(), is_versioned: of("/data/options/version") == Some("2") })
    }

    /// The token in use, or a new one if there is none, or if it is the `spent` one. And whether it is new.
    async fn token(&self, spent: Option<&SecretString>) -> Result<(SecretString, bool), SecretCause> {
        let mut held = self.token.lock().await;
        let is_spent = |token: &SecretString| {
            spent.is_some_and(|spent| {
                crate::constant_time_equal(spent.expose_secret().as_bytes(), token.expose_secret().as_bytes())
            })
        };
        if let Some(token) = held.as_ref().filter(|token| !is_spent(token)) {
            return Ok((token.clone(), false));
        }
        let token = match &self.settings.auth {
            VaultAuth::Token(reference) => self.own(reference, "secrets.vault.token").await?,
            VaultAuth::AppRole { mount, role_id, secret_id } => {
                self.sign_in(mount, role_id, &self.own(secret_id, "secrets.vault.secret_id").await?).await?
            }
        };
        *held = Some(token.clone());
        Ok((token, true))
    }

    /// What we sign in with, trimmed: `bao write -field` and editors leave a newline.
    async fn own(&self, reference: &SecretRef, setting: &str) -> Result<SecretString, SecretCause> {
        let read = reference.resolve().await;
        let secret =
            read.map_err(|error| self.denied(format!("nobody could sign in, since {setting}: {error}")))?;
        Ok(SecretString::from(secret.expose_secret().trim()))
    }

    async fn sign_in(
        &self,
        mount: &str,
        role_id: &str,
        secret_id: &SecretString,
    ) -> Result<SecretString, SecretCause> {
        let body = json!({ "role_id": role_id, "secret_id": secret_id.expose_secret() });
        let request = self.client.post(format!("{}/v1/auth/{mount}/login", self.base)).json(&body);
        let answer = self.send(request).await?;
        let token = answer.body.pointer("/auth/client_token").and_then(Value::as_str);
        match (answer.status, token) {
            (200, Some(token)) => Ok(SecretString::from(token)),
            // What it says is not repeated: an answer to a sign-in may hold what it was asked with.
            (400 | 401 | 403 | 404, _) => Err(self.denied(format!(
                "it does not let us in as the AppRole at auth/{mount}, status {}: role_id or the secret id is wrong or has \
                 ended, or is not for the network we come from",
                answer.status
            ))),
            _ => Err(self.trouble(&answer, "")),
        }
    }

    async fn get(&self, path: &str, token: &SecretString) -> Result<Answer, SecretCause> {
        let mut token = reqwest::header::HeaderValue::from_str(token.expose_secret())
            .map_err(|_| self.denied("its token holds what no token holds, such as a space".to_owned()))?;
        token.set_sensitive(true);
        self.send(self.client.get(format!("{}/v1/{path}", self.base)).header("x-vault-token", token)).await
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
    fn trouble(&self, answer: &Answer, said: &str) -> SecretCause {
        let provider = self.provider.clone();
        let told = if said.is_empty() { String::new() } else { format!(": {said}") };
        let why = format!("it answers with status {}{told}", answer.status);
        match answer.status {
            503 if crate::vault::said(&answer.body).contains("sealed") => SecretCause::Sealed { provider },
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
