//! The server as a process, on settings and secrets of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;

pub(crate) const POSTMARK: &str = "kind = \"postmark\"\ntoken = \"file:SECRETS/mail\"";
pub(crate) const SMTP: &str =
    "kind = \"smtp\"\nhost = \"mail.example.com\"\nusername = \"keyward\"\npassword = \"file:SECRETS/mail\"";
const APP: &str = "[[clients]]\nclient_id = \"wiki\"\nclient_name = \"Wiki\"\nscope = \"openid\"\nsecret = \"file:SECRETS/client\"\n\
                   redirect_uris = [\"https://wiki.example.com/callback\"]\n";
/// The secrets of a server.
pub(crate) const NAMES: [&str; 5] = ["encryption", "older", "audit", "mail", "client"];
/// A line of the log that does not come by then is not going to.
const LONG: Duration = Duration::from_mins(1);

/// Writes good secrets into a folder.
pub(crate) fn write_secrets(folder: &Path) {
    for name in NAMES {
        std::fs::write(folder.join(name), generate_key_text().expose_secret()).unwrap();
    }
}

/// The server's binary, without what this test's own environment would tell it.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-service"));
    for name in [
        "DATABASE_URL",
        "REDIS_URL",
        "REDIS_HOST_NAME",
        "REDIS_PORT",
        "REDIS_PASSWORD",
        "KEYWARD_CONFIG",
        "KEYWARD_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

/// Writes the settings of a server into its folder.
pub(crate) fn write_config(folder: &Path, transport: &str) -> std::path::PathBuf {
    let config = folder.join("keyward.toml");
    let settings = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n\
          [internal]\nlisten = \"127.0.0.1:0\"\n\
          [database]\npath = \"SECRETS/keyward.sqlite\"\n[keys]\nencryption = \"file:SECRETS/encryption\"\n\
          older_encryption = [\"file:SECRETS/older\"]\naudit = \"file:SECRETS/audit\"\n\
          [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\n{transport}\n{APP}"
    );
    std::fs::write(&config, settings.replace("SECRETS", &folder.display().to_string())).unwrap();
    config
}

/// A server about to be started on these settings.
pub(crate) fn command(folder: &Path, transport: &str) -> Command {
    let mut command = binary();
    command.arg("serve").arg("--config").arg(write_config(folder, transport));
    command
}

/// Starts the server on what cannot be served, and waits for it to say so.
pub(crate) fn refused(folder: &Path, transport: &str) -> String {
    let Output { status, stderr, .. } = command(folder, transport).output().unwrap();
    let error = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{error}");
    error
}

/// A server that runs; killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    /// Where people reach it.
    pub(crate) address: String,
    /// Where machines ask how it is.
    pub(crate) internal: String,
    /// What it logged before it served.
    pub(crate) log: String,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// Starts it, and reads in its log where it listens.
    pub(crate) fn start(folder: &Path, transport: &str) -> Self {
        Self::of(&mut command(folder, transport))
    }

    /// The same with settings over those of the file.
    pub(crate) fn with(folder: &Path, settings: &[&str]) -> Self {
        let mut command = command(folder, POSTMARK);
        Self::of(command.args(settings.iter().flat_map(|setting| ["--set", setting])))
    }

    /// Starts a server, and waits until it serves.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut running = Self::begin(command);
        running.serves();
        running
    }

    /// Starts a server that may have to wait: it can be asked how it is.
    pub(crate) fn begin(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = read_lines(child.stderr.take().unwrap());
        let mut running =
            Self { child, address: String::new(), internal: String::new(), log: String::new(), lines };
        running.internal = running.said("\"starting\"", "internal");
        running
    }

    /// Waits until it serves.
    pub(crate) fn serves(&mut self) {
        self.address = self.said("\"serving\"", "address");
    }

    fn said(&mut self, part: &str, field: &str) -> String {
        let line: serde_json::Value = serde_json::from_str(&self.wait_for_line(part)).unwrap();
        line["fields"][field].as_str().unwrap().to_owned()
    }

    /// Reads its log up to a line that holds `part`.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LONG);
            let line = line.unwrap_or_else(|error| panic!("no line with {part} ({error}): {}", self.log));
            self.log.extend([&line, "\n"]);
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Asks it to end, and reads its log to the end.
    pub(crate) fn end(&mut self) -> String {
        self.terminate();
        while let Ok(line) = self.lines.recv_timeout(LONG) {
            self.log.extend([&line, "\n"]);
        }
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.log)
    }

    /// Sends a sign-up.
    pub(crate) fn sign_up(&self, body: &str) -> TcpStream {
        let mut stream = self.begin_to_sign_up(body.len());
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    /// Sends the head of a sign-up, and waits until the server asks for its body: from then on it is in flight.
    pub(crate) fn begin_to_sign_up(&self, length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "POST /api/v1/sign-up HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        write!(stream, "{head}\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n").unwrap();
        let mut wanted = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.read_exact(&mut wanted).unwrap();
        assert_eq!(&wanted, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All lines, read to their end: a pipe that nobody reads would stop the server.
pub(crate) fn read_lines(output: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// Asks once; gives the status and the whole answer.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).unwrap()
}

/// The same, as whoever has these cookies.
pub(crate) fn get_as(address: &str, path: &str, cookies: &str) -> (u16, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookies}\r\n\r\n")).unwrap()
}

/// Sends JSON once, as whoever has this cookie; gives the status and the whole answer.
pub(crate) fn post(address: &str, path: &str, body: &serde_json::Value, cookie: &str) -> (u16, String) {
    try_to_send(address, "POST", path, body, cookie).unwrap()
}

/// The same to a server that may be killed meanwhile.
pub(crate) fn try_to_send(
    address: &str,
    method: &str,
    path: &str,
    body: &serde_json::Value,
    cookie: &str,
) -> std::io::Result<(u16, String)> {
    let body = body.to_string();
    let length = body.len();
    let head = "HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    let cookie = if cookie.is_empty() { String::new() } else { format!("cookie: {cookie}\r\n") };
    ask(address, &format!("{method} {path} {head}\r\n{cookie}content-length: {length}\r\n\r\n{body}"))
}

/// Sends a form once.
pub(crate) fn post_form(address: &str, path: &str, body: &str) -> (u16, String) {
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded");
    ask(address, &format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).unwrap()
}

fn ask(address: &str, request: &str) -> std::io::Result<(u16, String)> {
    exchange(&mut TcpStream::connect(address)?, request)
}

/// Asks by a connection that may have been asked by before; gives the status and the whole answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &str) -> std::io::Result<(u16, String)> {
    stream.write_all(request.as_bytes())?;
    stream.set_read_timeout(Some(LONG))?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    // The connection may stay: the answer is whole when as much has come as its head says.
    loop {
        let count = match stream.read(&mut piece) {
            // A read with a time limit is not begun again by itself after a signal.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        answer.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&answer);
        let length = text
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split('\r').next()?.parse::<usize>().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if length.zip(body).is_some_and(|(length, body)| body >= length) || count == 0 && body.is_some() {
            return Ok((text.split(' ').nth(1).unwrap().parse().unwrap(), text.into_owned()));
        }
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
