//! `keyward keys`: the keys that sign tokens.

use std::sync::Arc;

use auth::{AuditTrail, KeyState, Random, Rotation, SigningKeys};
use auth_service::server::{Secrets, system_clock};
use clap::{Args, Subcommand};
use oidc::Algorithm;
use serde_json::json;

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
        let now = system_clock().now();
        let (store, places) = self.installation.open().await?;
        let secrets = Secrets::resolve(&places).await?;
        let (keyring, trail) =
            (Arc::new(secrets.keyring()?), AuditTrail::new(store.clone(), secrets.audit_key()?));
        let keys = SigningKeys::load(store.clone(), keyring, Random::system(), trail, &[], now).await?;
        match self.verb {
            Verb::List => {
                for key in keys.list(now).await? {
                    let until = key.signs_until.map(|until| moment(until.micros()));
                    if self.json {
                        say(json!({
                            "kid": key.kid, "algorithm": key.algorithm, "state": key.state,
                            "created_at": moment(key.created_at.micros()),
                            "signs_from": moment(key.signs_from.micros()), "signs_until": until,
                        }));
                    } else {
                        let state = match key.state {
                            KeyState::Next => "next",
                            KeyState::Signing => "signing",
                            KeyState::Retired => "retired",
                        };
                        let from = moment(key.signs_from.micros());
                        let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
                        say(format_args!(
                            "{}  {:<5}  {state:<7}  signs from {from}{until}",
                            key.kid, key.algorithm
                        ));
                    }
                }
            }
            Verb::Rotate { algorithm, compromised } => {
                let rotation = if compromised { Rotation::Compromised } else { Rotation::Gentle };
                for kind in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
                    if algorithm.as_ref().is_some_and(|only| only != kind.name()) {
                        continue;
                    }
                    let next = keys.rotate(kind, rotation, now).await?;
                    match (&next, self.json) {
                        (_, true) => say(json!({ "algorithm": kind, "next": next })),
                        (Some(kid), false) if compromised => {
                            say(format_args!("{kind}: {kid} signs from now on."));
                        }
                        (Some(kid), false) => {
                            say(format_args!("{kind}: {kid} is published, and signs in 15 minutes."));
                        }
                        (None, false) => say(format_args!("{kind}: the next key is on its way already.")),
                    }
                }
                if !self.json {
                    say("A running server hears of it within a second.");
                }
            }
        }
        store.close().await;
        Ok(())
    }
}
