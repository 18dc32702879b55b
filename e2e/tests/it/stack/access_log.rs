//! What the proxy writes down of a request.

use reqwest::header::{AUTHORIZATION, COOKIE, REFERER};
use serde_json::Value;

use super::installation::Installation;
use super::visitor::auth;

const SECRET: &str = "sentinel-that-nobody-may-read";

/// A token in every place that a request has for one is in no line of any container's log.
pub(super) async fn keeps_no_secret(stack: &Installation) {
    let client = stack.stranger();
    for path in ["/verify", "/authorize", "/reset", "/nowhere"] {
        let answer = client
            .get(auth(&format!("{path}?token={SECRET}&code={SECRET}")))
            .header(AUTHORIZATION, format!("Bearer {SECRET}"))
            .header(COOKIE, format!("jwt={SECRET}"))
            .header(REFERER, auth(&format!("/verify?token={SECRET}")))
            .header("x-forwarded-for", "203.0.113.7")
            .header("x-request-id", SECRET)
            .send()
            .await
            .unwrap();
        drop(answer.text().await);
    }
    let logs = stack.does(&["logs", "--no-color", "--no-log-prefix"]);
    assert!(!logs.contains(SECRET));
    let of_proxy = stack.does(&["logs", "--no-color", "--no-log-prefix", "caddy"]);
    let lines: Vec<Value> = of_proxy.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<_> = lines.iter().filter(|line| line["msg"] == "handled request").collect();
    assert!(requests.iter().any(|line| line["request"]["uri"] == "/verify" && line["status"].is_u64()));
    for line in requests {
        let request = &line["request"];
        // The name that the proxy gave the request, and hands on in the place of the stranger's.
        if request["uri"] == "/verify" {
            assert_eq!(line["uuid"].as_str().map(str::len), Some(36), "{line}");
        }
        assert!(request["headers"].is_null() && line["resp_headers"].is_null(), "{line}");
        assert!(!request["uri"].as_str().unwrap().contains('?'), "{line}");
        assert!(
            request["remote_ip"].as_str().unwrap().ends_with(".0"),
            "an address is written down whole: {line}"
        );
    }
}
