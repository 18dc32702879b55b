//! Pages on the way from an app and back.

/// `/authorize/account`: go on as who is signed in, or as somebody else. Posts `id`, `account` and
/// `choice` (`continue`, `other`).
#[derive(Clone, Debug)]
pub struct ChooseAccount<'a> {
    /// Which request waits.
    pub id: &'a str,
    /// Whose word it will be: the id of who is signed in.
    pub account: &'a str,
    /// The app's name.
    pub app: &'a str,
    /// Who is signed in.
    pub email: &'a str,
}

/// `/authorize/consent`: whether the app may. Posts `id`, `account` and `choice` (`allow`, `deny`).
#[derive(Clone, Debug)]
pub struct Consent<'a> {
    /// Which request waits.
    pub id: &'a str,
    /// Whose word it will be: the id of who is signed in.
    pub account: &'a str,
    /// The app's name.
    pub app: &'a str,
    /// Who is signed in.
    pub email: &'a str,
    /// What it asks for.
    pub scopes: &'a [&'a str],
    /// The resources (RFC 8707) that it wants to use in their name.
    pub resources: &'a [String],
}

/// What is known of a scope in words: the text's name in the catalogue.
pub(super) fn scope_text(scope: &str) -> Option<&'static str> {
    match scope {
        "openid" => Some("scope-openid"),
        "profile" => Some("scope-profile"),
        "email" => Some("scope-email"),
        "offline_access" => Some("scope-offline-access"),
        _ => None,
    }
}

/// A form that takes the answer to the app (OAuth 2.0 Form Post Response Mode). It posts itself; where scripts are off,
/// the person presses its button.
#[derive(Clone, Debug)]
pub struct FormPost<'a> {
    /// Where it goes.
    pub action: &'a str,
    /// Its hidden fields.
    pub fields: &'a [(&'static str, String)],
}

/// `/account/apps`: posts `id` to `/account/apps/withdraw`.
#[derive(Clone, Debug)]
pub struct Apps<'a> {
    /// The apps that the person has let in, newest first.
    pub apps: &'a [AppRow<'a>],
}

/// One app.
#[derive(Clone, Debug)]
pub struct AppRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it may have.
    pub scopes: Vec<&'a str>,
    /// The resources (RFC 8707) that it may use in the person's name.
    pub resources: &'a [String],
    /// Since when, Unix microseconds.
    pub since: i64,
}

/// An app sent somebody with a request that cannot be carried out, and cannot be told: the person is.
#[derive(Clone, Debug)]
pub struct AppRefused<'a> {
    /// What is wrong, for whoever looks after the app.
    pub description: &'a str,
    /// They were sent here to sign out, and not to sign in.
    pub leaving: bool,
    /// They are signed in, so that there is something to sign out of.
    pub signed_in: bool,
}

impl AppRefused<'_> {
    fn title(&self) -> &'static str {
        if self.leaving { "app-refused-sign-out-title" } else { "app-refused-title" }
    }
}

page!(ChooseAccount<'a>, "choose_account.html");
page!(Consent<'a>, "consent.html");
page!(FormPost<'a>, "form_post.html");
page!(Apps<'a>, "apps.html");
page!(AppRefused<'a>, "app_refused.html");
