//! What a service manager, such as systemd, hands to a program that it starts, and is told by it: sockets that are listened on already
//! (`sd_listen_fds(3)`), and how far the program is (`sd_notify(3)`).

mod progress;
mod sockets;

pub use progress::{Progress, tell};
pub use sockets::{Role, Sockets, SocketsError, take_unix};
