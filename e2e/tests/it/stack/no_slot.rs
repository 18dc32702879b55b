//! What the world is told while no slot of the server runs: by the proxy, which waits for none.

use reqwest::StatusCode;

use super::headers::{all, hold_of_a_failure};
use super::installation::Installation;
use super::rises::UP;
use super::visitor::{app, auth};
use crate::wait::until;

pub(super) async fn the_proxy_says_so_and_is_well(stack: &Installation) {
    let client = stack.stranger();
    let before = stack.inspect("caddy");
    stack.does(&["stop", "auth-service-blue-1", "auth-service-blue-2"]);
    // Before it has asked them it says of the one that it tried that it is a bad gateway.
    until("the proxy to know that there is no slot", async || {
        let answer = client.get(auth("/sign-in")).send().await.ok()?;
        (answer.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    // Each is tried for five seconds, so at once.
    let asked = ["/sign-in", "/authorize", "/verify", "/account", "/static/style.css"]
        .map(|path| (auth(path), tokio::spawn(client.get(auth(path)).send())));
    for (page, answer) in asked {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{page}");
        assert_eq!(all(answer.headers(), "retry-after"), ["5"], "{page}");
        hold_of_a_failure(&page, answer.headers());
        let told = answer.text().await.unwrap();
        assert_eq!(told, "503 Service Unavailable. Please try again in a few seconds.", "{page}");
    }
    // Nor does anybody else suffer from it.
    assert_eq!(client.get(app("/")).send().await.unwrap().status(), StatusCode::OK);
    let now = stack.inspect("caddy");
    assert_eq!(now["State"]["Health"]["Status"], "healthy");
    assert_eq!(now["State"]["StartedAt"], before["State"]["StartedAt"]);

    stack.does(&UP);
    until("people to be let in again", async || {
        let answer = client.get(auth("/sign-in")).send().await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}
