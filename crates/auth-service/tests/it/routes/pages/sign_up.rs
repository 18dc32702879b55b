//! Signing up, and proving the address.

use std::time::Duration;

use insta::assert_snapshot;

use crate::support::{OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp, redact};

const ANA: &str = "ana@example.com";

/// Signs up; gives the id of the proof.
async fn sign_up(browser: &mut crate::support::Browser) -> String {
    browser.get("/sign-up").await;
    let answer = browser.post("/sign-up", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location().split("id=").nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn by_code_in_the_browser_that_signed_up() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let id = sign_up(&mut browser).await;
    let page = browser.get(&format!("/verify?id={id}")).await;
    assert!(page.status == 200 && page.body.contains(ANA));
    let code = app.letter(ANA).await.code;
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let answer = browser.post("/verify", &[("id", &id), ("code", &spaced)]).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /sign-in
    set-cookie: __Host-keyward-notice=notice-address-proved.YW5hQGV4YW1wbGUuY29t; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60
    set-cookie: __Host-keyward-done=[done]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    ");
    let page = browser.get(answer.location()).await;
    assert!(page.body.contains("Your address is confirmed."), "{}", page.body);
    assert!(
        page.body.contains("value=\"ana@example.com\""),
        "nobody has to type the address again: {}",
        page.body
    );
    let again = browser.get(answer.location()).await;
    assert!(
        !again.body.contains("Your address is confirmed.") && !again.body.contains(ANA),
        "it is said once"
    );
    let answer = browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /account
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    ");
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn by_link_one_button_in_the_browser_that_signed_up() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    sign_up(&mut browser).await;
    let letter = app.letter(ANA).await;
    let page = browser.get(&letter.path()).await;
    assert!(!page.body.contains("type=\"password\""), "{}", page.body);
    let token = page.hidden("token");
    assert_eq!(browser.post("/verify", &[("token", &token)]).await.status, 303);
}

/// A mail scanner follows every link, any number of times, by GET and HEAD.
#[tokio::test]
async fn opening_the_link_changes_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    sign_up(&mut browser).await;
    let letter = app.letter(ANA).await;
    for _ in 0..3 {
        assert_eq!(app.program().get(&letter.path()).await.status, 200);
        let head = app.program().head(&letter.path()).await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    }
    let answer = app.browser().post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 401, "not proved yet");
    assert_eq!(browser.post("/verify", &[("token", &letter.token())]).await.status, 303, "not used up");
}

#[tokio::test]
async fn another_browser_is_asked_for_the_password_or_a_new_one() {
    let app = TestApp::start().await;
    sign_up(&mut app.browser()).await;
    let letter = app.letter(ANA).await;
    let mut other = app.browser();
    let page = other.get(&letter.path()).await;
    assert_eq!(page.body.matches("type=\"password\"").count(), 2);
    assert!(!page.body.contains(ANA), "the address is not told to whoever has the link");
    let token = letter.token();
    for (fields, status) in [
        (&[("token", &*token)][..], 422),
        (&[("token", &token), ("password", "")], 422),
        (&[("token", &token), ("password", OTHER_PASSWORD)], 401),
        (&[("token", &token), ("new_password", SHORT_PASSWORD)], 422),
        (&[("token", &token), ("new_password", OTHER_PASSWORD)], 303),
        (&[("token", &token), ("new_password", OTHER_PASSWORD)], 410),
    ] {
        other.jar.remove("__Host-keyward-done");
        let answer = other.post("/verify", fields).await;
        assert_eq!(answer.status, status, "{fields:?}");
        assert_eq!(answer.body.contains("role=\"alert\""), status == 422 || status == 401);
    }
    for (password, location) in [(PASSWORD, ""), (OTHER_PASSWORD, "/account")] {
        let answer = other.post("/sign-in", &[("email", ANA), ("password", password)]).await;
        assert_eq!(answer.location(), location);
    }
}

/// The page once went on to ask for a code that nothing could be done with.
#[tokio::test]
async fn a_proof_that_has_ended_is_not_asked_for_again() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let id = sign_up(&mut browser).await;
    let page = format!("/verify?id={id}");
    assert_eq!(browser.get(&page).await.status, 200);
    let code = app.letter(ANA).await.code;
    assert_eq!(browser.post("/verify", &[("id", &id), ("code", &code)]).await.status, 303);
    browser.jar.remove("__Host-keyward-done");
    let nobodys = "/verify?id=0190163d-8694-739b-aea5-966c26f8ad91";
    for path in [&*page, nobodys] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 410, "{path}");
        assert!(answer.body.contains("<h1>This has expired</h1>") && !answer.body.contains("name=\"code\""));
        assert!(
            answer.body.contains("href=\"/sign-in\"") && answer.body.contains("href=\"/reset\""),
            "ask anew"
        );
    }
}

/// Class 13: a sign-up of an address that has an account ends when one of a new address does.
#[tokio::test]
async fn the_proof_of_nobody_is_open_as_long_as_anybodys() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut pages = Vec::new();
    for email in [ANA, "new@example.com"] {
        let mut browser = app.browser();
        browser.get("/sign-up").await;
        let answer = browser.post("/sign-up", &[("email", email), ("password", PASSWORD)]).await;
        pages.push((browser, answer.location().to_owned()));
    }
    let last = Duration::from_hours(24) - Duration::from_secs(1);
    for (turn, status) in [(Duration::ZERO, 200), (last, 200), (Duration::from_secs(1), 410)] {
        app.turn(turn);
        for (browser, page) in &mut pages {
            assert_eq!(browser.get(page).await.status, status, "{turn:?} {page}");
            assert_eq!(app.browser().get(page).await.status, status, "{turn:?} {page} elsewhere");
        }
    }
}

/// A right code once led to a dead end there, which said that it was used up, and a try was.
#[tokio::test]
async fn another_browser_is_asked_for_the_password_behind_a_right_code_too() {
    for (field, secret) in [("password", PASSWORD), ("new_password", OTHER_PASSWORD)] {
        let app = TestApp::start().await;
        let mut browser = app.browser();
        let id = sign_up(&mut browser).await;
        let code = app.letter(ANA).await.code;
        let mut other = app.browser();
        let page = other.get(&format!("/verify?id={id}")).await;
        assert!(!page.body.contains(ANA));
        let wrong = if code == "123456" { "123457" } else { "123456" };
        // More often than there are tries: a right code uses up none.
        for (fields, status) in [
            (&[("id", &*id), ("code", wrong)][..], 401),
            (&[("id", &id), ("code", &code)], 200),
            (&[("id", &id), ("code", &code)], 200),
            (&[("id", &id), ("code", &code)], 200),
            (&[("id", &id), ("code", &code), ("password", "")], 422),
            (&[("id", &id), ("code", &code), ("password", OTHER_PASSWORD)], 401),
            (&[("id", &id), ("code", &code), ("new_password", SHORT_PASSWORD)], 422),
        ] {
            let answer = other.post("/verify", fields).await;
            assert_eq!(answer.status, status, "{fields:?}: {}", answer.body);
            let asked = answer.body.matches("type=\"password\"").count();
            assert_eq!(asked, if fields[1].1 == wrong { 0 } else { 2 }, "{fields:?}");
            assert_eq!(answer.body.contains("role=\"alert\""), status != 200, "{fields:?}");
            assert!(!answer.body.contains(ANA), "the address is not told to whoever has a code");
            if asked == 2 {
                assert_eq!((answer.hidden("id"), answer.hidden("code")), (id.clone(), code.clone()));
            }
        }
        let wrong = [("id", &*id), ("code", wrong), (field, secret)];
        assert_eq!(
            other.post("/verify", &wrong).await.status,
            401,
            "a password does not do without the code"
        );
        assert_eq!(other.post("/verify/resend", &[("id", &id)]).await.status, 410);
        let answer = other.post("/verify", &[("id", &id), ("code", &code), (field, secret)]).await;
        assert_eq!(answer.location(), "/sign-in", "{}", answer.body);
        let again = app.browser().post("/verify", &[("id", &id), ("code", &code)]).await;
        assert_eq!(again.status, 410, "it is used up");
        let answer = other.post("/sign-in", &[("email", ANA), ("password", secret)]).await;
        assert_eq!(answer.location(), "/account", "{field}");
    }
}

#[tokio::test]
async fn a_form_that_is_not_right_keeps_what_was_typed() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let fields = [("name", "Ana Ü"), ("email", "ana@"), ("password", "short"), ("second_step", "on")];
    let answer = browser.post("/sign-up", &fields).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("value=\"Ana Ü\"") && answer.body.contains("value=\"ana@\""));
    assert!(answer.body.contains(" checked"), "{}", answer.body);
    assert!(!answer.body.contains("short\""), "a password is not sent back");
    assert!(answer.body.contains("This is not an e-mail address. It looks like name@example.com."));
    let answer = browser.post("/sign-up", &[("email", ANA), ("password", "short")]).await;
    assert!(answer.body.contains("The password needs at least 15 characters."));
    let answer = browser.post("/sign-up", &[]).await;
    assert!(answer.body.contains("Type your e-mail address.") && answer.body.contains("Type a password."));
}

#[tokio::test]
async fn a_wrong_code_says_how_many_tries_are_left_and_a_new_one_helps() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let id = sign_up(&mut browser).await;
    let code = app.letter(ANA).await.code;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let mut said = Vec::new();
    for text in ["", "12345", "abcdef", &wrong, &wrong, &wrong, &wrong, &wrong, &code] {
        let answer = browser.post("/verify", &[("id", &id), ("code", text)]).await;
        let error = answer.body.split("id=\"code-error\">").nth(1).unwrap().split('<').next().unwrap();
        said.push(format!("{} {error}", answer.status.as_u16()));
    }
    assert_snapshot!(said.join("\n"), @"
    422 Type the code from the mail.
    422 A code has six digits. Type it just as it stands in the mail.
    422 A code has six digits. Type it just as it stands in the mail.
    401 This is not the code. You have 4 tries left.
    401 This is not the code. You have 3 tries left.
    401 This is not the code. You have 2 tries left.
    401 This is not the code. You have 1 try left.
    410 This code is no longer good. Ask for a new one.
    410 This code is no longer good. Ask for a new one.
    ");
    let answer = browser.post("/verify/resend", &[("id", &id)]).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /verify?id=[id]
    set-cookie: __Host-keyward-notice=notice-code-sent; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60
    ");
    assert!(browser.get(answer.location()).await.body.contains("a new code is on its way"));
    let code = app.letter(ANA).await.code;
    assert_eq!(browser.post("/verify", &[("id", &id), ("code", &code)]).await.status, 303);
}

/// A replayed form, the back button, two tabs, an expired link.
#[tokio::test]
async fn what_is_used_or_expired_is_said_with_a_way_on() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let (first, second) = (sign_up(&mut browser).await, sign_up(&mut browser).await);
    let letters = app.letters().await;
    let codes: Vec<_> = letters.iter().map(|letter| letter.code.clone()).collect();
    assert_eq!(codes.len(), 2, "two tabs, two proofs");
    let mut done = 0;
    for (id, code) in [(&first, 0), (&first, 1), (&second, 0), (&second, 1)] {
        let answer = browser.post("/verify", &[("id", id), ("code", &codes[code])]).await;
        done += u32::from(answer.leads() == "/sign-in notice-address-proved");
    }
    assert_eq!(done, 1, "the address is proved once");
    let mut late = app.browser();
    late.get("/sign-up").await;
    late.post("/sign-up", &[("email", "late@example.com"), ("password", PASSWORD)]).await;
    let letter = app.letter("late@example.com").await;
    app.turn(Duration::from_hours(24) + Duration::from_secs(1));
    let answer = late.get(&letter.path()).await;
    assert_eq!(answer.status, 410);
    assert!(answer.body.contains("This has expired") && answer.body.contains("Support id"));
    assert_eq!(late.post("/verify", &[("token", &letter.token())]).await.status, 410);
}

#[tokio::test]
async fn where_somebody_was_on_the_way_to_is_kept_to_the_end() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let to = crate::support::APP;
    let page = browser.get(&format!("/sign-up?return_to={to}")).await;
    assert_eq!(page.hidden("return_to"), to);
    browser.post("/sign-up", &[("email", ANA), ("password", PASSWORD), ("return_to", to)]).await;
    let token = app.letter(ANA).await.token();
    let answer = browser.post("/verify", &[("token", &token)]).await;
    let page = browser.get(answer.location()).await;
    assert_eq!(page.hidden("return_to"), to);
    assert_snapshot!(redact(answer.location()), @"/sign-in?return_to=https%3A%2F%2Fapp.example.com%2Fprotected");
}

/// Class 10: an unproven address owns nothing; whoever proves it resets what was set before.
#[tokio::test]
async fn whoever_proves_the_address_has_the_account() {
    let app = TestApp::start().await;
    let mut stranger = app.browser();
    sign_up(&mut stranger).await;
    app.letters().await;
    let mut owner = app.browser();
    owner.get("/sign-up").await;
    owner.post("/sign-up", &[("email", ANA), ("password", OTHER_PASSWORD)]).await;
    let token = app.letter(ANA).await.token();
    assert_eq!(owner.post("/verify", &[("token", &token)]).await.status, 303);
    for (password, location) in [(PASSWORD, ""), (OTHER_PASSWORD, "/account")] {
        let answer = app.browser().post("/sign-in", &[("email", ANA), ("password", password)]).await;
        assert_eq!(answer.location(), location, "{password}");
    }
}

/// A browser whose cookie was cut or is of another make is given a new one, and finishes what it begins.
#[tokio::test]
async fn a_broken_browser_cookie_is_replaced() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.jar.insert("__Host-keyward-browser".to_owned(), "broken".to_owned());
    let id = sign_up(&mut browser).await;
    let code = app.letter(ANA).await.code;
    assert_eq!(browser.post("/verify", &[("id", &id), ("code", &code)]).await.status, 303);
}

/// The length of the password was once told only after the address had been mended.
#[tokio::test]
async fn a_bad_address_and_a_short_password_are_both_named() {
    let app = TestApp::start().await;
    for (email, said) in [("ana@", "This is not an e-mail address."), ("", "Type your e-mail address.")] {
        let fields = [("email", email), ("password", SHORT_PASSWORD)];
        let answer = app.browser().post("/sign-up", &fields).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains(said), "{}", answer.body);
        assert!(
            answer.body.contains("id=\"password-error\"") && answer.body.contains("At least 15"),
            "{}",
            answer.body
        );
        // With a second step it is long enough.
        let fields = [("email", email), ("password", SHORT_PASSWORD), ("second_step", "on")];
        let answer = app.browser().post("/sign-up", &fields).await;
        assert!(answer.status == 422 && !answer.body.contains("id=\"password-error\""), "{}", answer.body);
    }
}
