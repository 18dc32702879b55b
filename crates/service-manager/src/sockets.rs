//! Sockets that are listened on already. They are the service manager's, who may hand one to several processes: whoever waits to be taken
//! waits for all of them, and goes on to wait as one of them ends.

use std::fmt;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// The first descriptor that is handed over (`SD_LISTEN_FDS_START`).
const FIRST: usize = 3;
/// One for each [`Role`].
const MOST: usize = 2;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// People reach the program there.
    Public,
    /// Machines ask there how it is.
    Internal,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Internal => "internal",
        })
    }
}

/// Sockets that were handed to this process, each listened on, and none of which blocks.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The one named `public`, or the one without a name.
    pub public: Option<TcpListener>,
    /// The one named `internal`.
    pub internal: Option<TcpListener>,
}

/// Why what was handed over is not taken. Nothing is done instead: whoever hands a socket over has another process on it.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// It is not said how many there are.
    #[error(
        "LISTEN_FDS is {0:?}, and is to be how many sockets were handed over: let the service manager set it, or nobody"
    )]
    Count(String),
    /// More than there are purposes.
    #[error(
        "{0} sockets were handed over, and {most} are taken at the most, a public and an internal one: leave one ListenStream= in each socket \
         unit that the service names by Sockets=",
        most = MOST
    )]
    Many(usize),
    /// Not each has a name, or some have several.
    #[error(
        "LISTEN_FDNAMES has {names} names for {sockets} sockets: let the service manager set it, by FileDescriptorName= in each socket unit"
    )]
    Names {
        /// How many names.
        names: usize,
        /// How many sockets.
        sockets: usize,
    },
    /// A name that says nothing here.
    #[error(
        "a socket was handed over by the name {0:?}, and what it is for is told by public or internal: set FileDescriptorName= in its \
         socket unit to one of them"
    )]
    Unknown(String),
    /// Two for one purpose.
    #[error(
        "two sockets were handed over as the {0} one: leave one ListenStream= in its socket unit, and where there are two units, let \
         FileDescriptorName= tell the public one from the internal one"
    )]
    Twice(Role),
    /// Not one to take connections from.
    #[error(
        "the {role} socket that was handed over, as descriptor {descriptor}, cannot be used: {why}. A socket unit makes one that can by \
         ListenStream= with an address and a port, and without Accept=yes"
    )]
    Unusable {
        /// What it was to be for.
        role: Role,
        /// Its number.
        descriptor: usize,
        /// What is wrong with it.
        why: String,
    },
    /// More than the one that is taken.
    #[error("{0} sockets were handed over, and one is taken: leave one ListenStream= in the socket unit")]
    Several(usize),
    /// Not a Unix socket to take connections from.
    #[error(
        "the socket that was handed over cannot be used: {0}. A socket unit makes one that can by ListenStream= with a path, and without \
         Accept=yes"
    )]
    NotUnix(String),
}

/// Takes the one Unix socket that was handed to this process, if one was. To be asked once, and before there is a second thread, as
/// [`Sockets::take`].
pub fn take_unix() -> Result<Option<UnixListener>, SocketsError> {
    let Some(count) = count_for_us() else { return Ok(None) };
    match count.parse() {
        Ok(0) => return Ok(None),
        Ok(1) => {}
        Ok(several) => return Err(SocketsError::Several(several)),
        Err(_) => return Err(SocketsError::Count(count)),
    }
    unix_listener(&mut ListenFd::from_env()).map(Some).map_err(SocketsError::NotUnix)
}

fn unix_listener(given: &mut ListenFd) -> Result<UnixListener, String> {
    let told = |error: std::io::Error| error.to_string();
    let listener = given.take_unix_listener(0).map_err(told)?.ok_or("it is not there")?;
    if !socket_acceptconn(&listener).map_err(|error| error.to_string())? {
        return Err("it is not listened on".to_owned());
    }
    listener.set_nonblocking(true).map_err(told)?;
    Ok(listener)
}

/// How many were handed over, as it was told to this process: what another one was told, as one that has started this one, says nothing of
/// our descriptors.
fn count_for_us() -> Option<String> {
    let said = |name: &str| std::env::var(name).ok();
    let number = said("LISTEN_PID").and_then(|number| number.parse().ok());
    if number == Some(std::process::id()) { said("LISTEN_FDS") } else { None }
}

impl Sockets {
    /// Takes what was handed to this process, once: who asks again is given nothing. To be asked before there is a second thread, since it
    /// takes away the variables that told of it.
    pub fn take() -> Result<Self, SocketsError> {
        let Some(count) = count_for_us() else { return Ok(Self::default()) };
        let roles = roles(&count, std::env::var("LISTEN_FDNAMES").ok().as_deref())?;
        let (mut given, mut sockets) = (ListenFd::from_env(), Self::default());
        for (index, role) in roles.into_iter().enumerate() {
            let unusable = |why| SocketsError::Unusable { role, descriptor: FIRST + index, why };
            let listener = listener(&mut given, index).map_err(unusable)?;
            match role {
                Role::Public => sockets.public = Some(listener),
                Role::Internal => sockets.internal = Some(listener),
            }
        }
        Ok(sockets)
    }
}

fn listener(given: &mut ListenFd, index: usize) -> Result<TcpListener, String> {
    let told = |error: std::io::Error| error.to_string();
    let listener = given.take_tcp_listener(index).map_err(told)?.ok_or("it is not there")?;
    if !socket_acceptconn(&listener).map_err(|error| error.to_string())? {
        return Err("it is not listened on".to_owned());
    }
    listener.set_nonblocking(true).map_err(told)?;
    Ok(listener)
}

/// What each is for, in their order.
fn roles(count: &str, names: Option<&str>) -> Result<Vec<Role>, SocketsError> {
    let sockets: usize = count.parse().map_err(|_| SocketsError::Count(count.to_owned()))?;
    if sockets > MOST {
        return Err(SocketsError::Many(sockets));
    }
    let names: Vec<&str> = match names {
        Some(names) if sockets > 0 => names.split(':').collect(),
        _ => vec![""; sockets],
    };
    if names.len() != sockets {
        return Err(SocketsError::Names { names: names.len(), sockets });
    }
    let mut roles = Vec::with_capacity(sockets);
    for name in names {
        let role = role(name)?;
        if roles.contains(&role) {
            return Err(SocketsError::Twice(role));
        }
        roles.push(role);
    }
    Ok(roles)
}

fn role(name: &str) -> Result<Role, SocketsError> {
    if name == "internal" {
        Ok(Role::Internal)
    } else if name == "public" || is_nameless(name) {
        Ok(Role::Public)
    } else {
        Err(SocketsError::Unknown(name.to_owned()))
    }
}

/// Whether nobody has chosen a name: then it is that of the unit, or `unknown` where there is none (`sd_listen_fds_with_names(3)`).
fn is_nameless(name: &str) -> bool {
    matches!(name, "" | "unknown") || matches!(name.rsplit_once('.'), Some((_, "socket")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(count: &str, names: Option<&str>) -> Vec<Role> {
        roles(count, names).unwrap_or_else(|error| panic!("{count} {names:?}: {error}"))
    }

    #[test]
    fn a_socket_is_for_what_its_name_says_and_without_one_for_people() {
        assert!(told("0", None).is_empty() && told("0", Some("")).is_empty());
        for names in [None, Some(""), Some("unknown"), Some("public"), Some("auth-service.socket")] {
            assert_eq!(told("1", names), [Role::Public], "{names:?}");
        }
        assert_eq!(told("1", Some("internal")), [Role::Internal]);
        assert_eq!(told("2", Some("internal:public")), [Role::Internal, Role::Public]);
        assert_eq!(told("2", Some("auth-service.socket:internal")), [Role::Public, Role::Internal]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_to_change() {
        for (count, names, said) in [
            ("", None, "LISTEN_FDS is \"\", and is to be how many sockets"),
            ("-1", None, "LISTEN_FDS is \"-1\""),
            ("two", None, "LISTEN_FDS is \"two\""),
            ("3", Some("public:internal:public"), "3 sockets were handed over, and 2 are taken at the most"),
            ("4294967295", None, "leave one ListenStream= in each socket unit"),
            ("2", Some("public"), "LISTEN_FDNAMES has 1 names for 2 sockets"),
            ("1", Some("public:internal"), "LISTEN_FDNAMES has 2 names for 1 sockets"),
            ("2", Some("public:metrics"), "by the name \"metrics\""),
            ("1", Some("Public"), "set FileDescriptorName= in its socket unit to one of them"),
            ("1", Some("stored"), "by the name \"stored\""),
            ("2", None, "two sockets were handed over as the public one"),
            ("2", Some("internal:internal"), "two sockets were handed over as the internal one"),
            ("2", Some("public:auth-service.socket"), "two sockets were handed over as the public one"),
        ] {
            let error = roles(count, names).unwrap_err().to_string();
            assert!(error.contains(said), "{count} {names:?}: {error}");
        }
    }
}
