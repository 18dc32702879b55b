//! `[secrets]`: the managers that references may lead to, and how to sign in to them.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use secrets::{AwsSettings, GcpSettings, Keeper, ManagerSettings, SecretRef, VaultAuth, VaultSettings};
use serde::{Deserialize, Serialize};
use url::Url;

use super::schema::SecretReference;

/// `[secrets]`: the managers that references may lead to.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Managers {
    /// How often managers are asked whether a secret has changed. Files are looked at every five seconds, and `SIGHUP` has everything
    /// looked at.
    #[serde(with = "auth::duration")]
    #[schemars(with = "auth::duration::Written")]
    pub refresh: Duration,
    /// Vault or OpenBao, for `vault:MOUNT/PATH#KEY`: KV engines of both versions.
    pub vault: Vault,
    /// AWS Secrets Manager, for `aws:NAME-or-ARN#KEY`. Who asks is found by AWS's default chain (environment, profile, web identity,
    /// container, instance), without SSO.
    pub aws: Aws,
    /// GCP Secret Manager, for `gcp:projects/PROJECT/secrets/SECRET#VERSION`. Who asks is found by Google's application default
    /// credentials (`GOOGLE_APPLICATION_CREDENTIALS`, the machine's metadata server).
    pub gcp: Gcp,
}

impl Default for Managers {
    fn default() -> Self {
        Self {
            refresh: Duration::from_mins(5),
            vault: Vault::default(),
            aws: Aws::default(),
            gcp: Gcp::default(),
        }
    }
}

/// `[secrets.vault]`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// Where it is.
    #[schemars(with = "Option<String>", extend("format" = "uri"), example = "https://vault.internal:8200")]
    pub address: Option<Url>,
    /// The namespace that everything is in.
    #[schemars(example = &"team")]
    pub namespace: Option<String>,
    /// The certificate (PEM) that its own is checked by, and by that alone; without one, by the authorities that this system trusts.
    #[schemars(with = "Option<String>", extend("format" = "path"), example = "/etc/keyward/vault-ca.pem")]
    pub root_certificate: Option<PathBuf>,
    /// The id of the AppRole to sign in as, which is no secret.
    #[schemars(example = &"6d2f5a0c-2f61-7a5e-9f0e-0f5c2f0d9b1e")]
    pub role_id: Option<String>,
    /// The AppRole's secret id, which is on this machine: a file, a credential or a variable. It is read at each sign-in.
    #[schemars(with = "Option<SecretReference>", example = "file:/run/secrets/vault_secret_id")]
    pub secret_id: Option<SecretRef>,
    /// Where the AppRole method is mounted.
    pub approle_mount: String,
    /// A token, in the place of an AppRole, that somebody else keeps fresh (Vault's agent, say). It is on this machine, and read at each
    /// sign-in.
    #[schemars(with = "Option<SecretReference>", example = "file:/run/vault-agent/token")]
    pub token: Option<SecretRef>,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            address: None,
            namespace: None,
            root_certificate: None,
            role_id: None,
            secret_id: None,
            approle_mount: "approle".to_owned(),
            token: None,
        }
    }
}

/// `[secrets.aws]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// The region; without one, what `AWS_REGION`, the profile or the machine says.
    #[schemars(example = &"eu-central-1")]
    pub region: Option<String>,
    /// Another address than the region's own.
    #[schemars(with = "Option<String>", extend("format" = "uri"), example = "https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com")]
    pub endpoint: Option<Url>,
}

/// `[secrets.gcp]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gcp {
    /// Another address than `https://secretmanager.googleapis.com`.
    #[schemars(with = "Option<String>", extend("format" = "uri"), example = "https://secretmanager-keyward.p.googleapis.com")]
    pub endpoint: Option<Url>,
}

impl Vault {
    /// How to sign in, if that was decided.
    fn auth(&self) -> Option<VaultAuth> {
        match (&self.role_id, &self.secret_id, &self.token) {
            (Some(role_id), Some(secret_id), None) => Some(VaultAuth::AppRole {
                mount: self.approle_mount.clone(),
                role_id: role_id.clone(),
                secret_id: secret_id.clone(),
            }),
            (None, None, Some(token)) => Some(VaultAuth::Token(token.clone())),
            _ => None,
        }
    }
}

impl Managers {
    /// What reads secrets. It asks nobody yet.
    pub fn keeper(&self) -> Keeper {
        let vault = self.vault.address.clone().zip(self.vault.auth());
        Keeper::new(ManagerSettings {
            vault: vault.map(|(address, auth)| VaultSettings {
                address,
                namespace: self.vault.namespace.clone(),
                root_certificate: self.vault.root_certificate.clone(),
                auth,
            }),
            aws: AwsSettings { region: self.aws.region.clone(), endpoint: self.aws.endpoint.clone() },
            gcp: GcpSettings { endpoint: self.gcp.endpoint.clone() },
        })
    }
}
