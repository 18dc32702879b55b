//! AWS Secrets Manager, by AWS's own client: who asks, in which region and by which signature is its default chain's to find.

use std::error::Error;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput};
use secrecy::SecretString;

use crate::document::Document;
use crate::http::{self, words};
use crate::{AwsSettings, SecretCause, Stage};

/// With finding out who asks, which may take a round trip or two of its own.
const TOTAL: Duration = Duration::from_secs(10);

pub(crate) struct Aws {
    client: Client,
    /// `AWS Secrets Manager in eu-central-1`.
    provider: String,
}

impl Aws {
    pub(crate) async fn new(settings: &AwsSettings) -> Result<Self, SecretCause> {
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(TOTAL)
            .operation_attempt_timeout(http::TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            // Who starts waits with pauses of its own.
            .retry_config(RetryConfig::standard().with_max_attempts(2));
        if let Ok(name) = AppName::new(http::AGENT.replace('/', "-")) {
            loader = loader.app_name(name);
        }
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let found = loader.load().await;
        let Some(region) = found.region() else {
            return Err(SecretCause::NotConfigured {
                provider: "AWS Secrets Manager",
                missing: "no region is known: write region = \"eu-central-1\" under [secrets.aws], or set AWS_REGION",
            });
        };
        let provider = match &settings.endpoint {
            Some(endpoint) => format!("AWS Secrets Manager at {}", endpoint.as_str().trim_end_matches('/')),
            None => format!("AWS Secrets Manager in {region}"),
        };
        let mut builder = Builder::from(&found);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.endpoint_url(endpoint.as_str());
        }
        Ok(Self { client: Client::from_conf(builder.build()), provider })
    }

    /// The secret in one of its stages.
    pub(crate) async fn read(&self, id: &str, stage: Stage) -> Result<Document, SecretCause> {
        let asked = self.client.get_secret_value().secret_id(id).version_stage(stage.name()).send().await;
        let GetSecretValueOutput { secret_string, version_id, .. } =
            asked.map_err(|error| self.explain(&error))?;
        let text = secret_string.ok_or(SecretCause::NotText)?;
        Ok(Document { text: SecretString::from(text), version: version_id, lease: None })
    }

    fn explain(&self, error: &SdkError<GetSecretValueError>) -> SecretCause {
        let provider = self.provider.clone();
        let SdkError::ServiceError(refusal) = error else {
            // What signs a request is looked for while it is sent.
            return match credentials_error(error) {
                Some(CredentialsError::CredentialsNotLoaded(_)) => {
                    let why = "AWS's default chain finds nobody to sign in as: give the machine or container a role, or set \
                               AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                    SecretCause::Denied { provider, why: why.to_owned() }
                }
                Some(wrong @ CredentialsError::InvalidConfiguration(_)) => {
                    SecretCause::Unusable { provider, why: words(&DisplayErrorContext(wrong).to_string()) }
                }
                // Whoever hands them out may be away, too.
                _ => {
                    SecretCause::Unreachable { provider, why: words(&DisplayErrorContext(error).to_string()) }
                }
            };
        };
        let status = refusal.raw().status().as_u16();
        let refusal = refusal.err();
        let code = refusal.code().unwrap_or("no code");
        let why = match refusal.message() {
            Some(message) => format!("{code}: {}", words(message)),
            None => code.to_owned(),
        };
        if status == 429 || status >= 500 {
            // Whatever stands in between answers so too, with a page that has no code.
            return SecretCause::Unreachable { provider, why: format!("status {status}, {why}") };
        }
        match code {
            // The second is that of a secret that is marked for deletion.
            "ResourceNotFoundException" | "InvalidRequestException" => SecretCause::Missing { provider, why },
            "ThrottlingException" => SecretCause::Unreachable { provider, why },
            "InvalidParameterException" | "ValidationException" => SecretCause::Unusable { provider, why },
            // Every other way of saying no: by IAM, by the key that seals the secret, by the signature.
            _ => SecretCause::Denied { provider, why },
        }
    }
}

/// What went wrong in finding out who asks, if that did.
fn credentials_error(error: &dyn Error) -> Option<&CredentialsError> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}
