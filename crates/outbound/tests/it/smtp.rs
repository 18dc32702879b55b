//! Mail over a real SMTP conversation.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::{Mail, SendError, Smtp, SmtpSecurity, SmtpSettings, SmtpSettingsError};

use crate::smtp_server::{Reply, SmtpServer};

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpSecurity::None,
        username: None,
        password: None,
        root_certificate: None,
        timeout: Duration::from_secs(5),
    }
}

fn with_login(port: u16) -> SmtpSettings {
    SmtpSettings { username: Some("keyward".to_owned()), password: Some("hunter2".into()), ..settings(port) }
}

fn smtp(server: &SmtpServer) -> Smtp {
    Smtp::new(&settings(server.port)).unwrap()
}

pub(crate) fn mail() -> Mail {
    Mail {
        from_name: "Keyward".to_owned(),
        from_address: "no-reply@auth.example".to_owned(),
        to: "ada@example.com".to_owned(),
        subject: "Your code".to_owned(),
        text: "The code is 123456.\n.\nBye".to_owned(),
        html: "<p>The code is <b>123456</b>.</p>".to_owned(),
        message_id: "<1@auth.example>".to_owned(),
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
    }
}

#[tokio::test]
async fn a_mail_is_handed_over_whole() {
    let server = SmtpServer::start(|_, _| Reply::Usual).await;
    assert_eq!(smtp(&server).send(&mail()).await, Ok(()));
    let transcript = server.transcript();
    for part in [
        "MAIL FROM:<no-reply@auth.example>",
        "RCPT TO:<ada@example.com>",
        "From: Keyward <no-reply@auth.example>",
        "To: ada@example.com",
        "Subject: Your code",
        "Message-ID: <1@auth.example>",
        "Auto-Submitted: auto-generated",
        "Date: ",
        "Content-Type: multipart/alternative",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "The code is 123456.",
        "<p>The code is <b>123456</b>.</p>",
        // A dot alone on its line would end the message (RFC 5321 section 4.5.2).
        "\n..\n",
    ] {
        assert!(transcript.contains(part), "{part} in {transcript}");
    }
    assert!(!transcript.contains("AUTH"), "{transcript}");
}

#[tokio::test]
async fn mails_share_a_connection_and_a_lost_one_is_replaced() {
    let server = SmtpServer::start(|number, line| match (number, line) {
        (0, "NOOP") => Reply::Close,
        _ => Reply::Usual,
    })
    .await;
    let smtp = smtp(&server);
    smtp.send(&mail()).await.unwrap();
    smtp.send(&mail()).await.unwrap();
    assert_eq!(server.connections(), 2, "the first was closed when it was to be used again");
    smtp.send(&mail()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn refusals_are_temporary_at_4xx_and_permanent_at_5xx_wherever_they_come() {
    for point in ["EHLO", "MAIL", "RCPT", "DATA", "."] {
        for (line, temporary) in [("451 4.3.0 later", true), ("550 5.1.1 no such mailbox", false)] {
            let server =
                SmtpServer::start(
                    move |_, told| if told.starts_with(point) { Reply::Line(line) } else { Reply::Usual },
                )
                .await;
            let refused = smtp(&server).send(&mail()).await.unwrap_err();
            assert_eq!(matches!(refused, SendError::Temporary(_)), temporary, "{point}: {refused}");
            assert!(refused.to_string().contains(&line[4..]), "{point}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_refused_mail_leaves_nothing_behind_for_the_next() {
    let server = SmtpServer::start(|number, line| {
        if line.starts_with("RCPT") && number == 0 {
            Reply::Line("550 no such mailbox")
        } else {
            Reply::Usual
        }
    })
    .await;
    let smtp = smtp(&server);
    assert!(matches!(smtp.send(&mail()).await, Err(SendError::Permanent(_))));
    assert_eq!(smtp.send(&mail()).await, Ok(()));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long a real connection took")]
async fn a_slow_server_is_given_up_and_its_late_answer_meets_nobody() {
    let server = SmtpServer::start(|number, line| match (number, line) {
        (0, ".") => Reply::Hang,
        _ => Reply::Usual,
    })
    .await;
    let smtp =
        Smtp::new(&SmtpSettings { timeout: Duration::from_millis(400), ..settings(server.port) }).unwrap();
    let start = Instant::now();
    let refused = smtp.send(&mail()).await.unwrap_err();
    assert!(matches!(&refused, SendError::Temporary(said) if said.contains("did not finish")), "{refused}");
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(smtp.send(&mail()).await, Ok(()));
    assert_eq!(server.connections(), 2, "the connection in the middle of a conversation is not used again");
}

#[tokio::test]
async fn an_unreachable_or_vanishing_server_is_temporary() {
    let closed = Smtp::new(&settings(1)).unwrap();
    assert!(matches!(closed.send(&mail()).await, Err(SendError::Temporary(_))));
    for point in ["EHLO", "MAIL", "DATA", "."] {
        let server = SmtpServer::start(
            move |_, told| if told.starts_with(point) { Reply::Close } else { Reply::Usual },
        )
        .await;
        let refused = smtp(&server).send(&mail()).await.unwrap_err();
        assert!(matches!(refused, SendError::Temporary(_)), "{point}: {refused}");
    }
    let nonsense = SmtpServer::start(|_, _| Reply::Line("nonsense")).await;
    assert!(matches!(smtp(&nonsense).send(&mail()).await, Err(SendError::Temporary(_))));
}

#[tokio::test]
async fn the_sign_in_is_made_once_a_connection_and_never_shown() {
    // base64 of "\0keyward\0hunter2".
    const PLAIN: &str = "AUTH PLAIN AGtleXdhcmQAaHVudGVyMg==";
    let server = SmtpServer::start(|_, _| Reply::Usual).await;
    let smtp = Smtp::new(&with_login(server.port)).unwrap();
    smtp.send(&mail()).await.unwrap();
    smtp.send(&mail()).await.unwrap();
    assert_eq!(server.transcript().matches(PLAIN).count(), 1);
    assert!(!format!("{smtp:?} {:?}", with_login(1)).contains("hunter2"));

    for (word, temporary) in
        [("535 5.7.8", true), ("534", true), ("454", true), ("500 unknown command:", false), ("450", true)]
    {
        let server =
            SmtpServer::start(
                move |_, line| if line.starts_with("AUTH") { Reply::Echo(word) } else { Reply::Usual },
            )
            .await;
        let refused = Smtp::new(&with_login(server.port)).unwrap().send(&mail()).await.unwrap_err();
        assert_eq!(matches!(refused, SendError::Temporary(_)), temporary, "{word}: {refused}");
        let message = format!("{refused} {refused:?}");
        assert!(!message.contains("hunter2") && !message.contains("AGtleXdhcmQAaHVudGVyMg"), "{message}");
        assert!(!server.transcript().contains("MAIL FROM"), "{word}");
    }
}

#[tokio::test]
async fn without_the_promised_encryption_neither_sign_in_nor_mail_is_sent() {
    for security in [SmtpSecurity::StartTls, SmtpSecurity::Tls] {
        let server = SmtpServer::start(|_, _| Reply::Usual).await;
        let settings =
            SmtpSettings { security, timeout: Duration::from_millis(800), ..with_login(server.port) };
        let refused = Smtp::new(&settings).unwrap().send(&mail()).await.unwrap_err();
        assert!(matches!(refused, SendError::Temporary(_)), "{refused}");
        let transcript = server.transcript();
        assert!(!transcript.contains("AUTH") && !transcript.contains("MAIL"), "{security:?} {transcript}");
    }
}

#[test]
fn unencrypted_mail_stays_on_this_machine() {
    for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.9.1", "::1"] {
        assert!(Smtp::new(&SmtpSettings { host: host.to_owned(), ..settings(25) }).is_ok(), "{host}");
    }
    for host in ["mail.example.com", "10.0.0.1", "localhost.example.com", "::ffff:127.0.0.1", "127.1", ""] {
        let refused = Smtp::new(&SmtpSettings { host: host.to_owned(), ..settings(25) });
        assert!(matches!(refused, Err(SmtpSettingsError::Unencrypted { .. })), "{host}");
    }
    for (username, password) in [(Some("keyward".to_owned()), None), (None, Some("hunter2".into()))] {
        let half = Smtp::new(&SmtpSettings { username, password, ..settings(25) });
        assert!(matches!(half, Err(SmtpSettingsError::HalfCredentials)));
    }
}

#[tokio::test]
async fn no_field_breaks_out_of_its_place() {
    let hostile = "x\r\nBcc: eve@example.com\r\n\r\nbody";
    let hold = |change: fn(&mut Mail, String)| {
        let mut mail = mail();
        change(&mut mail, hostile.to_owned());
        mail
    };
    let mails = [
        hold(|mail, text| mail.subject = text),
        hold(|mail, text| mail.from_name = text),
        hold(|mail, text| mail.headers = vec![("X-Test".to_owned(), text)]),
        hold(|mail, text| mail.headers = vec![(text, "x".to_owned())]),
        hold(|mail, text| mail.message_id = format!("<{text}@x>")),
        hold(|mail, text| mail.to = format!("{text}@example.com")),
        hold(|mail, text| mail.to = format!("ada@example.com{text}")),
        hold(|mail, text| mail.from_address = format!("ada@example.com{text}")),
        hold(|mail, text| mail.text = format!("\r\n.\r\nMAIL FROM:<{text}>")),
    ];
    for mail in mails {
        let server = SmtpServer::start(|_, _| Reply::Usual).await;
        let sent = smtp(&server).send(&mail).await;
        assert!(!matches!(sent, Err(SendError::Temporary(_))), "{sent:?}");
        let transcript = server.transcript();
        let head = transcript.split("\n\n").next().unwrap_or_default();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{transcript}");
        assert!(!transcript.contains("eve@example.com>\nRCPT"), "{transcript}");
        assert!(transcript.matches("\nRCPT TO:").count() <= 1, "{transcript}");
        assert!(transcript.matches("\n.\n").count() == 0, "{transcript}");
    }
}

#[tokio::test]
async fn an_international_domain_goes_out_in_ascii() {
    let server = SmtpServer::start(|_, _| Reply::Usual).await;
    let mail =
        Mail { to: "ada+tag@bücher.example".to_owned(), subject: "Grüße 🔑".to_owned(), ..mail() };
    assert_eq!(smtp(&server).send(&mail).await, Ok(()));
    let transcript = server.transcript();
    assert!(transcript.contains("RCPT TO:<ada+tag@xn--bcher-kva.example>"), "{transcript}");
    assert!(transcript.contains("Subject: =?utf-8?b?"), "{transcript}");
}

#[tokio::test]
async fn what_is_no_address_is_permanent_and_not_repeated() {
    let server = SmtpServer::start(|_, _| Reply::Usual).await;
    for to in
        ["", "hunter2", "@example.com", "hunter2@", "hunter2@exa mple.com", "a b@example.com", "hunter2@-"]
    {
        let refused = smtp(&server).send(&Mail { to: to.to_owned(), ..mail() }).await.unwrap_err();
        assert!(matches!(refused, SendError::Permanent(_)), "{to}: {refused}");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn another_password_is_taken_once_the_server_has_let_us_in_by_it_and_used_at_the_next_mail() {
    let right = STANDARD.encode("\0keyward\0hunter3");
    let server = SmtpServer::start(move |_, line| match line.strip_prefix("AUTH PLAIN ") {
        Some(told) if told != right && told != STANDARD.encode("\0keyward\0hunter2") => {
            Reply::Line("535 5.7.8 no")
        }
        _ => Reply::Usual,
    })
    .await;
    let smtp = Smtp::new(&with_login(server.port)).unwrap();
    assert_eq!(smtp.send(&mail()).await, Ok(()));
    let refused = smtp.exchange(&"hunter4".into()).await.unwrap_err();
    assert!(refused.to_string().contains("refused to let us in (535)"), "{refused}");
    assert!(!refused.to_string().contains("hunter"), "{refused}");
    assert_eq!(smtp.send(&mail()).await, Ok(()));
    assert_eq!(server.connections(), 2, "the connection of before is still good");
    smtp.exchange(&"hunter3".into()).await.unwrap();
    assert_eq!(smtp.send(&mail()).await, Ok(()));
    let transcript = server.transcript();
    let last = transcript.rsplit("AUTH PLAIN ").next().unwrap();
    assert!(last.starts_with(&STANDARD.encode("\0keyward\0hunter3")), "{transcript}");
    assert!(last.contains("MAIL FROM:"), "the mail goes by the new one: {transcript}");
}
