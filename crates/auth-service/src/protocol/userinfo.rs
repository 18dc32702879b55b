//! Userinfo (OpenID Connect Core section 5.3): what an access token may know of its person.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use oidc::{Parameters, bearer_token};

use super::answer;
use crate::App;
use crate::http::asking::SupportId;

pub(super) async fn show(
    State(app): State<App>,
    Extension(SupportId(support_id)): Extension<SupportId>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let has_form = method == Method::POST && headers.contains_key(CONTENT_TYPE) && !body.is_empty();
    let form = if has_form { answer::form(&headers, &body).map(Some) } else { Ok(None) };
    let token = form.and_then(|form| {
        let query = Parameters::parse(query.as_deref().unwrap_or_default())?;
        bearer_token(answer::authorization(&headers), form.as_ref(), &query)
    });
    let token = match token {
        Ok(Some(token)) => token,
        Ok(None) => return answer::ask_for_bearer(&app),
        Err(error) => return answer::refuse_bearer(&app, &support_id, error.into()),
    };
    match app.auth.userinfo(&token).await {
        Ok(person) => answer::json(&person),
        Err(error) => answer::refuse_bearer(&app, &support_id, error),
    }
}
