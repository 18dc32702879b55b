//! What a slot tells of itself, asked from this host on its internal listener.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::bake::Counted;

/// A slot that does not answer by then is told to be silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any server has to tell.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What it has counted.
pub(super) async fn counted(address: SocketAddr) -> Result<Counted, String> {
    let text = tokio::time::timeout(PATIENCE, metrics(address)).await;
    let text = text.map_err(|_| format!("{address} says nothing for {} s", PATIENCE.as_secs()))?;
    let text = text.map_err(|error| format!("{address} does not tell its metrics: {error}"))?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 200 ") {
        return Err(format!("{address} does not tell its metrics: {status}"));
    }
    Ok(Counted::of(body))
}

/// By HTTP/1.0, so that what comes is the text as it is, and its end is the end of the connection.
async fn metrics(address: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.take(LARGEST).read_to_string(&mut answer).await?;
    Ok(answer)
}
