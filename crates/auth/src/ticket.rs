//! `Ticket`: by what a browser comes back for its authorization request.

use domain::RequestId;

/// A request that waits, and what the browser that comes for it shows. Each has a secret of its own: two requests that reach
/// a browser which is new here at once would otherwise be bound to two secrets, of which it keeps one.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// Which request.
    pub request: RequestId,
    /// SHA-256 of the secret; none if the browser has none for it.
    pub hash: Option<[u8; 32]>,
}

/// What a browser is given for a request, should it have to wait.
#[derive(Clone, Debug)]
pub struct NewTicket {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Tickets that the browser gives up for it: it has too many, and their requests need wait no longer.
    pub gives_way: Vec<Ticket>,
}

impl Ticket {
    /// What its row is looked for by. Nobody has the secret of which this is the hash.
    pub(crate) fn shown(&self) -> [u8; 32] {
        self.hash.unwrap_or_default()
    }
}
