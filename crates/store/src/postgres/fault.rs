//! What went wrong, and whose fault it is.

use sqlx::Error;

/// The server takes no writes by this connection: it is a standby, or was told to take none.
pub(super) fn is_read_only(error: &Error) -> bool {
    let Error::Database(told) = error else { return false };
    told.code().is_some_and(|code| code == "25006")
}

/// The connection is gone, or leads to a server that takes no writes: nothing more can be asked by it.
pub(super) fn is_broken(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        // Connection exceptions; the server shuts down, crashed, or is not ready.
        Error::Database(told) => told.code().is_some_and(|code| {
            code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03") || is_read_only(error)
        }),
        _ => false,
    }
}

/// Whether the server may have done what it was told, and just not said so. One that shuts down, or a pooler that lost it, says that
/// and no more, whatever it was doing.
pub(super) fn is_no_answer(error: &Error) -> bool {
    match error {
        Error::Database(_) => is_broken(error) && !is_read_only(error),
        _ => is_broken(error),
    }
}

/// The connection was cut, or leads to a server that ends or takes no writes: what looks after it finds out which, and says so. An
/// answer that cannot be understood is another thing, which nobody else would tell.
pub(crate) fn is_cut(error: &Error) -> bool {
    is_broken(error) && !matches!(error, Error::Tls(_) | Error::Protocol(_))
}

/// The connection was cut, and whoever asked was not kept waiting.
pub(super) fn is_closed(error: &Error) -> bool {
    is_cut(error) && !matches!(error, Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut)
}

/// Whether the server ended the transaction for the sake of another: two that waited for each other, or could not both be.
pub(crate) fn is_given_up(error: &Error) -> bool {
    let Error::Database(told) = error else { return false };
    told.code().is_some_and(|code| matches!(&*code, "40001" | "40P01"))
}

/// Whether the server refuses the user or the password.
pub(super) fn is_refusal(error: &Error) -> bool {
    let Error::Database(told) = error else { return false };
    told.code().is_some_and(|code| matches!(&*code, "28P01" | "28000"))
}

/// Whether the user may not do what was asked: it has not been given the right.
pub(crate) fn is_forbidden(error: &Error) -> bool {
    let Error::Database(told) = error else { return false };
    told.code().is_some_and(|code| code == "42501")
}

/// What is said of a statement that was not done: an answer that refuses it is an answer.
pub(crate) fn undone(error: &Error) -> String {
    match error {
        Error::Database(told) if is_forbidden(error) => {
            format!("the database does not let its user do this: {}", told.message())
        }
        // One whose disk is full answers, too.
        Error::Database(_) => format!("the database refused the statement: {error}"),
        _ => format!("the database did not answer: {error}"),
    }
}

/// Whether whoever asks again later is likely to be served.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    let busy = match error {
        Error::PoolTimedOut | Error::PoolClosed => true,
        // Two who waited for each other, or could not both be; a lock or an answer that took too long; no room.
        Error::Database(told) => told.code().is_some_and(|code| {
            code.starts_with("53") || matches!(&*code, "40001" | "40P01" | "55P03" | "57014")
        }),
        _ => false,
    };
    // A password that is refused is being exchanged, or about to be.
    busy || is_refusal(error) || is_broken(error)
}

/// Why no connection could be made, as an operator understands it.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there (connection refused); start it, or correct where it is".to_owned()
        }
        // As rustls says it, within an error of the wire.
        Error::Io(error) if error.to_string().contains("not valid for name") => format!(
            "its certificate is for another name ({error}); write its host in database.url as it stands in the certificate"
        ),
        Error::Io(error) if error.to_string().contains("invalid peer certificate") => format!(
            "its certificate is not trusted ({error}); name the one it is signed by in database.root_certificate"
        ),
        Error::Io(error) => error.to_string(),
        Error::Tls(error) if error.to_string().contains("does not support TLS") => {
            "it does not speak TLS, and is to; switch `ssl` on there, or leave root_certificate and sslmode out".to_owned()
        }
        Error::Tls(error) => format!(
            "TLS cannot be spoken ({error}); database.root_certificate has to be the certificate, as PEM, that the server's is signed by"
        ),
        Error::Database(told) => match told.code().as_deref() {
            Some("28000") if told.message().contains("no encryption") => {
                format!("it takes nobody without TLS ({}); leave sslmode=disable out", told.message())
            }
            Some("28P01" | "28000") => {
                format!("it refuses the user or the password ({}); correct them", told.message())
            }
            Some("3D000") => format!("{}; make it, or correct its name", told.message()),
            Some("53300") => {
                format!("{}; raise its max_connections, or lower database.maximum_connections", told.message())
            }
            _ => told.message().to_owned(),
        },
        // Our own words: see `keeper`.
        Error::Configuration(why) => why.to_string(),
        // Which of the two it is, what went wrong does not say.
        Error::Protocol(_) => "what answers does not speak as PostgreSQL does; is it this port?".to_owned(),
        other => other.to_string(),
    }
}
