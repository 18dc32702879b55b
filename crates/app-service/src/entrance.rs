//! Where people come in, which may be a socket of systemd's from which other processes of the app take connections as well.

use std::future::pending;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

use crate::health::Health;

/// A listener for [`axum::serve`]. From a shared one nobody is taken once the app drains: who comes then is another's, and whoever was taken
/// before has all of the drain to ask.
#[derive(Debug)]
pub struct Entrance {
    listener: TcpListener,
    /// What tells that the app drains, if others take from the same socket.
    shared: Option<Health>,
}

impl Entrance {
    /// An address of our own.
    pub fn own(listener: TcpListener) -> Self {
        Self { listener, shared: None }
    }

    /// A socket that others may have been handed too.
    pub fn shared(listener: TcpListener, health: Health) -> Self {
        Self { listener, shared: Some(health) }
    }
}

impl Listener for Entrance {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let Self { listener, shared } = self;
        let left_to_others = async {
            match shared {
                Some(health) => health.drained().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = left_to_others => pending().await,
            accepted = Listener::accept(listener) => accepted,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn who_comes_to_a_shared_socket_while_one_drains_is_taken_by_another() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let again = || TcpListener::from_std(socket.try_clone().unwrap()).unwrap();
        let health = Health::default();
        let mut one = Entrance::shared(again(), health.clone());
        let mut other = Entrance::shared(again(), Health::default());
        let mut own = Entrance::own(again());
        let address = one.local_addr().unwrap();

        let came = TcpStream::connect(address).await.unwrap();
        assert_eq!(one.accept().await.1, came.local_addr().unwrap());
        health.drain();
        let mut came = TcpStream::connect(address).await.unwrap();
        let (mut taken, from) = tokio::select! {
            biased;
            _ = one.accept() => panic!("taken by the one that drains"),
            taken = other.accept() => taken,
        };
        assert_eq!(from, came.local_addr().unwrap());
        taken.write_all(b"x").await.unwrap();
        assert_eq!(came.read_u8().await.unwrap(), b'x');

        let came = TcpStream::connect(address).await.unwrap();
        assert_eq!(
            own.accept().await.1,
            came.local_addr().unwrap(),
            "of its own it takes everybody, drained or not"
        );
    }
}
