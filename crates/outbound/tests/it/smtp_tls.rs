//! Mail over an encrypted SMTP conversation, with certificates made for the test.

use std::fs;
use std::time::Duration;

use outbound::{SendError, Smtp, SmtpSecurity, SmtpSettings, SmtpSettingsError};
use tokio_rustls::TlsAcceptor;

use crate::authority::Authority;
use crate::smtp::mail;
use crate::smtp_server::{ENCRYPTED, Encryption, Reply, SmtpServer};

/// base64 of "\0keyward\0hunter2".
const SIGN_IN: &str = "AUTH PLAIN AGtleXdhcmQAaHVudGVyMg==";

/// Both ways to encrypt, as client and server call them.
fn ways(acceptor: &TlsAcceptor) -> [(SmtpSecurity, Encryption); 2] {
    [
        (SmtpSecurity::Tls, Encryption::Wrapped(acceptor.clone())),
        (SmtpSecurity::StartTls, Encryption::Asked(acceptor.clone(), "")),
    ]
}

fn settings(server: &SmtpServer, security: SmtpSecurity) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: server.port,
        security,
        username: Some("keyward".to_owned()),
        password: Some("hunter2".into()),
        root_certificate: None,
        timeout: Duration::from_secs(5),
    }
}

/// Sends to this server, whose certificate is to be signed by one of these authorities, or by one that the system trusts if there is none of
/// them; says what it heard in clear text and what encrypted.
async fn send(
    server: &SmtpServer,
    security: SmtpSecurity,
    authorities: &[&Authority],
) -> (Result<(), SendError>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pem");
    fs::write(&file, authorities.iter().map(|authority| authority.pem()).collect::<String>()).unwrap();
    let root_certificate = (!authorities.is_empty()).then_some(file);
    let settings = SmtpSettings { root_certificate, ..settings(server, security) };
    let sent = Smtp::new(&settings).unwrap().send(&mail()).await;
    let transcript = server.transcript();
    match transcript.split_once(ENCRYPTED) {
        Some((clear, encrypted)) => (sent, clear.to_owned(), encrypted.to_owned()),
        None => (sent, transcript, String::new()),
    }
}

#[tokio::test]
async fn a_mail_and_the_sign_in_before_it_go_encrypted() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (security, encryption) in ways(&authority.acceptor("localhost")) {
        let server = SmtpServer::encrypting(encryption, |_, _| Reply::Usual).await;
        let (sent, clear, encrypted) = send(&server, security, &[&other, &authority]).await;
        assert_eq!(sent, Ok(()), "{security:?}");
        assert!(!clear.contains("AUTH") && !clear.contains("MAIL"), "{security:?}: {clear}");
        for part in [SIGN_IN, "MAIL FROM:<no-reply@auth.example>", "The code is 123456."] {
            assert!(encrypted.contains(part), "{security:?}: {part} in {encrypted}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_somebody_else_s_is_refused() {
    let (ours, other) = (Authority::new(), Authority::new());
    let cases = [
        ("an authority we do not trust", other.acceptor("localhost"), vec![&ours]),
        ("an authority the system does not know", ours.acceptor("localhost"), Vec::new()),
        ("another name", ours.acceptor("mail.example.com"), vec![&ours]),
    ];
    for (case, acceptor, trusted) in cases {
        for (security, encryption) in ways(&acceptor) {
            let server = SmtpServer::encrypting(encryption, |_, _| Reply::Usual).await;
            let (sent, clear, encrypted) = send(&server, security, &trusted).await;
            let refused = sent.unwrap_err();
            assert!(
                matches!(&refused, SendError::Temporary(said) if said.contains("invalid peer certificate")
                    && said.contains("mail.transport.root_certificate")),
                "{case}: {refused}"
            );
            let heard = clear + &encrypted;
            assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{case}, {security:?}: {heard}");
        }
    }
}

#[tokio::test]
async fn a_root_certificate_that_is_none_is_refused_by_name() {
    let server = SmtpServer::start(|_, _| Reply::Usual).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.pem");
    for (text, why) in [
        (None, "No such file"),
        (Some(""), "there is none in it"),
        (Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), ""),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), ""),
    ] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let root_certificate = Some(file.clone());
        for security in [SmtpSecurity::StartTls, SmtpSecurity::Tls] {
            let settings =
                SmtpSettings { root_certificate: root_certificate.clone(), ..settings(&server, security) };
            let refused = Smtp::new(&settings).map(drop).unwrap_err();
            assert!(matches!(refused, SmtpSettingsError::RootCertificate { .. }), "{text:?}: {refused}");
            let begins = format!("the root certificate {} cannot be used: {why}", file.display());
            assert!(refused.to_string().starts_with(&begins), "{text:?}: {refused}");
        }
    }
}

/// Somebody in the middle takes the offer of STARTTLS away, or refuses it in the server's name.
#[tokio::test]
async fn starttls_that_was_stripped_is_refused() {
    let authority = Authority::new();
    let strip: [fn(&str) -> Reply; 3] = [
        |line| {
            if line.starts_with("EHLO") { Reply::Line("250-test\r\n250 AUTH PLAIN") } else { Reply::Usual }
        },
        |line| if line == "STARTTLS" { Reply::Line("454 not now") } else { Reply::Usual },
        |line| if line == "STARTTLS" { Reply::Line("502 what?") } else { Reply::Usual },
    ];
    for strip in strip {
        let encryption = Encryption::Asked(authority.acceptor("localhost"), "");
        let server = SmtpServer::encrypting(encryption, move |_, line| strip(line)).await;
        let (sent, clear, encrypted) = send(&server, SmtpSecurity::StartTls, &[&authority]).await;
        sent.unwrap_err();
        assert!(!clear.contains("AUTH") && !clear.contains("MAIL"), "{clear}");
        assert_eq!(encrypted, "");
    }
}

/// Somebody in the middle says more behind the agreement to encrypt, to have it taken for what the server says encrypted
/// (as in CVE-2011-0411, for the client's side: CVE-2021-33515 and others).
#[tokio::test]
async fn what_is_said_in_clear_text_behind_the_agreement_to_encrypt_is_not_heeded() {
    let authority = Authority::new();
    let injected = "250-evil\r\n250 AUTH LOGIN\r\n550 no such mailbox\r\n";
    let encryption = Encryption::Asked(authority.acceptor("localhost"), injected);
    let server = SmtpServer::encrypting(encryption, |_, _| Reply::Usual).await;
    let (sent, _, encrypted) = send(&server, SmtpSecurity::StartTls, &[&authority]).await;
    assert!(matches!(sent, Err(SendError::Temporary(_))), "{sent:?}");
    assert!(!encrypted.contains("AUTH") && !encrypted.contains("MAIL"), "{encrypted}");
}
