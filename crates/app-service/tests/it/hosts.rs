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
    let app = App::new();
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

/// A body that is not read would be taken for the connection's next request.
#[tokio::test]
async fn class_21_a_connection_is_closed_behind_a_body() {
    let app = App::new();
    for path in ["/", "/protected", "/healthz", "/nowhere", "/auth/sign-in"] {
        for method in ["GET", "POST"] {
            let request = Request::builder().method(method).uri(path).header("host", "app.localhost:8000");
            let answer = app.send(request.body(Body::from("x".repeat(1_000))).unwrap()).await;
            assert_eq!(answer.header("connection"), "close", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_forwarded_host_moves_nobody() {
    let app = App::new();
    for forwarded in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "https://evil.example/"),
        ("forwarded", "host=evil.example;proto=https"),
    ] {
        for path in ["/", "/protected", "/auth/sign-in", "/auth/callback?state=x"] {
            let plain = ask(&app, path, &[("host", "app.localhost:8000")]).await.whole();
            let answer = ask(&app, path, &[("host", "app.localhost:8000"), forwarded]).await;
            assert_eq!(answer.whole(), plain, "{forwarded:?}");
            assert!(!plain.contains("evil"));
        }
    }
}

#[tokio::test]
async fn a_health_check_needs_no_name() {
    let app = App::new();
    for headers in [vec![], vec![("host", "127.0.0.1:8000")]] {
        let answer = ask(&app, "/healthz", &headers).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "ok\n"));
    }
}

/// By another name of this machine the app once refused to open, and sign-in led back to where it began.
#[tokio::test]
async fn other_names_of_this_machine_lead_to_the_one_of_the_app() {
    let app = App::at("http://localhost:8000");
    for host in ["127.0.0.1:8000", "[::1]:8000"] {
        for path in ["/", "/protected", "/nowhere/at?all=1&x=%C3%A4", "//evil.example/"] {
            let answer = ask(&app, path, &[("host", host)]).await;
            assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{host} {path}");
            assert_eq!(answer.header("location"), format!("http://localhost:8000{path}"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
        let posted = Request::post("/").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(app.send(posted).await.status, StatusCode::MISDIRECTED_REQUEST, "a form is not sent on");
    }
    for host in ["127.0.0.1", "127.0.0.1:8001", "127.0.0.2:8000", "[::2]:8000"] {
        assert_eq!(ask(&app, "/", &[("host", host)]).await.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    assert_eq!(ask(&app, "/", &[("host", "localhost:8000")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_an_app_behind_tls_says_that_it_always_will_be() {
    let said = |app_url: &str| {
        let app = App::at(app_url);
        let host = app_url.split("//").nth(1).unwrap().to_owned();
        async move {
            let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
            app.send(request).await.headers.get("strict-transport-security").cloned()
        }
    };
    assert_eq!(said("https://app.example.com").await.unwrap(), "max-age=63072000; includeSubDomains");
    assert_eq!(said("http://app.localhost:8000").await, None);
}
