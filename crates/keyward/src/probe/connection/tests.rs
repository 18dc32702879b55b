//! Connections to a server of the test's own, over TLS with certificates made for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::super::site::Site;
use super::*;

const NAME: &str = "auth.example.test";
/// Files of authorities: the one that signed for the server, and another.
const OWN: &str = "own.pem";
const OTHER: &str = "other.pem";
const PATIENCE: Duration = Duration::from_secs(20);
const ALL: [Habit; 4] = [Habit::Kept, Habit::KeptHttp1, Habit::New, Habit::Narrow];

/// A server, and what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pem, issuer) = authority();
        std::fs::write(folder.path().join(OWN), pem).unwrap();
        std::fs::write(folder.path().join(OTHER), authority().0).unwrap();
        let acceptor = acceptor(&issuer);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(serve(listener, acceptor, asked.clone()));
        Self { address, asked, folder }
    }

    /// The way to it by this name, believing this file.
    fn target(&self, name: &str, file: &str) -> Target {
        let auth = format!("https://{name}").parse().unwrap();
        let ca_file = Some(self.folder.path().join(file));
        let site = Site { auth, app: None, connect_to: Some(self.address), ca_file };
        site.targets().unwrap().0
    }

    fn line(&self, habit: Habit) -> Line {
        Line::new(self.target(NAME, OWN), habit, PATIENCE)
    }
}

/// An authority that nobody knows: its certificate in PEM, and what signs for it.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = STANDARD.encode(params.self_signed(&key).unwrap().der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    (pem, Issuer::new(params, key))
}

fn acceptor(issuer: &Issuer<'static, KeyPair>) -> TlsAcceptor {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, issuer).unwrap().der().clone();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key.into()).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, asked) = (acceptor.clone(), asked.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let is_two = stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
            let service = service_fn(move |request| answer(request, asked.clone()));
            let io = TokioIo::new(stream);
            if is_two {
                drop(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await);
            } else {
                drop(http1::Builder::new().serve_connection(io, service).await);
            }
        });
    }
}

/// Tells what it was asked, and by what; breaks off where it is asked to.
async fn answer(
    request: Request<Incoming>,
    asked: Arc<AtomicUsize>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    asked.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    if head.uri.path() == "/break" {
        return Err(io::Error::other("broken off"));
    }
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = host.or_else(|| head.uri.authority().map(ToString::to_string)).unwrap_or_default();
    let length = body.collect().await.map_err(io::Error::other)?.to_bytes().len();
    let told = format!("{:?} {} {host} {} {length}", head.version, head.method, head.uri.path());
    let mut response = Response::new(Full::new(Bytes::from(told)));
    if head.uri.path() == "/last" && head.version == hyper::Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn get(path: &str) -> Ask {
    Ask::new(Method::GET, path)
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn wrong(answered: Result<Answer, Wrong>) -> Wrong {
    match answered {
        Ok(answer) => panic!("it was answered {}", answer.status),
        Err(wrong) => wrong,
    }
}

#[tokio::test]
async fn the_newest_protocol_is_spoken_by_the_public_name_wherever_it_leads() {
    let server = Server::start().await;
    for (habit, version) in [
        (Habit::Kept, "HTTP/2.0"),
        (Habit::New, "HTTP/2.0"),
        (Habit::KeptHttp1, "HTTP/1.1"),
        (Habit::Narrow, "HTTP/1.1"),
    ] {
        let answer = server.line(habit).ask(get("/a?b=c")).await.unwrap();
        assert_eq!(text(&answer), format!("{version} GET {NAME} /a 0"));
        assert_eq!((answer.by_http2, answer.connected), (version == "HTTP/2.0", true), "{habit:?}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_until_the_other_side_says_that_it_is_the_last() {
    let server = Server::start().await;
    for (habit, path, connected) in [
        (Habit::Kept, "/a", [true, false, false]),
        (Habit::KeptHttp1, "/a", [true, false, false]),
        (Habit::KeptHttp1, "/last", [true, true, true]),
        (Habit::New, "/a", [true, true, true]),
        (Habit::Narrow, "/a", [true, true, true]),
    ] {
        let mut line = server.line(habit);
        for connected in connected {
            assert_eq!(line.ask(get(path)).await.unwrap().connected, connected, "{habit:?} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_sent_slowly_and_read_slowly_is_whole() {
    let server = Server::start().await;
    for habit in ALL {
        let ask = Ask::new(Method::POST, "/a").body(Sent::at_once("0123456789"));
        let ask = ask.sent_slowly(5, Duration::from_millis(50)).read_slowly(Duration::from_millis(1));
        let answer = server.line(habit).ask(ask).await.unwrap();
        assert!(text(&answer).ends_with(&format!(" POST {NAME} /a 10")), "{habit:?}: {}", text(&answer));
    }
}

#[tokio::test]
async fn what_breaks_off_has_failed_and_is_not_asked_again() {
    let server = Server::start().await;
    for habit in ALL {
        let mut line = server.line(habit);
        line.ask(get("/a")).await.unwrap();
        let before = server.asked.load(Ordering::Relaxed);
        let wrong = wrong(line.ask(get("/break")).await);
        assert_eq!(wrong.why, Why::Broken, "{habit:?}: {}", wrong.detail);
        assert_eq!(server.asked.load(Ordering::Relaxed), before + 1, "{habit:?}");
        // The next one is another request.
        line.ask(get("/a")).await.unwrap();
    }
}

#[tokio::test]
async fn who_is_not_believed_is_told_from_who_is_not_there() {
    let server = Server::start().await;
    for (name, file) in [(NAME, OTHER), ("other.example.test", OWN)] {
        let mut line = Line::new(server.target(name, file), Habit::Kept, PATIENCE);
        let wrong = wrong(line.ask(get("/")).await);
        assert_eq!(wrong.why, Why::Tls, "{name}: {}", wrong.detail);
    }
    assert_eq!(server.asked.load(Ordering::Relaxed), 0);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let target = Target { connect_to: Some(gone), ..server.target(NAME, OWN) };
    let wrong = wrong(Line::new(target, Habit::Kept, PATIENCE).ask(get("/")).await);
    assert_eq!(wrong.why, Why::Connect, "{}", wrong.detail);
    assert!(wrong.detail.contains(&gone.to_string()), "{}", wrong.detail);
}

#[tokio::test]
async fn what_is_not_answered_in_time_has_failed() {
    // It takes connections, as the kernel does for whoever is busy, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let auth = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let target = Site { auth, app: None, connect_to: None, ca_file: None }.targets().unwrap().0;
    let wrong = wrong(Line::new(target, Habit::Kept, Duration::from_millis(50)).ask(get("/")).await);
    assert_eq!(wrong.why, Why::Timeout, "{}", wrong.detail);
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let auth = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let target = Site { auth, app: None, connect_to: None, ca_file: None }.targets().unwrap().0;
    let answering = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234").await.unwrap();
    };
    let mut line = Line::new(target, Habit::Kept, PATIENCE);
    let (answered, ()) = tokio::join!(line.ask(get("/")), answering);
    let wrong = wrong(answered);
    assert_eq!(wrong.why, Why::Broken, "{}", wrong.detail);
}
