//! Apps are told that somebody signed out (OpenID Connect Back-Channel Logout section 2.5).

use std::sync::Arc;

use auth::{Auth, LogoutDelivery};
use outbound::{EgressClient, EgressRequest};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{AFTER_FAULT, AT_ONCE, BATCH, IDLE, stopping};

pub(super) async fn run(auth: Arc<Auth>, egress: EgressClient, mut stop: watch::Receiver<bool>) {
    loop {
        let wait = match round(&auth, &egress).await {
            Ok(0) => auth.next_notice().await.ok().flatten().map_or(IDLE, |due| due.min(IDLE)),
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(%error, "notices of sign-outs could not be read; it will be tried again");
                AFTER_FAULT
            }
        };
        let idle = async { drop(tokio::time::timeout(wait, auth.notice_waiting()).await) };
        if stopping(&mut stop, idle).await {
            return;
        }
    }
}

async fn round(auth: &Arc<Auth>, egress: &EgressClient) -> Result<usize, auth::Fault> {
    let deliveries = auth.take_notices(BATCH).await?;
    let count = deliveries.len();
    let mut telling = JoinSet::new();
    for delivery in deliveries {
        if telling.len() >= AT_ONCE {
            telling.join_next().await;
        }
        let (auth, egress) = (auth.clone(), egress.clone());
        telling.spawn(async move {
            if let Err(error) = tell(&auth, &egress, &delivery).await {
                tracing::error!(client_id = delivery.client_id, %error, "what came of a notice could not be written down");
            }
        });
    }
    telling.join_all().await;
    Ok(count)
}

async fn tell(auth: &Auth, egress: &EgressClient, delivery: &LogoutDelivery) -> Result<(), auth::Fault> {
    match post(egress, delivery).await {
        Ok(()) => auth.told(delivery.id).await,
        Err(error) => {
            let next = auth.put_off_notice(delivery, &error).await?;
            let next = next.map_or_else(|| "never".to_owned(), |wait| format!("in {} s", wait.as_secs()));
            tracing::warn!(
                client_id = delivery.client_id,
                error,
                next,
                "an app could not be told of a sign-out"
            );
            Ok(())
        }
    }
}

async fn post(egress: &EgressClient, delivery: &LogoutDelivery) -> Result<(), String> {
    let body = serde_urlencoded::to_string([("logout_token", delivery.token.expose())]);
    let body = body.map_err(|error| error.to_string())?.into_bytes();
    let request = EgressRequest::post(&delivery.uri).body("application/x-www-form-urlencoded", body);
    let response = egress.send(request).await.map_err(|error| error.to_string())?;
    // Section 2.8: 200; some frameworks say 204.
    match response.status {
        200..300 => Ok(()),
        status => Err(format!("it answered {status}")),
    }
}
