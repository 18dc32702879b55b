//! The JSON Schema of the file, from the structs that read it: what is known of each setting stands there once.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{Config, ConfiguredClient};

/// How a setting is written that holds no secret, but says where one is.
pub(super) const SECRET_FORMAT: &str = "keyward-secret";

/// A reference to a secret, as the schema has it.
#[derive(Debug)]
pub struct SecretReference;

impl JsonSchema for SecretReference {
    fn schema_name() -> Cow<'static, str> {
        "SecretReference".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": SECRET_FORMAT,
            "pattern": "^(file:/.+|credential:[A-Za-z0-9_-][A-Za-z0-9_.-]*|vault:[^/#]+/[^#]+#.+|aws:.+|gcp:projects/[^/]+/secrets/[^/#]+(#(latest|[0-9]+))?|env:[A-Za-z_][A-Za-z0-9_]*)$",
        })
    }
}

/// Everything in its place, without references to follow.
pub(super) fn of_configuration() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.insert("title".to_owned(), "keyward.toml".into());
    schema.insert("description".to_owned(), "The configuration of auth-service.".into());
    let mut schema = schema.to_value();
    // Whether an object keeps its order is for others in the same build to choose: sorted, it is the same in each.
    schema.sort_all_objects();
    schema
}

/// The schema as a file, for editors.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&of_configuration()).unwrap_or_default();
    text.push('\n');
    text
}

/// An app is read by hand, since its secret stands beside what is registered of it.
impl JsonSchema for ConfiguredClient {
    fn schema_name() -> Cow<'static, str> {
        "Client".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = |description: &str| serde_json::json!({ "type": "string", "description": description });
        let texts = |description: &str, default: Value| {
            serde_json::json!({
                "type": "array", "items": { "type": "string" }, "default": default, "description": description,
            })
        };
        let truth = |description: &str| serde_json::json!({ "type": "boolean", "default": false, "description": description });
        let choice = |choices: &[&str], default: &str, description: &str| serde_json::json!({ "type": "string", "enum": choices, "default": default, "description": description });
        let methods = oidc::ClientAuthenticationMethod::ALL.map(oidc::ClientAuthenticationMethod::name);
        let algorithms = [oidc::Algorithm::Rs256, oidc::Algorithm::Es256, oidc::Algorithm::EdDsa]
            .map(oidc::Algorithm::name);
        let modes = oidc::ResponseMode::ALL.map(oidc::ResponseMode::name);
        json_schema!({
            "type": "object",
            "additionalProperties": false,
            "required": ["client_id", "client_name", "scope"],
            "properties": {
                "client_id": text("Its id."),
                "client_name": text("Its name, as people see it."),
                "secret": {
                    "type": "string", "format": SECRET_FORMAT, "description": "Where its secret is, if it has one.",
                },
                "secret_overlap": {
                    "type": "string", "format": "keyward-duration", "pattern": "^[0-9]+[dhms]$", "default": "24h",
                    "description": "For how long the secret before is good, once this one is another. With `0s` one that leaked \
                                    ends at the next start, also where it was exchanged before.",
                },
                "redirect_uris": texts("Where it may be answered: exact addresses.", serde_json::json!([])),
                "token_endpoint_auth_method":
                    choice(&methods, "client_secret_basic", "The one way in which it authenticates."),
                "grant_types": texts("What it may redeem.", serde_json::json!(["authorization_code"])),
                "response_modes": texts("How it may be answered.", serde_json::json!(modes)),
                "scope": text("What it may ask for, with a space between."),
                "default_scope": text("What it is taken to ask for when it says nothing."),
                "resources": texts("The resources it may ask for (RFC 8707).", serde_json::json!([])),
                "first_party": truth("It is your own: people are not asked whether it may."),
                "require_consent": truth("People are asked all the same."),
                "id_token_signed_response_alg":
                    choice(&algorithms, "RS256", "What its ID tokens are signed with."),
                "access_token_signed_response_alg":
                    choice(&algorithms, "EdDSA", "What its access tokens are signed with."),
                "claims_in_id_token": truth("The claims of the scopes stand in the ID token too."),
                "post_logout_redirect_uris":
                    texts("Where a person may be sent after signing out.", serde_json::json!([])),
                "onward_origins": texts(
                    "Where its callbacks lead on to before a person sees a page, besides their own origins: \
                     `https://team.example.com`, or `https://*.example.com`. Browsers do not go on to any other after a form.",
                    serde_json::json!([]),
                ),
                "backchannel_logout_uri": text("Who is told when a session ends."),
                "jwks": { "type": "object", "description": "Its public keys (RFC 7517)." },
                "jwks_uri": text("Where its public keys are published."),
            },
        })
    }
}
