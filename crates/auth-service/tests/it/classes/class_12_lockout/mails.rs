//! Paths that make a mail go out.

use serde_json::json;

use super::{ANA, Speech, assert_too_many, send};
use crate::support::{PASSWORD, TestApp};

/// Whatever makes a mail go out.
#[tokio::test]
async fn every_path_that_mails_is_bounded() {
    let email = json!({ "email": ANA });
    let sign_up = json!({ "email": ANA, "password": PASSWORD });
    let family = json!({ "email": ANA, "password": PASSWORD, "requires2FA": false });
    for (path, speech, body) in [
        ("/sign-up", Speech::Form, &sign_up),
        ("/api/v1/sign-up", Speech::Json, &sign_up),
        ("/signup", Speech::Json, &family),
        ("/reset", Speech::Form, &email),
        ("/api/v1/reset", Speech::Json, &email),
    ] {
        let app = TestApp::with(|setup| setup.limits.mails = 2).await;
        for _ in 0..2 {
            let status = send(&mut app.browser(), "POST", path, speech, body).await.status;
            assert!(status.is_success() || status == 303, "{path} {status}");
        }
        assert_too_many(&send(&mut app.browser(), "POST", path, speech, body).await, path, 3_600);
    }
}
