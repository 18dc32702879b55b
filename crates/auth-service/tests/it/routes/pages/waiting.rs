//! A form that cannot be served just now stays, with what was typed, and says how long to wait.

use crate::support::{Answer, Browser, Log, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";
const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
/// As a mailed link has it.
const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn assert_kept(log: &Log, answer: &Answer, status: u16, action: &str, typed: &str) {
    assert_eq!(answer.status, status, "{action}: {}", answer.body);
    let wait: u32 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("{action}: when?"));
    assert!(wait >= 1, "{action}");
    assert!(answer.body.contains(&format!("action=\"{action}\"")), "{action}: {}", answer.body);
    assert!(answer.body.contains("role=\"alert\""), "{action}");
    assert!(answer.body.contains(typed), "{action} lost {typed}: {}", answer.body);
    assert_told(log, answer, action);
    assert!(!answer.body.contains(PASSWORD) && !answer.body.contains(OTHER_PASSWORD), "{action}");
}

/// What went wrong is in the log by the id that the page shows.
fn assert_told(log: &Log, answer: &Answer, action: &str) {
    let told = log.lines_with(answer.support_id());
    // Of what is away it is said where it was met; that it was shown is a note then.
    let said = match answer.status.as_u16() {
        503 => "the database did not do what was asked".to_owned(),
        status => format!("a failure was shown status={status}"),
    };
    assert_eq!(told.iter().filter(|line| line.contains(&said)).count(), 1, "{action}: {told:?}");
}

/// Sends a form until it is refused for being sent too often.
async fn until_too_many(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    for _ in 0..8 {
        let answer = browser.post(path, fields).await;
        if answer.status == 429 {
            assert!(answer.body.contains("Please wait"), "{path}: {}", answer.body);
            return answer;
        }
    }
    panic!("{path} is never refused");
}

#[tokio::test]
async fn too_many_tries_keep_the_form_of_a_stranger() {
    let log = Log::listen();
    let sign_up = [("name", "Ana"), ("email", ANA), ("password", PASSWORD)];
    let reset_code = [("id", ID), ("code", "123456"), ("new_password", OTHER_PASSWORD)];
    for (path, fields, typed) in [
        ("/sign-up", &sign_up[..], "value=\"ana@example.com\""),
        ("/sign-up", &sign_up[..], "value=\"Ana\""),
        ("/reset", &[("email", ANA)][..], "value=\"ana@example.com\""),
        ("/reset/code", &reset_code[..], ID),
        ("/verify", &[("id", ID), ("code", "123456")][..], ID),
    ] {
        let app = TestApp::with(|setup| {
            setup.limits.network_sign_ups = 1;
            setup.limits.mails = 1;
            setup.limits.network_failures = 2;
        });
        let app = app.await;
        let answer = until_too_many(&mut app.browser(), path, fields).await;
        assert_kept(&log, &answer, 429, path, typed);
    }
}

#[tokio::test]
async fn too_many_tries_keep_the_form_that_a_link_led_to() {
    let log = Log::listen();
    let app = TestApp::with(|setup| setup.limits.account_failures = 1).await;
    app.browser().post("/sign-up", &[("email", ANA), ("password", PASSWORD)]).await;
    let token = app.letter(ANA).await.token();
    let fields = [("token", &*token), ("password", OTHER_PASSWORD)];
    let answer = until_too_many(&mut app.browser(), "/verify", &fields).await;
    assert_kept(&log, &answer, 429, "/verify", &token);
}

/// The link and what was typed are right: only the network has had its tries.
#[tokio::test]
async fn a_network_over_its_limit_keeps_the_forms_of_links_that_are_good() {
    let log = Log::listen();
    for (path, here) in
        [("/reset/new", true), ("/account/email/confirm", true), ("/verify", true), ("/verify", false)]
    {
        let app = TestApp::with(|setup| setup.limits.network_failures = 2).await;
        let mut own = app.member(ANA).await;
        let mut browser = app.browser();
        let token = match path {
            "/reset/new" => {
                browser.post("/reset", &[("email", ANA)]).await;
                app.letter(ANA).await.token()
            }
            "/account/email/confirm" => {
                own.post("/account/email", &[("email", NEW)]).await;
                app.letter(NEW).await.token()
            }
            _ => {
                browser.get("/sign-up").await;
                browser.post("/sign-up", &[("email", NEW), ("password", PASSWORD)]).await;
                app.letter(NEW).await.token()
            }
        };
        // The browser that signed up has a button, any other a field for the password.
        let password = (path != "/verify" || !here).then_some(("new_password", OTHER_PASSWORD));
        let mut browser = if here { browser } else { app.browser() };
        let fields =
            |token| [("token", token), ("side", "new")].into_iter().chain(password).collect::<Vec<_>>();
        for _ in 0..2 {
            assert_eq!(browser.post(path, &fields("x")).await.status, 410, "{path}");
        }
        let answer = browser.post(path, &fields(&token)).await;
        assert_kept(&log, &answer, 429, path, &token);
        let asks = path == "/reset/new" || !here;
        assert_eq!(answer.body.contains("type=\"password\""), asks, "{path}: its own form");
        app.turn(std::time::Duration::from_mins(15));
        assert_eq!(browser.post(path, &fields(&token)).await.status, 303, "{path}: nothing was used up");
    }
}

#[tokio::test]
async fn asking_for_codes_too_often_keeps_the_form_for_the_one_that_came() {
    let log = Log::listen();
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let next =
        browser.post("/sign-up", &[("email", ANA), ("password", PASSWORD)]).await.location().to_owned();
    let id = next.split("id=").nth(1).unwrap();
    let answer = until_too_many(&mut browser, "/verify/resend", &[("id", id)]).await;
    assert_kept(&log, &answer, 429, "/verify", ANA);

    let app = TestApp::with(|setup| setup.limits.second_step_mails = 2).await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let next =
        browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await.location().to_owned();
    let id = next.split("id=").nth(1).unwrap();
    let answer = until_too_many(&mut browser, "/sign-in/code/resend", &[("id", id)]).await;
    assert_kept(&log, &answer, 429, "/sign-in/code", "a•••@example.com");
}

#[tokio::test]
async fn too_many_guesses_keep_the_form_of_the_second_step() {
    let log = Log::listen();
    let app = TestApp::with(|setup| setup.limits.second_step_guesses = 1).await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let next =
        browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await.location().to_owned();
    let id = next.split("id=").nth(1).unwrap();
    let wrong = if app.letter(ANA).await.code == "123456" { "123457" } else { "123456" };
    let answer = until_too_many(&mut browser, "/sign-in/code", &[("id", id), ("code", wrong)]).await;
    assert_kept(&log, &answer, 429, "/sign-in/code", id);
}

#[tokio::test]
async fn too_many_tries_keep_the_forms_of_the_account() {
    let log = Log::listen();
    let change = [("current_password", OTHER_PASSWORD), ("new_password", OTHER_PASSWORD)];
    let step = [("second_step", "off"), ("current_password", OTHER_PASSWORD)];
    for (path, fields, typed) in [
        (
            "/account/confirm",
            &[("password", OTHER_PASSWORD), ("next", "/account/email")][..],
            "/account/email",
        ),
        ("/account/password", &change[..], ANA),
        ("/account/second-step", &step[..], ANA),
        ("/account/delete", &[("password", OTHER_PASSWORD), ("confirm", "yes")][..], ANA),
        ("/account/email", &[("email", NEW)][..], "value=\"ana.maria@example.com\""),
    ] {
        let app = TestApp::with(|setup| setup.limits.account_failures = 1).await;
        let mut browser = app.member(ANA).await;
        let answer = until_too_many(&mut browser, path, fields).await;
        assert_kept(&log, &answer, 429, path, typed);
    }
}

#[tokio::test]
async fn a_database_that_is_away_keeps_the_form() {
    let log = Log::listen();
    let app = TestApp::start().await;
    app.app.auth.stop().await;
    let both = [("email", ANA), ("password", PASSWORD)];
    for (path, fields) in [("/sign-in", &both[..]), ("/sign-up", &both[..]), ("/reset", &both[..1])] {
        let answer = app.browser().post(path, fields).await;
        assert_kept(&log, &answer, 503, path, "value=\"ana@example.com\"");
        assert!(answer.body.contains("nothing was changed"), "{path}");
    }
    let waits = format!("/authorize/continue?id={ID}");
    let for_app = [both[0], both[1], ("return_to", &*waits)];
    assert_kept(&log, &app.browser().post("/sign-in", &for_app).await, 503, "/sign-in", ID);
    let (token, code) = (("token", TOKEN), ("code", "123456"));
    let password = ("new_password", OTHER_PASSWORD);
    for (path, fields, typed) in [
        ("/reset/new", &[token, password][..], TOKEN),
        ("/reset/code", &[("id", ID), code, password][..], ID),
        ("/account/email/confirm", &[token, ("side", "new")][..], TOKEN),
        ("/verify", &[token][..], TOKEN),
        ("/verify", &[token, password][..], TOKEN),
        ("/verify", &[("id", ID), code][..], ID),
    ] {
        assert_kept(&log, &app.browser().post(path, fields).await, 503, path, typed);
    }
}

/// A code that is used up is a failure too, in whatever form it was typed; a slip is none.
#[tokio::test]
async fn a_code_that_is_over_is_told_with_the_id_that_the_log_has() {
    let log = Log::listen();
    for path in ["/verify", "/reset/code"] {
        let app = TestApp::start().await;
        let mut browser = app.browser();
        browser.get("/sign-up").await;
        let (form, fields) = match path {
            "/verify" => ("/sign-up", &[("email", ANA), ("password", PASSWORD)][..]),
            _ => ("/reset", &[("email", ANA)][..]),
        };
        let next = browser.post(form, fields).await.location().to_owned();
        let id = next.split("id=").nth(1).unwrap();
        let fields = [("id", id), ("code", "no code"), ("new_password", OTHER_PASSWORD)];
        let answer = browser.post(path, &fields).await;
        assert!(answer.status == 422 && !answer.body.contains("Support id"), "{path}: {}", answer.body);
        let right = if path == "/verify" { app.letter(ANA).await.code } else { String::new() };
        let wrong = if right == "123456" { "123457" } else { "123456" };
        let fields = [("id", id), ("code", wrong), ("new_password", OTHER_PASSWORD)];
        for _ in 0..4 {
            let answer = browser.post(path, &fields).await;
            assert!(answer.status == 401 && !answer.body.contains("Support id"), "{path}: {}", answer.body);
        }
        let answer = browser.post(path, &fields).await;
        assert_eq!(answer.status, 410, "{path}");
        assert!(answer.body.contains("name=\"code\""), "{path}: the form stays");
        assert_told(&log, &answer, path);
    }
}
