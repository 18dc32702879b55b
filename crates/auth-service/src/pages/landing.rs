//! The front door, the documentation of the API, and the choice of language.

use axum::extract::{Query, State};
use axum::response::Response;
use domain::DisplayName;
use serde::Deserialize;

use crate::http::asking::{self, Asking};
use crate::http::cookies;
use crate::http::failure::Failure;
use crate::http::kind::Kind;
use crate::locale::Locale;
use crate::pages::{Form, frame, lead_to, page};
use crate::{App, views};

pub(crate) async fn show(State(app): State<App>, asking: Asking) -> Response {
    page(views::Landing.render(&frame(&app, &asking, "/")))
}

pub(crate) async fn docs(State(app): State<App>, asking: Asking) -> Result<Response, Failure> {
    let document = crate::router::describe(app.cookies.session, app.is_development());
    let document = serde_json::to_value(document).map_err(|_| Failure::Internal)?;
    Ok(page(views::docs::render(&document, &Kind::entries(), &frame(&app, &asking, "/docs"))))
}

#[derive(Deserialize)]
pub(crate) struct LanguageForm {
    #[serde(default)]
    language: String,
    #[serde(default)]
    next: String,
}

/// Remembers the language in this browser, and in the account of whoever is signed in, whose pages speak the account's
/// language; then shows the page again.
pub(crate) async fn language(
    State(app): State<App>,
    asking: Asking,
    Form(form): Form<LanguageForm>,
) -> Result<Response, Failure> {
    // A path of ours: one slash first, and nothing that a browser would read as another host or a header cannot hold.
    let is_path = form.next.starts_with('/')
        && !form.next.starts_with("//")
        && form.next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let mut response = lead_to(if is_path { &form.next } else { "/" });
    if let Some(locale) = Locale::from_tag(&form.language) {
        if let Some(current) = asking::find_current(&app, &asking).await?
            && current.locale.as_deref() != Some(locale.tag())
        {
            let name = DisplayName::parse(&current.name).map_err(|_| Failure::Internal)?;
            app.auth.change_profile(&current, &name, Some(locale.tag()), &asking.context).await?;
        }
        app.cookies.set(&mut response, app.cookies.language, locale.tag(), cookies::LONGEST);
    }
    Ok(response)
}

/// What the address of a page may say.
#[derive(Default, Deserialize)]
pub(crate) struct PageQuery {
    pub(crate) id: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) side: Option<String>,
    pub(crate) return_to: Option<String>,
    pub(crate) next: Option<String>,
}

shows_its_name_only!(PageQuery);

/// The address of a page. One that cannot be read (a parameter given twice, say) says nothing.
pub(crate) type Address = Result<Query<PageQuery>, axum::extract::rejection::QueryRejection>;

/// What the address says.
pub(crate) fn read(address: Address) -> Result<PageQuery, Failure> {
    address.map(|Query(query)| query).map_err(|error| Failure::Malformed(error.body_text()))
}
