//! Class 3 of the security notes: a forged host moves nobody.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::App;

async fn ask(app: &App, path: &str, headers: &[(&str, &str)]) -> crate::Answer {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn hostile_host_is_refused() {
    let app = App::start().await;
    for host in [
        "",
        "evil.example",
        "app.localhost",
        "app.localhost:80",
        "app.localhost:8000.evil.example",
        "app.localhost:8000@evil.example",
        "evil.example@app.localhost:8000",
        "app.localhost:8000/",
        "app.localhost:8000#",
        "app.localhost.:8000",
        "localhost:8000",
        "127.0.0.1:8000",
        "[::1]:8000",
    ] {
        for path in ["/", "/protected", "/static/app.css", "/nowhere"] {
            let answer = ask(&app, path, &[("host", host)]).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host:?} {path}");
            assert_eq!(answer.header("location"), "");
            assert!(!answer.body.contains("evil"));
        }
    }
    assert_eq!(ask(&app, "/", &[]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&app, "/", &[("host", "APP.localhost:8000")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_forwarded_host_moves_nobody() {
    let app = App::start().await;
    let plain = ask(&app, "/protected", &[("host", "app.localhost:8000")]).await.whole();
    for forwarded in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "https://evil.example/"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        let answer = ask(&app, "/protected", &[("host", "app.localhost:8000"), forwarded]).await;
        assert_eq!(answer.whole(), plain, "{forwarded:?}");
    }
    let query =
        ask(&app, "/protected?return_to=https://evil.example/", &[("host", "app.localhost:8000")]).await;
    assert_eq!(query.whole(), plain);
}

#[tokio::test]
async fn a_health_check_needs_no_name() {
    let app = App::start().await;
    for headers in [vec![], vec![("host", "127.0.0.1:8000")]] {
        let answer = ask(&app, "/healthz", &headers).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "ok\n"));
    }
}
