//! Pages for what went wrong: what happened, and what to do next.

use super::{Frame, moment};

/// A page in place of the one that was asked for. Set [`Frame::support_id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorPage<'a> {
    /// A link, or what a form was about, is used, replaced or too old.
    LinkExpired,
    /// Too many tries; come back in so many seconds.
    TooManyTries(u32),
    /// There is no such page.
    NotFound,
    /// The method is not one that this path knows.
    MethodNotAllowed,
    /// The form was sent by a page of somebody else.
    Forbidden,
    /// It was asked for by a name that is not ours; this is our address.
    Misdirected(&'a str),
    /// Something we need does not answer.
    Unavailable,
    /// Something we need was lost before it said whether this is done.
    Uncertain,
    /// The request is larger than we read.
    TooLarge,
    /// The request cannot be read.
    BadRequest,
    /// Our fault.
    Internal,
}

impl ErrorPage<'_> {
    /// One of each.
    pub const ALL: [Self; 11] = [
        Self::LinkExpired,
        Self::TooManyTries(60),
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Forbidden,
        Self::Misdirected("http://localhost:3000/"),
        Self::Unavailable,
        Self::Uncertain,
        Self::TooLarge,
        Self::BadRequest,
        Self::Internal,
    ];

    fn title(self, frame: &Frame<'_>) -> String {
        frame.t(match self {
            Self::LinkExpired => "error-expired-title",
            Self::TooManyTries(_) => "error-too-many-tries-title",
            Self::NotFound => "error-not-found-title",
            Self::MethodNotAllowed => "error-method-not-allowed-title",
            Self::Forbidden => "error-forbidden-title",
            Self::Misdirected(_) => "error-misdirected-title",
            Self::Unavailable => "error-unavailable-title",
            Self::Uncertain => "error-uncertain-title",
            Self::TooLarge => "error-too-large-title",
            Self::BadRequest => "error-bad-request-title",
            Self::Internal => "error-internal-title",
        })
    }

    fn advice(self, frame: &Frame<'_>) -> String {
        frame.t(match self {
            Self::TooManyTries(seconds) => {
                let duration = moment::duration(frame.texts(), seconds);
                return frame.format("error-too-many-tries-advice", "duration", duration);
            }
            Self::LinkExpired if frame.signed_in.is_some() => "error-expired-signed-in",
            Self::LinkExpired => "error-expired-advice",
            Self::NotFound => "error-not-found-advice",
            Self::MethodNotAllowed => "error-method-not-allowed-advice",
            Self::Forbidden => "error-forbidden-advice",
            Self::Misdirected(_) => "error-misdirected-advice",
            Self::Unavailable => "error-unavailable-advice",
            Self::Uncertain => "error-uncertain-advice",
            Self::TooLarge => "error-too-large-advice",
            Self::BadRequest => "error-bad-request-advice",
            Self::Internal => "error-internal-advice",
        })
    }
}

page!(ErrorPage<'a>, "error.html");
