//! Ties the plain data of a page to its template.

use super::Problems;

/// A page that has no form has no problems either.
pub(super) static NO_PROBLEMS: Problems = Problems::NONE;

/// Gives a page its `render`: `page!(SignUp<'_>, "sign_up.html", problems)` for a page with a form,
/// `page!(Landing, "landing.html")` for one without. Templates see `page`, `frame` and `problems`.
macro_rules! page {
    ($page:ident $(<$life:lifetime>)?, $path:tt $(, $problems:ident)?) => {
        const _: () = {
            #[derive(askama::Template)]
            #[template(path = $path)]
            struct View<'a> {
                #[allow(dead_code, reason = "a page without data has a template that reads none")]
                page: &'a $page $(<$life>)?,
                frame: &'a $crate::views::Frame<'a>,
                problems: &'a $crate::views::Problems,
            }

            impl $(<$life>)? $page $(<$life>)? {
                /// The whole page as HTML.
                #[allow(unreachable_pub, reason = "some pages are seen by their own module only")]
                pub fn render(&self, frame: &$crate::views::Frame<'_>) -> String {
                    let problems = page!(@problems self $($problems)?);
                    $crate::views::page::finish(askama::Template::render(&View { page: self, frame, problems }))
                }
            }
        };
    };
    (@problems $self:ident $problems:ident) => { &$self.$problems };
    (@problems $self:ident) => { &$crate::views::page::NO_PROBLEMS };
}

/// Writing to a `String` cannot fail, so neither can rendering. HTML has no place for NUL: it shows as U+FFFD.
pub(super) fn finish(rendered: askama::Result<String>) -> String {
    let html = rendered.unwrap_or_default();
    if html.contains('\0') { html.replace('\0', "\u{fffd}") } else { html }
}
