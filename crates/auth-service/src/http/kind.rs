//! The kinds of problems: one table, which failures, problem details and `/docs` read.

use axum::http::StatusCode;

use crate::views::docs::ProblemKind;

macro_rules! kinds {
    ($($name:ident: $status:ident $code:literal, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        /// What kind of problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $(#[doc = $meaning] $name,)*
        }

        impl Kind {
            /// Every kind.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// The HTTP status that goes with it.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }

            /// What it is called, and what is said of it.
            pub(crate) const fn entry(self) -> ProblemKind {
                match self {
                    $(Self::$name => ProblemKind {
                        code: $code,
                        title: $title,
                        status: StatusCode::$status.as_u16(),
                        meaning: $meaning,
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

kinds! {
    NotFound: NOT_FOUND "not-found", "Not found",
        "There is nothing at this address, or nothing that is yours.",
        "Check the address for a slip.";
    MethodNotAllowed: METHOD_NOT_ALLOWED "method-not-allowed", "Method not allowed",
        "The address is right, the method is not one that it takes.",
        "Use a method that this page lists for the path; Allow names them too.";
    Malformed: BAD_REQUEST "malformed", "The request cannot be read",
        "The request is not of the syntax that it claims, or broke off.",
        "See detail for where reading ended, and send it whole.";
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE "unsupported-media-type", "Not a body this route takes",
        "The body is of another type than the route takes.",
        "Send it as the type that detail names, and say so in Content-Type.";
    TooLarge: PAYLOAD_TOO_LARGE "too-large", "The request is too large",
        "The body is larger than this server takes: 64 KiB, unless `limits.body` says otherwise. The connection is closed.",
        "Send less.";
    TooSlow: REQUEST_TIMEOUT "too-slow", "The request came too slowly",
        "The body did not come within 10 seconds. The connection is closed.",
        "Send it again, whole.";
    Invalid: UNPROCESSABLE_ENTITY "invalid", "Some fields are not right",
        "The body was read, and some of its fields will not do.",
        "Each of errors points to a field by pointer (RFC 6901) and says what to change.";
    ForeignOrigin: FORBIDDEN "foreign-origin", "Sent by another site",
        "Origin or Sec-Fetch-Site say that a page of another site sent this. Nothing was done.",
        "Send it from a page of this server, or from a program, which sends neither header.";
    Misdirected: MISDIRECTED_REQUEST "misdirected", "Not a name of this server",
        "Host names another server than this one.",
        "Use the address that this server was set up with.";
    Unauthenticated: UNAUTHORIZED "unauthenticated", "Nobody is signed in",
        "The session cookie is missing, or its session has ended.",
        "Sign in, and send the cookie along.";
    NotFresh: FORBIDDEN "not-fresh", "Prove again who you are",
        "This is sensitive, and the last proof of who is asking is too long ago.",
        "POST /api/v1/account/confirm with the password, and with a second step the code to /api/v1/sign-in/code; then send this again.";
    Incorrect: UNAUTHORIZED "incorrect", "Not right",
        "The password, or the pair of address and password, is not right, or the address was never proved. \
         Which, nobody is told.",
        "Ask the person to type both again, and after a sign-up for the code from the mail. \
         Each failure counts towards a pause.";
    Gone: GONE "gone", "Used or expired",
        "The code or link was used, replaced by a newer one, or is too old.",
        "Ask for a new one.";
    WrongCode: UNAUTHORIZED "wrong-code", "Not the code",
        "The code is another one. detail says how many guesses are left.",
        "Ask the person to read the newest mail, or ask for a new code.";
    TooMany: TOO_MANY_REQUESTS "too-many", "Too many tries",
        "The account, the network or the address is over its limit for a while.",
        "Wait for as many seconds as Retry-After says.";
    Busy: SERVICE_UNAVAILABLE "busy", "Too much to do",
        "More is asked of this server than it can do. Nothing was changed.",
        "Wait for as many seconds as Retry-After says, and send it again.";
    Unavailable: SERVICE_UNAVAILABLE "unavailable", "Unavailable for a moment",
        "The database does not answer. Nothing was changed.",
        "Wait for as many seconds as Retry-After says, and send it again.";
    Uncertain: SERVICE_UNAVAILABLE "uncertain", "Not known whether it was done",
        "The database was lost at the last step, before it said whether it took it. All of it was done, or nothing.",
        "Wait for as many seconds as Retry-After says and look; where it was not done, send it again.";
    KeyInUse: CONFLICT "idempotency-key-in-use", "The same request is under way",
        "The request that came first with this `Idempotency-Key` has not been answered yet.",
        "Wait for as many seconds as Retry-After says, and send it again with the same key.";
    KeyReused: UNPROCESSABLE_ENTITY "idempotency-key-reused", "Another request had this key",
        "Within the last 24 hours this account sent another request with this `Idempotency-Key`: another method, path or body. Nothing was done.",
        "Make up a new key for each request, a UUID for instance, and send the same key with the same request only.";
    TooManyKeys: TOO_MANY_REQUESTS "too-many-idempotency-keys", "Too many keys",
        "1,000 requests of this account are remembered by their `Idempotency-Key`, each for 24 hours. Nothing was done.",
        "Wait for as many seconds as Retry-After says, or send the request without a key.";
    AppRequest: BAD_REQUEST "app-request", "What the app asks cannot be done",
        "An app sent a person here with a `client_id` or a redirect URI that is not registered, so nobody was sent back.",
        "Register the app, or correct what it sends: the page says which.";
    Internal: INTERNAL_SERVER_ERROR "internal", "Something went wrong here",
        "A fault of this server.",
        "Send it again; if it stays, tell whoever runs the server the support_id, which is in its log.";
}

impl Kind {
    /// Where `/docs` tells of it.
    pub(crate) fn address(self) -> String {
        format!("/docs#problem-{}", self.entry().code)
    }

    /// Every kind, as `/docs` shows it.
    pub(crate) fn entries() -> Vec<ProblemKind> {
        Self::ALL.iter().map(|kind| kind.entry()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::branding::Branding;
    use crate::locale::Locale;
    use crate::views::{Frame, docs};

    use super::*;

    #[test]
    fn the_documentation_tells_of_every_kind_once() {
        let branding = Branding::default();
        let frame = Frame::new(Locale::English, &branding, "/docs");
        let page = docs::render(&serde_json::Value::Null, &Kind::entries(), &frame);
        for kind in Kind::ALL {
            let ProblemKind { code, title, meaning, remedy, .. } = kind.entry();
            assert_eq!(page.matches(&format!("id=\"problem-{code}\"")).count(), 1, "{code}");
            assert!(kind.address().ends_with(&format!("#problem-{code}")));
            for said in [title, meaning, remedy] {
                assert!(!said.is_empty() && page.contains(said), "{code}: {said}");
            }
        }
    }
}
