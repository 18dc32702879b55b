//! Behind a proxy: failures count against the client's network, and the trail names it, not the proxy's.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;

use crate::support::{Answer, PASSWORD, TestApp, form};

const ANA: &str = "ana@example.com";
const PROXY: &str = "10.0.0.1:40000";
const STRANGER: &str = "192.0.2.7:40000";
const ONE: &str = "198.51.100.20";
const OTHER: &str = "203.0.113.9";

async fn behind_a_proxy() -> TestApp {
    TestApp::with(|setup| {
        setup.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        setup.limits.network_failures = 2;
    })
    .await
}

/// Sends a form from `peer`, which says that it came from `client`.
async fn send(app: &TestApp, path: &str, fields: &[(&str, &str)], peer: &str, client: &str) -> Answer {
    let mut request = form(path, fields);
    request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    app.browser().send(request).await
}

async fn fail(app: &TestApp, peer: &str, client: &str) -> u16 {
    send(app, "/verify", &[("token", "x"), ("password", PASSWORD)], peer, client).await.status.as_u16()
}

#[tokio::test]
async fn the_limit_is_the_clients_and_not_the_proxys() {
    let app = behind_a_proxy().await;
    assert_eq!([fail(&app, PROXY, ONE).await, fail(&app, PROXY, ONE).await], [410; 2]);
    assert_eq!(fail(&app, PROXY, ONE).await, 429);
    assert_eq!(fail(&app, PROXY, "198.51.100.99").await, 429, "a neighbour in the network");
    assert_eq!(fail(&app, PROXY, OTHER).await, 410, "another network behind the same proxy");
    // What the client itself wrote into the header comes before what the proxy added.
    assert_eq!(fail(&app, PROXY, &format!("{OTHER}, {ONE}")).await, 429);
}

#[tokio::test]
async fn a_stranger_cannot_say_where_they_come_from() {
    let app = behind_a_proxy().await;
    assert_eq!([fail(&app, STRANGER, ONE).await, fail(&app, STRANGER, OTHER).await], [410; 2]);
    assert_eq!(fail(&app, STRANGER, "233.252.0.1").await, 429, "a new name for each try");
    assert_eq!(fail(&app, PROXY, ONE).await, 410, "and it cost nobody else a try");
}

#[tokio::test]
async fn the_audit_trail_names_the_clients_network() {
    let app = behind_a_proxy().await;
    app.account(ANA, false).await;
    let fields = [("email", ANA), ("password", PASSWORD)];
    for (peer, client, network) in [
        (PROXY, ONE, "198.51.100.0/24"),
        (PROXY, "2001:db8::1", "2001:db8::/56"),
        (STRANGER, ONE, "192.0.2.0/24"),
    ] {
        app.turn(Duration::from_secs(1));
        let answer = send(&app, "/sign-in", &fields, peer, client).await;
        assert_eq!(answer.location(), "/account");
        let trail = app.app.auth.audit_trail();
        trail.seal().await.unwrap();
        let newest = trail.newest(None, None, 1).await.unwrap();
        assert_eq!((newest[0].act.as_str(), newest[0].network.as_str()), ("sign_in", network));
    }
}
