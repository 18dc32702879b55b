//! Sign out, and signed out.

/// `/sign-out`: one button, posts `return_to` and `request`.
#[derive(Clone, Debug, Default)]
pub struct SignOut<'a> {
    /// Where to go afterwards; empty for the page that says so.
    pub return_to: &'a str,
    /// The query by which an app asked for it (`/end-session`); empty if none did.
    pub request: &'a str,
}

/// Signed out.
#[derive(Clone, Debug, Default)]
pub struct SignedOut;

page!(SignOut<'a>, "sign_out.html");
page!(SignedOut, "signed_out.html");
