//! Whose address a request counts as, which nobody may say of themselves.

use std::process::Command;

use reqwest::StatusCode;
use serde_json::json;

use super::docker::success;
use super::installation::Installation;
use super::rises::UP;
use super::visitor::auth;
use crate::service::binary;
use crate::wait::until;

/// Addresses of documentation (RFC 5737), of which nobody comes here.
const CLAIMED: &str = "203.0.113.7";
const BEFORE: &str = "198.51.100.9";

/// A stranger says that they are somebody else: the trail has where they are from. A proxy that the operator has named says so: the trail
/// has what it says, and not the proxy.
pub(super) async fn are_the_proxys_word(stack: &Installation) {
    // Docker hands requests from this machine on by its own address in the network of the proxy.
    let known = stack.docker.inspect(&format!("{}_edge", stack.project));
    let gateway = known["IPAM"]["Config"][0]["Gateway"].as_str().unwrap().to_owned();
    let (network, _) = gateway.rsplit_once('.').unwrap();

    signs_in_in_vain(stack).await;
    let trail = tells_of(stack, &format!("{network}.0/24")).await;
    assert!(!trail.contains("203.0.113.") && !trail.contains("198.51.100."), "{trail}");

    let environment = stack.folder.join(".env");
    let said = std::fs::read_to_string(&environment).unwrap();
    let trusting = said
        .replace("TRUSTED_PROXIES=127.0.0.0/8\n", &format!("TRUSTED_PROXIES='127.0.0.0/8 {network}.0/24'\n"));
    assert_ne!(trusting, said);
    std::fs::write(&environment, trusting).unwrap();
    stack.does(&UP);
    signs_in_in_vain(stack).await;
    let trail = tells_of(stack, "203.0.113.0/24").await;
    assert!(
        !trail.contains("198.51.100."),
        "what the client claims stands before what its proxy adds: {trail}"
    );

    std::fs::write(&environment, said).unwrap();
    stack.does(&UP);
}

/// In the header that a proxy would send: what the client claimed, then what the proxy saw.
async fn signs_in_in_vain(stack: &Installation) {
    let claims = format!("{BEFORE}, {CLAIMED}");
    until("the proxy to answer", async || {
        let asked = stack.stranger().post(auth("/login"));
        let asked = asked.header("x-forwarded-for", &claims).header("x-real-ip", BEFORE);
        let asked = asked.header("forwarded", format!("for={BEFORE}")).header("cf-connecting-ip", BEFORE);
        let answer = asked
            .json(&json!({ "email": "ada@example.com", "password": "not their password" }))
            .send()
            .await
            .ok()?;
        (answer.status() == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

/// The trail, once it has that network in it.
async fn tells_of(stack: &Installation, network: &str) -> String {
    let socket = stack.folder.join("run/auth-service-blue-1.sock");
    until(&format!("the trail to tell of {network}"), async || {
        let list = Command::new(binary())
            .args(["audit", "list", "--json", "--socket"])
            .arg(&socket)
            .output()
            .unwrap();
        let list = success(&list);
        list.contains(network).then_some(list)
    })
    .await
}
