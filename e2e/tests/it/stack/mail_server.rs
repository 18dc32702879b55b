//! A mail server outside of the stack, as one that a house has: its certificate is of an authority of its own, it takes mail by STARTTLS
//! alone (RFC 3207), and from nobody but whom it knows (RFC 4954).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::mailbox::Mail;
use crate::wait::until;

/// A mail, and what was said before it was taken.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Before the connection was encrypted.
    pub(super) clear: Vec<String>,
    /// Since then, but for the mails themselves.
    pub(super) encrypted: Vec<String>,
    /// Headers and all.
    pub(super) message: String,
}

/// Ends with the value.
pub(super) struct MailServer {
    address: SocketAddr,
    root_certificate: String,
    desk: Desk,
    serving: Option<JoinHandle<()>>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

impl MailServer {
    /// At an address of this machine, on a port that is free.
    pub(super) async fn start(address: IpAddr, user: &str, password: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let (root_certificate, acceptor) = certified(address);
        let sign_in = format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}")));
        let desk = Desk { acceptor, sign_in: sign_in.into(), received: Arc::default() };
        let address = listener.local_addr().unwrap();
        let serving = Some(tokio::spawn(desk.clone().serve(listener)));
        Self { address, root_certificate, desk, serving }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// That of the authority which its own is signed by, as PEM.
    pub(super) fn root_certificate(&self) -> &str {
        &self.root_certificate
    }

    /// Nobody listens any more, and whoever was connected is cut off.
    pub(super) async fn goes_away(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
    }

    /// Where it was.
    pub(super) async fn comes_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = Some(tokio::spawn(self.desk.clone().serve(listener)));
    }

    /// Waits for the one mail to somebody.
    pub(super) async fn mail_to(&self, address: &str) -> Received {
        let recipient = format!("RCPT TO:<{address}>");
        let received = until(&format!("a mail to {address}"), async || {
            let received = self.desk.received.lock().unwrap().clone();
            let theirs = |mail: &Received| mail.encrypted.last().is_some_and(|last| *last == recipient);
            let theirs: Vec<_> = received.into_iter().filter(theirs).collect();
            (!theirs.is_empty()).then_some(theirs)
        })
        .await;
        assert_eq!(received.len(), 1, "one mail to {address}");
        received.into_iter().next().unwrap()
    }
}

/// The certificate of an authority made for this, as PEM, and what a server at this address encrypts with.
fn certified(address: IpAddr) -> (String, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = STANDARD.encode(params.self_signed(&key).unwrap().der());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![address.to_string()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate], key.into()).unwrap();
    let root = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
    (root, TlsAcceptor::from(Arc::new(config)))
}

/// What every conversation has.
#[derive(Clone)]
struct Desk {
    acceptor: TlsAcceptor,
    /// The line by which the one user signs in.
    sign_in: Arc<str>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Desk {
    /// Conversations end with this, which they belong to.
    async fn serve(self, listener: TcpListener) {
        let mut conversations = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let desk = self.clone();
            conversations.spawn(async move { desk.greet(stream).await });
        }
    }

    /// Until both agree to encrypt. Ends early, as what comes after does, where the other hangs up.
    async fn greet(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        let mut clear = Vec::new();
        say(&mut stream, "220 mail ESMTP").await?;
        loop {
            let line = hear(&mut stream).await?;
            clear.push(line.clone());
            match verb(&line) {
                "EHLO" => say(&mut stream, "250-mail\r\n250-STARTTLS\r\n250 8BITMIME").await?,
                "STARTTLS" => {
                    say(&mut stream, "220 go on").await?;
                    let stream = self.acceptor.accept(stream.into_inner()).await.ok()?;
                    return self.take_mail(BufReader::new(stream), clear).await;
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "530 encrypt first").await?,
            }
        }
    }

    async fn take_mail<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        clear: Vec<String>,
    ) -> Option<()> {
        let mut encrypted = Vec::new();
        let mut is_known = false;
        loop {
            let line = hear(&mut stream).await?;
            let answer = match verb(&line) {
                "EHLO" => "250-mail\r\n250-8BITMIME\r\n250 AUTH PLAIN",
                "AUTH" => {
                    is_known = *line == *self.sign_in;
                    if is_known { "235 welcome" } else { "535 nobody I know" }
                }
                "NOOP" | "RSET" => "250 fine",
                "MAIL" | "RCPT" if is_known => "250 fine",
                "DATA" if is_known => {
                    say(&mut stream, "354 go on").await?;
                    let message = hear_message(&mut stream).await?;
                    let (clear, encrypted) = (clear.clone(), encrypted.clone());
                    self.received.lock().unwrap().push(Received { clear, encrypted, message });
                    "250 taken"
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => "530 sign in first",
            };
            encrypted.push(line);
            say(&mut stream, answer).await?;
        }
    }
}

fn verb(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, answer: &str) -> Option<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

/// A line without its end.
async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// To the dot that ends it (RFC 5321 section 4.5.2).
async fn hear_message<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut message = String::new();
    loop {
        let line = hear(stream).await?;
        if line == "." {
            return Some(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
        message.push('\n');
    }
}

impl Received {
    /// As its recipient reads it.
    pub(super) fn read(&self) -> Mail {
        let text = self.part("text/plain");
        let words = text.split(|letter: char| letter.is_whitespace() || letter == '<' || letter == '>');
        let words: Vec<_> = words.map(str::to_owned).collect();
        Mail {
            to: self.header("To"),
            subject: self.header("Subject"),
            html: self.part("text/html"),
            links: words.iter().filter(|word| word.starts_with("https://")).cloned().collect(),
            codes: words.iter().filter(|word| is_code(word)).cloned().collect(),
            text,
        }
    }

    /// A header that is on one line.
    pub(super) fn header(&self, name: &str) -> String {
        let (head, _) = self.message.split_once("\n\n").unwrap();
        let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
    }

    /// The part of this type, decoded (RFC 2045 section 6).
    fn part(&self, kind: &str) -> String {
        let (_, boundary) = self.message.split_once("boundary=\"").unwrap();
        let (boundary, _) = boundary.split_once('"').unwrap();
        let (_, part) = self.message.split_once(&format!("\nContent-Type: {kind};")).unwrap();
        let (part, _) = part.split_once(&format!("\n--{boundary}")).unwrap();
        let (head, body) = part.split_once("\n\n").unwrap();
        let (_, encoding) = head.split_once("\nContent-Transfer-Encoding: ").unwrap();
        let decoded = match encoding.lines().next().unwrap() {
            "quoted-printable" => unquoted(body),
            "base64" => STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap(),
            "7bit" | "8bit" => return body.to_owned(),
            other => panic!("{other}: {}", self.message),
        };
        String::from_utf8(decoded).unwrap()
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn unquoted(text: &str) -> Vec<u8> {
    // Lines that were broken for their length alone.
    let joined = text.replace("=\n", "");
    let mut bytes = joined.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'=' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            decoded.push(byte);
        }
    }
    decoded
}
