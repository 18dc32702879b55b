//! The HTTP client against a server that behaves, and servers that do not.

use std::time::{Duration, Instant};

use outbound::{EgressClient, EgressError, EgressRequest, EgressResponse, EgressSettings};

use crate::authority::Authority;
use crate::http_server::{Answer, HttpServer};

const LIMIT: usize = 10_000;

fn settings() -> EgressSettings {
    EgressSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        plain_http_hosts: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        root_certificate: None,
        timeout: Duration::from_millis(700),
        maximum_response_bytes: LIMIT,
    }
}

pub(crate) fn local_client() -> EgressClient {
    EgressClient::new(&settings()).unwrap()
}

async fn get(server: &HttpServer) -> Result<EgressResponse, EgressError> {
    local_client().send(EgressRequest::get(&format!("{}/path?token=hunter2", server.url))).await
}

#[tokio::test]
async fn an_answer_of_any_status_is_handed_over() {
    for (status, code) in [("200 OK", 200), ("404 Not Found", 404), ("500 Internal Server Error", 500)] {
        let server = HttpServer::answering(status, r#"{"a":1}"#).await;
        let answer = get(&server).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (code, br#"{"a":1}"#.as_slice()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(server.requests()[0].starts_with("GET /path?token=hunter2 HTTP/1.1\r\n"));
    }
}

#[tokio::test]
async fn what_an_authority_of_ones_own_signed_for_is_believed_and_no_stranger() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    let file = folder.path().join("root.pem");
    std::fs::write(&file, other.pem() + &ours.pem()).unwrap();
    let trusting = EgressClient::new(&EgressSettings { root_certificate: Some(file), ..settings() }).unwrap();
    let server = HttpServer::encrypted(Answer::json("200 OK", "{}"), ours.acceptor("localhost")).await;
    let url = server.url.replace("127.0.0.1", "localhost");
    assert_eq!(trusting.send(EgressRequest::get(&url)).await.unwrap().status, 200);
    let refused = local_client().send(EgressRequest::get(&url)).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    assert_eq!(server.requests().len(), 1);
    // Its name is looked at all the same.
    let refused = trusting.send(EgressRequest::get(&server.url)).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn a_root_certificate_that_is_none_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (text, why) in [
        (None, "No such file"),
        (Some(""), "there is none in it"),
        (Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), ""),
    ] {
        let file = folder.path().join("root.pem");
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let settings = EgressSettings { root_certificate: Some(file.clone()), ..settings() };
        let refused = EgressClient::new(&settings).map(drop).unwrap_err().to_string();
        let begins = format!("the root certificate {} cannot be used: {why}", file.display());
        assert!(refused.starts_with(&begins), "{refused}");
    }
}

#[tokio::test]
async fn a_name_in_an_allowed_network_is_reached() {
    let server = HttpServer::answering("200 OK", "{}").await;
    let url = server.url.replace("127.0.0.1", "localhost");
    assert_eq!(local_client().send(EgressRequest::get(&url)).await.unwrap().status, 200);
}

#[tokio::test]
async fn headers_and_body_go_out_as_given() {
    let server = HttpServer::answering("200 OK", "{}").await;
    let request =
        EgressRequest::post(&server.url).header("x-plain", "1").secret_header("x-secret", &"hunter2".into());
    let request = request.body("text/plain", b"hello".to_vec());
    assert!(!format!("{request:?}").contains("hunter2"));
    local_client().send(request).await.unwrap();
    let seen = &server.requests()[0];
    for part in
        ["POST / HTTP/1.1", "x-plain: 1", "x-secret: hunter2", "content-type: text/plain", "\r\n\r\nhello"]
    {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    assert!(seen.contains("user-agent: keyward/"));
}

#[tokio::test]
async fn a_header_that_would_split_the_request_is_refused() {
    let request =
        EgressRequest::get("https://example.com/").secret_header("x", &"hunter2\r\nhost: evil".into());
    let refused = local_client().send(request).await.unwrap_err();
    assert!(
        matches!(&refused, EgressError::Request { .. }) && !refused.to_string().contains("hunter2"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_redirect_is_refused_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
        let server = HttpServer::start(Answer::Bytes(answer.into_bytes())).await;
        let refused = get(&server).await.unwrap_err();
        assert_eq!(refused, EgressError::Redirect { host: "127.0.0.1".to_owned(), status });
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn one_redirect_is_followed_where_it_is_asked_for_and_takes_no_header_along() {
    let moved = |to: &str| {
        let head = format!("HTTP/1.1 307 Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        Answer::Bytes(head.into_bytes())
    };
    let follow = async |server: &HttpServer| {
        let request = EgressRequest::get(&server.url).secret_header("authorization", &"hunter2".into());
        local_client().send_following_one(request).await
    };
    let end = HttpServer::answering("200 OK", "{}").await;
    let first = HttpServer::start(moved(&format!("{}/blob?signed=1", end.url))).await;
    assert_eq!(follow(&first).await.unwrap().status, 200);
    assert!(first.requests()[0].contains("hunter2"));
    let seen = &end.requests()[0];
    assert!(seen.starts_with("GET /blob?signed=1 ") && !seen.contains("hunter2"), "{seen}");
    // One, and to an address that may be reached.
    let second = HttpServer::start(moved(&first.url)).await;
    assert!(matches!(follow(&second).await.unwrap_err(), EgressError::Redirect { .. }));
    for (place, refused) in [
        ("https://10.0.0.1/", "10.0.0.1"),
        ("http://169.254.169.254/latest/meta-data", "over plain HTTP"),
        ("file:///etc/shadow", "it has no host"),
    ] {
        let server = HttpServer::start(moved(place)).await;
        let error = follow(&server).await.unwrap_err().to_string();
        assert!(error.contains(refused), "{place}: {error}");
    }
    let nowhere = b"HTTP/1.1 302 Moved\r\ncontent-length: 0\r\n\r\n".to_vec();
    let nowhere = HttpServer::start(Answer::Bytes(nowhere)).await;
    assert!(matches!(follow(&nowhere).await.unwrap_err(), EgressError::Redirect { .. }));
}

#[tokio::test]
async fn a_body_over_the_limit_is_cut_off() {
    let chunk = format!("{:x}\r\n{}\r\n", 4_000, "a".repeat(4_000));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(20));
    let told = format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{}", "a".repeat(100));
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(LIMIT + 1));
    for answer in [chunked, told, endless] {
        let server = HttpServer::start(Answer::Bytes(answer.into_bytes())).await;
        let refused = get(&server).await.unwrap_err();
        assert_eq!(refused, EgressError::TooLarge { host: "127.0.0.1".to_owned(), limit: LIMIT });
    }
    let full = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(LIMIT));
    let server = HttpServer::start(Answer::Bytes(full.into_bytes())).await;
    assert_eq!(get(&server).await.unwrap().body.len(), LIMIT);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long a real connection took")]
async fn the_time_is_for_the_whole_answer_and_not_for_each_byte() {
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n".to_vec();
    for answer in [Answer::Drip(begun), Answer::Drip(b"HTTP/1.1 200 OK\r\nx: ".to_vec())] {
        let server = HttpServer::start(answer).await;
        let start = Instant::now();
        let refused = get(&server).await.unwrap_err();
        assert!(matches!(refused, EgressError::TimedOut { .. }), "{refused}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_failure_names_the_host_and_hides_the_query() {
    let server = HttpServer::start(Answer::Bytes(b"nonsense\r\n\r\n".to_vec())).await;
    let refused = get(&server).await.unwrap_err();
    let message = format!("{refused} {refused:?}");
    assert!(matches!(refused, EgressError::Failed { .. }), "{message}");
    assert!(message.contains("127.0.0.1") && !message.contains("hunter2"), "{message}");
}
