//! `keyward keys`: the keys that sign tokens.

use auth::KeyState;
use auth_service::admin::{ListKeys, RotateKeys, RotatedKey};
use clap::{Args, Subcommand};
use oidc::Algorithm;
use serde_json::json;

use crate::channel::Channel;
use crate::installation::{Installation, moment};
use crate::{Failure, say};

/// See and exchange the keys that sign tokens.
#[derive(Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// List the keys, newest first.
    List,
    /// Exchange keys: the next is published now and signs in a quarter of an hour. Nobody notices.
    Rotate {
        /// Only the key of this algorithm.
        #[arg(long, value_parser = ["RS256", "ES256", "EdDSA"])]
        algorithm: Option<String>,
        /// Somebody else may have the present key: give it up at once. Every token it signed is worthless.
        #[arg(long)]
        compromised: bool,
    },
}

impl Keys {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let channel = self.installation.channel().await?;
        let done = match self.verb {
            Verb::List => list(&channel, self.json).await,
            Verb::Rotate { algorithm, compromised } => {
                let algorithm =
                    algorithm.map(|name| serde_json::from_value::<Algorithm>(name.into())).transpose()?;
                rotate(&channel, self.json, RotateKeys { algorithm, compromised }).await
            }
        };
        channel.close().await;
        done
    }
}

async fn list(channel: &Channel, as_json: bool) -> Result<(), Failure> {
    for key in channel.run(ListKeys {}).await? {
        let until = key.signs_until.map(moment);
        if as_json {
            say(json!({
                "kid": key.kid, "algorithm": key.algorithm, "state": key.state, "created_at": moment(key.created_at),
                "signs_from": moment(key.signs_from), "signs_until": until,
            }));
        } else {
            let state = match key.state {
                KeyState::Next => "next",
                KeyState::Signing => "signing",
                KeyState::Retired => "retired",
            };
            let from = moment(key.signs_from);
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            say(format_args!("{}  {:<5}  {state:<7}  signs from {from}{until}", key.kid, key.algorithm));
        }
    }
    Ok(())
}

async fn rotate(channel: &Channel, as_json: bool, asked: RotateKeys) -> Result<(), Failure> {
    let compromised = asked.compromised;
    for RotatedKey { algorithm, next } in channel.run(asked).await? {
        match next {
            next if as_json => say(json!({ "algorithm": algorithm, "next": next })),
            Some(kid) if compromised => say(format_args!("{algorithm}: {kid} signs from now on.")),
            Some(kid) => say(format_args!("{algorithm}: {kid} is published, and signs in 15 minutes.")),
            None => say(format_args!("{algorithm}: the next key is on its way already.")),
        }
    }
    if !as_json {
        say("A running server hears of it within a second.");
    }
    Ok(())
}
