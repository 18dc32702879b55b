//! The front door, and the files that pages refer to.

use auth_service::branding::Logo;
use auth_service::views::assets::ASSETS;
use axum::body::Body;
use axum::http::Request;
use insta::assert_snapshot;

use crate::support::TestApp;

#[tokio::test]
async fn every_public_page_renders_and_every_file_it_names_is_there() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for path in ["/", "/docs", "/sign-up", "/sign-in", "/sign-out", "/signed-out", "/reset"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            !page.body.contains("http://") && !page.body.contains("https://"),
            "{path} asks another host"
        );
        for attribute in ["href=\"/static/", "src=\"/static/"] {
            for rest in page.body.split(attribute).skip(1) {
                let file = format!("/static/{}", rest.split('"').next().unwrap());
                let answer = browser.get(&file).await;
                assert_eq!(answer.status, 200, "{file}");
                assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
                let again = Request::get(&file).header("if-none-match", answer.header("etag"));
                let again = browser.send(again.body(Body::empty()).unwrap()).await;
                assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{file}");
            }
        }
    }
}

/// A logo could once be named, and never served.
#[tokio::test]
async fn the_logo_of_the_team_is_served_and_can_do_nothing() {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let logo = Logo::new(svg.as_bytes().to_vec()).unwrap();
    let address = logo.address();
    let app = TestApp::with(|setup| setup.branding.logo = Some(logo)).await;
    let mut browser = app.browser();
    let page = browser.get("/sign-in").await;
    assert!(page.body.contains(&format!("<img src=\"{address}\"")), "{}", page.body);
    let answer = browser.get(&address).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, svg));
    assert_eq!(answer.header("content-type"), "image/svg+xml");
    assert!(answer.header("content-security-policy").ends_with("; sandbox"));
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(browser.get("/static/brand-logo.png").await.status, 404);
    assert_eq!(TestApp::start().await.browser().get("/static/brand-logo.svg").await.status, 404);
}

/// A picture once allowed styles of its own where it is opened by itself.
#[tokio::test]
async fn no_file_allows_a_script_or_a_style_within_a_document() {
    let logo = Logo::new(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()).unwrap();
    let brand = logo.address();
    let app = TestApp::with(|setup| setup.branding.logo = Some(logo)).await;
    let mut browser = app.browser();
    let files =
        ASSETS.iter().map(|asset| asset.path.to_owned()).chain([brand, "/static/brand.css".to_owned()]);
    for file in files {
        let answer = browser.get(&file).await;
        assert_eq!(answer.status, 200, "{file}");
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'; ",
            "base-uri 'none'; ",
            "frame-ancestors 'none'; ",
            "require-trusted-types-for 'script'; trusted-types 'none'",
        ] {
            assert!(policy.contains(part), "{file}: {policy}");
        }
        for word in ["unsafe", "script-src", "sha256", "nonce"] {
            assert!(!policy.contains(word), "{file}: {policy}");
        }
    }
}

/// A browser that looks at a page is given a token to keep, once.
#[tokio::test]
async fn a_browser_is_known_again() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    assert_snapshot!(crate::support::redact(&browser.get("/").await.cookies().join("\n")), @"__Host-keyward-browser=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000");
    assert!(browser.get("/").await.cookies().is_empty());
    assert!(app.program().get("/openapi.json").await.cookies().is_empty());
}

#[tokio::test]
async fn the_public_keys_are_published() {
    let app = TestApp::start().await;
    let answer = app.program().get("/.well-known/jwks.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let keys = answer.json()["keys"].clone();
    for key in keys.as_array().unwrap() {
        assert!(key["kid"].is_string() && key["alg"].is_string(), "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private} is nobody's business");
        }
    }
    let again = Request::get("/.well-known/jwks.json").header("if-none-match", answer.header("etag"));
    assert_eq!(app.program().send(again.body(Body::empty()).unwrap()).await.status, 304);
}
