//! Load: many connections that each ask again as soon as they are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::process::Process;
use crate::Failure;
use crate::connection::{Connection, Seen, header};

/// A run that has not ended so long after it should is not going to.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is put under load, of one server.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) process: Arc<Process>,
    pub(super) port: u16,
    pub(super) work: Work,
}

/// What is asked over and over. One unit of it is what is counted.
#[derive(Clone)]
pub(super) enum Work {
    /// A request that is answered 200, with this in the body.
    Ask { request: Arc<[u8]>, answered: &'static str },
    /// The authorization code flow with PKCE in a session that is there: one request that is answered by a redirect with
    /// a code, and one that exchanges the code.
    Flow {
        /// One a session; each connection is a browser of its own.
        authorize: Vec<Arc<[u8]>>,
        /// What goes before the exchange's form: the head, but for its length.
        head: Arc<str>,
        /// What follows the code in that form.
        form: Arc<str>,
    },
}

/// How much load.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: u32,
    /// Connections for flows.
    pub(super) browsers: u32,
    pub(super) seconds: u64,
}

/// What one run did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) a_second: f64,
    pub(super) a_processor_second: f64,
}

impl Load {
    /// All connections ask for as long as it lasts.
    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    pub(super) async fn run(self, subject: &Subject) -> Result<Sample, Failure> {
        let mut askers = JoinSet::new();
        let lasting = Duration::from_secs(self.seconds);
        let mut connections = Vec::new();
        let count = if matches!(subject.work, Work::Flow { .. }) { self.browsers } else { self.connections };
        for _ in 0..count {
            connections.push(Connection::open(subject.port).await?);
        }
        let before = subject.process.processor_time()?;
        let begun = Instant::now();
        for (number, mut connection) in connections.into_iter().enumerate() {
            let work = subject.work.clone();
            askers.spawn(async move {
                let mut done = 0_u32;
                while begun.elapsed() < lasting {
                    work.once(&mut connection, number).await?;
                    done += 1;
                }
                Ok::<_, Failure>(done)
            });
        }
        let done = tokio::time::timeout(lasting + PATIENCE, askers.join_all()).await;
        let done = done.map_err(|_| format!("{} was not answered in time", subject.name))?;
        let done: u32 = done.into_iter().collect::<Result<Vec<_>, _>>()?.iter().sum();
        let (took, used) = (begun.elapsed(), subject.process.processor_time()?.saturating_sub(before));
        if used.is_zero() {
            return Err(format!("{} used no processor time: make the run longer", subject.name).into());
        }
        let done = f64::from(done);
        Ok(Sample { a_second: done / took.as_secs_f64(), a_processor_second: done / used.as_secs_f64() })
    }
}

impl Subject {
    /// Asks once.
    pub(super) async fn ask_once(&self) -> Result<(), Failure> {
        let mut connection = Connection::open(self.port).await?;
        let asked = tokio::time::timeout(PATIENCE, self.work.once(&mut connection, 0)).await?;
        asked.map_err(|error| format!("{}: {error}", self.name).into())
    }
}

impl Work {
    /// Does it once, over the connection of this number.
    async fn once(&self, connection: &mut Connection, number: usize) -> Result<(), Failure> {
        match self {
            Self::Ask { request, answered } => check(&connection.exchange(request).await?, answered),
            Self::Flow { authorize, head, form } => {
                let seen = connection.exchange(&authorize[number % authorize.len()]).await?;
                let code = code(&seen)?;
                let length = "grant_type=authorization_code&code=".len() + code.len() + form.len();
                let request =
                    format!("{head}{length}\r\n\r\ngrant_type=authorization_code&code={code}{form}");
                check(&connection.exchange(request.as_bytes()).await?, "\"id_token\":\"")
            }
        }
    }

    /// The body of the answer to what is asked once, or the tokens that a flow ends with.
    pub(super) async fn answer(&self, port: u16) -> Result<serde_json::Value, Failure> {
        let mut connection = Connection::open(port).await?;
        self.once(&mut connection, 0).await?;
        Ok(serde_json::from_slice(connection.body())?)
    }
}

/// The code in a redirect.
fn code(seen: &Seen<'_>) -> Result<String, Failure> {
    let location =
        header(seen.head, "location").filter(|_| matches!(seen.status, 302 | 303)).unwrap_or_default();
    let query = location.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let code = query.split('&').find_map(|pair| pair.strip_prefix("code="));
    Ok(code.ok_or_else(|| format!("no code but {}: {}", seen.status, seen.head))?.to_owned())
}

fn check(seen: &Seen<'_>, answered: &str) -> Result<(), Failure> {
    let body = || String::from_utf8_lossy(seen.body);
    // Looked for where it may be long: what is answered is small.
    if seen.status == 200 && seen.body.windows(answered.len()).any(|window| window == answered.as_bytes()) {
        return Ok(());
    }
    Err(format!("answered {} and not 200 with {answered}: {}", seen.status, body()).into())
}
