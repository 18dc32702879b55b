//! What the proxy writes down of a request.

use reqwest::header::{AUTHORIZATION, COOKIE, REFERER};
use serde_json::Value;

use super::installation::{APP, AUTH, Installation};
use super::visitor::{app, auth};

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
    for page in [app("/"), app(&format!("/auth/callback?code={SECRET}&state={SECRET}"))] {
        let asked = client
            .get(page)
            .header(COOKIE, format!("__Host-session={SECRET}"))
            .header("x-request-id", SECRET);
        drop(asked.header("x-forwarded-for", "203.0.113.7").send().await.unwrap().text().await);
    }
    let logs = stack.does(&["logs", "--no-color", "--no-log-prefix"]);
    assert!(!logs.contains(SECRET));
    assert!(!logs.contains("203.0.113."), "what a stranger says of their address is believed");
    let of_proxy = stack.does(&["logs", "--no-color", "--no-log-prefix", "caddy"]);
    let lines: Vec<Value> = of_proxy.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<_> = lines.iter().filter(|line| line["msg"] == "handled request").collect();
    assert!(requests.iter().any(|line| line["request"]["uri"] == "/verify" && line["status"].is_u64()));
    for line in &requests {
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
    // The same request by the same name in the log of whoever answered it, from the same network.
    for (host, path, services) in [
        (AUTH, "/verify", ["auth-service-blue-1", "auth-service-blue-2"].as_slice()),
        (APP, "/auth/callback", &["app-service-blue-1"]),
    ] {
        let of_proxy =
            requests.iter().find(|line| line["request"]["host"] == host && line["request"]["uri"] == path);
        let of_proxy = of_proxy.unwrap_or_else(|| panic!("{host}{path}"));
        let logs =
            services.iter().map(|service| stack.does(&["logs", "--no-color", "--no-log-prefix", service]));
        let logs: String = logs.collect();
        let lines: Vec<Value> = logs
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{host}: {error}: {line}")))
            .collect();
        let its =
            |line: &&Value| line["target"] == "access" && line["span"]["request_id"] == of_proxy["uuid"];
        let its: Vec<_> = lines.iter().filter(its).collect();
        let [line] = its[..] else { panic!("{} lines of {host}{path} in {logs}", its.len()) };
        let network = format!("{}/24", of_proxy["request"]["client_ip"].as_str().unwrap());
        assert_eq!(
            (&line["span"]["path"], &line["fields"]["from"]),
            (&path.into(), &network.into()),
            "{line}"
        );
    }
}
