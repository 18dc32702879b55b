//! A running `keyward dev`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::command::KEYWARD;

/// Stopped when dropped.
pub(crate) struct Running {
    child: Child,
    port: u16,
    /// What it said as it began.
    pub(crate) greeting: String,
}

impl Running {
    /// Starts it on free ports, and waits until it says that it runs. Its umask hides nothing from anybody.
    pub(crate) fn start(data: &Path) -> Self {
        Self::begin(data, &[])
    }

    /// The same, with settings of one's own.
    pub(crate) fn with(data: &Path, config: &Path) -> Self {
        Self::begin(data, &["--config", config.to_str().unwrap()])
    }

    fn begin(data: &Path, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut child = Command::new("sh")
            .args(["-c", "umask 0; exec \"$0\" \"$@\"", KEYWARD])
            .args(["--port", &port.to_string(), "--app-port", "0", "--data"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        // Ended with it, should it not run.
        let mut running = Self { child, port, greeting: String::new() };
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            running.greeting.extend([&line, "\n"]);
            if line == "Ctrl-C stops." {
                return running;
            }
        }
        panic!("it ended before it ran: {}", running.greeting)
    }

    /// One that was started otherwise.
    pub(crate) fn of(child: Child, port: u16) -> Self {
        Self { child, port, greeting: String::new() }
    }

    /// The port of sign-in.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks as a program does, with a body of JSON; gives the whole answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> String {
        self.send(method, path, "application/json", body)
    }

    /// Sends a form; gives the whole answer.
    pub(crate) fn post_form(&self, path: &str, body: &str) -> String {
        self.send("POST", path, "application/x-www-form-urlencoded", body)
    }

    /// The same of one that may be killed meanwhile.
    pub(crate) fn try_to_ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        self.try_to_send(method, path, "application/json", body)
    }

    fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> String {
        self.try_to_send(method, path, kind, body).unwrap()
    }

    fn try_to_send(&self, method: &str, path: &str, kind: &str, body: &str) -> std::io::Result<String> {
        let (port, length) = (self.port, body.len());
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        let ask = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(ask.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Whether it has not ended by itself.
    pub(crate) fn is_running(&self) -> bool {
        Path::new(&format!("/proc/{}/exe", self.id())).exists()
    }

    /// Sends the head of a request and `sent` of its body.
    pub(crate) fn begin_to_ask(&self, path: &str, body: &str, sent: usize) -> TcpStream {
        let (port, length) = (self.port, body.len());
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let ask = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{}",
            &body[..sent]
        );
        stream.write_all(ask.as_bytes()).unwrap();
        stream
    }

    /// Ends it as a cut of the power does.
    pub(crate) fn kill(&self) {
        let told = Command::new("kill").args(["-KILL", &self.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Waits until it no longer takes connections.
    pub(crate) fn wait_until_it_drains(&self) {
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(self) -> ExitStatus {
        self.terminate();
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
