//! Class 6: somebody or something that is gone, and served all the same. Every way in, for every thing that can be gone.

use std::time::Duration;

use domain::Email;
use serde_json::{Value, json};

use crate::protocol::{Wiki, try_returned, userinfo};
use crate::support::{Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    Nothing,
    SignedOut,
    AccountDisabled,
    AccountDeleted,
    AppRemoved,
    ConsentWithdrawn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    SessionCookie,
    SessionToken,
    SilentAuthorization,
    Code,
    Refresh,
    Userinfo,
    UserinfoOffline,
    Introspection,
    ClientsOwnToken,
    NewClientsToken,
}

const EVERY_WAY: [Way; 10] = [
    Way::SessionCookie,
    Way::SessionToken,
    Way::SilentAuthorization,
    Way::Code,
    Way::Refresh,
    Way::Userinfo,
    Way::UserinfoOffline,
    Way::Introspection,
    Way::ClientsOwnToken,
    Way::NewClientsToken,
];

/// What still lets in: everything else has to refuse.
fn lives(gone: Gone, way: Way) -> bool {
    let of_the_app_itself = matches!(way, Way::ClientsOwnToken | Way::NewClientsToken);
    match gone {
        Gone::Nothing => true,
        // `offline_access` outlives the session (OpenID Connect Core section 11).
        Gone::SignedOut => {
            of_the_app_itself || matches!(way, Way::Refresh | Way::UserinfoOffline | Way::Introspection)
        }
        Gone::AccountDisabled | Gone::AccountDeleted => of_the_app_itself,
        Gone::AppRemoved => matches!(way, Way::SessionCookie | Way::SessionToken),
        Gone::ConsentWithdrawn => of_the_app_itself || matches!(way, Way::SessionCookie | Way::SessionToken),
    }
}

/// Everything that lets in, all of it good.
struct Held {
    browser: Browser,
    jwt: String,
    code: String,
    access: String,
    offline: Value,
    own: String,
}

async fn wiki(app: &TestApp) -> Wiki {
    let changes = json!({
        "first_party": false, "scope": "openid email offline_access wiki:write", "default_scope": "wiki:write",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    });
    Wiki::register(app, changes).await
}

/// Lets the app in, asked or not.
async fn allowed(wiki: &Wiki, browser: &mut Browser, scope: &str) -> String {
    let answer = browser.get(&wiki.authorize(&[("scope", scope)])).await;
    if let Some(code) = try_returned_if(&answer) {
        return code;
    }
    let id = browser.get(answer.location()).await.hidden("id");
    let answer = browser.choose("/authorize/consent", &id, "allow").await;
    try_returned(&answer, "code").unwrap()
}

fn try_returned_if(answer: &crate::support::Answer) -> Option<String> {
    answer.location().starts_with("https://").then(|| try_returned(answer, "code")).flatten()
}

async fn held(app: &TestApp, wiki: &Wiki) -> Held {
    let mut browser = app.member(ANA).await;
    let code = allowed(wiki, &mut browser, "openid email offline_access").await;
    let offline = wiki.exchange(app, &code).await.json();
    let code = allowed(wiki, &mut browser, "openid email").await;
    let access = wiki.exchange(app, &code).await.text("access_token");
    let own = wiki.ask(app, "/token", &[("grant_type", "client_credentials")]).await.text("access_token");
    let code = allowed(wiki, &mut browser, "openid email").await;
    Held { jwt: browser.jar["jwt"].clone(), browser, code, access, offline, own }
}

async fn make(gone: Gone, app: &TestApp, held: &mut Held) {
    match gone {
        Gone::Nothing => {}
        Gone::SignedOut => assert_eq!(held.browser.clone().post("/sign-out", &[]).await.status, 303),
        Gone::AccountDisabled => {
            let mut tx = app.store().await.begin().await.unwrap();
            let owner = store::emails::owner(&mut tx, &Email::parse(ANA).unwrap()).await.unwrap().unwrap();
            let now = Some(app.app.auth.now());
            store::users::set_disabled(&mut tx, owner.user_id.into(), now).await.unwrap();
            tx.commit().await.unwrap();
        }
        Gone::AccountDeleted => {
            let fields = [("password", PASSWORD), ("confirm", "on")];
            let answer = held.browser.clone().post("/account/delete", &fields).await;
            assert!(answer.location().starts_with("/signed-out"), "{}", answer.body);
        }
        Gone::AppRemoved => app.app.auth.clients().remove("wiki", app.app.auth.now()).await.unwrap(),
        Gone::ConsentWithdrawn => {
            let answer = held.browser.post("/account/apps/withdraw", &[("id", "wiki")]).await;
            assert_eq!(answer.status, 303);
        }
    }
}

async fn lets_in(way: Way, app: &TestApp, wiki: &Wiki, held: &Held) -> bool {
    let text = |name: &str| held.offline[name].as_str().unwrap().to_owned();
    let mut browser = held.browser.clone();
    match way {
        Way::SessionCookie => browser.is_signed_in().await,
        Way::SessionToken => {
            let body = json!({ "token": held.jwt });
            app.program().json("POST", "/verify-token", &body).await.status == 200
        }
        Way::SilentAuthorization => {
            let asked = wiki.authorize(&[("scope", "openid email"), ("prompt", "none")]);
            try_returned_if(&browser.get(&asked).await).is_some()
        }
        Way::Code => wiki.exchange(app, &held.code).await.status == 200,
        Way::Refresh => wiki.refresh(app, &text("refresh_token")).await.status == 200,
        Way::Userinfo => userinfo(app, &held.access).await.status == 200,
        Way::UserinfoOffline => userinfo(app, &text("access_token")).await.status == 200,
        Way::Introspection => active(app, wiki, &text("access_token")).await,
        Way::ClientsOwnToken => active(app, wiki, &held.own).await,
        Way::NewClientsToken => {
            wiki.ask(app, "/token", &[("grant_type", "client_credentials")]).await.status == 200
        }
    }
}

async fn active(app: &TestApp, wiki: &Wiki, token: &str) -> bool {
    let answer = wiki.ask(app, "/introspect", &[("token", token)]).await;
    answer.status == 200 && answer.json()["active"] == true
}

#[tokio::test]
async fn class_06_every_way_in_is_closed_to_whatever_is_gone() {
    for gone in [
        Gone::Nothing,
        Gone::SignedOut,
        Gone::AccountDisabled,
        Gone::AccountDeleted,
        Gone::AppRemoved,
        Gone::ConsentWithdrawn,
    ] {
        for remembered in [false, true] {
            let app = TestApp::start().await;
            let wiki = wiki(&app).await;
            let mut held = held(&app, &wiki).await;
            if remembered {
                // What this process has seen a moment ago it remembers.
                for way in [Way::SessionToken, Way::Userinfo, Way::UserinfoOffline, Way::ClientsOwnToken] {
                    assert!(lets_in(way, &app, &wiki, &held).await, "{way:?}");
                }
            }
            make(gone, &app, &mut held).await;
            // What another process or an operator did is known within five seconds; what was done here, at once.
            if matches!(gone, Gone::AccountDisabled | Gone::AppRemoved) {
                app.turn(Duration::from_secs(5));
            }
            for way in EVERY_WAY {
                let found = lets_in(way, &app, &wiki, &held).await;
                assert_eq!(found, lives(gone, way), "{way:?} with {gone:?}, remembered: {remembered}");
            }
        }
    }
}

/// A request that waits for a person goes on for nobody else, and for nobody who is gone.
#[tokio::test]
async fn class_06_a_request_that_waits_is_not_answered_for_whoever_is_gone() {
    for gone in [Gone::SignedOut, Gone::AccountDisabled, Gone::AccountDeleted, Gone::AppRemoved] {
        let app = TestApp::start().await;
        let wiki = wiki(&app).await;
        let mut held = held(&app, &wiki).await;
        let asked = wiki.authorize(&[("scope", "openid"), ("prompt", "consent")]);
        let waiting = held.browser.get(&asked).await.location().to_owned();
        let page = held.browser.get(&waiting).await;
        let (id, account) = (page.hidden("id"), page.hidden("account"));
        make(gone, &app, &mut held).await;
        app.turn(Duration::from_secs(5));
        for (path, choice) in [("/authorize/consent", "allow"), ("/authorize/account", "continue")] {
            let fields = [("id", id.as_str()), ("account", account.as_str()), ("choice", choice)];
            let answer = held.browser.clone().post(path, &fields).await;
            assert!(!answer.location().starts_with("https://"), "{gone:?} {path}: {}", answer.location());
        }
        let answer = held.browser.clone().get(&format!("/authorize/continue?id={id}")).await;
        assert!(!answer.location().starts_with("https://"), "{gone:?}: {}", answer.location());
    }
}
