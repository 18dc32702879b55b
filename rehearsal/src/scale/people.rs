//! People whom nobody has to remember: whatever is known of one follows from their number.

use std::fmt::Write as _;

use crate::draw::Draw;

/// So many.
#[derive(Clone, Copy, Debug)]
pub(super) struct People {
    pub(super) users: u64,
    pub(super) sessions: u64,
}

/// What a number is used for, so that two uses of one draw another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    User = 1,
    Email,
    Pseudonym,
    Session,
    Token,
    Browser,
    Hash,
}

impl People {
    /// Whose session it is: they are spread over all accounts.
    pub(super) fn owner(&self, session: u64) -> u64 {
        let apart = (self.users / self.sessions.max(1)).max(1);
        (session * apart) % self.users
    }
}

/// As normalized as it is written.
pub(super) fn address(user: u64) -> String {
    // Not in order: addresses are looked for as people come.
    format!("{:08x}.{user}@example.com", draw(Use::Email, user).number() >> 32)
}

/// SHA-256 of a token, as far as the database can tell.
pub(super) fn token_hash(session: u64) -> Vec<u8> {
    bytes(Use::Token, session)
}

/// SHA-256 of what a browser is known by.
pub(super) fn browser(user: u64) -> Vec<u8> {
    bytes(Use::Browser, user)
}

/// A UUIDv7 by a clock that goes a millisecond at a time.
pub(super) fn id(used: Use, number: u64) -> String {
    let mut draw = draw(used, number);
    let (moment, low) = (1_700_000_000_000 + number, draw.number());
    let (random, variant) = (draw.number() & 0xfff, 0x8000 | (low >> 48 & 0x3fff));
    format!(
        "{:08x}-{:04x}-7{random:03x}-{variant:04x}-{:012x}",
        moment >> 16,
        moment & 0xffff,
        low & 0xffff_ffff_ffff
    )
}

/// As many hexadecimal digits as asked for.
pub(super) fn digits(used: Use, number: u64, length: usize) -> String {
    let mut text = hex(&bytes(used, number));
    while text.len() < length {
        text = text.repeat(2);
    }
    text.truncate(length);
    text
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(used: Use, number: u64) -> Vec<u8> {
    let mut draw = draw(used, number);
    (0..4).flat_map(|_| draw.number().to_be_bytes()).collect()
}

fn draw(used: Use, number: u64) -> Draw {
    Draw::new(number << 8 | used as u64)
}
