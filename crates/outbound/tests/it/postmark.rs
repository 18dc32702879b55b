//! Postmark's API as its documentation describes it.

use outbound::{Mail, Postmark, SendError};

use crate::{egress::local_client, http_server::HttpServer};

const TOKEN: &str = "hunter2-server-token";

fn mail() -> Mail {
    Mail {
        from_name: r#"Key "ward" \ Söhne"#.to_owned(),
        from_address: "no-reply@auth.example".to_owned(),
        to: "ada@example.com".to_owned(),
        subject: "Your code".to_owned(),
        text: "123456".to_owned(),
        html: "<p>123456</p>".to_owned(),
        message_id: "<1@auth.example>".to_owned(),
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
    }
}

async fn send(status: &str, body: &str) -> (Result<(), SendError>, Vec<String>) {
    let server = HttpServer::answering(status, body).await;
    let postmark = Postmark::new(local_client(), TOKEN.into(), &server.url).unwrap();
    let result = postmark.send(&mail()).await;
    (result, server.requests())
}

#[tokio::test]
async fn a_mail_goes_out_in_postmarks_form() {
    let answer = r#"{"To":"ada@example.com","SubmittedAt":"2026-01-01T00:00:00Z","MessageID":"b7bc2f4a","ErrorCode":0,"Message":"OK"}"#;
    let (result, requests) = send("200 OK", answer).await;
    assert_eq!(result, Ok(()));
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /email HTTP/1.1"), "{head}");
    assert!(head.contains(&format!("x-postmark-server-token: {TOKEN}")), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "From": r#""Key \"ward\" \\ Söhne" <no-reply@auth.example>"#,
            "To": "ada@example.com",
            "Subject": "Your code",
            "TextBody": "123456",
            "HtmlBody": "<p>123456</p>",
            "MessageStream": "outbound",
            "Headers": [
                {"Name": "Message-ID", "Value": "<1@auth.example>"},
                {"Name": "X-PM-KeepID", "Value": "true"},
                {"Name": "Auto-Submitted", "Value": "auto-generated"},
            ],
        })
    );
}

#[tokio::test]
async fn each_refusal_is_temporary_or_permanent_and_tells_nothing_of_the_mail() {
    let error = |code: u32| format!(r#"{{"ErrorCode":{code},"Message":"hunter2 ada@example.com"}}"#);
    let cases = [
        ("422 Unprocessable Entity", error(406), false),
        ("422 Unprocessable Entity", error(300), false),
        ("422 Unprocessable Entity", error(402), false),
        ("422 Unprocessable Entity", "no json".to_owned(), false),
        ("413 Payload Too Large", error(0), false),
        ("422 Unprocessable Entity", error(400), true),
        ("422 Unprocessable Entity", error(401), true),
        ("422 Unprocessable Entity", error(405), true),
        ("422 Unprocessable Entity", error(412), true),
        ("401 Unauthorized", error(10), true),
        ("429 Too Many Requests", error(429), true),
        ("500 Internal Server Error", error(500), true),
        ("503 Service Unavailable", error(100), true),
        ("502 Bad Gateway", "<html>".to_owned(), true),
        ("404 Not Found", "<html>".to_owned(), true),
        ("302 Found", String::new(), true),
        // Taken by something that is not Postmark.
        ("200 OK", "<html>".to_owned(), true),
        ("200 OK", error(7), true),
    ];
    for (status, body, temporary) in cases {
        let refused = send(status, &body).await.0.unwrap_err();
        assert_eq!(matches!(refused, SendError::Temporary(_)), temporary, "{status} {body}: {refused}");
        let message = format!("{refused} {refused:?}");
        assert!(!message.contains("hunter2") && !message.contains("ada@"), "{message}");
    }
}

#[tokio::test]
async fn an_unreachable_postmark_is_temporary_and_a_wrong_address_is_told_at_once() {
    let postmark = Postmark::new(local_client(), TOKEN.into(), "http://127.0.0.1:1").unwrap();
    assert!(matches!(postmark.send(&mail()).await, Err(SendError::Temporary(_))));
    assert!(!format!("{postmark:?}").contains("hunter2"));
    assert!(Postmark::new(local_client(), TOKEN.into(), "postmark").is_err());
}

#[tokio::test]
async fn another_token_is_taken_once_postmark_knows_it_and_asked_for_without_a_mail() {
    for (status, taken) in [("200 OK", true), ("401 Unauthorized", false), ("503 Service Unavailable", false)]
    {
        let server = HttpServer::answering(status, "{}").await;
        let postmark = Postmark::new(local_client(), TOKEN.into(), &server.url).unwrap();
        let exchanged = postmark.exchange(&"another-token".into()).await;
        assert_eq!(exchanged.is_ok(), taken, "{exchanged:?}");
        drop(postmark.send(&mail()).await);
        let requests = server.requests();
        assert!(requests[0].starts_with("GET /server HTTP/1.1"), "{requests:?}");
        assert!(requests[0].contains("x-postmark-server-token: another-token"), "{requests:?}");
        let then = if taken { "another-token" } else { TOKEN };
        assert!(requests[1].contains(&format!("x-postmark-server-token: {then}\r\n")), "{requests:?}");
    }
}
