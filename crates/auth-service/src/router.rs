//! Every route on one page.

use std::convert::identity;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::http::failure::Failure;
use crate::http::{front, guard, idempotency};
use crate::{App, api, contract, dev, pages, protocol, traces};

/// The whole server.
pub fn router(app: App) -> Router {
    let signing_in = signing_in().layer(from_fn_with_state(app.clone(), guard::keep_whoever_signs_in));
    let once = from_fn_with_state(app.clone(), idempotency::once);
    let idempotent = api::idempotent(|route| route.route_layer(once.clone()));
    let (programs, mut document) = programs(signing_in, idempotent).split_for_parts();
    api::finish(&mut document, app.cookies.session, app.is_development());
    let document = document.to_json().unwrap_or_default();
    let mut router = Router::new()
        .merge(pages().merge(protocol::pages()).layer(from_fn_with_state(app.clone(), guard::keep_browser)))
        .merge(programs)
        .route("/openapi.json", get(move || async move { json("no-cache", document) }))
        .merge(protocol::programs())
        .merge(protocol::arrivals())
        .route("/static/{*path}", get(pages::asset))
        .fallback(|| async { Failure::NotFound });
    if app.is_development() {
        router = router.merge(dev::router());
    }
    finish(router, app)
}

/// What every request goes through, from the last layer to the first.
fn finish(router: Router<App>, app: App) -> Router {
    let mut router = router
        .layer(CatchPanicLayer::custom(guard::caught))
        .layer(from_fn_with_state(app.clone(), front::serve));
    if app.traced {
        router = router.layer(from_fn_with_state(app.clone(), traces::trace));
    }
    router.with_state(app)
}

/// The `OpenAPI` document, for a server whose cookies are secure.
pub fn openapi() -> utoipa::openapi::OpenApi {
    describe("__Host-keyward-session", false)
}

/// The `OpenAPI` document, for a server whose session cookie has this name, and which may be `keyward dev`.
pub(crate) fn describe(session_cookie: &str, development: bool) -> utoipa::openapi::OpenApi {
    let mut document = programs(signing_in(), api::idempotent(identity)).into_openapi();
    api::finish(&mut document, session_cookie, development);
    document
}

fn programs(signing_in: OpenApiRouter<App>, idempotent: OpenApiRouter<App>) -> OpenApiRouter<App> {
    let document = OpenApiRouter::with_openapi(api::Document::openapi());
    document.merge(signing_in).merge(idempotent).merge(contract::checks())
}

/// What may open a session.
fn signing_in() -> OpenApiRouter<App> {
    api::router().merge(contract::router())
}

fn pages() -> Router<App> {
    use pages::{account, apps, credentials, email, landing, recover, sessions, sign_in, sign_out, sign_up};
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
        // Where password stores send people (W3C, A Well-Known URL for Changing Passwords).
        .route("/.well-known/change-password", get(landing::change_password))
        .route("/account/password", get(credentials::show_password).post(credentials::change_password))
        .route("/account/second-step", get(credentials::show_second_step).post(credentials::set_second_step))
        .route("/account/delete", get(credentials::show_delete).post(credentials::delete))
        .route("/account/confirm", get(sign_in::show_confirm).post(sign_in::confirm))
        .route("/account/apps", get(apps::show))
        .route("/account/apps/withdraw", post(apps::withdraw))
        .route("/account/sessions", get(sessions::show))
        .route("/account/sessions/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
}

fn json(cache: &'static str, body: String) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, cache)], body).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use auth::{AccountSettings, Auth, Hasher, HasherSettings, Limits, Parts, Processes, Random, Settings};
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use domain::{Clock, Timestamp};
    use http_body_util::BodyExt as _;
    use outbound::{EgressClient, EgressSettings};
    use secrets::sealing::{Keyring, generate_key_text};
    use tower::ServiceExt as _;

    use super::*;
    use crate::AppParts;
    use crate::branding::Branding;
    use crate::client_keys::ClientKeys;

    async fn app(folder: &tempfile::TempDir) -> App {
        let settings = Settings {
            public_url: "https://auth.example.com/".parse().unwrap(),
            product: "Keyward".to_owned(),
            return_to: Vec::new(),
            algorithms: vec![oidc::Algorithm::EdDsa],
            accounts: AccountSettings::default(),
            limits: Limits::default(),
        };
        let weak = HasherSettings { memory_kib: 64, iterations: 1, ..HasherSettings::default() };
        let parts = Parts {
            processes: Processes::One,
            store: store::Store::open(&folder.path().join("keyward.sqlite")).await.unwrap(),
            ephemeral: store::ephemeral::Ephemeral::memory(),
            keyring: Keyring::from_text(&generate_key_text(), &[]).unwrap(),
            audit_key: [7; 32],
            hasher: Hasher::new(&weak, 1, Random::system()).unwrap(),
            clock: Clock::new(|| Timestamp(0)),
            random: Random::system(),
            settings,
        };
        App::new(AppParts {
            auth: Arc::new(Auth::start(parts).await.unwrap()),
            branding: Branding::default(),
            trusted_proxies: Vec::new(),
            reveal_accounts: false,
            mailbox: None,
            client_keys: ClientKeys::new(EgressClient::new(&EgressSettings::default()).unwrap()),
        })
    }

    #[tokio::test]
    async fn a_panic_is_told_as_a_fault_of_ours_and_the_next_request_is_served() {
        let folder = tempfile::tempdir().unwrap();
        let faulty = Router::new().route("/api/v1/faulty", get(faulty)).route("/", get(|| async { "fine" }));
        let router = finish(faulty, app(&folder).await);
        let ask = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(ask("/api/v1/faulty")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("\"support_id\":\"") && !body.contains("unforeseen"), "{body}");
        assert_eq!(router.oneshot(ask("/")).await.unwrap().status(), StatusCode::OK);
    }

    #[expect(clippy::panic, reason = "it is what the test is about")]
    async fn faulty() -> StatusCode {
        panic!("something unforeseen")
    }
}
