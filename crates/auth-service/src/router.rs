//! Every route on one page.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::http::failure::{self, Failure};
use crate::http::{guard, headers};
use crate::{App, api, contract, dev, pages, views};

/// The whole server.
pub fn router(app: App) -> Router {
    let (programs, mut document) = programs().split_for_parts();
    api::finish(&mut document, app.cookies.session);
    let document = document.to_json().unwrap_or_default();
    let mut router = Router::new()
        .merge(pages().layer(from_fn_with_state(app.clone(), guard::keep_browser)))
        .merge(programs)
        .route("/openapi.json", get(move || async move { json("no-cache", document) }))
        .route("/.well-known/jwks.json", get(published_keys))
        .route("/static/{*path}", get(pages::asset))
        .fallback(|| async { Failure::NotFound });
    if app.is_development() {
        router = router.merge(dev::router());
    }
    router
        .layer(from_fn_with_state(app.clone(), guard::check_origin))
        .layer(from_fn_with_state(app.clone(), guard::check_host))
        .layer(from_fn(guard::read_body))
        .layer(from_fn_with_state(app.clone(), failure::show))
        .layer(from_fn_with_state(app.clone(), headers::add))
        .layer(from_fn_with_state(app.clone(), guard::identify))
        .with_state(app)
}

/// The `OpenAPI` document, for a server whose cookies are secure.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = programs().into_openapi();
    api::finish(&mut document, "__Host-keyward-session");
    document
}

fn programs() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(api::Document::openapi()).merge(api::router()).merge(contract::router())
}

fn pages() -> Router<App> {
    use pages::{account, credentials, email, landing, recover, sessions, sign_in, sign_out, sign_up};
    Router::new()
        .route("/", get(landing::show))
        .route("/docs", get(landing::docs))
        .route("/language", post(landing::language))
        .route("/sign-up", get(sign_up::show).post(sign_up::sign_up))
        .route("/verify", get(sign_up::show_proof).post(sign_up::prove))
        .route("/verify/resend", post(sign_up::resend))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-in/code", get(sign_in::show_code).post(sign_in::second_step))
        .route("/sign-in/code/resend", post(sign_in::resend))
        .route("/sign-out", get(sign_out::show).post(sign_out::sign_out))
        .route("/signed-out", get(sign_out::done))
        .route("/reset", get(recover::show).post(recover::request))
        .route("/reset/code", get(recover::show_code).post(recover::by_code))
        .route("/reset/new", get(recover::show_link).post(recover::by_link))
        .route("/account", get(account::show))
        .route("/account/profile", get(account::show_profile).post(account::change_profile))
        .route("/account/email", get(email::show).post(email::request))
        .route("/account/email/confirm", get(email::show_link).post(email::confirm))
        .route("/account/email/cancel", post(email::cancel))
        .route("/account/password", get(credentials::show_password).post(credentials::change_password))
        .route("/account/second-step", get(credentials::show_second_step).post(credentials::set_second_step))
        .route("/account/delete", get(credentials::show_delete).post(credentials::delete))
        .route("/account/confirm", get(sign_in::show_confirm).post(sign_in::confirm))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
}

async fn published_keys(State(app): State<App>, headers: HeaderMap) -> Response {
    let keys = app.auth.published_keys().to_owned();
    let tag = format!("\"{:016x}\"", views::assets::hash(keys.as_bytes()));
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let mut response = json("public, max-age=300", keys);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn json(cache: &'static str, body: String) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, cache)], body).into_response()
}
