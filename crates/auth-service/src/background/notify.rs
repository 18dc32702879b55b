//! Apps are told that somebody signed out (OpenID Connect Back-Channel Logout section 2.5).

use std::sync::Arc;

use auth::{Auth, LogoutDelivery};
use domain::NoticeId;
use outbound::{EgressClient, EgressRequest};
use tokio::sync::watch;

use super::held::Held;
use super::{AFTER_FAULT, AT_ONCE, IDLE};

pub(super) async fn run(auth: Arc<Auth>, egress: EgressClient, mut stop: watch::Receiver<bool>) {
    if let Err(error) = auth.release_notices().await {
        told!(error, "notices that were cut short wait for a minute, since they could not be written");
    }
    let mut telling = Held::default();
    loop {
        let wait = match take(&auth, &egress, &mut telling).await {
            Ok(()) if telling.len() >= AT_ONCE => IDLE,
            Ok(()) => auth.next_notice().await.ok().flatten().map_or(IDLE, |due| due.min(IDLE)),
            Err(error) => {
                told!(error, "notices of sign-outs could not be read; it will be tried again");
                AFTER_FAULT
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(()) = telling.next() => {}
            _ = tokio::time::timeout(wait, auth.notice_waiting()) => {}
        }
    }
    let cut = telling.end().await;
    if !cut.is_empty()
        && let Err(error) = auth.let_go_of_notices(&cut).await
    {
        told!(error, "notices that the stop cut wait until their claim has run out");
    }
}

/// Takes as many notices as can be sent now: an app that does not answer keeps no other waiting.
async fn take(
    auth: &Arc<Auth>,
    egress: &EgressClient,
    telling: &mut Held<(NoticeId, i64)>,
) -> Result<(), auth::Fault> {
    let free = AT_ONCE.saturating_sub(telling.len());
    if free == 0 {
        return Ok(());
    }
    for delivery in auth.take_notices(i64::try_from(free).unwrap_or_default()).await? {
        let (auth, egress) = (auth.clone(), egress.clone());
        telling.spawn((delivery.id, delivery.attempts), async move {
            if let Err(error) = tell(&auth, &egress, &delivery).await {
                told!(
                    error,
                    "what came of a notice could not be written down",
                    client_id = delivery.client_id
                );
            }
        });
    }
    Ok(())
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
