//! `oidcc-rp-initiated-logout-certification-test-plan`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{HOME, ISSUER, Mode, Op, config};
use crate::support::Answer;

/// As long as the suite's, to see that it comes back whole.
fn state() -> String {
    "aB3-._~%+ /".chars().cycle().take(128).collect()
}

/// A person who has signed in to the app, and what the module sends them to the logout endpoint with.
struct Leaving {
    op: Op,
    fields: Vec<(&'static str, String)>,
}

impl Leaving {
    async fn new() -> Self {
        let mut op = Op::new(Mode::Query).await;
        let tokens = op.flow(&[]).await;
        let hint = tokens["id_token"].as_str().unwrap().to_owned();
        let fields =
            vec![("id_token_hint", hint), ("post_logout_redirect_uri", HOME.to_owned()), ("state", state())];
        Self { op, fields }
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self
    }

    fn with(self, name: &'static str, value: String) -> Self {
        let mut changed = self.without(name);
        changed.fields.push((name, value));
        changed
    }

    fn query(&self) -> String {
        serde_urlencoded::to_string(&self.fields).unwrap()
    }

    async fn go(&mut self) -> Answer {
        self.op.browser.get(&format!("/end-session?{}", self.query())).await
    }

    /// With `prompt=none` nobody is signed in any more.
    async fn assert_signed_out(&mut self) {
        let callback = self.op.authorize(&[("prompt", "none")]).await;
        assert_eq!(callback["error"], "login_required");
    }

    /// The person is asked, says yes, and sees that they are signed out: nobody is sent back.
    async fn assert_asked_and_signed_out_here(&mut self) {
        let page = self.go().await;
        assert_eq!((page.status.as_u16(), page.location()), (200, ""));
        let request = page.hidden("request").replace("&#38;", "&");
        let answer = self.op.browser.post("/sign-out", &[("request", &request)]).await;
        assert_eq!(answer.location(), "/signed-out");
        assert_eq!(self.op.browser.get("/signed-out").await.status, 200);
        self.assert_signed_out().await;
    }

    /// An error is shown: nobody is sent back, and nobody signed out.
    async fn assert_refused(&mut self) {
        let page = self.go().await;
        assert_eq!((page.status.as_u16(), page.location()), (400, ""), "{}", page.body);
        assert!(self.op.browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let endpoint = config::document().await["end_session_endpoint"].clone();
    assert_eq!(endpoint, Value::from(format!("{ISSUER}/end-session")));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let mut leaving = Leaving::new().await;
    let answer = leaving.go().await;
    let query = answer.location().strip_prefix(HOME).unwrap().strip_prefix('?').unwrap();
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    assert_eq!(fields, [("state".to_owned(), state())], "the state, whole, and nothing else");
    leaving.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let uri = "https://wiki.example.com/post_logout_redirect/foobar".to_owned();
    Leaving::new().await.with("post_logout_redirect_uri", uri).assert_refused().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    Leaving::new().await.with("post_logout_redirect_uri", format!("{HOME}?foo=bar")).assert_refused().await;
}

/// The hint made `alg: none`.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let leaving = Leaving::new().await;
    let claims = leaving.fields[0].1.split('.').nth(1).unwrap().to_owned();
    let hint = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
    leaving.with("id_token_hint", hint).assert_refused().await;
}

/// A hint that is no ID token.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let leaving = Leaving::new().await;
    let changed = format!("{}AAAA", leaving.fields[0].1);
    leaving.with("id_token_hint", changed).assert_refused().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    Leaving::new().await.without("id_token_hint").assert_refused().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let leaving = Leaving::new().await.without("id_token_hint").without("post_logout_redirect_uri");
    leaving.without("state").assert_asked_and_signed_out_here().await;
}

/// The hint says whom the app means: without a question, and without a way back.
#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let mut leaving = Leaving::new().await.without("post_logout_redirect_uri");
    assert_eq!(leaving.go().await.location(), "/signed-out");
    leaving.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let mut leaving = Leaving::new().await.without("state");
    assert_eq!(leaving.go().await.location(), HOME);
    leaving.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let leaving = Leaving::new().await.without("id_token_hint").without("post_logout_redirect_uri");
    { leaving }.assert_asked_and_signed_out_here().await;
}
