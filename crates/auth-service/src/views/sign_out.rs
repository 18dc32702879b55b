//! Sign out, and signed out.

/// `/sign-out`: one button, posts `return_to`.
#[derive(Clone, Debug, Default)]
pub struct SignOut<'a> {
    /// Where to go afterwards; empty for the page that says so.
    pub return_to: &'a str,
}

/// Signed out.
#[derive(Clone, Debug, Default)]
pub struct SignedOut;

page!(SignOut<'a>, "sign_out.html");
page!(SignedOut, "signed_out.html");
