//! What gate and service say to one another: a line of JSON the one way, and then lines of JSON the other.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};

use super::fingerprint::Fingerprint;
use super::order::Order;

/// A question is shorter.
const LONGEST: u64 = 1024;
/// A question comes within that time, and whoever does not take an answer for so long is not told any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked, and by which key.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Asked {
    /// Nothing, if it was no order: that it was asked is noted all the same.
    pub(super) order: Option<Order>,
    pub(super) key: Fingerprint,
}

/// What comes back.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// A line for standard output.
    Out(String),
    /// A line for standard error.
    Error(String),
    /// It has ended so. Nothing follows.
    Exit(u8),
}

impl Asked {
    /// The one line that comes.
    pub(super) async fn read(from: impl AsyncRead + Unpin) -> Result<Self, String> {
        let mut line = Vec::new();
        let mut reader = BufReader::new(from.take(LONGEST));
        let read = tokio::time::timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await;
        read.map_err(|_| "nothing was asked in time")?.map_err(|error| error.to_string())?;
        if line.last() != Some(&b'\n') {
            return Err("what was asked does not end in time".to_owned());
        }
        serde_json::from_slice(&line).map_err(|error| format!("what was asked is not understood: {error}"))
    }

    pub(super) async fn write(&self, to: impl AsyncWrite + Unpin) -> Result<(), String> {
        write_line(to, self).await
    }
}

async fn write_line(mut to: impl AsyncWrite + Unpin, what: &impl Serialize) -> Result<(), String> {
    let mut line = serde_json::to_vec(what).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let written = tokio::time::timeout(PATIENCE, to.write_all(&line)).await;
    written.map_err(|_| "nobody reads it")?.map_err(|error| error.to_string())
}

/// Whoever asked is answered there. Somebody who has gone, or does not read, holds nothing up: what was begun goes on.
pub(super) struct Answering<W> {
    to: Option<W>,
}

impl<W: AsyncWrite + Unpin> Answering<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to: Some(to) }
    }

    pub(super) async fn tell(&mut self, told: &Told) {
        if let Some(to) = &mut self.to
            && write_line(to, told).await.is_err()
        {
            self.to = None;
        }
    }

    pub(super) async fn error(&mut self, line: impl Into<String>) {
        self.tell(&Told::Error(line.into())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(order: Option<Order>) -> Asked {
        let key = "SHA256:/FdFx/6s8p41hx7FI0cnsv3qjcjOe/XvpSIa2PReMPE".parse().unwrap();
        Asked { order, key }
    }

    #[tokio::test]
    async fn what_is_asked_comes_as_it_was_said() {
        for order in [
            None,
            Some(Order::Status),
            Some(Order::Rollback),
            Some(format!("deploy sha256:{}", "0".repeat(64)).parse().unwrap()),
        ] {
            let mut line = Vec::new();
            asked(order.clone()).write(&mut line).await.unwrap();
            assert!(line.len() < 300, "{}", line.len());
            assert_eq!(Asked::read(&line[..]).await.unwrap(), asked(order));
        }
    }

    /// Whoever connects is the account of the gate, and may still say anything.
    #[tokio::test]
    async fn class_21_what_is_no_question_is_refused_and_none_is_read_without_end() {
        let key = "SHA256:/FdFx/6s8p41hx7FI0cnsv3qjcjOe/XvpSIa2PReMPE";
        for line in [
            String::new(),
            "\n".to_owned(),
            "status\n".to_owned(),
            format!("{{\"order\":\"status\",\"key\":\"{key}\"}}"),
            format!("{{\"order\":\"status; id\",\"key\":\"{key}\"}}\n"),
            format!("{{\"order\":\"deploy /etc/passwd\",\"key\":\"{key}\"}}\n"),
            "{\"order\":\"status\",\"key\":\"root\"}\n".to_owned(),
            "{\"order\":\"status\"}\n".to_owned(),
            format!("{{\"order\":\"{}\",\"key\":\"{key}\"}}\n", "a".repeat(2_000)),
        ] {
            assert!(Asked::read(line.as_bytes()).await.is_err(), "{line}");
        }
        let endless = tokio::io::repeat(b' ');
        assert!(Asked::read(endless).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_read_holds_nothing_up() {
        let (_reads_nothing, writes) = tokio::io::duplex(64);
        let mut answering = Answering::new(writes);
        for _ in 0..10 {
            answering.tell(&Told::Out("a".repeat(50))).await;
        }
        assert!(answering.to.is_none());
    }
}
