//! Whoever asks: a browser or a program, with the cookies it was given.

use std::collections::BTreeMap;

use auth_service::Shortcuts;
use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::Answer;

/// A browser, or a program if it has no origin.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Shortcuts,
    host: String,
    origin: Option<String>,
    pub(crate) jar: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(router: impl Into<Shortcuts>, host: String, origin: Option<String>) -> Self {
        Self { router: router.into(), host, origin, jar: BTreeMap::new() }
    }

    /// Goes on with another server of the same address, cookies and all.
    pub(crate) fn meet(&mut self, app: &super::TestApp) {
        self.router = app.router.clone();
    }

    /// Sends a request, with our cookies, and keeps those of the answer.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let safe = request.method().is_safe();
        let headers = request.headers_mut();
        headers.entry("host").or_insert(self.host.parse().unwrap());
        if !self.jar.is_empty() && !headers.contains_key("cookie") {
            let pairs: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert("cookie", pairs.join("; ").parse().unwrap());
        }
        if let Some(origin) = self.origin.as_ref().filter(|_| !safe) {
            headers.entry("origin").or_insert(origin.parse().unwrap());
            headers.entry("sec-fetch-site").or_insert("same-origin".parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        for cookie in answer.cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn head(&mut self, path: &str) -> Answer {
        self.send(Request::head(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(form(path, fields)).await
    }

    /// Says so on a page of the way to an app, as whoever it shows for this request; as nobody, if it is not shown.
    pub(crate) async fn choose(&mut self, path: &str, id: &str, choice: &str) -> Answer {
        let page = self.get(&format!("{path}?id={id}")).await;
        let account = if page.status == 200 { page.hidden("account") } else { String::new() };
        self.post(path, &[("id", id), ("account", &account), ("choice", choice)]).await
    }

    /// Sends JSON.
    pub(crate) async fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        self.raw(method, path, "application/json", body.to_string()).await
    }

    /// Sends a body of any kind; none of no type.
    pub(crate) async fn raw(
        &mut self,
        method: &str,
        path: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Whether somebody is signed in here.
    pub(crate) async fn is_signed_in(&mut self) -> bool {
        self.get("/account").await.status == 200
    }

    /// The session's id.
    pub(crate) async fn session_id(&mut self) -> String {
        let sessions = self.get("/api/v1/account/sessions").await.json();
        let current = sessions.as_array().unwrap().iter().find(|session| session["current"] == true);
        current.unwrap()["id"].as_str().unwrap().to_owned()
    }
}

/// A form on its way with an `Authorization` header.
pub(crate) fn authorized_form(path: &str, authorization: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = form(path, fields);
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    request
}

/// A form on its way.
pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let body = serde_urlencoded::to_string(fields).unwrap();
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}
