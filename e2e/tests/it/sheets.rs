//! Every page there is, filled with given words: also those that a person seldom meets, such as the server's faults.

use auth_service::branding::{Branding, Colour};
use auth_service::locale::Locale;
use auth_service::views::{FormPost, Frame, assets, brand_stylesheet};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use url::Url;

use crate::browser::{Browser, Scripts};
use crate::tools::Tools;

#[path = "../../../crates/auth-service/tests/it/gallery.rs"]
mod gallery;

/// All sheets in a language.
fn sheets(locale: Locale) -> Vec<gallery::Sheet> {
    let branding = Branding { support_contact: Some("help@example.com".to_owned()), ..Branding::default() };
    let mut sheets = gallery::pages(locale, &branding, gallery::CALM);
    let form = FormPost {
        action: "https://app.example.com/callback",
        fields: &[("code", "x".to_owned()), ("state", "y".to_owned())],
    };
    sheets.push(("form-post", form.render(&Frame::new(locale, &branding, "/authorize"))));
    sheets
}

async fn show(Path((tag, name)): Path<(String, String)>) -> Response {
    let Some(locale) = Locale::from_tag(&tag) else { return StatusCode::NOT_FOUND.into_response() };
    let sheet = sheets(locale).into_iter().find(|(own, _)| *own == name);
    let Some((_, html)) = sheet else { return StatusCode::NOT_FOUND.into_response() };
    // No script of the page runs, so that the form that posts itself stays to be looked at.
    let headers =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, "script-src 'none'")];
    (headers, html).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    if name == "brand.css" {
        return ([(CONTENT_TYPE, "text/css")], brand_stylesheet(&Branding::default())).into_response();
    }
    match assets::find(&format!("/static/{name}")) {
        Some(asset) => ([(CONTENT_TYPE, asset.content_type)], asset.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Serves the sheets for as long as the test runs.
async fn serve() -> Url {
    let routes = Router::new().route("/sheets/{tag}/{name}", get(show)).route("/static/{name}", get(asset));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}/").parse().unwrap()
}

/// Sheets of which the gallery has pictures, taken from the server itself.
const PICTURED: &[&str] = &[
    "sign-up",
    "sign-up-wrong",
    "check-mail",
    "check-mail-wrong",
    "prove-here",
    "prove-elsewhere",
    "sign-in",
    "sign-in-refused",
    "sign-in-code",
    "reset",
    "reset-code",
    "reset-new",
    "account",
    "profile",
    "change-email",
    "change-password",
    "change-password-wrong",
    "delete-account",
    "confirm-identity",
    "landing",
    "sign-out",
    "signed-out",
    "mailbox",
    "docs",
    "error-link-expired",
    "error-not-found",
];

#[tokio::test]
async fn every_sheet_of_the_gallery_is_accessible() {
    let Some(tools) = Tools::find() else { return };
    let host = serve().await;
    let browser = Browser::start(&tools, Scripts::On).await;
    let sheets = sheets(Locale::English);
    for pictured in PICTURED {
        assert!(sheets.iter().any(|(name, _)| name == pictured), "no sheet is called {pictured}");
    }
    for (name, _) in sheets {
        browser.open(&host.join(&format!("/sheets/en/{name}")).unwrap()).await;
        assert_eq!(browser.status().await, 200, "{name}");
        browser.is_accessible_and_legible(&tools, name).await;
        if !PICTURED.contains(&name) {
            browser.picture(&format!("sheet-{name}")).await;
        }
    }
    browser.quit().await;
}

/// An unticked box could hardly be told from a dark card.
#[tokio::test]
async fn a_box_can_be_seen_ticked_or_not() {
    let Some(tools) = Tools::find() else { return };
    let host = serve().await;
    let browser = Browser::start(&tools, Scripts::On).await;
    for (sheet, ticked) in [("sign-up", false), ("sign-up-wrong", true)] {
        browser.open(&host.join(&format!("/sheets/en/{sheet}")).unwrap()).await;
        assert_eq!(browser.has("main [type=checkbox]:checked").await, ticked, "{sheet}");
        for scheme in ["light", "dark"] {
            browser.prefers(scheme).await;
            let card = browser.colour("main", "background-color").await;
            let edge = browser.colour("main [type=checkbox]", "border-top-color").await;
            let contrast = edge.contrast(card);
            assert!(contrast >= Colour::VISIBLE, "{sheet}, {scheme}: {edge} on {card}: {contrast}");
            let inside = browser.colour("main [type=checkbox]", "background-color").await;
            assert_eq!(inside != card, ticked, "{sheet}, {scheme}: {inside} on {card}");
        }
    }
    browser.quit().await;
}

/// The account page had two on a phone.
#[tokio::test]
async fn there_is_one_way_to_sign_out_at_each_width() {
    let Some(tools) = Tools::find() else { return };
    let host = serve().await;
    let browser = Browser::start(&tools, Scripts::On).await;
    for sheet in ["account", "account-bare", "sessions", "change-password", "consent"] {
        browser.open(&host.join(&format!("/sheets/en/{sheet}")).unwrap()).await;
        for width in [390, 768, 1280] {
            let seen = browser.at_width(width, async || browser.seen("a[href='/sign-out']").await).await;
            assert_eq!(seen, 1, "{sheet} at {width} px");
        }
    }
    browser.quit().await;
}
