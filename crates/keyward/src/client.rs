//! `keyward client`: the apps that sign people in here.

use auth_service::admin::{
    AddClient, AddedClient, ClientShown, ListClients, RemoveClient, RotateSecret, ShowClient,
};
use clap::{Args, Subcommand};
use oidc::{Client, ClientAuthenticationMethod, GrantType};
use serde_json::json;

use crate::channel::Channel;
use crate::installation::{Installation, moment};
use crate::{Failure, say};

/// Register apps that sign people in here.
#[derive(Args)]
pub(crate) struct ClientCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Register an app. Its secret is printed once, and stored as a hash.
    Add(Box<Add>),
    /// List the apps.
    List,
    /// Show one app.
    Show {
        /// Its id.
        id: String,
    },
    /// Give an app another secret. The present one is good for a while longer, so that the app changes over without a gap.
    RotateSecret {
        /// Its id.
        id: String,
        /// For how many hours the present secret is good, at most 720 (30 days); 0 ends it now: a running server knows
        /// within half a second.
        #[arg(long, default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(0..=720))]
        overlap: u64,
    },
    /// Remove an app. Every token it holds is worthless at once.
    Remove {
        /// Its id.
        id: String,
    },
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
struct Add {
    /// Its id, by which the app names itself.
    id: String,
    /// Its name, as people see it; the id if none.
    #[arg(long)]
    name: Option<String>,
    /// Where people are sent back to; may be given again.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where people may be sent after signing out; may be given again.
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// Where its callback leads on to before a person sees a page, if that is another origin than its own, such as
    /// `https://team.example.com` or `https://*.example.com`; may be given again. Browsers go on to no other after a form.
    #[arg(long, value_name = "ORIGIN")]
    onward_origin: Vec<String>,
    /// Where the app is told of sign-outs.
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// What it may ask for.
    #[arg(long, default_value = "openid profile email")]
    scope: String,
    /// A resource it may ask tokens for, or stand for; may be given again.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// It has no secret: an app in a browser or on a device.
    #[arg(long, conflicts_with = "private_key")]
    public: bool,
    /// It proves itself by a key: the file holds its JWK set.
    #[arg(long, value_name = "FILE")]
    private_key: Option<std::path::PathBuf>,
    /// It proves itself by a key: its JWK set is published there.
    #[arg(long, value_name = "URI", conflicts_with_all = ["public", "private_key", "secret_in_form"])]
    jwks_uri: Option<String>,
    /// It sends its secret in the form, not in the Authorization header.
    #[arg(long, conflicts_with_all = ["public", "private_key"])]
    secret_in_form: bool,
    /// It is your own: people are not asked whether it may.
    #[arg(long)]
    first_party: bool,
    /// It may get refresh tokens, good for as long as the person's session; with the scope `offline_access`, which gives
    /// them too, beyond.
    #[arg(long)]
    refresh: bool,
    /// People are asked whether it may, although it is your own.
    #[arg(long)]
    require_consent: bool,
    /// It may get tokens for itself.
    #[arg(long, conflicts_with = "public")]
    client_credentials: bool,
    /// What its ID tokens are signed by.
    #[arg(long, default_value = "RS256", value_parser = ["RS256", "ES256", "EdDSA"])]
    id_token_algorithm: String,
    /// What its access tokens are signed by.
    #[arg(long, default_value = "EdDSA", value_parser = ["RS256", "ES256", "EdDSA"])]
    access_token_algorithm: String,
    /// Its ID tokens say name and address too: for frameworks that ask nowhere else.
    #[arg(long)]
    claims_in_id_token: bool,
}

impl Add {
    fn client(&self) -> Result<Client, Failure> {
        if self.redirect_uri.is_empty() && !self.client_credentials {
            return Err("the app cannot be registered: nothing says where people are sent back to; name it with \
                        --redirect-uri, or give --client-credentials for an app that gets tokens for itself alone"
                .into());
        }
        let keys = match &self.private_key {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
                Some(
                    serde_json::from_str::<serde_json::Value>(&text)
                        .map_err(|error| format!("{} is not a JWK set: {error}", path.display()))?,
                )
            }
            None => None,
        };
        let method = match (self.public, keys.is_some() || self.jwks_uri.is_some(), self.secret_in_form) {
            (true, _, _) => ClientAuthenticationMethod::None,
            (_, true, _) => ClientAuthenticationMethod::PrivateKeyJwt,
            (_, _, true) => ClientAuthenticationMethod::ClientSecretPost,
            _ => ClientAuthenticationMethod::ClientSecretBasic,
        };
        let mut grants = Vec::new();
        if !self.redirect_uri.is_empty() {
            grants.push(GrantType::AuthorizationCode);
        }
        if self.refresh || self.scope.split(' ').any(|scope| scope == oidc::OFFLINE_ACCESS) {
            grants.push(GrantType::RefreshToken);
        }
        if self.client_credentials {
            grants.push(GrantType::ClientCredentials);
        }
        let client = json!({
            "client_id": self.id,
            "client_name": self.name.as_ref().unwrap_or(&self.id),
            "redirect_uris": self.redirect_uri,
            "post_logout_redirect_uris": self.post_logout_redirect_uri,
            "onward_origins": self.onward_origin,
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "scope": self.scope,
            "resources": self.resource,
            "token_endpoint_auth_method": method,
            "grant_types": grants,
            "first_party": self.first_party,
            "require_consent": self.require_consent,
            "id_token_signed_response_alg": self.id_token_algorithm,
            "access_token_signed_response_alg": self.access_token_algorithm,
            "claims_in_id_token": self.claims_in_id_token,
            "jwks": keys,
            "jwks_uri": self.jwks_uri,
        });
        Ok(serde_json::from_value(client)
            .map_err(|error| format!("the app cannot be registered: {error}"))?)
    }
}

impl ClientCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let channel = self.installation.channel().await?;
        let done = run(self.verb, &channel, self.json).await;
        channel.close().await;
        done
    }
}

async fn run(verb: Verb, channel: &Channel, as_json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add(add) => self::add(&add, channel, as_json).await?,
        Verb::List => {
            let all = channel.run(ListClients {}).await?;
            if all.is_empty() && !as_json {
                say("No apps. `keyward client add` registers one.");
            }
            for info in &all {
                if as_json {
                    say(described(info));
                } else {
                    let kind = info.client.token_endpoint_auth_method.name();
                    let place = if info.declared { "configuration" } else { "command" };
                    say(format_args!(
                        "{:<24}  {:<22}  {place:<13}  {}",
                        info.client.client_id, kind, info.client.client_name
                    ));
                }
            }
        }
        Verb::Show { id } => {
            let info = channel.run(ShowClient { id }).await?;
            if as_json {
                say(described(&info));
            } else {
                say(serde_json::to_string_pretty(&described(&info))?);
            }
        }
        Verb::RotateSecret { id, overlap } => {
            let secret = channel.run(RotateSecret { id: id.clone(), overlap }).await?;
            if as_json {
                say(
                    json!({ "client_id": id, "client_secret": secret, "older_secret_good_for_hours": overlap }),
                );
            } else {
                say(format_args!("Its new secret, which is shown this once: {secret}"));
                say(format_args!("The one before it is good for {overlap} more hours."));
            }
        }
        Verb::Remove { id } => {
            channel.run(RemoveClient { id: id.clone() }).await?;
            if as_json {
                say(json!({ "client_id": id, "removed": true }));
            } else {
                say(format_args!("Removed {id}. Every token it holds is worthless."));
            }
        }
    }
    Ok(())
}

async fn add(add: &Add, channel: &Channel, as_json: bool) -> Result<(), Failure> {
    let client = add.client()?;
    let id = client.client_id.clone();
    let AddedClient { secret, unreachable } = channel.run(AddClient { client }).await?;
    if let (Some(error), Some(uri)) = (unreachable, &add.backchannel_logout_uri) {
        eprintln!("keyward: the app could not be told of sign-outs at {uri}: {error}. See [egress].");
    }
    if as_json {
        say(json!({ "client_id": id, "client_secret": secret }));
    } else {
        say(format_args!("Registered {id}."));
        if let Some(secret) = secret {
            say(format_args!("Its secret, which is shown this once: {secret}"));
        }
    }
    Ok(())
}

fn described(info: &ClientShown) -> serde_json::Value {
    json!({
        "client": info.client,
        "has_secret": info.has_secret,
        "older_secret_until": info.older_secret_until.map(moment),
        "declared": info.declared,
        "created_at": moment(info.created_at),
    })
}
