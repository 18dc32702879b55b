//! GCP Secret Manager: one question of its REST API, asked as whom Google's own application default credentials find.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use google_cloud_auth::credentials::{Builder, CacheableResource, Credentials};
use google_cloud_auth::errors::CredentialsError;
use reqwest::Client;
use secrecy::SecretString;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::document::Document;
use crate::http::{self, Answer, words};
use crate::{GcpSettings, SecretCause};

const ENDPOINT: &str = "https://secretmanager.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

pub(crate) struct Gcp {
    client: Client,
    credentials: Credentials,
    base: String,
    /// `GCP Secret Manager`, and where it is if that is not Google's own.
    provider: String,
}

impl Gcp {
    pub(crate) fn new(settings: &GcpSettings) -> Result<Self, SecretCause> {
        let base = settings.endpoint.as_ref().map_or(ENDPOINT, |endpoint| endpoint.as_str());
        let base = base.trim_end_matches('/').to_owned();
        let provider = match settings.endpoint {
            Some(_) => format!("GCP Secret Manager at {base}"),
            None => "GCP Secret Manager".to_owned(),
        };
        let credentials =
            Builder::default().with_scopes([SCOPE]).build().map_err(|error| SecretCause::Denied {
                provider: provider.clone(),
                why: format!("no application default credentials: {}", chain(&error)),
            })?;
        let client = http::client().build().map_err(|error| SecretCause::Unusable {
            provider: provider.clone(),
            why: words(&error.to_string()),
        })?;
        Ok(Self { client, credentials, base, provider })
    }

    /// A version of a secret.
    pub(crate) async fn read(&self, name: &str, version: &str) -> Result<Document, SecretCause> {
        let asking = tokio::time::timeout(http::TIMEOUT, self.credentials.headers(::http::Extensions::new()));
        let headers = match asking.await {
            Ok(Ok(CacheableResource::New { data, .. })) => data,
            Ok(Ok(CacheableResource::NotModified)) => ::http::HeaderMap::new(),
            Ok(Err(error)) => return Err(self.nobody(&error)),
            Err(_) => return Err(self.unreachable("who may ask was not told in time".to_owned())),
        };
        let request =
            self.client.get(format!("{}/v1/{name}/versions/{version}:access", self.base)).headers(headers);
        let response = request.send().await.map_err(|error| http::unreachable(&self.provider, error))?;
        let answer = http::answer(&self.provider, response).await?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        self.opened(&answer.body)
    }

    /// The secret out of an answer, if it is whole.
    fn opened(&self, body: &Value) -> Result<Document, SecretCause> {
        let provider = || self.provider.clone();
        let of = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let (Some(data), Some(checksum)) = (of("/payload/data"), of("/payload/dataCrc32c")) else {
            let why = "its answer holds no secret, or no checksum of it".to_owned();
            return Err(SecretCause::Unusable { provider: provider(), why });
        };
        let damaged = || SecretCause::Damaged { provider: provider() };
        let bytes = Zeroizing::new(STANDARD.decode(data).map_err(|_| damaged())?);
        if checksum.parse() != Ok(crc32c(&bytes)) {
            return Err(damaged());
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| SecretCause::NotText)?;
        let version = of("/name").and_then(|name| name.rsplit('/').next()).map(str::to_owned);
        Ok(Document { text: SecretString::from(text), version, lease: None })
    }

    fn refused(&self, answer: &Answer) -> SecretCause {
        let provider = self.provider.clone();
        let of = |pointer: &str| answer.body.pointer(pointer).and_then(Value::as_str);
        let why = match (of("/error/status"), of("/error/message")) {
            (Some(status), Some(message)) => format!("{status}: {}", words(message)),
            _ => format!("status {}", answer.status),
        };
        match answer.status {
            401 | 403 => SecretCause::Denied { provider, why },
            404 => SecretCause::Missing { provider, why },
            // Disabled or destroyed.
            400 if of("/error/status") == Some("FAILED_PRECONDITION") => {
                SecretCause::Missing { provider, why }
            }
            429 | 500..=599 => SecretCause::Unreachable { provider, why },
            _ => SecretCause::Unusable { provider, why },
        }
    }

    /// Google, or the machine's metadata server, does not say who we are.
    fn nobody(&self, error: &CredentialsError) -> SecretCause {
        let why = format!("the application default credentials are not taken: {}", chain(error));
        if error.is_transient() {
            self.unreachable(why)
        } else {
            SecretCause::Denied { provider: self.provider.clone(), why }
        }
    }

    fn unreachable(&self, why: String) -> SecretCause {
        SecretCause::Unreachable { provider: self.provider.clone(), why }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    words(&text)
}

/// CRC-32C (RFC 3720, appendix B.4), bit by bit: a secret is a few bytes, and is read a few times a day.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b""), 0);
    }
}
