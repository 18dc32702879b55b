//! What surrounds every page: its language, its brand, who is signed in.

use std::fmt;

use askama::filters::Escaper as _;
use fluent_bundle::FluentValue;

use super::{Notice, assets, brand_stylesheet, moment};
use crate::branding::Branding;
use crate::locale::{Locale, Texts};

/// The part that all pages share.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The language of the page.
    pub locale: Locale,
    /// The team's name, logo and colours.
    pub branding: &'a Branding,
    /// The path and query of a page that GET can show again: the language switch returns there.
    pub path: &'a str,
    /// The address of whoever is signed in.
    pub signed_in: Option<&'a str>,
    /// What was just done.
    pub notice: Option<Notice>,
    /// The id under which the log knows this request; shown on error pages, and by a form that cannot be served now.
    pub support_id: Option<&'a str>,
}

impl<'a> Frame<'a> {
    /// A frame with nobody signed in and nothing to say.
    pub const fn new(locale: Locale, branding: &'a Branding, path: &'a str) -> Self {
        Self { locale, branding, path, signed_in: None, notice: None, support_id: None }
    }

    /// The text of a key.
    pub(super) fn t(&self, key: &str) -> String {
        self.texts().text(key)
    }

    /// The text of a key with one variable.
    pub(super) fn format(&self, key: &str, name: &'static str, value: impl Argument) -> String {
        self.texts().format(key, &[(name, value.argument())])
    }

    /// The text of a key with one variable that somebody typed: set apart in bold, its direction kept to itself.
    pub(super) fn isolate(&self, key: &str, name: &'static str, value: &str) -> Html {
        // The place is marked by a private-use character, which no catalogue contains.
        let text = self.texts().format(key, &[(name, "\u{e000}".into())]);
        let marked = Html::escaped(&text);
        let value = Html::escaped(value);
        Html(marked.0.replace('\u{e000}', &format!("<strong><bdi>{value}</bdi></strong>")))
    }

    /// A moment in Unix microseconds, in words.
    pub(super) fn moment(&self, at: i64) -> String {
        moment::words(self.texts(), at)
    }

    /// How long before `now` a moment was, in words.
    pub(super) fn ago(&self, at: i64, now: i64) -> String {
        moment::ago(self.texts(), at, now)
    }

    /// A moment as the `datetime` attribute writes it.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn machine(&self, at: i64) -> String {
        moment::machine(at)
    }

    /// The address of one of our files, which changes with its content.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn asset(&self, path: &str) -> String {
        let hash = assets::find(path).map_or(0, |asset| asset.hash);
        format!("{path}?v={hash:016x}")
    }

    /// The address of the stylesheet with the team's colours.
    pub(super) fn brand_address(&self) -> String {
        let hash = assets::hash(brand_stylesheet(self.branding).as_bytes());
        format!("/static/brand.css?v={hash:016x}")
    }

    /// A path that hands on where to return to.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn with_return(&self, path: &str, return_to: &str) -> String {
        with_return(path, return_to)
    }

    /// Tells the browser's password store whose password is asked for; a person does not see it, no form sends it.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn username(&self, email: Option<&str>) -> Html {
        email.map_or_else(
            || Html(String::new()),
            |email| {
                let email = Html::escaped(email);
                Html(format!("<input type=\"text\" autocomplete=\"username\" value=\"{email}\" hidden>"))
            },
        )
    }

    pub(super) fn texts(&self) -> Texts {
        self.locale.texts()
    }
}

/// Markup that is already escaped.
#[derive(Debug)]
pub(super) struct Html(String);

impl Html {
    fn escaped(text: &str) -> Self {
        let mut html = String::with_capacity(text.len());
        // Writing to a String cannot fail.
        let _ = askama::filters::Html.write_escaped_str(&mut html, text);
        Self(html)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl askama::FastWritable for Html {
    fn write_into(&self, target: &mut dyn fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        target.write_str(&self.0).map_err(askama::Error::from)
    }
}

impl askama::filters::HtmlSafe for Html {}

/// What a template may hand to a text; templates pass references, of whatever depth.
pub(super) trait Argument {
    fn argument(&self) -> FluentValue<'_>;
}

impl Argument for str {
    fn argument(&self) -> FluentValue<'_> {
        self.into()
    }
}

impl Argument for String {
    fn argument(&self) -> FluentValue<'_> {
        self.as_str().into()
    }
}

impl Argument for u32 {
    fn argument(&self) -> FluentValue<'_> {
        self.into()
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn argument(&self) -> FluentValue<'_> {
        (**self).argument()
    }
}

/// A path that hands on where to return to, if anywhere.
pub(crate) fn with_return(path: &str, to: &str) -> String {
    if to.is_empty() {
        return path.to_owned();
    }
    let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
    format!("{path}?return_to={to}")
}
