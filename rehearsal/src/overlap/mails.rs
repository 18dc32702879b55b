//! A mail server that keeps the code of each mail, or puts everybody off.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::Failure;

/// A mail that is not there by then is not coming.
const LONGEST: Duration = Duration::from_mins(1);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(20);

/// The server; it ends with the program.
pub(super) struct Mails {
    port: u16,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// The code of the newest mail to each address.
    codes: HashMap<String, String>,
    refuses: bool,
    /// To whom a mail was refused.
    refused: HashSet<String>,
}

impl Mails {
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let keeping = kept.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, keeping.clone()));
            }
        });
        Ok(Self { port, kept })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// From now on every mail is put off, or none.
    pub(super) async fn refuse(&self, refuses: bool) {
        self.kept.lock().await.refuses = refuses;
    }

    /// Waits until a mail to this address was put off.
    pub(super) async fn wait_for_refusal(&self, email: &str) -> Result<(), Failure> {
        let refused = async {
            while !self.kept.lock().await.refused.contains(email) {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let refused = tokio::time::timeout(LONGEST, refused).await;
        refused.map_err(|_| format!("nobody tried to send a mail to {email}").into())
    }

    /// The code of the newest mail to this address, once there is one; the next time there has to be another.
    pub(super) async fn code(&self, email: &str) -> Result<String, Failure> {
        let coming = async {
            loop {
                if let Some(code) = self.kept.lock().await.codes.remove(email) {
                    return code;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let code = tokio::time::timeout(LONGEST, coming).await;
        code.map_err(|_| format!("no mail with a code came to {email}").into())
    }
}

/// RFC 5321, as far as our servers speak it.
async fn converse(stream: TcpStream, kept: Arc<Mutex<Kept>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let (mut recipient, mut code, mut is_text) = (String::new(), None, false);
    write.write_all(b"220 ready\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        if is_text && line != "." {
            code = code.or_else(|| code_in(&line));
            continue;
        }
        let reply = match line.as_str() {
            "." => {
                is_text = false;
                if let Some(code) = code.take() {
                    kept.lock().await.codes.insert(recipient.clone(), code);
                }
                "250 taken"
            }
            "DATA" => {
                is_text = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => {
                let mut reply = "250 good";
                if let Some(to) = line.strip_prefix("RCPT TO:<") {
                    to.split('>').next().unwrap_or_default().clone_into(&mut recipient);
                    let mut kept = kept.lock().await;
                    if kept.refuses {
                        kept.refused.insert(recipient.clone());
                        reply = "451 not now";
                    }
                }
                reply
            }
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// The code that a line of a mail ends with.
fn code_in(line: &str) -> Option<String> {
    let (_, code) = line.rsplit_once(": ")?;
    (code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).then(|| code.to_owned())
}
